package proxy

import (
	"net/url"
	"testing"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

func routePair(session, flow string) []contract.Route {
	return []contract.Route{{Session: session, Flow: flow}}
}

// TestNew: the constructor finds each mistake, and says what to write instead.
func TestNew(t *testing.T) {
	routed := func(routes []contract.Route, more ...*contract.Endpoint) func(*Options) {
		return func(o *Options) {
			first := &contract.Endpoint{Name: "one", Method: "GET", Enabled: true, Routes: routes}
			o.Contract = &contract.Contract{Endpoints: append([]*contract.Endpoint{first}, more...)}
		}
	}
	upstream := func(s string) func(*Options) {
		return func(o *Options) {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			o.Upstream = u
		}
	}
	for _, tc := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"nothing at all", func(o *Options) { *o = Options{} },
			"no upstream: want the address of the legacy backend, like http://127.0.0.1:8000\n" +
				"no decider: who says the mode of a request?\n" +
				"no contract: it declares the endpoints"},
		{"a scheme", upstream("ftp://h"), `upstream "ftp://h": scheme "ftp" (want http or https, like http://127.0.0.1:8000)`},
		{"no host", upstream("http:///x"), `upstream "http:///x": no host (want an address like http://127.0.0.1:8000)`},
		{"a user", upstream("http://a:secret@h"), `upstream "http://a:xxxxx@h": a user in it (credentials are the callers' own; leave it out)`},
		{"a query", upstream("http://h/?x"), `upstream "http://h/?x": a query or fragment in it (want scheme, host and perhaps a base path)`},
		{"limits", func(o *Options) { o.Limits = Limits{MaxBody: -1, MaxDepth: -2, BodyIdle: -1} },
			"limits: max body -1 is negative (want bytes, or 0 for 16777216)\n" +
				"limits: max depth -2 is negative (want levels, or 0 for the default)\n" +
				"limits: a time for bodies is negative (want 0 for the default, or a time)"},
		{"policies", func(o *Options) {
			o.Policies = map[string]Policy{"me": {SessionRoute: "Serve", OnFailure: "open"}, "mee": {}}
		}, "endpoint me: unknown session route policy \"Serve\" (want gone or serve)\n" +
			"unknown failure policy \"open\" (want refuse or original)\n" +
			`policy for endpoint "mee": the contract declares no such endpoint`},
		{"no route", routed(nil), "endpoint one: no route"},
		{"a relative template", routed(routePair("a", "/a")), `endpoint one: path template "a": want it to begin with /`},
		{"a pattern", routed(routePair("/{id:[0-9]+}", "/a")), `endpoint one: path template "/{id:[0-9]+}": bad segment "{id:[0-9]+}" (want plain text or a whole segment like {id})`},
		{"a variable twice", routed(routePair("/{a}/{a}", "/x")), `endpoint one: path template "/{a}/{a}": {a} is there twice`},
		{"other variables", routed(routePair("/a/{x}", "/b/{y}")), `endpoint one: routes /a/{x} and /b/{y}: want the same variables in both`},
		{"a route twice", routed(routePair("/a", "/b"), &contract.Endpoint{Name: "two", Method: "GET", Enabled: true, Routes: routePair("/c", "/a")}),
			"endpoint two: GET /a is a route of endpoint one already"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Options{Upstream: &url.URL{Scheme: "http", Host: "h"}, Contract: testContract(t), Decider: Fixed{Default: Dual}}
			tc.change(&o)
			_, err := New(o)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
	if _, err := New(Options{Upstream: &url.URL{Scheme: "http", Host: "h"}, Contract: testContract(t), Decider: Fixed{Default: Dual}}); err != nil {
		t.Errorf("what is needed is there: %v", err)
	}
}

// TestSwitchedOff: an endpoint that is switched off is none.
func TestSwitchedOff(t *testing.T) {
	r := newRig(t, FlowOnly, answers(t, 200, jsonHead(), sessionMe), func(o *Options) {
		e := *o.Contract.Endpoints[0]
		e.Enabled = false
		o.Contract = &contract.Contract{Endpoints: []*contract.Endpoint{&e}}
	})
	got := r.do("GET", "/api/me", "")
	got.want(t, 200, sessionMe)
	got.wantHeader(t, "Crossfade-Mode", "")
}
