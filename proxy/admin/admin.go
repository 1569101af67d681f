// Package admin is what operators see: an http.Handler for a listener of its own, apart from
// the traffic and on loopback unless they say otherwise.
//
// It answers health checks as Kubernetes and the older conventions ask: /livez says that the
// process runs, /readyz that it takes traffic. Neither asks the upstream: a backend that is
// away is for its own checks to tell, and taking the proxy out as well helps nobody.
package admin

import (
	"fmt"
	"net/http"
)

// Options is what the handler is made of.
type Options struct {
	// Ready says why the process should get no traffic; nil when it should. Required. It is
	// called for each readiness check, concurrently, and must not block.
	Ready func() error
}

// New returns the handler.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	alive := func(w http.ResponseWriter, r *http.Request) { answer(w, r, "livez", nil) }
	ready := func(w http.ResponseWriter, r *http.Request) { answer(w, r, "readyz", o.Ready()) }
	for _, path := range []string{"/livez", "/healthz", "/-/healthy"} {
		mux.HandleFunc("GET "+path, alive)
	}
	for _, path := range []string{"/readyz", "/-/ready"} {
		mux.HandleFunc("GET "+path, ready)
	}
	return mux
}

// answer writes ok, or 503 and the reason; with ?verbose the check's name as well.
func answer(w http.ResponseWriter, r *http.Request, check string, failure error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := "ok"
	if failure != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		text = failure.Error()
	}
	if r.URL.Query().Has("verbose") {
		text = check + ": " + text
	}
	fmt.Fprintln(w, text)
}
