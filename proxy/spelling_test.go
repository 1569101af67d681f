package proxy

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// TestSpellings: no spelling of a path that the upstream may take for a session route gets
// around flow_only: it is mapped, or it is refused. Passthrough forwards all of them as they came.
func TestSpellings(t *testing.T) {
	const (
		mapped  = "mapped"
		refused = "refused"
		gone    = "gone"
		passed  = "passed" // none of ours
	)
	for _, tc := range []struct{ target, want, forwarded string }{
		{"/api/me", mapped, ""},
		{"/api/me/", mapped, ""},
		{"/api/m%65", mapped, ""},
		{"/api/%6De?x", mapped, ""},
		{"//api/me", mapped, ""},
		{"/api//me", mapped, ""},
		{"/api/me//", mapped, ""},
		{"/api%2Fme", refused, ""},
		{"/api%2fme", refused, ""},
		{"/api%5Cme", refused, ""},
		{`/api\me`, refused, ""},
		{"/api/me;v=1", refused, ""},
		{"/api;x/me", refused, ""},
		{"/api/me%3Bv=1", refused, ""},
		{"/api/./me", refused, ""},
		{"/api/x/../me", refused, ""},
		{"/api/x/%2e%2E/me", refused, ""},
		{"/api/x%2f..%2fme", refused, ""},
		{"/api/me/.", refused, ""},
		{"/../api/me", refused, ""},
		{"/api/me#x", refused, ""},
		{"/api/me%23x", refused, ""},
		{"/api/me%3Fx", refused, ""},
		{"/api/me%00", refused, ""},
		{"/API/Me", refused, ""},
		{"/api/M%45/", refused, ""},
		{"/api/me%2F", refused, ""},
		{"/api/me%0A", refused, ""},
		{"/api/me%0a/", refused, ""},
		{"/api/me%20", refused, ""},
		{"/api/me.", refused, ""},
		{"/api/me./", refused, ""},
		{"/api/me..", refused, ""},
		{"/api/%2e/me", refused, ""},
		{"/api/me/%2e", refused, ""},
		{"/api/me;x.css", refused, ""},
		{"/api/me%2fx.css/..", refused, ""},
		{"/api/me%00.css", refused, ""},
		{"/api%252Fme", refused, ""},
		{"/api/m%2565", refused, ""},
		{"/api/me%253Bx.css", refused, ""},
		{"/api/%C5%BFlashed", refused, ""},
		{"/api/me.css", passed, ""},
		{"/api/me/x.css", passed, ""},
		{"/api/mee", passed, ""},
		{"/api/%2565", passed, ""},
		{"/api/other/../x", passed, ""},
		{"/api/a%2Fb", passed, ""},
		{"/api/slashed/", mapped, ""},
		{"/api/slashed", mapped, ""},
		{"/api/groups/7/sessions", gone, ""},
		{"/api/groups/7/sessions/", gone, ""},
		{"/api/groups/A/sessions", gone, ""},
		{"/api/Groups/7/sessions", refused, ""},
		{"/api/groups/..%2fme", refused, ""},
		{"/api/groups/x%2F..%2F..%2Fme%3F/sessions", refused, ""},
		{"/api/groups/7/flows", mapped, "/api/groups/7/sessions"},
		{"/api/groups/7/flows/", mapped, "/api/groups/7/sessions/"},
		{"/api/groups/7/fl%6Fws", mapped, "/api/groups/7/sessions"},
		{"/api/groups/%37/flows", mapped, "/api/groups/%37/sessions"},
		{"/api/groups/7/Flows", passed, ""},
		{"/api/groups/a%2Fb>/sessions", gone, ""},
		{"/api/groups/a%2Fb>/flows", mapped, "/api/groups/a%2Fb%3E/sessions"},
		{"/api/groups/a|b/flows", mapped, "/api/groups/a%7Cb/sessions"},
		{"/api/groups/7%0A/flows", mapped, "/api/groups/7%0A/sessions"},
		{"/api/groups/7/sessions%0A", refused, ""},
		{"/api/groups//sessions", passed, ""},
	} {
		for _, mode := range allModes() {
			t.Run(fmt.Sprint(tc.target, "/", mode), func(t *testing.T) {
				var asked string
				r := newRig(t, mode, serve(t, func(w http.ResponseWriter, r *http.Request) {
					asked = r.RequestURI
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, `[]`)
				}))
				got := r.raw("GET " + tc.target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				want := tc.want
				switch mode {
				case Passthrough:
					want = passed
				case Dual:
					if want == gone {
						want = passed
					}
				case FlowOnly:
				}
				forwarded := tc.target
				if tc.forwarded != "" && mode != Passthrough {
					forwarded = tc.forwarded
				}
				switch {
				case want == gone:
					got.wantProblem(t, problemGone)
					forwarded = ""
				case want == refused && mode == FlowOnly:
					got.wantProblem(t, problemAmbiguous)
					forwarded = ""
				case want == refused:
					got.want(t, 200, `[]`)
					got.wantHeader(t, "Crossfade-Fallback", "ambiguous-path")
				case want == mapped && tc.forwarded == "":
					// An empty list is no session: that the lens was there is seen by its failure.
					wantFailure(t, got, mode)
				case want == passed:
					got.want(t, 200, `[]`)
					got.wantHeader(t, "Crossfade-Fallback", "")
				}
				if asked != forwarded {
					t.Errorf("the upstream was asked for %q, want %q", asked, forwarded)
				}
			})
		}
	}
}

// TestMethodSpellings: a method in small letters is no method of a route, and not passed in flow_only
// to a backend that may think otherwise.
func TestMethodSpellings(t *testing.T) {
	for mode, want := range map[Mode]string{Passthrough: "", Dual: "ambiguous-path", FlowOnly: ""} {
		var asked string
		r := newRig(t, mode, serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked = r.Method
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, sessionMe)
		}))
		got := r.raw("Get /api/me HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		if mode == FlowOnly {
			got.wantProblem(t, problemAmbiguous)
			continue
		}
		got.want(t, http.StatusOK, sessionMe)
		got.wantHeader(t, "Crossfade-Fallback", want)
		if asked != "Get" {
			t.Errorf("%s: the upstream was asked by %s", mode, asked)
		}
	}
}

func wantFailure(t *testing.T, got answer, mode Mode) {
	t.Helper()
	if mode == FlowOnly {
		got.wantProblem(t, problemUnmappable)
		return
	}
	got.wantHeader(t, "Crossfade-Fallback", "unmappable")
}

// TestOddTargets: what is no path is refused, and the question to the server itself passes.
func TestOddTargets(t *testing.T) {
	r := newRig(t, Passthrough, echo(t))
	r.raw("GET mailto:x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").wantProblem(t, problemAmbiguous)
	r.raw("GET http://h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").want(t, 200, "GET / ")
	r.raw("GET http://h/api/me?x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").want(t, 200, "GET /api/me?x ")
}

// TestRawTargets: the upstream gets the target that the client wrote, byte for byte.
func TestRawTargets(t *testing.T) {
	for _, target := range []string{
		"/", "/?", "/a?", "/a%2Fb", "/a%2fb", "//a", "/a//b", "/a;b=c", "/a|b", "/a\"<>^`{}b", "/%zz?"[:1] + "a?x=%zz",
		"/a?x=1;y=2", "/a?x=%", "/a?a=b&&c", "/a?%00", "/a/../b", "/a?x=a b"[:5], "/é", "/a?é", "/%C3%A9", "/a%20b+c", "/a:b@c", "/*", "/a?x?y#z",
		"/metrics", "/debug/pprof/", "/admin",
	} {
		for _, base := range []string{"", "/base", "/base/"} {
			var asked string
			upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked = r.RequestURI })
			newRig(t, Dual, upstream+base).raw("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			want := target
			if base != "" {
				want = "/base" + target
			}
			if asked != want {
				t.Errorf("base %q: asked for %q, want %q", base, asked, want)
			}
		}
	}
}

// TestSpecificRoutesWin: where two templates match, the one with the fixed segment is meant.
func TestSpecificRoutesWin(t *testing.T) {
	c := testContract(t)
	list, err := c.Endpoint("list")
	if err != nil {
		t.Fatal(err)
	}
	general, special := *list, *list
	general.Name, general.Routes = "general", routePair("/{a}/{b}", "/{a}/{b}")
	special.Name, special.Routes = "special", routePair("/{a}/fixed", "/{a}/fixed")
	other := *list
	other.Name, other.Method, other.Routes = "other-method", "POST", routePair("/{x}/{y}", "/{x}/{y}")
	c.Endpoints = append(c.Endpoints[:0:0], &general, &special, &other)
	table, err := newTable(c, nil, contract.Dates{})
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /x/fixed": "special", "GET /x/other": "general", "HEAD /x/fixed": "special", "POST /x/fixed": "other-method",
	} {
		var method, path string
		_, _ = fmt.Sscan(request, &method, &path)
		if got := table.resolve(asking(method, path), method, path); got.route == nil || got.route.endpoint.Name != want {
			t.Errorf("%s: got %+v, want %s", request, got, want)
		}
	}
}
