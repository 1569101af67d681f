package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// TestGuard: what a tricked browser sends is refused, before anybody asks for its token.
func TestGuard(t *testing.T) {
	base := newRig(t, calm())
	for _, tt := range []struct {
		name   string
		header []string
		p      problem // "" for a good answer
		detail string
	}{
		{"localhost", nil, "", ""},
		{"a plain address", []string{"Host", "10.1.2.3:9901"}, "", ""},
		{"a plain address of IPv6", []string{"Host", "[::1]:9901"}, "", ""},
		{"a plain address without a port", []string{"Host", "[::1]"}, "", ""},
		{"a listed name, in capital letters, with a dot", []string{"Host", "Crossfade.Internal.:9901"}, "", ""},
		{"a name that leads here now", []string{"Host", "evil.example:9901"}, problemWrongHost, `host "evil.example:9901" is not a name of this listener (admin.hosts has them)`},
		{"a name that begins like localhost", []string{"Host", "localhost.evil.example"}, problemWrongHost, `host "localhost.evil.example" is not a name of this listener (admin.hosts has them)`},
		{"no name", []string{"Host", ""}, problemWrongHost, `host "" is not a name of this listener (admin.hosts has them)`},
		{"a page of ours", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:9901"}, "", ""},
		{"typed by somebody", []string{"Sec-Fetch-Site", "none"}, "", ""},
		{"a page of another site", []string{"Sec-Fetch-Site", "cross-site"}, problemCrossSite, `Sec-Fetch-Site is "cross-site"`},
		{"a page of another port", []string{"Sec-Fetch-Site", "same-site"}, problemCrossSite, `Sec-Fetch-Site is "same-site"`},
		{"another origin", []string{"Origin", "http://evil.example"}, problemCrossSite, `Origin is "http://evil.example"`},
		{"another port", []string{"Origin", "http://localhost:8080"}, problemCrossSite, `Origin is "http://localhost:8080"`},
		{"an origin without a name", []string{"Origin", "null"}, problemCrossSite, `Origin is "null"`},
		{"two origins", []string{"Origin", "http://localhost:9901", "Origin", "http://evil.example"}, problemCrossSite, `Origin is "http://evil.example"`},
		{"an extension", []string{"Origin", "chrome-extension://localhost:9901"}, problemCrossSite, `Origin is "chrome-extension://localhost:9901"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := base.with(t, calm(), func(o *Options) { o.Metrics = saying("metrics") })
			for _, target := range []string{"GET /api/v1/status", "PUT /api/v1/kill", "GET /api/v1/nothing", "POST /api/v1/status", "GET /metrics"} {
				method, path, _ := strings.Cut(target, " ")
				body := map[string]string{"PUT": `{"reason":"r"}`}[method]
				got := r.do(method, path, body, tt.header...)
				if tt.p != "" {
					got.wantProblem(tt.p, tt.detail)
				} else if got.Code == http.StatusForbidden || got.Code == http.StatusMisdirectedRequest {
					t.Errorf("%s: %d %s", target, got.Code, got.Body)
				}
				for name := range got.Header() {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s: %s", target, name)
					}
				}
			}
		})
	}
}

// TestReach: who is nobody gets nothing, and each role exactly what the table gives it.
func TestReach(t *testing.T) {
	f := calm()
	r := newRig(t, f)
	for _, res := range resources() {
		path := base + strings.NewReplacer("{endpoint}", "context-me", "{name}", "quarter").Replace(res.path)
		if res.path == "/flags/{endpoint}" && res.method == http.MethodPut {
			continue // its body is a flag's: TestChanges
		}
		for _, who := range []struct {
			name   string
			header []string
			level  int
			detail string
		}{
			{"nobody", []string{"Authorization", ""}, 0, "want one Authorization header, with a bearer token"},
			{"another scheme", []string{"Authorization", "", "Authorization", "Basic " + adminSecret}, 0, "want one Authorization header, with a bearer token"},
			{"two tokens", []string{"Authorization", "Bearer " + readSecret}, 0, "want one Authorization header, with a bearer token"},
			{"a wrong token", []string{"Authorization", "", "Authorization", "Bearer " + adminSecret + "x"}, 0, "the bearer token is none of those that are known here"},
			{"the beginning of one", []string{"Authorization", "", "Authorization", "Bearer " + adminSecret[:16]}, 0, "the bearer token is none of those that are known here"},
			{"an empty one", []string{"Authorization", "", "Authorization", "Bearer "}, 0, "the bearer token is none of those that are known here"},
			{"watcher", []string{"Authorization", "", "Authorization", "bearer " + readSecret}, Read.level(), ""},
			{"jo", []string{"Authorization", "", "Authorization", "Bearer " + operateSecret}, Operate.level(), ""},
			{"root", nil, Admin.level(), ""},
		} {
			t.Run(res.method+" "+res.path+" as "+who.name, func(t *testing.T) {
				before := len(f.changes)
				body := ""
				if res.method != http.MethodGet {
					body = `{"reason":"r"}`
				}
				got := r.do(res.method, path, body, append([]string{"If-Match", "*"}, who.header...)...)
				switch {
				case who.level == 0:
					got.wantProblem(problemUnauthorized, who.detail)
					if got.Header().Get("WWW-Authenticate") != `Bearer realm="crossfade"` {
						t.Errorf("header %v", got.Header())
					}
				case who.level < res.role.level():
					role := map[string]Role{"watcher": Read, "jo": Operate}[who.name]
					got.wantProblem(problemForbidden, "token "+who.name+" has the role "+string(role)+"; this needs "+string(res.role))
				case got.Code == http.StatusUnauthorized || got.Code == http.StatusForbidden:
					t.Errorf("%d %s", got.Code, got.Body)
				}
				if who.level < res.role.level() && len(f.changes) > before {
					t.Errorf("changed: %v", f.changes[before:])
				}
			})
		}
	}
}

// TestWithoutTokens: an API without tokens is closed, not open.
func TestWithoutTokens(t *testing.T) {
	r := newRig(t, calm(), func(o *Options) { o.Tokens = nil })
	r.do("GET", "/api/v1/status", "").wantProblem(problemUnauthorized, "the bearer token is none of those that are known here")
	r.do("GET", "/api/v1/status", "", "Authorization", "").wantProblem(problemUnauthorized, "want one Authorization header, with a bearer token")
}

// TestMethods: no path answers a method that it does not have, and GET changes nothing.
func TestMethods(t *testing.T) {
	f := calm()
	r := newRig(t, f)
	for _, tt := range []struct{ method, path, allow string }{
		{"POST", "/api/v1/flags", "GET, HEAD"},
		{"PATCH", "/api/v1/flags/context-me", "DELETE, GET, HEAD, PUT"},
		{"GET", "/api/v1/flags/context-me/ramp", "PUT"},
		{"HEAD", "/api/v1/flags/context-me/ramp/pause", "POST"},
		{"POST", "/api/v1/kill", "DELETE, GET, HEAD, PUT"},
		{"OPTIONS", "/api/v1/kill", "DELETE, GET, HEAD, PUT"},
		{"GET", "/api/v1/undo", "POST"},
		{"GET", "/api/v1/explain", "POST"},
	} {
		got := r.do(tt.method, tt.path, "")
		if tt.method != http.MethodHead {
			got.wantProblem(problemMethod, "want "+tt.allow)
		}
		if got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q", tt.method, tt.path, got.Code, got.Header().Get("Allow"))
		}
	}
	for _, path := range []string{"/api", "/api/", "/api/v1/", "/api/v2/flags", "/api/v1/flags/context-me/", "/api/v1/flags/context-me/ramps"} {
		if path == "/api" {
			continue // net/http leads it on
		}
		r.do("GET", path, "").wantProblem(problemNotFound, "no such path (GET /api/v1/openapi.yaml lists them)")
	}
	if len(f.changes) > 0 {
		t.Errorf("changed: %v", f.changes)
	}
}

// TestBodies: only JSON, once, whole, bounded, with known members.
func TestBodies(t *testing.T) {
	base := newRig(t, calm())
	const notJSON = "text/plain"
	for _, tt := range []struct {
		name, body, kind string
		p                problem
		detail           string
	}{
		{"none", "", "application/json", problemBody, `no body (want JSON with at least a "reason")`},
		{"no type", `{"reason":"r"}`, "", problemMediaType, `Content-Type is "" (want application/json)`},
		{"a form's type", `{"reason":"r"}`, notJSON, problemMediaType, `Content-Type is "text/plain" (want application/json)`},
		{"another charset", `{"reason":"r"}`, "application/json; charset=utf-16", problemMediaType, `Content-Type is "application/json; charset=utf-16" (want application/json)`},
		{"no JSON", `reason`, "application/json", problemBody, "not JSON: invalid character 'r' looking for beginning of value (byte 0)"},
		{"half of it", `{"reason":"r"`, "application/json", problemBody, "not JSON: it ends in the middle"},
		{"two of them", `{"reason":"r"}{}`, "application/json", problemBody, "more than one JSON value (want one object)"},
		{"an unknown member", `{"reason":"r","forse":true}`, "application/json", problemBody, `unknown field "forse"`},
		{"a member twice", `{"reason":"r","reason":"s"}`, "application/json", problemBody, "member reason is there twice"},
		{"a wrong type", `{"reason":7}`, "application/json", problemBody, "member reason is a JSON number (want a text)"},
		{"a list", `[]`, "application/json", problemBody, "the body is a JSON array (want an object)"},
		{"a deep one", `{"reason":` + strings.Repeat("[", 400_000), "application/json", problemBody, "nested deeper than 64"},
		{"too much", `{"reason":"` + strings.Repeat("x", maxBody) + `"}`, "application/json", problemTooLarge, "the body has more than 1048576 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := calm()
			base.with(t, f).do("PUT", "/api/v1/kill", tt.body, "Content-Type", "", "Content-Type", tt.kind).wantProblem(tt.p, tt.detail)
			if len(f.changes) > 0 {
				t.Errorf("changed: %v", f.changes)
			}
		})
	}
	f := calm()
	base.with(t, f).do("PUT", "/api/v1/kill", `{"reason":"r"}`, "Content-Encoding", "gzip").wantProblem(problemMediaType, `Content-Encoding is "gzip" (want none)`)
	nested := `{"reason":"r","steps":[{"share":1,"share":2}]}`
	base.with(t, f).do("PUT", "/api/v1/flags/context-me/ramp", nested).wantProblem(problemBody, "member steps[0].share is there twice")

	r := base.with(t, f)
	request := httptest.NewRequestWithContext(t.Context(), "PUT", "/api/v1/kill", iotest.ErrReader(http.ErrBodyReadAfterClose))
	request.Host = "localhost"
	request.Header.Set("Authorization", "Bearer "+adminSecret)
	request.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	answer{w, t}.wantProblem(problemBody, "the body broke off or took too long")
	if len(f.changes) > 0 {
		t.Errorf("changed: %v", f.changes)
	}
}
