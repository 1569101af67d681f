package proxy

import (
	"net/url"
	"testing"
)

func TestLookup(t *testing.T) {
	p, err := New(Options{Upstream: &url.URL{Scheme: "http", Host: "h"}, Contract: testContract(t), Decider: Fixed{Default: Dual}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, path string
		want               Place
		ok                 bool
		err                string
	}{
		{"a shared route", "GET", "/api/me", Place{"me", "/api/me", "both", false}, true, ""},
		{"HEAD as GET", "HEAD", "/api/me", Place{"me", "/api/me", "both", false}, true, ""},
		{"a flow route", "GET", "/api/groups/7/flows", Place{"list", "/api/groups/{group_id}/flows", "flow", false}, true, ""},
		{"a slash more", "GET", "/api/groups/7/sessions/", Place{"list", "/api/groups/{group_id}/sessions", "session", false}, true, ""},
		{"a spelling that may be meant", "GET", "/api%2Fme", Place{"me", "/api/me", "both", true}, true, ""},
		{"another method", "DELETE", "/api/me", Place{}, false, ""},
		{"no endpoint", "GET", "/api/other", Place{}, false, ""},
		{"no path", "GET", "api/me", Place{}, false, `path "api/me": want one that begins with /, without a query`},
		{"a query", "GET", "/api/me?x=1", Place{}, false, `path "/api/me?x=1": want one that begins with /, without a query`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := p.Lookup(tt.method, tt.path)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != tt.want || ok != tt.ok || text != tt.err {
				t.Errorf("got %+v, %t, %q", got, ok, text)
			}
		})
	}
}
