package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recollection is a Memory of the test contract's endpoints.
type recollection struct {
	serve    func(MemoryCall) MemoryReply
	complete func(body, mapped []byte) ([]byte, error)
	filters  bool
	nothing  bool // is remembered for anybody
	closed   chan struct{}
}

func (m *recollection) Serves(string) bool { return m.serve != nil }

func (m *recollection) Serve(_ context.Context, c MemoryCall) MemoryReply { return m.serve(c) }

func (m *recollection) Accompanies(string) bool { return m.complete != nil && !m.nothing }

func (m *recollection) Accompany(context.Context, MemoryCall) Companion {
	return Companion{
		Complete: func(_ context.Context, body, mapped []byte) ([]byte, error) { return m.complete(body, mapped) },
		Filters:  m.filters, Close: func() { m.closed <- struct{}{} },
	}
}

func withMemory(m *recollection) func(*Options) {
	m.closed = make(chan struct{}, 1000)
	return func(o *Options) { o.Memory = m }
}

const mePath = "/api/me"

// What the upstream is asked for a caller has the caller's word on who they are, and crossfade's on the rest.
func TestQuestions(t *testing.T) {
	var asked *http.Request
	var sent string
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked, sent = r, string(body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, sessionMe)
	})
	var got Response
	m := &recollection{serve: func(c MemoryCall) MemoryReply {
		var err error
		got, err = c.Upstream.Ask(t.Context(), Question{
			Method: "PUT", Path: "/a%2Fb", Query: "c=d", Body: []byte(`{"e":1}`), Header: http.Header{"X-Tenant": {"ours"}}, Endpoint: "me",
		})
		if err != nil {
			return MemoryReply{Err: err}
		}
		return MemoryReply{Status: 201, Body: []byte(`{}`), Header: http.Header{"X-Y": {"z"}}}
	}}
	r := newRig(t, FlowOnly, upstream, withMemory(m), func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	res := r.do("GET", mePath, "", "Authorization", "Bearer x", "Cookie", "c=1", "X-Request-Id", "mine", "X-Tenant", "theirs", "X-Forwarded-For", "6.6.6.6",
		"If-Match", `"1"`, "Range", "bytes=0-1", "Connection", "X-Hop", "X-Hop", "1", "X_under", "1", "Accept-Encoding", "gzip")
	if res.StatusCode != http.StatusCreated || res.body != `{}` || res.Header.Get("X-Y") != "z" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %s %v", res.StatusCode, res.body, res.Header)
	}
	want := map[string]string{
		"Authorization": "Bearer x", "Cookie": "c=1", "X-Request-Id": "mine", "X-Tenant": "ours", "X-Forwarded-For": "127.0.0.1", "Content-Type": "application/json",
		"If-Match": "", "Range": "", "Connection": "", "X-Hop": "", "X_under": "", "Accept-Encoding": "identity", "Accept": "application/json",
	}
	have := map[string]string{}
	for name := range want {
		have[name] = asked.Header.Get(name)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if asked.URL.RequestURI() != "/a%2Fb?c=d" || asked.Method != http.MethodPut || sent != `{"e":1}` || asked.Host != strings.TrimPrefix(r.url, "http://") {
		t.Errorf("asked %s %s of %s: %s", asked.Method, asked.URL.RequestURI(), asked.Host, sent)
	}
	if got.Status != 200 || len(got.Flow) == 0 || string(got.Body) != sessionMe {
		t.Errorf("got %d %s, as flow %s", got.Status, got.Body, got.Flow)
	}
}

func TestQuestionsWithoutAnAnswerAreTheUsualProblems(t *testing.T) {
	m := &recollection{serve: func(c MemoryCall) MemoryReply {
		_, err := c.Upstream.Ask(t.Context(), Question{Method: "GET", Path: "/"})
		return MemoryReply{Err: err}
	}}
	r := newRig(t, FlowOnly, "http://127.0.0.1:1", withMemory(m))
	res := r.do("GET", mePath, "")
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(res.body, "upstream-unreachable") {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
	long := answers(t, 200, jsonHead(), `"`+strings.Repeat("x", 100)+`"`)
	r = newRig(t, FlowOnly, long, withMemory(m), func(o *Options) { o.Limits.MaxBody = 50 })
	if res := r.do("GET", mePath, ""); res.StatusCode != http.StatusBadGateway {
		t.Errorf("got %d", res.StatusCode)
	}
}

func TestFaultsAreToldInTheBackendsShape(t *testing.T) {
	m := &recollection{serve: func(MemoryCall) MemoryReply {
		return MemoryReply{Fault: &Fault{Status: 404, Text: "Flow x not found"}, Err: errors.New("why")}
	}}
	r := newRig(t, FlowOnly, "http://127.0.0.1:1", withMemory(m))
	res := r.do("GET", mePath, "", "X-Trace-Id", "t1")
	want := `{"error":{"error_code":"HTTP_404","message":"The requested resource was not found","details":{"original_message":"Flow x not found"},"recovery_suggestions":["Check the address and the id"]},"status":"error","path":"` + mePath + `","method":"GET","trace_id":"t1"}`
	if res.body != want {
		t.Errorf("got  %s\nwant %s", res.body, want)
	}
	if rec := r.observed.last(t, 1); rec.Problem != "flow-refused" || rec.Outcome != Refused || rec.Status != 404 {
		t.Errorf("recorded %+v", rec)
	}
}

func TestPassthroughIsNotAskedOfMemory(t *testing.T) {
	m := &recollection{serve: func(MemoryCall) MemoryReply { panic("asked") }, complete: func(_, _ []byte) ([]byte, error) { panic("asked") }}
	r := newRig(t, Passthrough, answers(t, 200, jsonHead("Etag", `"1"`), sessionMe), withMemory(m))
	if res := r.do("GET", mePath, ""); res.body != sessionMe || res.Header.Get("Etag") != `"1"` {
		t.Errorf("got %s", res.body)
	}
}
