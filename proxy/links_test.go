package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/proxy/upstream"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// requestsContract is testdata/requests.yaml.
func requestsContract(tb testing.TB) func(*Options) {
	tb.Helper()
	data, err := os.ReadFile("testdata/requests.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := contract.Parse(contract.Source{Name: "testdata/requests.yaml", Data: data})
	if err != nil {
		tb.Fatal(err)
	}
	return func(o *Options) { o.Contract = c }
}

// TestLocations: a flow client is led on by flow routes under the name by which it knows crossfade, a
// session client by the upstream's own word.
func TestLocations(t *testing.T) {
	for _, tc := range []struct{ name, target, location, want string }{
		{"a session route", "/api/flows", "/api/sessions/7", "/api/flows/7"},
		{"another slash at the end", "/api/flows/", "/api/sessions", "/api/flows"},
		{"the same route with a slash", "/api/flows", "/api/sessions/", "/api/flows/"},
		{"query and fragment", "/api/flows", "/api/sessions/7?x=%zz&y=/api/sessions/7#/api/sessions/7", "/api/flows/7?x=%zz&y=/api/sessions/7#/api/sessions/7"},
		{"a variable's spelling", "/api/flows", "/api/sessions/a%2Fb%20;c", "/api/flows/a%2Fb%20;c"},
		{"escaped letters", "/api/flows", "/api/s%65ssions/7", "/api/flows/7"},
		{"repeated slashes", "/api/flows", "/api//sessions/7", "/api/flows/7"},
		{"an absolute URL", "/api/flows", "http://client.example/api/sessions/7", "http://client.example/api/flows/7"},
		{"no scheme", "/api/flows", "//client.example/api/sessions/7", "//client.example/api/flows/7"},
		{"the upstream's own name", "/api/flows", "http://UPSTREAM/api/sessions/7", "http://client.example/api/flows/7"},
		{"the upstream's own name, elsewhere", "/api/flows", "http://UPSTREAM/docs", "http://client.example/docs"},
		{"the usual port", "/api/flows", "http://client.example:80/api/sessions/7", "http://client.example/api/flows/7"},
		{"another port", "/api/flows", "http://client.example:81/api/sessions/7", "http://client.example:81/api/sessions/7"},
		{"another host", "/api/flows", "http://other.example/api/sessions/7", "http://other.example/api/sessions/7"},
		{"a user", "/api/flows", "http://client.example@other.example/api/sessions/7", "http://client.example@other.example/api/sessions/7"},
		{"another scheme", "/api/flows", "ftp://client.example/api/sessions/7", "ftp://client.example/api/sessions/7"},
		{"no route", "/api/flows", "/api/sessions.html", "/api/sessions.html"},
		{"below a route", "/api/flows", "/api/sessions/7/8", "/api/sessions/7/8"},
		{"a flow route", "/api/flows", "/api/flows/7", "/api/flows/7"},
		{"a shared route", "/api/flows", "/api/shared", "/api/shared"},
		{"a route of another method", "/api/flows", "/api/old/sessions/7", "/api/old/flows/7"},
		{"a route of an endpoint that is passed through", "/api/flows", "/api/other/sessions/7", "/api/other/sessions/7"},
		{"relative", "/api/flows", "sessions/7", "/api/flows/7"},
		{"relative, from elsewhere", "/api/flows/7", "../other", "/api/other"},
		{"relative, a route from elsewhere", "/api/flows/7", "8", "/api/flows/8"},
		{"a query alone", "/api/flows", "?page=2", "?page=2"},
		{"a query alone, with parameters", "/api/flows", "?page=2&session_id=1", "?page=2&flow_id=1"},
		{"a fragment alone", "/api/flows", "#x", "#x"},
		{"nothing", "/api/flows", "", ""},
		{"parameters", "/api/flows", "/api/sessions?session_id=1&session%5Fstate=begun,complete,archived&x", "/api/flows?flow_id=1&state=running,done&x"},
		{"repeated parameters", "/api/flows", "/api/sessions?any=complete&any=archived&any=begun", "/api/flows?any=done&any=running"},
		{"what crossfade applies itself", "/api/flows?owner=me&page=1", "/api/sessions?page=2", "/api/flows?page=2&owner=me"},
		{"what crossfade applies itself, without a query", "/api/flows?owner=me", "/api/sessions/", "/api/flows/?owner=me"},
		{"what crossfade applies itself, elsewhere", "/api/flows?owner=me", "/api/sessions/7", "/api/flows/7"},
		{"parameters of a shared route, whose words dual leaves open", "/api/flows", "/api/shared?state=complete", "/api/shared?state=complete|/api/shared?state=done"},
		{"a session client", "/api/sessions", "/api/sessions/7", "/api/sessions/7"},
		{"a session client, the upstream's own name", "/api/sessions", "http://UPSTREAM/api/sessions/7", "http://UPSTREAM/api/sessions/7"},
		{"no endpoint", "/login", "/api/sessions/7", "/api/sessions/7"},
	} {
		for _, mode := range allModes() {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				var own string
				upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					location := strings.ReplaceAll(tc.location, "UPSTREAM", own)
					w.Header()["Location"] = []string{location}
					w.Header()["Content-Location"] = []string{location}
					w.WriteHeader(http.StatusTemporaryRedirect)
				})
				own = strings.TrimPrefix(upstream, "http://")
				r := newRig(t, mode, upstream, requestsContract(t), func(o *Options) {
					o.Decider = Fixed{Default: mode, Endpoints: map[string]Mode{"other": Passthrough}}
				})
				got := r.raw("GET " + tc.target + " HTTP/1.1\r\nHost: client.example\r\nConnection: close\r\n\r\n")
				want := strings.ReplaceAll(tc.want, "UPSTREAM", own)
				if dual, flowOnly, differ := strings.Cut(want, "|"); differ {
					want = map[Mode]string{Dual: dual, FlowOnly: flowOnly}[mode]
				}
				if mode == Passthrough {
					want = strings.ReplaceAll(tc.location, "UPSTREAM", own)
				}
				if mode == FlowOnly && strings.HasPrefix(tc.target, "/api/sessions") {
					got.wantProblem(t, problemGone)
					return
				}
				if got.StatusCode != http.StatusTemporaryRedirect {
					t.Errorf("status %d", got.StatusCode)
				}
				got.wantHeader(t, "Location", want, "Content-Location", want)
			})
		}
	}
}

// TestLocationsBelowABase: an upstream with a base path has it in its own URLs; clients know it not.
func TestLocationsBelowABase(t *testing.T) {
	for location, want := range map[string]string{
		"/base/api/sessions/7": "/api/flows/7", "/base/docs": "/docs", "/basement": "/basement", "/api/sessions/7": "/api/sessions/7",
		"sessions/8": "/api/flows/8", "../x": "/x", "../../x": "../../x",
	} {
		upstream := answers(t, http.StatusFound, http.Header{"Location": {location}}, "")
		got := newRig(t, Dual, upstream+"/base", requestsContract(t)).do("GET", "/api/flows", "")
		got.wantHeader(t, "Location", want)
	}
}

// TestRedirectsKeepTheMethod: a 307 leads to the route of the method that was used, although
// another method has another counterpart there.
func TestRedirectsKeepTheMethod(t *testing.T) {
	change := requestsContract(t)
	for status, want := range map[int]string{307: "/api/flows/", 308: "/api/flows/", 303: "/api/elsewhere/"} {
		upstream := answers(t, status, http.Header{"Location": {"/api/sessions/"}}, "")
		r := newRig(t, Dual, upstream, change, func(o *Options) {
			c := *o.Contract
			list := *c.Endpoints[0]
			list.Routes = routePair("/api/sessions", "/api/elsewhere")
			c.Endpoints = append([]*contract.Endpoint{&list}, c.Endpoints[1:]...)
			o.Contract = &c
		})
		got := r.do("POST", "/api/flows", "{}")
		if got.StatusCode != status {
			t.Errorf("status %d, want %d", got.StatusCode, status)
		}
		got.wantHeader(t, "Location", want)
	}
}

// TestLocationsOverTLS: the client's scheme stays, although the upstream is asked without TLS; and so
// does the one that a trusted proxy tells.
func TestLocationsOverTLS(t *testing.T) {
	backend := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://"+r.Host+"/api/sessions/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	address, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Upstream: address, Decider: Fixed{Default: Dual}, Transport: wayTo(t, upstream.Options{}, address), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	requestsContract(t)(&o)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	secure, plain := httptest.NewTLSServer(p), httptest.NewServer(p)
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone(), DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ask := func(base string, header ...string) string {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, base+"/api/flows", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.Header.Get("Location")
	}
	if got, want := ask(secure.URL), secure.URL+"/api/flows/"; got != want {
		t.Errorf("over TLS: got %s, want %s", got, want)
	}
	if got, want := ask(plain.URL), plain.URL+"/api/flows/"; got != want {
		t.Errorf("without: got %s, want %s", got, want)
	}
	if got, want := ask(plain.URL, "X-Forwarded-Proto", "https", "X-Forwarded-Host", "site.example"), "https://site.example/api/flows/"; got != want {
		t.Errorf("behind a trusted proxy: got %s, want %s", got, want)
	}
}

// TestLinkFields: the targets of Link are mapped, wherever they stand, and nothing else of it.
func TestLinkFields(t *testing.T) {
	for _, tc := range []struct{ name, link, want string }{
		{"one", `</api/sessions?page=2>; rel="next"`, `</api/flows?page=2&owner=me>; rel="next"`},
		{"several", `</api/sessions?page=2>; rel=next, </x>; rel="x",</api/sessions/7>`, `</api/flows?page=2&owner=me>; rel=next, </x>; rel="x",</api/flows/7>`},
		{"a target in quotes is a text", `</x>; title="</api/sessions/7>\"</api/sessions/7>"`, `</x>; title="</api/sessions/7>\"</api/sessions/7>"`},
		{"a comma in a target", `</api/sessions/7,8>; rel=x`, `</api/flows/7,8>; rel=x`},
		{"relative", `<sessions/7>; rel=x`, `</api/flows/7>; rel=x`},
		{"no end", `</x>, </api/sessions/7`, `</x>, </api/sessions/7`},
		{"nonsense", `"`, `"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			upstream := answers(t, 200, http.Header{"Content-Type": {"text/plain"}, "Link": {"</first>", tc.link}}, "")
			for _, mode := range allModes() {
				want := tc.want
				if mode == Passthrough {
					want = tc.link
				}
				newRig(t, mode, upstream, requestsContract(t)).do("GET", "/api/flows?owner=me", "").wantHeader(t, "Link", "</first>|"+want)
			}
		})
	}
}

// TestURLsInBodies: where the contract says that a member is a URL, it leads on by the client's routes;
// a session's own members keep every byte in dual.
func TestURLsInBodies(t *testing.T) {
	const session = `{"next":"/api/sessions?page=2","links":["http://client.example/api/sessions/7","sessions/7",7,"http://other/api/sessions/7"],"other":"/api/sessions/7",` +
		`"sessions":[{"id":1,"href":"\/api\/sessions\/1","state":"begun"},{"id":2,"href":null}]}`
	upstream := answers(t, 200, jsonHead(), session)
	const flows = `"flows":[{"id":1,"href":"/api/flows/1","state":"running"},{"id":2,"href":null}]}`
	for _, tc := range []struct {
		mode         Mode
		target, want string
	}{
		{Passthrough, "/api/sessions", session},
		{Dual, "/api/sessions", strings.TrimSuffix(session, "}") + "," + flows},
		{Dual, "/api/flows", strings.TrimSuffix(session, "}") + "," + flows},
		{FlowOnly, "/api/flows", `{"next":"/api/flows?page=2","links":["http://client.example/api/flows/7","sessions/7",7,"http://other/api/sessions/7"],"other":"/api/sessions/7",` + flows},
	} {
		got := newRig(t, tc.mode, upstream, requestsContract(t)).raw("GET " + tc.target + " HTTP/1.1\r\nHost: client.example\r\nConnection: close\r\n\r\n")
		got.want(t, 200, tc.want)
	}
}

// TestURLsInRequests: a flow client's URLs reach the backend as ones that it serves.
func TestURLsInRequests(t *testing.T) {
	r := newRig(t, Dual, echo(t), requestsContract(t))
	for callback, want := range map[string]string{
		"/api/flows/7?x": "/api/sessions/7?x", "http://client.example/api/flows": "http://client.example/api/sessions",
		"http://other.example/api/flows": "http://other.example/api/flows", "/api/sessions/7": "/api/sessions/7", "flows/7": "flows/7",
	} {
		body := fmt.Sprintf(`{"callback":%q}`, callback)
		got := r.raw(fmt.Sprintf("POST /api/flows HTTP/1.1\r\nHost: client.example\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		got.want(t, 200, fmt.Sprintf(`POST /api/sessions {"callback":%q}`, want))
	}
}

// byHeader decides by a field of the request, and counts how often it is asked about an endpoint.
type byHeader struct{ asked map[string]int }

func (d byHeader) Decide(r *http.Request, endpoint string) Decision {
	d.asked[endpoint]++
	if endpoint == "other" {
		return Decision{Mode: Mode(r.Header.Get("X-Other")), Consulted: []string{"X-Other"}, Private: true}
	}
	return Decision{Mode: Dual, Consulted: []string{"X-List"}}
}

// TestLinksGoByTheModeThere: where a URL leads is decided by the mode that the caller has at its end, asked
// once; caches are told of that.
func TestLinksGoByTheModeThere(t *testing.T) {
	upstream := answers(t, http.StatusOK, jsonHead("Link", "</api/other/sessions/1>, </api/other/sessions/2>", "Cache-Control", "max-age=5"), `{"next":"/api/other/sessions/3"}`)
	for other, route := range map[Mode]string{Passthrough: "sessions", Dual: "flows", FlowOnly: "flows"} {
		d := byHeader{map[string]int{}}
		got := newRig(t, Dual, upstream, requestsContract(t), func(o *Options) { o.Decider = d }).do("GET", "/api/flows", "", "X-Other", string(other))
		got.want(t, http.StatusOK, `{"next":"/api/other/sessions/3"}`)
		got.wantHeader(t, "Link", "</api/other/"+route+"/1>, </api/other/"+route+"/2>", "Vary", "X-List, X-Other", "Cache-Control", "max-age=5, private")
		if d.asked["list"] != 1 || d.asked["other"] != 1 {
			t.Errorf("asked %v", d.asked)
		}
	}
}
