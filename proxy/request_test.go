package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// echo is an upstream that answers with what it was asked: target, some fields, and the body.
func echo(tb testing.TB, fields ...string) string {
	tb.Helper()
	return serve(tb, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			tb.Errorf("the upstream reads: %v", err)
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)
		for _, f := range fields {
			fmt.Fprintf(w, " %s=%s", f, strings.Join(r.Header.Values(f), "|"))
		}
		fmt.Fprintf(w, " %s", body)
	})
}

// TestRequests: what the upstream gets of a request, in each mode. All three modes give
// the same where only one is told.
func TestRequests(t *testing.T) {
	for _, tc := range []struct {
		name                 string
		method, target, body string
		header               []string
		want                 map[Mode]string
		gone                 bool // flow_only answers by itself: 410
	}{
		{name: "session shape on the session route", method: "POST", target: "/api/session/switch", body: `{"session_id":"1"}`,
			want: map[Mode]string{
				Passthrough: `POST /api/session/switch X-Flow-Id= {"session_id":"1"}`,
				Dual:        `POST /api/session/switch X-Flow-Id= {"session_id":"1"}`}, gone: true},
		{name: "flow shape on the flow route", method: "POST", target: "/api/flow/activate", body: `{"flow_id":"1"}`,
			want: map[Mode]string{
				Passthrough: `POST /api/flow/activate X-Flow-Id= {"flow_id":"1"}`,
				Dual:        `POST /api/session/switch X-Flow-Id= {"session_id":"1"}`,
				FlowOnly:    `POST /api/session/switch X-Flow-Id= {"session_id":"1"}`}},
		{name: "session shape on the flow route", method: "POST", target: "/api/flow/activate", body: `{"session_id":"1"}`,
			want: map[Mode]string{
				Passthrough: `POST /api/flow/activate X-Flow-Id= {"session_id":"1"}`,
				Dual:        `POST /api/session/switch X-Flow-Id= {"session_id":"1"}`,
				FlowOnly:    `POST /api/session/switch X-Flow-Id= {"session_id":"1"}`}},
		{name: "both shapes that agree", method: "POST", target: "/api/upload", body: `{"context":{"session_id":"1","flow_id":"1"}}`,
			want: map[Mode]string{
				Passthrough: `POST /api/upload X-Flow-Id= {"context":{"session_id":"1","flow_id":"1"}}`,
				Dual:        `POST /api/upload X-Flow-Id= {"context":{"session_id":"1"}}`,
				FlowOnly:    `POST /api/upload X-Flow-Id= {"context":{"session_id":"1"}}`}},
		{name: "not JSON", method: "POST", target: "/api/upload", body: `{"context":`,
			want: map[Mode]string{
				Passthrough: `POST /api/upload X-Flow-Id= {"context":`,
				Dual:        `POST /api/upload X-Flow-Id= {"context":`,
				FlowOnly:    `POST /api/upload X-Flow-Id= {"context":`}},
		{name: "another media type", method: "POST", target: "/api/upload", body: `{"context":{"flow_id":"1"}}`, header: []string{"Content-Type", "", "Content-Type", "text/plain"},
			want: map[Mode]string{
				Passthrough: `POST /api/upload X-Flow-Id= {"context":{"flow_id":"1"}}`,
				Dual:        `POST /api/upload X-Flow-Id= {"context":{"flow_id":"1"}}`,
				FlowOnly:    `POST /api/upload X-Flow-Id= {"context":{"flow_id":"1"}}`}},
		{name: "a coding", method: "POST", target: "/api/upload", body: zip(`{"context":{"flow_id":"1"}}`), header: []string{"Content-Encoding", "gzip"},
			want: map[Mode]string{
				Passthrough: `POST /api/upload X-Flow-Id= ` + zip(`{"context":{"flow_id":"1"}}`),
				Dual:        `POST /api/upload X-Flow-Id= {"context":{"session_id":"1"}}`,
				FlowOnly:    `POST /api/upload X-Flow-Id= {"context":{"session_id":"1"}}`}},
		{name: "no body", method: "POST", target: "/api/upload",
			want: map[Mode]string{
				Passthrough: `POST /api/upload X-Flow-Id= `, Dual: `POST /api/upload X-Flow-Id= `, FlowOnly: `POST /api/upload X-Flow-Id= `}},
		{name: "no endpoint", method: "POST", target: "/api/elsewhere", body: `{"flow_id":"1"}`,
			want: map[Mode]string{
				Passthrough: `POST /api/elsewhere X-Flow-Id= {"flow_id":"1"}`,
				Dual:        `POST /api/elsewhere X-Flow-Id= {"flow_id":"1"}`,
				FlowOnly:    `POST /api/elsewhere X-Flow-Id= {"flow_id":"1"}`}},
		{name: "a header of the other name", method: "POST", target: "/api/flow/activate", header: []string{"X-Session-ID", "9"},
			want: map[Mode]string{
				Passthrough: `POST /api/flow/activate X-Flow-Id= `,
				Dual:        `POST /api/session/switch X-Flow-Id=9 `,
				FlowOnly:    `POST /api/session/switch X-Flow-Id=9 `}},
		{name: "headers of both names", method: "POST", target: "/api/flow/activate", header: []string{"X-Session-ID", "9", "X-Flow-ID", "8"},
			want: map[Mode]string{
				Passthrough: `POST /api/flow/activate X-Flow-Id=8 `,
				Dual:        `POST /api/session/switch X-Flow-Id=8 `,
				FlowOnly:    `POST /api/session/switch X-Flow-Id=8 `}},
		{name: "a variable keeps its spelling", method: "GET", target: "/api/groups/a%2Fb%20%C3%A9;x/flows?q=%zz&a;b",
			want: map[Mode]string{
				Passthrough: `GET /api/groups/a%2Fb%20%C3%A9;x/flows?q=%zz&a;b X-Flow-Id= `,
				Dual:        `GET /api/groups/a%2Fb%20%C3%A9;x/sessions?q=%zz&a;b X-Flow-Id= `,
				FlowOnly:    `GET /api/groups/a%2Fb%20%C3%A9;x/sessions?q=%zz&a;b X-Flow-Id= `}},
		{name: "query parameters", method: "GET", target: "/api/flows/compare?x=%zz&kind=assessment&flow%5Fid=a%20b&kind=discovery&group_id=A0000000-0000-4000-8000-000000000000&e",
			want: map[Mode]string{
				Passthrough: `GET /api/flows/compare?x=%zz&kind=assessment&flow%5Fid=a%20b&kind=discovery&group_id=A0000000-0000-4000-8000-000000000000&e X-Flow-Id= `,
				Dual:        `GET /api/sessions/compare?x=%zz&session_id=a%20b&group_id=A0000000-0000-4000-8000-000000000000&e X-Flow-Id= `,
				FlowOnly:    `GET /api/sessions/compare?x=%zz&session_id=a%20b&group_id=A0000000-0000-4000-8000-000000000000&e X-Flow-Id= `}},
		{name: "query parameters of the session route", method: "GET", target: "/api/sessions/compare?session_id=1&flow_id=1&kind=odd",
			want: map[Mode]string{
				Passthrough: `GET /api/sessions/compare?session_id=1&flow_id=1&kind=odd X-Flow-Id= `,
				Dual:        `GET /api/sessions/compare?session_id=1&kind=odd X-Flow-Id= `}, gone: true},
		{name: "a preflight for the flow route", method: "OPTIONS", target: "/api/flow/activate", header: []string{"Access-Control-Request-Method", "POST"},
			want: map[Mode]string{
				Passthrough: `OPTIONS /api/flow/activate X-Flow-Id= `,
				Dual:        `OPTIONS /api/session/switch X-Flow-Id= `,
				FlowOnly:    `OPTIONS /api/session/switch X-Flow-Id= `}},
		{name: "a preflight for the session route", method: "OPTIONS", target: "/api/session/switch", header: []string{"Access-Control-Request-Method", "POST"},
			want: map[Mode]string{
				Passthrough: `OPTIONS /api/session/switch X-Flow-Id= `,
				Dual:        `OPTIONS /api/session/switch X-Flow-Id= `,
				FlowOnly:    `OPTIONS /api/session/switch X-Flow-Id= `}},
	} {
		for _, mode := range allModes() {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				got := newRig(t, mode, echo(t, "X-Flow-Id")).do(tc.method, tc.target, tc.body, tc.header...)
				if tc.gone && mode == FlowOnly {
					got.wantProblem(t, problemGone)
					return
				}
				got.want(t, 200, tc.want[mode])
			})
		}
	}
}

// TestServedSessionRoute: by policy the session route goes on in flow_only, in the flow shape.
func TestServedSessionRoute(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.RequestURI != "/api/session/switch" || string(body) != `{"session_id":"1"}` {
			t.Errorf("the upstream got %s %s", r.RequestURI, body)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"session_id":"1"}`)
	})
	r := newRig(t, FlowOnly, upstream, func(o *Options) {
		o.Policies = map[string]Policy{"switch": {SessionRoute: SessionRouteServe}}
	})
	r.do("POST", "/api/session/switch", `{"session_id":"1"}`).want(t, 200, `{"flow_id":"1"}`)
}

// TestGone: the answer of a session route in flow_only names the flow route, variables and all.
func TestGone(t *testing.T) {
	r := newRig(t, FlowOnly, echo(t))
	got := r.do("GET", "/api/groups/a%20b/sessions?x=1", "")
	got.wantProblem(t, problemGone)
	got.wantHeader(t, "Link", `</api/groups/a%20b/flows>; rel="successor-version"`, "Crossfade-Mode", "flow_only")
	got = r.do("HEAD", "/api/groups/7/sessions", "")
	if got.StatusCode != http.StatusGone || got.body != "" {
		t.Errorf("HEAD: %d %q", got.StatusCode, got.body)
	}
}

// TestErrorsSpeakAsTheClient: names in an error body are those that the client used.
func TestErrorsSpeakAsTheClient(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"session_error":1,"path":%q}`, r.URL.Path)
	})
	for _, tc := range []struct {
		name, target, body string
		mode               Mode
		want               string
	}{
		{"flow route", "/api/flow/activate", `{}`, Dual, `{"flow_error":1,"path":"/api/flow/activate"}`},
		{"session route", "/api/session/switch", `{}`, Dual, `{"session_error":1,"path":"/api/session/switch"}`},
		{"a flow body on the session route", "/api/session/switch", `{"flow_id":1}`, Dual, `{"flow_error":1,"path":"/api/session/switch"}`},
		{"a flow body on a shared route", "/api/upload", `{"context":{"flow_id":1}}`, Dual, `{"flow_error":1,"path":"/api/upload"}`},
		{"a session body on a shared route", "/api/upload", `{"context":{"session_id":1}}`, Dual, `{"session_error":1,"path":"/api/upload"}`},
		{"flow_only", "/api/upload", `{}`, FlowOnly, `{"flow_error":1,"path":"/api/upload"}`},
		{"passthrough", "/api/flow/activate", `{}`, Passthrough, `{"session_error":1,"path":"/api/flow/activate"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			newRig(t, tc.mode, upstream).do("POST", tc.target, tc.body).want(t, 422, tc.want)
		})
	}
}

// TestInvalid: callers who contradict themselves, or ask for what is not there, are told in the
// backend's own shape.
func TestInvalid(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the upstream was asked: %s", r.RequestURI)
	})
	const frame = `{"error":{"error_code":"VAL_002","message":"Request validation failed","details":{"validation_errors":[%s]},` +
		`"recovery_suggestions":["Check the request format and required fields","Ensure all values match the expected types"]},` +
		`"status":"error","path":"%s","method":"%s","trace_id":"t-1"}`
	for _, tc := range []struct{ name, method, target, body, path, want string }{
		{"a word that is none", "GET", "/api/flows/compare?kind=odd", "", "/api/flows/compare",
			`{"field":"query.kind","message":"Input should be 'discovery' or 'assessment'","type":"enum"}`},
		{"the last one counts", "GET", "/api/flows/compare?kind=discovery&kind=", "", "/api/flows/compare",
			`{"field":"query.kind","message":"Input should be 'discovery' or 'assessment'","type":"enum"}`},
		{"no UUID, and both names", "GET", "/api/flows/compare?group_id=7&session_id=1&flow_id=2", "", "/api/flows/compare",
			`{"field":"query.group_id","message":"Input should be a valid UUID","type":"uuid_parsing"},` +
				`{"field":"query.flow_id","message":"both shapes are there and differ: \"session_id\" and \"flow_id\"","type":"value_error"}`},
		{"a body that differs from itself", "POST", "/api/upload", `{"context":{"session_id":1,"flow_id":2}}`, "/api/upload",
			`{"field":"context.flow_id","message":"both shapes are there and differ: \"session_id\" and \"flow_id\"","type":"value_error"}`},
	} {
		for _, mode := range []Mode{Dual, FlowOnly} {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				r := newRig(t, mode, upstream)
				got := r.do(tc.method, tc.target, tc.body, "X-Trace-ID", "t-1")
				got.want(t, 422, fmt.Sprintf(frame, tc.want, tc.path, tc.method))
				got.wantHeader(t, "Content-Type", "application/json", "X-Trace-ID", "t-1", "Crossfade-Mode", string(mode))
				if rec := r.observed.last(t, 1); rec.Outcome != Refused || rec.Problem != "invalid-request" {
					t.Errorf("record %+v", rec)
				}
			})
		}
	}
}

// TestFilters: the parameters of the flow route choose rows; the session route's are the upstream's.
func TestFilters(t *testing.T) {
	const both = `{"sessions":[{"id":"1","kind":"discovery"},{"id":"2","kind":"assessment"}]}`
	upstream := answers(t, 200, jsonHead(), both)
	r := newRig(t, Dual, upstream)
	r.do("GET", "/api/flows/compare?kind=assessment", "").want(t, 200,
		strings.TrimSuffix(both, "}")+`,"flows":[{"id":"2","kind":"assessment"}]}`)
	r.do("GET", "/api/sessions/compare?kind=assessment", "").want(t, 200,
		strings.TrimSuffix(both, "}")+`,"flows":[{"id":"1","kind":"discovery"},{"id":"2","kind":"assessment"}]}`)
}

// TestRequestTooLarge: a body beyond the limit is told so, announced or not; one that needs no
// mapping may have any size.
func TestRequestTooLarge(t *testing.T) {
	upstream := echo(t)
	long := `{"context":{"flow_id":"1"},"pad":"` + strings.Repeat("x", 200) + `"}`
	for _, mode := range []Mode{Dual, FlowOnly} {
		r := newRig(t, mode, upstream, small)
		r.do("POST", "/api/upload", long).wantProblem(t, problemTooLarge)
		got := r.raw(fmt.Sprintf("POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long))
		got.wantProblem(t, problemTooLarge)
		r.do("POST", "/api/elsewhere", long).want(t, 200, "POST /api/elsewhere "+long)
	}
	newRig(t, Passthrough, upstream, small).do("POST", "/api/upload", long).want(t, 200, "POST /api/upload "+long)
}

// TestUnreadableRequest: a body that is not framed as HTTP wants it never reaches the upstream
// as a whole one.
func TestUnreadableRequest(t *testing.T) {
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("the upstream got a whole request")
		}
	})
	r := newRig(t, Dual, upstream)
	r.raw("POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").
		wantProblem(t, problemUnreadable)
}

// TestRequestTrailers reach the upstream, also behind a body that was read to be mapped.
func TestRequestTrailers(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", body, r.Trailer.Get("X-Sum"))
	})
	for target, want := range map[string]string{"/api/elsewhere": `{"a":1} 42`, "/api/upload": `{"a":1} 42`} {
		got := newRig(t, Dual, upstream).raw("POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\nX-Sum: 42\r\n\r\n")
		got.want(t, 200, want)
		if !got.Close {
			t.Errorf("%s: the connection of a chunked request stays open", target)
		}
	}
}

// TestExpectContinue: the upstream is asked whether it wants the body, before the client is told to send it.
func TestExpectContinue(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	r := newRig(t, Passthrough, upstream)
	got := r.raw("POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if got.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", got.StatusCode)
	}
}

// TestMappedRequestCanBeSentAgain: a connection that turns out closed before anything was sent
// is no failure, because the transport can ask for the body once more.
func TestMappedRequestCanBeSentAgain(t *testing.T) {
	r := newRig(t, Dual, "http://nowhere.invalid", func(o *Options) {
		o.Transport = roundTrip(func(out *http.Request) (*http.Response, error) {
			again, err := out.GetBody()
			if err != nil {
				return nil, err
			}
			first, _ := io.ReadAll(out.Body)
			second, _ := io.ReadAll(again)
			if want := `{"context":{"session_id":"1"}}`; string(first) != want || string(second) != want || out.ContentLength != int64(len(want)) {
				t.Errorf("sent %q and %q, length %d", first, second, out.ContentLength)
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
		})
	})
	if got := r.do("POST", "/api/upload", `{"context":{"flow_id":"1"}}`); got.StatusCode != http.StatusOK {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestClientLeavesWhileSending: nobody is told, and the upstream is not asked.
func TestClientLeavesWhileSending(t *testing.T) {
	r := newRig(t, Dual, serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the upstream was asked") }))
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	c.Close()
	if rec := r.observed.last(t, 1); rec.Outcome != ClientGone && rec.Problem != string(problemUnreadable) {
		t.Errorf("record %+v", rec)
	}
}
