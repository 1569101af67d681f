package proxy

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// TestLifecycle: the session route of a dated endpoint says until when it is there and what
// succeeds it, on every answer in dual, and nothing else says anything.
func TestLifecycle(t *testing.T) {
	dates := contract.Dates{
		Deprecation: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		Sunset:      time.Date(2026, 11, 30, 12, 0, 0, 0, time.FixedZone("", 3600)),
		Link:        "https://docs.example.com/flows",
	}
	const (
		deprecation = "@1769817600"
		sunset      = "Mon, 30 Nov 2026 11:00:00 GMT"
		page        = `, <https://docs.example.com/flows>; rel="deprecation", <https://docs.example.com/flows>; rel="sunset"`
		flows       = `</api/flows>; rel="successor-version"`
	)
	ok := answers(t, http.StatusOK, jsonHead(), `{"sessions":[]}`)
	own := answers(t, http.StatusOK, jsonHead("Deprecation", "@1", "Sunset", "theirs", "Link", `</new>; rel="successor-version"`), `{"sessions":[]}`)
	more := answers(t, http.StatusNotFound, jsonHead("Link", `</x>; rel="x"`), `{}`)
	for _, tc := range []struct {
		name, method, target, upstream string
		mode                           Mode
		dates                          contract.Dates
		deprecation, sunset, link      string
		change                         func(*Options)
	}{
		{name: "the session route", target: "/api/sessions?x", mode: Dual, dates: dates, deprecation: deprecation, sunset: sunset, link: flows + page},
		{name: "HEAD", method: "HEAD", target: "/api/sessions", mode: Dual, dates: dates, deprecation: deprecation, sunset: sunset, link: flows + page},
		{name: "a variable", target: "/api/sessions/a%2Fb>:%20", mode: Dual, dates: dates, deprecation: deprecation, sunset: sunset,
			link: `</api/flows/a%2Fb%3E:%20>; rel="successor-version"` + page},
		{name: "an error of the upstream, with a link of its own", target: "/api/sessions", upstream: more, mode: Dual, dates: dates, deprecation: deprecation, sunset: sunset,
			link: `</x>; rel="x"|` + flows + page},
		{name: "the upstream says it itself", target: "/api/sessions", upstream: own, mode: Dual, dates: dates, deprecation: "@1", sunset: "theirs", link: `</new>; rel="successor-version"`},
		{name: "an answer of crossfade's own", target: "/api/sessions?flow_id=1&session_id=2", mode: Dual, dates: dates, deprecation: deprecation, sunset: sunset, link: flows + page},
		{name: "an upstream that is away", target: "/api/sessions", upstream: "http://127.0.0.1:1", mode: Dual, dates: dates, deprecation: deprecation, sunset: sunset, link: flows + page},
		{name: "a deprecation alone", target: "/api/sessions", mode: Dual, dates: contract.Dates{Deprecation: dates.Deprecation}, deprecation: deprecation, link: flows},
		{name: "a sunset alone, with a page", target: "/api/sessions", mode: Dual, dates: contract.Dates{Sunset: dates.Sunset, Link: "https://a/b"}, sunset: sunset,
			link: flows + `, <https://a/b>; rel="sunset"`},
		{name: "no dates", target: "/api/sessions", mode: Dual},
		{name: "a page alone", target: "/api/sessions", mode: Dual, dates: contract.Dates{Link: "https://a/b"}},
		{name: "the flow route", target: "/api/flows", mode: Dual, dates: dates},
		{name: "a shared route", target: "/api/shared", mode: Dual, dates: dates},
		{name: "no endpoint", target: "/api/elsewhere", mode: Dual, dates: dates},
		{name: "passthrough", target: "/api/sessions", mode: Passthrough, dates: dates},
		{name: "a path that may be taken for it", target: "/api/Sessions", mode: Dual, dates: dates},
		{name: "a route that is gone", target: "/api/sessions", mode: FlowOnly, dates: dates, link: flows},
		{name: "a route that is served on", target: "/api/sessions", mode: FlowOnly, dates: dates, deprecation: deprecation, sunset: sunset, link: flows + page,
			change: func(o *Options) { o.Policies = map[string]Policy{"list": {SessionRoute: SessionRouteServe}} }},
		{name: "the endpoint's own dates count first", target: "/api/sessions", mode: Dual, dates: dates, deprecation: "@0", link: flows, change: func(o *Options) {
			list := *o.Contract.Endpoints[0]
			list.Dates = contract.Dates{Deprecation: time.Unix(0, 0)}
			o.Contract = &contract.Contract{Endpoints: []*contract.Endpoint{&list}, Dates: contract.Dates{Sunset: dates.Sunset}}
		}},
		{name: "the contract's count last", target: "/api/sessions", mode: Dual, sunset: sunset, link: flows, change: func(o *Options) {
			c := *o.Contract
			c.Dates = contract.Dates{Sunset: dates.Sunset}
			o.Contract = &c
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.upstream == "" {
				tc.upstream = ok
			}
			if tc.method == "" {
				tc.method = "GET"
			}
			r := newRig(t, tc.mode, tc.upstream, requestsContract(t), func(o *Options) {
				o.Lifecycle = tc.dates
				if tc.change != nil {
					tc.change(o)
				}
			})
			r.raw(tc.method+" "+tc.target+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").
				wantHeader(t, "Deprecation", tc.deprecation, "Sunset", tc.sunset, "Link", tc.link)
		})
	}
}

// TestLifecyclePreflight: the answer to a preflight is about what may be asked, not about a route's end.
func TestLifecyclePreflight(t *testing.T) {
	r := newRig(t, Dual, answers(t, http.StatusOK, nil, ""), requestsContract(t), func(o *Options) {
		o.Lifecycle = contract.Dates{Sunset: time.Unix(0, 0)}
	})
	r.do("OPTIONS", "/api/sessions", "", "Access-Control-Request-Method", "GET").wantHeader(t, "Sunset", "", "Link", "")
}

// TestLifecycleInTheWrongOrder is found when the proxy is made.
func TestLifecycleInTheWrongOrder(t *testing.T) {
	o := Options{Lifecycle: contract.Dates{Sunset: time.Unix(0, 0).UTC(), Deprecation: time.Unix(1, 0).UTC()}}
	o.Decider = Fixed{Default: Dual}
	requestsContract(t)(&o)
	_, err := New(o)
	const want = "sunset 1970-01-01T00:00:00Z is before deprecation 1970-01-01T00:00:01Z: what is gone can no longer be deprecated"
	if err == nil || !slices.Contains(strings.Split(err.Error(), "\n"), want) {
		t.Errorf("got %v", err)
	}
}
