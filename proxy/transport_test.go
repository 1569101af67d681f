package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/raw"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
)

// TestMappedBodiesComeInTime: nobody gets anything of a mapped body before it is whole, so it may neither rest
// nor trickle for ever; what nobody maps may.
func TestMappedBodiesComeInTime(t *testing.T) {
	const soon = 50 * time.Millisecond
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
	for name, tc := range map[string]struct {
		limits Limits
		rest   raw.Step
	}{
		"it rests":    {Limits{BodyIdle: soon}, raw.UntilGone()},
		"it trickles": {Limits{BodyTotal: soon}, raw.Dribble(sessionMe, 1, soon/5)},
	} {
		for _, mode := range allModes() {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				u := raw.Serve(t, raw.Take(), raw.Send(head+"{"), tc.rest, raw.UntilGone())
				r := newRig(t, mode, u.URL(), func(o *Options) { o.Limits = tc.limits })
				if mode != Passthrough {
					r.do("GET", "/api/me", "").wantProblem(t, problemTimeout)
					u.AwaitIdle()
					return
				}
				ctx, leave := context.WithTimeout(t.Context(), 6*soon)
				defer leave()
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/api/me", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				res, err := r.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				if body, err := io.ReadAll(res.Body); !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(string(body), "{") {
					t.Errorf("it did not go on until the client left: %q, %v", body, err)
				}
			})
		}
	}
}

// TestTooLargeIsNotTimed: a body that turns out too large to be mapped streams, and may rest like any other.
func TestTooLargeIsNotTimed(t *testing.T) {
	const soon = 50 * time.Millisecond
	u := raw.Serve(t, raw.Take(), raw.Send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", strings.Repeat(" ", 100)),
		raw.Pause(4*soon), raw.Send("{}"), raw.Close())
	r := newRig(t, Dual, u.URL(), func(o *Options) { o.Limits = Limits{MaxBody: 64, BodyIdle: soon, BodyTotal: soon} })
	got := r.do("GET", "/api/me", "")
	got.want(t, http.StatusOK, strings.Repeat(" ", 100)+"{}")
	got.wantHeader(t, "Crossfade-Fallback", "too-large")
}

// TestSuspended: a client is told when to ask again, and nothing more.
func TestSuspended(t *testing.T) {
	for _, mode := range allModes() {
		r := newRig(t, mode, "http://127.0.0.1:1", func(o *Options) {
			o.Transport = wayTo(t, upstream.Options{Breaker: upstream.Breaker{Failures: 1, OpenFor: 1500 * time.Millisecond}}, o.Upstream)
		})
		got := r.do("POST", "/api/me", "{}")
		got.wantProblem(t, problemUnreachable)
		got.wantHeader(t, "Retry-After", "")
		got = r.do("POST", "/api/me", "{}")
		got.wantProblem(t, problemSuspended)
		got.wantHeader(t, "Retry-After", "2")
		if rec := r.observed.last(t, 2); rec.Outcome != Refused || rec.Problem != string(problemSuspended) || rec.err == nil {
			t.Errorf("record %+v", rec)
		}
	}
}

// TestNobodyGetsAnothersAnswer: the guard of package upstream is in the way of every request.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	t.Cleanup(zap.RedirectStdLog(zap.NewNop())) // net/http tells of each stray answer that it finds
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		return raw.Text("HTTP/1.1 200 OK", r.Target) + raw.Text("HTTP/1.1 200 OK", "POISON")
	}))).Forgive()
	r := newRig(t, Passthrough, u.URL())
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			for n := range 100 {
				target := fmt.Sprintf("/c%d-%d", c, n)
				got, err := r.try(http.MethodGet, target, "")
				if err != nil || got.StatusCode == http.StatusOK && got.body != target {
					t.Errorf("%s: got %d %q, %v", target, got.StatusCode, got.body, err)
				}
			}
		})
	}
	callers.Wait()
}
