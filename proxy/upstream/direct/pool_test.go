//go:build linux && !386

package direct

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestConnectionsAreKept: the last one that was given back is used first, and no more are kept than should be.
func TestConnectionsAreKept(t *testing.T) {
	all := make(chan struct{})
	var waiting atomic.Int32
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if r.Target != "/together" {
			return []raw.Step{raw.Send(ok(fmt.Sprint(r.Conn)))}
		}
		if waiting.Add(1) == 3 {
			close(all)
		}
		return []raw.Step{raw.Await(all), raw.Send(ok(""))}
	})))
	client := to(t, u.Address(), func(o *Options) { o.MaxIdle = 2 })
	var together sync.WaitGroup
	for range 3 {
		together.Go(func() { get(t, client, "/together") })
	}
	together.Wait()
	if kept := client.pool.list(); u.Connections() != 3 || len(kept) != 2 {
		t.Fatalf("%d of %d connections are kept, want 2 of 3", len(kept), u.Connections())
	}
	first := get(t, client, "/")
	for range 5 {
		if again := get(t, client, "/"); again != first {
			t.Errorf("connection %s, want %s, the last that was used", again, first)
		}
	}
	client.CloseIdleConnections()
	u.AwaitIdle()
	if kept := client.pool.list(); len(kept) != 0 {
		t.Errorf("%d connections are kept", len(kept))
	}
}

// TestClosedWhenIdle: a connection that is in use when idle ones are closed is closed behind its answer; the
// next request is one that wants them kept.
func TestClosedWhenIdle(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("body"))))
	client := to(t, u.Address())
	res, err := client.RoundTrip(request(t, http.MethodGet, "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	client.CloseIdleConnections()
	res.Body.Close()
	u.AwaitIdle()
	get(t, client, "/")
	if kept := client.pool.list(); len(kept) != 1 {
		t.Errorf("%d connections are kept, want 1", len(kept))
	}
}

// TestOldConnections are closed, whether somebody wants one or not.
func TestOldConnections(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("body"))))
	client := to(t, u.Address(), func(o *Options) { o.IdleTimeout = time.Millisecond })
	get(t, client, "/")
	u.AwaitIdle() // swept
	client = to(t, u.Address())
	get(t, client, "/")
	client.pool.list()[0].since = time.Now().Add(-patience)
	get(t, client, "/")
	if n := u.Connections(); n != 3 {
		t.Errorf("%d connections, want 3: the old one is not used", n)
	}
}

// TestDeadConnections: one that the upstream has closed, or spoken on, is closed when it is taken or swept, and who wants to
// know is told what it said. A POST is none the worse for it.
func TestDeadConnections(t *testing.T) {
	for name, tc := range map[string]struct {
		last  raw.Step
		stray int32
	}{
		"closed":                {raw.Close(), 0},
		"reset":                 {raw.Reset(), 0},
		"half closed":           {raw.HalfClose(), 0},
		"closed with a goodbye": {raw.Send(raw.Text("HTTP/1.1 408 Request Timeout", "")), 0},
		"stray bytes":           {raw.Send(ok("POISON")), 1},
		"a stray byte":          {raw.Send("\n"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			var told atomic.Int32
			// dead is a client with a connection that has died since.
			dead := func() (*raw.Upstream, *Client) {
				now := make(chan struct{})
				u := raw.Serve(t, raw.Take(), raw.Send(ok("first")), raw.Await(now), tc.last, raw.UntilGone())
				client := to(t, u.Address(), func(o *Options) { o.Stray = func() { told.Add(1) } })
				get(t, client, "/")
				kept := client.pool.list()[0]
				if !kept.isQuiet() {
					t.Error("not quiet before")
				}
				close(now)
				await(t, "it arrives", func() bool { return !kept.isQuiet() })
				return u, client
			}
			u, client := dead()
			u.Script(raw.Take(), raw.Send(ok("second")), raw.UntilGone())
			if o := ask(client, request(t, http.MethodPost, "/", "x"), 10); o.err != nil || o.body != "second" {
				t.Errorf("got %q, %v", o.body, o.err)
			}
			if n := told.Load(); n != tc.stray {
				t.Errorf("told of %d, want %d", n, tc.stray)
			}
			u, client = dead()
			client.pool.sweep()
			if n := len(client.pool.list()); n != 0 {
				t.Errorf("%d connections are kept", n)
			}
			if n := told.Load(); n != 2*tc.stray {
				t.Errorf("told of %d, want %d", n, 2*tc.stray)
			}
			u.AwaitIdle()
		})
	}
}

// TestSweepKeepsTheGood: only what is old or dead goes, wherever it stands.
func TestSweepKeepsTheGood(t *testing.T) {
	var all sync.WaitGroup
	together := make(chan struct{})
	var waiting atomic.Int32
	const n = 5
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(raw.Request) []raw.Step {
		if waiting.Add(1) == n {
			close(together)
		}
		return []raw.Step{raw.Await(together), raw.Send(ok(""))}
	})))
	client := to(t, u.Address())
	for range n {
		all.Go(func() { get(t, client, "/") })
	}
	all.Wait()
	before := client.pool.list()
	before[0].since = before[0].since.Add(-2 * patience)
	before[3].since = before[3].since.Add(-2 * patience)
	client.pool.sweep()
	after := client.pool.list()
	if len(after) != 3 || after[0] != before[1] || after[1] != before[2] || after[2] != before[4] {
		t.Errorf("kept %d, want those at 1, 2 and 4", len(after))
	}
}

// TestTraces: who traces is told what http.Transport tells, in that order.
func TestTraces(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(raw.Head("HTTP/1.1 103 Early Hints"), ok("body"))))
	client, reference := to(t, u.Address()), transport(t, u.Address())
	heard := func(rt http.RoundTripper) string {
		var said []string
		var mu sync.Mutex
		say := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, fmt.Sprintf(format, args...))
		}
		idle := make(chan struct{})
		trace := &httptrace.ClientTrace{
			GetConn:              func(hostPort string) { say("get %s", strings.TrimSuffix(hostPort, ":80")) },
			GotConn:              func(i httptrace.GotConnInfo) { say("got %v %v %v", i.Reused, i.WasIdle, i.IdleTime > 0) },
			PutIdleConn:          func(err error) { say("put %v", err); close(idle) },
			GotFirstResponseByte: func() { say("byte") },
			WroteRequest:         func(i httptrace.WroteRequestInfo) { say("wrote %v", i.Err) },
			WroteHeaders:         func() { say("wrote headers") },
		}
		r := request(t, http.MethodGet, "/", "")
		ask(rt, r.WithContext(httptrace.WithClientTrace(r.Context(), trace)), 10)
		<-idle
		return strings.Join(said, ", ")
	}
	for _, call := range []string{"first", "second"} {
		if got, want := heard(client), heard(reference); got != want {
			t.Errorf("the %s: got\n%s, want\n%s", call, got, want)
		}
	}
}
