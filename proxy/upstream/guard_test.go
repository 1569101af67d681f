package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// askTwice sends two requests over one transport, and holds the transport, between offering
// the first one's connection to others and looking what is in its buffer, until the upstream was
// asked for the second, or for a while. That is the moment that the guard is about; by chance it is
// one in some hundred.
func askTwice(t *testing.T, way *Transport, rt http.RoundTripper, second <-chan raw.Request, while time.Duration) string {
	t.Helper()
	offered := make(chan struct{})
	trace := &httptrace.ClientTrace{PutIdleConn: func(error) {
		close(offered)
		select {
		case <-second:
		case <-time.After(while):
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
	select {
	case <-second: // it was not waited for
	default:
	}
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
			// As long as it takes: a busy machine may hold the transport for longer than anybody expects.
			if got := askTwice(t, way, way, second, 200*time.Millisecond); got != "/second" {
				t.Errorf("with the guard: the second caller got %q", got)
			}
			way.CloseIdleConnections()
			if got := askTwice(t, way, way.addresses[0].ask, second, patience); got != "POISON" {
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

// TestWhatHasComeIsSeen: while there is something to be had from a connection it is not quiet, also not
// at the moment when it is taken; when it was taken and somebody waits for more, it is.
func TestWhatHasComeIsSeen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	c := newWatchedConn(near, 0)
	var reading, over atomic.Bool
	var seen atomic.Int64
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for !over.Load() {
			if reading.Load() && c.isQuiet() && reading.Load() {
				seen.Add(1)
			}
		}
	})
	piece := make([]byte, 1)
	for range 20_000 {
		if _, err := far.Write(piece); err != nil { // it is there when Write returns: they are on one machine
			t.Fatal(err)
		}
		reading.Store(true)
		_, err := c.Read(piece)
		reading.Store(false)
		if err != nil {
			t.Fatal(err)
		}
	}
	over.Store(true)
	watcher.Wait()
	if n := seen.Load(); n > 0 {
		t.Errorf("it was called quiet %d times while there was something to be had", n)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(piece)
		ended <- err
	}()
	await(t, "it is quiet", c.isQuiet)
	far.Close()
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
}

// TestReadsEnd as those of net do.
func TestReadsEnd(t *testing.T) {
	u := raw.Serve(t, raw.Take(), raw.Reset())
	dialled, err := net.Dial("tcp", u.Address())
	if err != nil {
		t.Fatal(err)
	}
	c := newWatchedConn(dialled, patience)
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %d, %v", n, err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a reset: %d, %v", n, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("after a close: %d, %v", n, err)
	}
}

// TestWatched finds the watched connection below others, as TLS puts itself above.
func TestWatched(t *testing.T) {
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	c := newWatchedConn(plain, 0)
	if watched(c) != c || watched(above{c}) != c || watched(plain) != nil {
		t.Error("not found, or found where it is not")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for what, info := range map[string]httptrace.GotConnInfo{"not ours": {Conn: plain, Reused: true}, "new": {Conn: c}} {
		if !awaitQuiet(gone, info) || c.closed.Load() {
			t.Errorf("a connection that is %s is waited for", what)
		}
	}
	if awaitQuiet(gone, httptrace.GotConnInfo{Conn: c, Reused: true}) || !c.closed.Load() {
		t.Error("a connection that nobody reads from is kept when its caller has left")
	}
	if err := c.CloseWrite(); err == nil {
		t.Error("half of a pipe was closed")
	}
}

// TestHTTP2IsNotGuarded: its connection is never quiet for long, and closing it would end other requests.
func TestHTTP2IsNotGuarded(t *testing.T) {
	ca := newAuthority(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	for protocol, want := range map[string]bool{"h2": false, "http/1.1": true} {
		near, far := net.Pipe()
		go func() {
			server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{ca.pair(t, "a")}, NextProtos: []string{protocol}})
			_ = server.Handshake()
		}()
		c := newWatchedConn(near, 0)
		secure := tls.Client(c, &tls.Config{ServerName: "a", RootCAs: authorityPool(ca), NextProtos: []string{"h2", "http/1.1"}})
		if err := secure.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		over := &trip{Context: gone, address: &address{multiplexed: true}}
		over.gotConn(httptrace.GotConnInfo{Conn: secure, Reused: true})
		if c.closed.Load() != want {
			t.Errorf("%s over TLS: guarded is %v", protocol, !want)
		}
	}
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	for http2, want := range map[bool]bool{true: false, false: true} {
		c := newWatchedConn(plain, 0)
		over := &trip{Context: gone, address: &address{multiplexed: true}, http2: http2}
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

// TestStrayBytesAreTold: the log has a warning with the address, and nothing of what was sent.
func TestStrayBytesAreTold(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("one")+ok("POISON"))))
	way := to(t, Options{Logger: zap.New(core)}, u.URL())
	got, err := get(t, way, "/")
	wantBody(t, got, err, "one")
	all := logs.All()
	if len(all) != 1 || all[0].Message != "an upstream address sent more than it announced; the connection is closed" ||
		all[0].Level != zapcore.WarnLevel || all[0].ContextMap()["address"] != u.Address() || len(all[0].Context) != 1 {
		t.Errorf("the log says %v", all)
	}
}
