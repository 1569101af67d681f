package proxy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

// places is an Admission for the tests.
type places struct {
	mu               sync.Mutex
	requests, memory int64 // that are left
	least            int64 // memory that ever was
	refused          int   // requests, or memory
}

func (p *places) Enter() bool { return p.take(&p.requests, 1) }
func (p *places) Leave()      { p.take(&p.requests, -1) }

func (p *places) Take(n int64) bool { return p.take(&p.memory, n) }
func (p *places) Give(n int64)      { p.take(&p.memory, -n) }

func (p *places) take(from *int64, n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > 0 && *from < n {
		p.refused++
		return false
	}
	*from -= n
	p.least = min(p.least, p.memory)
	return true
}

// want waits until all is given back, and says how many bytes were taken at once.
func (p *places) want(t *testing.T, requests, memory int64) (taken int64) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		p.mu.Lock()
		nowRequests, nowMemory, least := p.requests, p.memory, p.least
		p.mu.Unlock()
		if nowRequests == requests && nowMemory == memory {
			return memory - least
		}
		select {
		case <-deadline:
			t.Fatalf("%d places and %d bytes are left, want %d and %d: something was not given back", nowRequests, nowMemory, requests, memory)
		case <-tick.C:
		}
	}
}

func admitted(p *places) func(*Options) {
	p.least = p.memory
	return func(o *Options) { o.Admission = p }
}

// Requests beyond what may run are shed before anything is done with them, in every mode; the
// others go on, and their places are free again behind them.
func TestRequestsAreShed(t *testing.T) {
	for _, mode := range allModes() {
		t.Run(string(mode), func(t *testing.T) {
			arrived, finish := make(chan struct{}), make(chan struct{})
			upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				arrived <- struct{}{}
				<-finish
				io.WriteString(w, "done")
			})
			p := &places{requests: 2, memory: 1 << 20}
			r := newRig(t, mode, upstream, admitted(p))
			got := make(chan answer, 2)
			for range 2 {
				go func() {
					a, err := r.try("GET", "/elsewhere", "")
					if err != nil {
						t.Error(err)
					}
					got <- a
				}()
				<-arrived
			}
			for _, path := range []string{"/elsewhere", "/api/me"} {
				shed := r.do("GET", path, "")
				shed.wantProblem(t, problemOverloaded)
				shed.wantHeader(t, "Retry-After", "1", "X-Request-Id", "made-id")
			}
			if rec := r.observed.last(t, 1); rec.Problem != "overloaded" || rec.Outcome != Refused || rec.Status != 503 {
				t.Errorf("%+v", rec)
			}
			close(finish)
			for range 2 {
				(<-got).want(t, 200, "done")
			}
			r.observed.last(t, 4)
			p.want(t, 2, 1<<20)
		})
	}
}

// A request that is cut, or panics, gives its place back like any other.
func TestPlacesComeBack(t *testing.T) {
	p := &places{requests: 1, memory: 1 << 20}
	r := newRig(t, Dual, says(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true), admitted(p))
	for n := range 3 {
		if a, err := r.try("GET", "/elsewhere", ""); err == nil && a.err == nil {
			t.Errorf("a body that broke off is whole: %q", a.body)
		}
		r.observed.last(t, n+1)
	}
	p.want(t, 1, 1<<20)
	r = newRig(t, Dual, "http://nowhere.invalid", admitted(p), func(o *Options) {
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) { panic("planted") })
	})
	for n := range 3 {
		r.do("GET", "/elsewhere", "").wantProblem(t, problemInternal)
		r.observed.last(t, n+1)
	}
	p.want(t, 1, 1<<20)
}

func TestHeaderFieldsAreCounted(t *testing.T) {
	r := newRig(t, Passthrough, answers(t, 200, nil, "ok"), func(o *Options) { o.Limits.MaxHeaderFields = 20 })
	lines := func(n int, one func(int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(one(i))
		}
		return b.String()
	}
	each := func(i int) string { return fmt.Sprintf("X-%d: a\r\n", i) }
	same := func(int) string { return "Cookie: a\r\n" }
	const head = "GET / HTTP/1.1\r\nHost: h\r\n" // Host is none of them
	for _, one := range []func(int) string{each, same} {
		r.raw(head+lines(20, one)+"\r\n").want(t, 200, "ok")
		r.raw(head+lines(21, one)+"\r\n").wantProblem(t, problemHeaders)
	}
}

// Without memory for a request's body it is a 503, and the upstream is not asked.
func TestRequestBodiesTakeMemory(t *testing.T) {
	body := `{"a":"` + strings.Repeat("x", 10_000) + `"}`
	asked := 0
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		b, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b))
	})
	for _, mode := range []Mode{Dual, FlowOnly} {
		for name, tt := range map[string]struct {
			memory int64
			ok     bool
		}{
			"enough":     {perByte * 11_000, true},
			"too little": {perByte * 9_000, false},
		} {
			t.Run(string(mode)+", "+name, func(t *testing.T) {
				asked = 0
				p := &places{requests: 1, memory: tt.memory}
				r := newRig(t, mode, upstream, admitted(p))
				got := r.do("POST", "/api/upload", body)
				if tt.ok {
					got.want(t, 200, "10008")
				} else if got.wantProblem(t, problemOverloaded); asked > 0 {
					t.Error("the upstream was asked")
				}
				if taken := p.want(t, 1, tt.memory); tt.ok && taken < perByte*10_000 {
					t.Errorf("only %d bytes were taken", taken)
				}
			})
		}
	}
	// What streams takes none.
	newRig(t, Passthrough, upstream, admitted(&places{requests: 1})).do("POST", "/api/upload", body).want(t, 200, "10008")
}

// Without memory for an answer it is one that cannot be mapped: dual lets it out untouched,
// flow_only refuses. Nothing is read that there is no room for.
func TestAnswersTakeMemory(t *testing.T) {
	body := `{"session":{"id":"1"},"pad":"` + strings.Repeat("x", 10_000) + `"}`
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, body)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, send := range map[string]http.HandlerFunc{
		"known length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Length"] = []string{fmt.Sprint(len(body))}
		},
		"chunked": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"gzip":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "gzip") },
	} {
		upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			send(w, r)
			if w.Header().Get("Content-Encoding") == "" {
				io.WriteString(w, body)
			} else {
				_, _ = w.Write(zipped.Bytes())
			}
		})
		t.Run(name, func(t *testing.T) {
			const enough = 4 << 20
			for _, mode := range []Mode{Dual, FlowOnly} {
				p := &places{requests: 1, memory: enough}
				r := newRig(t, mode, upstream, admitted(p))
				if got := r.do("GET", "/api/me", ""); got.StatusCode != http.StatusOK || !strings.Contains(got.body, "current_flow") {
					t.Errorf("%s with enough: %d %.80q", mode, got.StatusCode, got.body)
				}
				if taken := p.want(t, 1, enough); taken < perByte*10_000 {
					t.Errorf("%s: only %d bytes were taken", mode, taken)
				}
			}
			p := &places{requests: 1, memory: perByte * 9_000}
			r := newRig(t, Dual, upstream, admitted(p))
			got := r.do("GET", "/api/me", "", "Accept-Encoding", "gzip")
			got.wantHeader(t, "Crossfade-Fallback", "memory")
			if got.StatusCode != http.StatusOK || got.body != body && got.body != zipped.String() {
				t.Errorf("dual without: %d %.80q, want the upstream's bytes", got.StatusCode, got.body)
			}
			p.want(t, 1, perByte*9_000)
			r = newRig(t, FlowOnly, upstream, admitted(p))
			r.do("GET", "/api/me", "").wantProblem(t, problemUnmappable)
			p.want(t, 1, perByte*9_000)
			newRig(t, Passthrough, upstream, admitted(&places{requests: 1})).
				do("GET", "/api/me", "", "Accept-Encoding", "identity").wantHeader(t, "Crossfade-Fallback", "")
		})
	}
}

// Preflights are answered where somebody puts the headers on, and by the upstream elsewhere.
func TestPreflightsMayBeAnsweredHere(t *testing.T) {
	upstream := answers(t, 200, nil, "the upstream's")
	const preflight = "OPTIONS /api/me HTTP/1.1\r\nHost: h\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n"
	for _, mode := range allModes() {
		newRig(t, mode, upstream).raw(preflight).want(t, 200, "the upstream's")
		r := newRig(t, mode, upstream, func(o *Options) { o.AnswerPreflights = true })
		r.raw(preflight).want(t, 204, "")
		if rec := r.observed.last(t, 1); rec.Status != 204 || rec.Outcome != Answered {
			t.Errorf("%+v", rec)
		}
		r.do("OPTIONS", "/api/me", "").want(t, 200, "the upstream's")
	}
}

// What might have come out of a coding and did not is given back at once, not at the end of an answer
// that a slow client takes.
func TestDecodingGivesBackWhatItDidNotNeed(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, `{"a":1}`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	p := &places{memory: 4 << 20}
	x := &exchange{proxy: &Proxy{admission: p, limits: Limits{MaxBody: 1 << 20, MaxRatio: 200}}}
	if _, err := x.decode(nil, zipped.Bytes(), []coding.Coding{coding.Gzip}); err != nil {
		t.Fatal(err)
	}
	p.want(t, 0, 4<<20-perByte*7)
	x.leave()
	p.want(t, 0, 4<<20)
}
