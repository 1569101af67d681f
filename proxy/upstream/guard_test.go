package upstream

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// askTwice sends two requests over one transport, and holds the transport, between offering
// the first one's connection to others and looking what is in its buffer, until the upstream was
// asked for the second. That is the moment that the guard is about; by chance it is one in some hundred.
func askTwice(t *testing.T, way *Transport, rt http.RoundTripper, second <-chan raw.Request) string {
	t.Helper()
	offered := make(chan struct{})
	trace := &httptrace.ClientTrace{PutIdleConn: func(error) {
		close(offered)
		select {
		case <-second:
		case <-time.After(patience):
		}
	}}
	ask := func(ctx context.Context, path string) string {
		got, err := send(t, rt, request(t, way, http.MethodGet, path, "").WithContext(ctx))
		if err != nil {
			t.Error(err)
		}
		return got.body
	}
	var first sync.WaitGroup
	first.Go(func() { ask(httptrace.WithClientTrace(t.Context(), trace), "/first") })
	<-offered
	answer := ask(t.Context(), "/second")
	first.Wait()
	return answer
}

// TestNobodyGetsStrayBytes: the guard closes the gap, over TLS and sockets too, and without it the gap is there.
func TestNobodyGetsStrayBytes(t *testing.T) {
	quiet(t)
	for name, door := range doors(t, newAuthority(t)) {
		t.Run(name, func(t *testing.T) {
			second := make(chan raw.Request, 2)
			_, way := door(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
				if r.Target == "/first" {
					return []raw.Step{raw.Send(ok(r.Target), ok("POISON")), raw.Take(), raw.Tell(second), raw.Send(ok("/second"))}
				}
				return []raw.Step{raw.Tell(second), raw.Send(ok(r.Target))}
			}))
			if got := askTwice(t, way, way, second); got != "/second" {
				t.Errorf("with the guard: the second caller got %q", got)
			}
			way.CloseIdleConnections()
			if got := askTwice(t, way, way.addresses[0].ask, second); got != "POISON" {
				t.Errorf("without the guard: the second caller got %q; if net/http has closed the gap, the guard can go", got)
			}
		})
	}
}

// poisoned asks an upstream that sends a second answer behind each one, by many callers at once,
// until one got what was not meant for it or all requests are through. It gives how many did.
func poisoned(t *testing.T, way *Transport, rt http.RoundTripper, requests int64) int64 {
	t.Helper()
	const callers = 64
	var sent, wrong atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for n := sent.Add(1); n <= requests && wrong.Load() == 0; n = sent.Add(1) {
				path := "/" + strconv.FormatInt(n, 10)
				got, err := send(t, rt, request(t, way, http.MethodGet, path, ""))
				if err == nil && got.body != path {
					wrong.Add(1)
				}
			}
		})
	}
	all.Wait()
	return wrong.Load()
}

// TestStrayBytesUnderLoad is the same without a hook: many callers, and none is unlucky.
func TestStrayBytesUnderLoad(t *testing.T) {
	quiet(t)
	upstream := raw.Serve(t, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string { return ok(r.Target) + ok("POISON") }))).Forgive()
	way := to(t, Options{}, upstream.URL())
	if n := poisoned(t, way, way, 10_000); n != 0 {
		t.Errorf("with the guard %d callers got what was not meant for them", n)
	}
	// It takes some hundred requests; this many never come to their end.
	if poisoned(t, way, way.addresses[0].ask, 1_000_000) == 0 {
		t.Error("without the guard all was well; if net/http has closed the gap, the guard can go")
	}
}

// TestWatched finds the watched connection below others, as TLS puts itself above.
func TestWatched(t *testing.T) {
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	c := &watchedConn{Conn: plain}
	if watched(c) != c || watched(above{c}) != c || watched(plain) != nil {
		t.Error("not found, or found where it is not")
	}
	awaitQuiet(httptrace.GotConnInfo{Conn: plain, Reused: true}) // not ours: no wait
	awaitQuiet(httptrace.GotConnInfo{Conn: c})                   // new: no wait
	if c.closed.Load() {
		t.Error("a new connection was closed")
	}
	awaitQuiet(httptrace.GotConnInfo{Conn: c, Reused: true}) // nobody reads: closed in the end
	if !c.closed.Load() {
		t.Error("a connection that nobody reads from was kept")
	}
	if err := c.CloseWrite(); err == nil {
		t.Error("half of a pipe was closed")
	}
}

// TestHTTP2IsNotGuarded: its connection is never quiet for long, and closing it would end other requests.
func TestHTTP2IsNotGuarded(t *testing.T) {
	ca := newAuthority(t)
	for protocol, want := range map[string]bool{"h2": false, "http/1.1": true} {
		near, far := net.Pipe()
		go func() {
			server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{ca.pair(t, "a")}, NextProtos: []string{protocol}})
			_ = server.Handshake()
		}()
		c := &watchedConn{Conn: near}
		secure := tls.Client(c, &tls.Config{ServerName: "a", RootCAs: authorityPool(ca), NextProtos: []string{"h2", "http/1.1"}})
		if err := secure.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		over := &trip{address: &address{multiplexed: true}}
		over.gotConn(httptrace.GotConnInfo{Conn: secure, Reused: true})
		if c.closed.Load() != want {
			t.Errorf("%s over TLS: guarded is %v", protocol, !want)
		}
	}
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	for http2, want := range map[bool]bool{true: false, false: true} {
		c := &watchedConn{Conn: plain}
		over := &trip{address: &address{multiplexed: true}, http2: http2}
		over.gotConn(httptrace.GotConnInfo{Conn: c, Reused: true})
		if c.closed.Load() != want {
			t.Errorf("in the clear, HTTP/2 is %v: guarded is %v", http2, !want)
		}
	}
}

type above struct{ net.Conn }

func (a above) NetConn() net.Conn { return a.Conn }

// TestBodiesAreTakenInTime: an upstream that takes nothing of a body does not hold its caller for ever,
// and one that takes it slowly is waited for.
func TestBodiesAreTakenInTime(t *testing.T) {
	body := func() io.Reader { return io.LimitReader(zeros{}, 32<<20) } // more than the kernel's buffers take
	post := func(o Options, script ...raw.Step) (answer, error) {
		way := to(t, o, raw.Serve(t, script...).URL())
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, way.URL().String(), body())
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 32 << 20
		return send(t, way, r)
	}
	_, err := post(Options{SendTimeout: 50 * time.Millisecond}, raw.TakeHead(), raw.Await(t.Context().Done()))
	wantKind(t, err, Late, "i/o timeout")
	got, err := post(Options{SendTimeout: patience}, raw.TakeHead(), raw.Pause(100*time.Millisecond), raw.Drain(), raw.Send(ok("taken")))
	wantBody(t, got, err, "taken")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
