package admin

import (
	"fmt"
	"net/http"
	"strings"
)

// health answers as Kubernetes and the older conventions ask: /livez says that the process runs, /readyz that it takes
// traffic. Neither asks the upstream, nor fails with the store: a backend that is away is for its own checks to
// tell, the last known flags go on, and taking the proxy out as well helps nobody.
type health struct {
	ready func() error
	flags Flags // nil for none
}

func (h health) register(mux *http.ServeMux) {
	for _, path := range []string{"/livez", "/healthz", "/-/healthy"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { answerHealth(w, r, nil, []check{{name: "livez"}}) })
	}
	for _, path := range []string{"/readyz", "/-/ready"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			failure := h.ready()
			answerHealth(w, r, failure, append([]check{{name: "readyz", failure: failure}}, h.told()...))
		})
	}
}

// check is one line of a verbose answer. Of those that are told, none makes the process unready.
type check struct {
	name    string
	failure error
	told    string
}

// told is what stands with the flags.
func (h health) told() []check {
	if h.flags == nil {
		return nil
	}
	state := h.flags.Health()
	flags := check{name: "flags", told: fmt.Sprintf("version %d", state.Version)}
	if !state.Known {
		flags.told = "not known yet: everything is passthrough"
	}
	store := check{name: "store", told: "ok"}
	if state.Err != "" {
		// Why may name addresses, and anybody can ask here.
		store.told = "has flags that cannot be taken, the last known ones go on; GET " + base + "/status says why"
	}
	if !state.Reachable {
		store.told = "away, the last known flags go on"
		if !state.Contact.IsZero() {
			store.told += "; last seen " + state.Contact.UTC().Format("2006-01-02T15:04:05Z")
		}
	}
	kill := check{name: "kill", told: "off"}
	if state.Kill != nil {
		kill.told = "on: everything is passthrough"
	}
	return []check{flags, store, kill}
}

// answerHealth writes ok, or 503 and the reason; with ?verbose a line for each check.
func answerHealth(w http.ResponseWriter, r *http.Request, failure error, checks []check) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if failure != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if !r.URL.Query().Has("verbose") {
		fmt.Fprintln(w, word(failure))
		return
	}
	var text strings.Builder
	for _, c := range checks {
		if c.told == "" {
			c.told = word(c.failure)
		}
		fmt.Fprintf(&text, "%s: %s\n", c.name, c.told)
	}
	fmt.Fprint(w, text.String())
}

func word(failure error) string {
	if failure != nil {
		return failure.Error()
	}
	return "ok"
}
