package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/admin/ofrep"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// seenID is the request that docs/admin.md asks about.
const seenID = "4f3c9c1e-0d3b-4a52-9f0f-6c1c7f0a8f11"

// newLiveRig is a rig with real flags, the built-in contract and a real proxy.
func newLiveRig(tb testing.TB) (*rig, *flags.Live) {
	tb.Helper()
	c, err := contract.Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	p, err := proxy.New(proxy.Options{Upstream: &url.URL{Scheme: "http", Host: "h"}, Contract: c, Decider: proxy.Fixed{Default: proxy.Dual}})
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	var all []Endpoint
	for _, e := range c.Endpoints {
		names = append(names, e.Name)
		all = append(all, Endpoint{Name: e.Name, Method: e.Method, Routes: []Route{}})
	}
	live, err := flags.Open(tb.Context(), flags.LiveOptions{Settings: flags.Settings{Endpoints: names}})
	if err != nil {
		tb.Fatal(err)
	}
	r := newRig(tb, live, func(o *Options) {
		o.Endpoints, o.Lookup, o.OFREP = func() []Endpoint { return all }, p.Lookup, frontends(tb, live)
	})
	r.recent.Observe(proxy.Record{RequestID: seenID, Method: "GET", Endpoint: "context-me", Route: "/api/v1/context/me", Side: "both", Mode: proxy.Dual, Status: 200, Outcome: proxy.Answered})
	return r, live
}

// frontends is the handler for them, with the endpoint that the tests are about.
func frontends(tb testing.TB, f Flags) http.Handler {
	tb.Helper()
	h, err := ofrep.New(ofrep.Options{
		Decide:    func(r flags.Request, endpoint string) flags.Decision { return f.Explain(r, endpoint).Decision },
		Endpoints: func() []string { return []string{"context-me"} },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// TestDocs runs every command of docs/admin.md, in its order, on real flags. A comment that begins with a number
// is the status that the command is about; all others succeed.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	r, live := newLiveRig(t)
	ran := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "api ") {
			continue
		}
		command, comment, _ := strings.Cut(strings.TrimSpace(line), "  # ")
		status := http.StatusOK
		_, _ = fmt.Sscanf(comment, "%d", &status)
		c := curl(t, command)
		got := r.do(c.method, c.target, c.body, c.header...)
		if got.Code != status {
			t.Errorf("%s\n%d %s", command, got.Code, got.Body)
		}
		ran++
	}
	if f := flagOf(live.State(), "context-me"); f == nil || f.Ramp == nil || !f.Ramp.Paused {
		t.Errorf("the undo left %+v", f)
	}
	if ran != 31 {
		t.Errorf("%d commands were run: is one of them not recognised?", ran)
	}
}

type command struct {
	method, target, body string
	header               []string
}

// curl reads a command line of the docs: api, with the options of curl that they use.
func curl(tb testing.TB, line string) command {
	tb.Helper()
	words := shellWords(tb, line)
	c := command{method: http.MethodGet}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-X":
			i++
			c.method = words[i]
		case "-d":
			i++
			c.body = words[i]
			if c.method == http.MethodGet {
				c.method = http.MethodPost
			}
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			c.header = append(c.header, name, value)
		default:
			target, ok := strings.CutPrefix(words[i], "$ADMIN")
			if !ok || c.target != "" {
				tb.Fatalf("%q in %s", words[i], line)
			}
			c.target = target
		}
	}
	return c
}

// shellWords splits a line as a shell does, as far as single and double quotes go.
func shellWords(tb testing.TB, line string) []string {
	tb.Helper()
	var words []string
	var word strings.Builder
	quote := rune(0)
	line, _, _ = strings.Cut(line, "   # ")
	for _, c := range line + " " {
		switch {
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		case quote == 0 && c == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(c)
		}
	}
	if quote != 0 {
		tb.Fatalf("a quote has no end: %s", line)
	}
	return words
}
