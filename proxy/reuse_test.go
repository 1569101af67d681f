package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy/upstream"
)

// ownUpstream answers each request with its own id, in the way that it asks for.
func ownUpstream(tb testing.TB) string {
	tb.Helper()
	return serve(tb, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		id, pad := q.Get("id"), strings.Repeat("x", len(q.Get("id"))*37)
		body := fmt.Sprintf(`{"session":{"id":%q,"name":%q},"of":%q}`, id, pad, id)
		h := w.Header()
		h["Content-Type"], h["X-Id"], h["X-Saw"] = []string{"application/json"}, []string{id}, r.Header["X-Id"]
		switch q.Get("as") {
		case "length":
			h.Set("Content-Length", fmt.Sprint(len(body)))
		case "chunks":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		case "cut":
			h.Set("Content-Length", fmt.Sprint(len(body)+1))
			_, _ = io.WriteString(w, body)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "gone":
			panic(http.ErrAbortHandler)
		case "slow":
			_ = http.NewResponseController(w).Flush()
			runtime.Gosched() // so that the body comes behind its head
		case "unmapped":
			h["Content-Type"] = []string{"text/plain"}
		case "trailer":
			defer h.Set(http.TrailerPrefix+"X-Late", id)
		case "not-found":
			w.WriteHeader(http.StatusNotFound)
		case "body":
			text, _ := io.ReadAll(r.Body)
			body = fmt.Sprintf(`{"session":{"id":%q,"name":"n"},"of":%q}`, id, text)
		}
		_, _ = io.WriteString(w, body)
	})
}

// TestEachHasItsOwn: whatever went before in the same memory, each caller gets the answer to its own request, as a whole, and
// the upstream what that caller said. The records are each its own request's as well.
func TestEachHasItsOwn(t *testing.T) {
	kinds := []string{"length", "chunks", "cut", "gone", "slow", "unmapped", "trailer", "not-found", "body", "head", "leave", "none", "odd", "plain"}
	for _, mode := range allModes() {
		t.Run(string(mode), func(t *testing.T) {
			backend := ownUpstream(t)
			r := newRig(t, mode, backend, func(o *Options) {
				o.NewID = randomID
			})
			var all sync.WaitGroup
			for worker := range 16 {
				all.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(worker)))
					for n := range 80 {
						id := fmt.Sprintf("w%d-%d-%s", worker, n, strings.Repeat("i", random.IntN(60)))
						kind := kinds[random.IntN(len(kinds))]
						if err := ownExchange(r, kind, id); err != nil {
							t.Errorf("%s %s: %v", kind, id, err)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// ownExchange sends one request of a kind and looks at its answer.
func ownExchange(r *rig, kind, id string) error {
	method, path, body := http.MethodGet, "/api/me", ""
	ctx, leave := context.WithTimeout(context.Background(), patience)
	defer leave()
	switch kind {
	case "head":
		method = http.MethodHead
	case "body":
		method, path, body = http.MethodPost, "/other", "of "+id
	case "plain":
		path = "/other"
	case "odd":
		path = "/api%2Fme"
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path+"?as="+kind+"&id="+url.QueryEscape(id), strings.NewReader(body))
	if err != nil {
		return err
	}
	if body == "" {
		req.Body = http.NoBody
	}
	req.Header.Set("X-Id", id)
	req.Header.Set("X-Request-Id", "r-"+id)
	if kind == "leave" {
		time.AfterFunc(time.Duration(len(id))*10*time.Microsecond, leave)
	}
	res, err := r.client.Do(req)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case kind == "leave" && err != nil:
		return nil
	case kind == "cut" && res.StatusCode == http.StatusOK && err == nil:
		return errors.New("a cut body looks whole")
	case kind != "cut" && err != nil:
		return err
	}
	if problem := res.Header.Get("Content-Type") == "application/problem+json"; problem {
		if kind != "cut" && kind != "gone" && kind != "odd" && kind != "unmapped" || res.Header.Get("X-Request-Id") != "r-"+id {
			return fmt.Errorf("problem %s for %s", text, res.Header.Get("X-Request-Id"))
		}
		return nil
	}
	if res.Header.Get("X-Id") != id || res.Header.Get("X-Saw") != id {
		return fmt.Errorf("the head of %s, who saw %s", res.Header.Get("X-Id"), res.Header.Get("X-Saw"))
	}
	if kind == "trailer" && res.Trailer.Get("X-Late") != id && res.Header.Get("Crossfade-Fallback") != "" {
		return fmt.Errorf("the trailer of %s", res.Trailer.Get("X-Late"))
	}
	if method != http.MethodHead && kind != "cut" && (!strings.Contains(string(text), id) || strings.Count(string(text), `"w`) != strings.Count(string(text), `"`+id+`"`)) {
		return fmt.Errorf("body %s", text)
	}
	return nil
}

// TestUpstreamMemoryIsUsedAgain: what went by package direct leaves its memory free; what http.Transport did does not.
func TestUpstreamMemoryIsUsedAgain(t *testing.T) {
	address, err := url.Parse(ownUpstream(t))
	if err != nil {
		t.Fatal(err)
	}
	way := wayTo(t, upstream.Options{}, address)
	var x upstream.Exchange
	ask := func(method, query, body string) (int, error) {
		req, err := http.NewRequest(method, address.String()+"/?"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body == "" {
			req.Body = nil
		} else {
			req.GetBody, req.ContentLength = nil, -1
		}
		res, err := way.RoundTripIn(&x, req)
		if err != nil {
			return 0, err
		}
		if x.IsOver() && method != http.MethodHead {
			t.Errorf("%s: over before the body was read", query)
		}
		_, err = io.Copy(io.Discard, res.Body)
		return res.StatusCode, errors.Join(err, res.Body.Close())
	}
	for _, tt := range []struct {
		name, method, query, body string
		status                    int // 0: an error
		over                      bool
	}{
		{"an answer with a length", "GET", "as=length&id=1", "", 200, true},
		{"in chunks", "GET", "as=chunks&id=2", "", 200, true},
		{"no body", "HEAD", "as=length&id=3", "", 200, true},
		{"no answer", "GET", "as=gone&id=4", "", 0, true},
		{"an answer that is cut", "GET", "as=cut&id=5", "", 200, true},
		{"a body that streams", "POST", "as=body&id=6", "text", 200, false},
		{"behind that", "GET", "as=length&id=7", "", 200, true},
	} {
		if status, err := ask(tt.method, tt.query, tt.body); status != tt.status || (err != nil) != (tt.status == 0 || strings.Contains(tt.query, "cut")) {
			t.Errorf("%s: %d, %v", tt.name, status, err)
		}
		if x.IsOver() != tt.over {
			t.Errorf("%s: over %t, want %t", tt.name, x.IsOver(), tt.over)
		}
	}
}

// keeping is an answer that fails, and goes on with what it was given, as that of HTTP/2 does where its client ends the stream.
type keeping struct {
	http.ResponseWriter
	kept []byte
}

func (w *keeping) Write(b []byte) (int, error) {
	w.kept = b
	return 0, io.ErrClosedPipe
}

// TestFailedWritesKeepTheirMemory: what was in a write that failed is nobody else's.
func TestFailedWritesKeepTheirMemory(t *testing.T) {
	for _, mode := range []Mode{Passthrough, FlowOnly} {
		address, err := url.Parse(answers(t, http.StatusOK, http.Header{"Content-Type": {"application/json"}}, `{"session":{"id":"1","name":"n"}}`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(Options{Upstream: address, Contract: testContract(t), Decider: Fixed{Default: mode}, Transport: wayTo(t, upstream.Options{}, address)})
		if err != nil {
			t.Fatal(err)
		}
		w := &keeping{ResponseWriter: httptest.NewRecorder()}
		func() {
			defer func() { _ = recover() }()
			p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/me", http.NoBody))
		}()
		if len(w.kept) == 0 {
			t.Fatal("nothing was written")
		}
		for range 8 {
			piece, space := p.pieces.get(pieceSize), p.workspaces.get()
			for _, b := range [][]byte{piece, space.raw, space.out} {
				if cap(b) > 0 && &b[:1][0] == &w.kept[0] {
					t.Errorf("%s: the memory of a write that failed is used again", mode)
				}
			}
		}
	}
}
