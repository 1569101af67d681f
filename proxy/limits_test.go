package proxy

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func small(o *Options) { o.Limits.MaxBody = 100 }

// TestLargeAnswers: what is larger than the limit passes in dual and is refused in flow_only.
func TestLargeAnswers(t *testing.T) {
	long := `{"session":{"id":"s1"},"pad":"` + strings.Repeat("x", 200<<10) + `"}`
	exact := `{"session":{"id":"s1"},"pad":"` + strings.Repeat("x", 68) + `"}`
	chunked := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, body[:10])
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, body[10:])
			w.Header().Set("X-Sum", "42")
		}
	}
	announced := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = io.WriteString(w, body)
		}
	}
	for name, upstream := range map[string]http.HandlerFunc{"announced": announced(long), "chunked": chunked(long)} {
		t.Run(name, func(t *testing.T) {
			got := newRig(t, Dual, serve(t, upstream), small).do("GET", "/api/me", "")
			got.want(t, 200, long)
			got.wantHeader(t, "Crossfade-Fallback", "too-large")
			if name == "chunked" && got.Trailer.Get("X-Sum") != "42" {
				t.Errorf("trailers %v", got.Trailer)
			}
			newRig(t, FlowOnly, serve(t, upstream), small).do("GET", "/api/me", "").wantProblem(t, problemUnmappable)
			newRig(t, Passthrough, serve(t, upstream), small).do("GET", "/api/me", "").want(t, 200, long)
		})
	}
	if len(exact) != 100 {
		t.Fatalf("the exact body has %d bytes", len(exact))
	}
	for name, upstream := range map[string]http.HandlerFunc{"announced": announced(exact), "chunked": chunked(exact)} {
		got := newRig(t, FlowOnly, serve(t, upstream), small).do("GET", "/api/me", "")
		got.wantHeader(t, "Crossfade-Fallback", "")
		if got.StatusCode != http.StatusOK || !strings.Contains(got.body, "current_flow") {
			t.Errorf("%s: a body of exactly the limit: %d %s", name, got.StatusCode, got.body)
		}
	}
}

// TestOriginalPolicy: flow_only lets out what it cannot map where the operator says so.
func TestOriginalPolicy(t *testing.T) {
	r := newRig(t, FlowOnly, answers(t, 200, jsonHead(), `{"session":1}`), func(o *Options) {
		o.Policies = map[string]Policy{"me": {OnFailure: OnFailureOriginal}}
	})
	got := r.do("GET", "/api/me", "")
	got.want(t, 200, `{"session":1}`)
	got.wantHeader(t, "Crossfade-Mode", "flow_only", "Crossfade-Fallback", "unmappable")
}

// TestHugeBodies: 80 MiB in both directions, in every mode, in little memory.
func TestHugeBodies(t *testing.T) {
	const size = 48 << 20 // three times the limit
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost && n != size {
			t.Errorf("the upstream got %d bytes", n)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Has("announced") {
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		_, _ = io.CopyN(w, filler{}, size)
	})
	for _, mode := range allModes() {
		for _, target := range []string{"/api/me", "/api/me?announced", "/api/other"} {
			t.Run(fmt.Sprint(mode, target), func(t *testing.T) {
				r := newRig(t, mode, upstream)
				method, body := http.MethodGet, io.Reader(nil)
				if target == "/api/other" {
					method, body = http.MethodPost, io.LimitReader(filler{}, size)
				}
				req, err := http.NewRequest(method, r.url+target, body)
				if err != nil {
					t.Fatal(err)
				}
				stop := watchHeap(t, 64<<20) // one body within the limit, twice while it grows, and a margin
				res, err := r.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				n, err := io.Copy(io.Discard, res.Body)
				stop()
				refused := mode == FlowOnly && target != "/api/other"
				if err != nil || !refused && n != size || refused != (res.StatusCode == http.StatusBadGateway) {
					t.Errorf("status %d, %d bytes, %v", res.StatusCode, n, err)
				}
			})
		}
	}
}

// TestBomb: much in little, that comes in pieces, is not inflated.
func TestBomb(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.CopyN(z, filler{}, 24<<20) // more than Limits.MaxBody
		_ = z.Close()
	})
	stop := watchHeap(t, 48<<20)
	defer stop()
	got := newRig(t, Dual, upstream).do("GET", "/api/me", "")
	got.wantHeader(t, "Content-Encoding", "gzip", "Crossfade-Fallback", "too-large")
	newRig(t, FlowOnly, upstream).do("GET", "/api/me", "").wantProblem(t, problemUnmappable)
}

// filler is an endless body.
type filler struct{}

func (filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// watchHeap fails the test if the heap grows by more than limit bytes before stop is called.
func watchHeap(t *testing.T, limit uint64) (stop func()) {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, done, gone := m.HeapInuse, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				if m.HeapInuse > base+limit {
					t.Errorf("the heap grew by %d MiB", (m.HeapInuse-base)>>20)
					return
				}
			}
		}
	}()
	return func() { close(done); <-gone }
}

// TestCutAnswers: an upstream that breaks off is never taken for one that was done.
func TestCutAnswers(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	reset := tcp(t, func(c net.Conn, next func() (string, bool)) {
		next()
		_, _ = io.WriteString(c, head+"Content-Length: 1000\r\n\r\n"+sessionMe)
		_ = c.(*net.TCPConn).SetLinger(0)
	})
	for name, upstream := range map[string]string{
		"announced length":        says(t, head+"Content-Length: 1000\r\n\r\n"+sessionMe, true),
		"in the middle of chunks": says(t, head+"Transfer-Encoding: chunked\r\n\r\n10\r\n"+sessionMe[:16]+"\r\n", true),
		"in a chunk":              says(t, head+"Transfer-Encoding: chunked\r\n\r\n1000\r\n"+sessionMe, true),
		"a bad chunk":             says(t, head+"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"+sessionMe, true),
		"reset":                   reset,
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []Mode{Dual, FlowOnly} {
				r := newRig(t, mode, upstream)
				r.do("GET", "/api/me", "").wantProblem(t, problemBroken)
				if rec := r.observed.last(t, 1); rec.Status != http.StatusBadGateway || rec.Outcome != Refused {
					t.Errorf("%s: record %+v", mode, rec)
				}
			}
			r := newRig(t, Passthrough, upstream)
			got, err := r.try("GET", "/api/me", "")
			if err == nil && got.err == nil {
				t.Errorf("passthrough: a whole answer %d %q", got.StatusCode, got.body)
			}
			if rec := r.observed.last(t, 1); rec.Outcome != Cut && rec.Outcome != Refused || rec.err == nil {
				t.Errorf("record %+v", rec)
			}
		})
	}
	t.Run("without a length the JSON decides", func(t *testing.T) {
		cut := head + "Connection: close\r\n\r\n" + sessionMe[:40]
		got := newRig(t, Dual, says(t, cut, true)).do("GET", "/api/me", "")
		got.want(t, 200, sessionMe[:40])
		got.wantHeader(t, "Crossfade-Fallback", "unmappable")
		newRig(t, FlowOnly, says(t, cut, true)).do("GET", "/api/me", "").wantProblem(t, problemUnmappable)
	})
	t.Run("behind the limit", func(t *testing.T) {
		long := head + "Transfer-Encoding: chunked\r\n\r\n1000\r\n" + strings.Repeat(" ", 0x1000) + "\r\n"
		r := newRig(t, Dual, says(t, long, true), small)
		if got, err := r.try("GET", "/api/me", ""); err == nil && got.err == nil {
			t.Errorf("a whole answer of %d bytes", len(got.body))
		}
		if rec := r.observed.last(t, 1); rec.Outcome != Cut || rec.Fallback != FallbackSize {
			t.Errorf("record %+v", rec)
		}
	})
}
