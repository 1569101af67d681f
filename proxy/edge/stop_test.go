package edge

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// takenOver counts the connections that handlers have taken over.
func (all *connections) takenOver() int {
	all.mu.Lock()
	defer all.mu.Unlock()
	n := 0
	for c := range all.open {
		if c.taken.Load() {
			n++
		}
	}
	return n
}

// stop stops a server within a bound, in the background.
func (s *running) stop(t *testing.T, bound time.Duration) <-chan error {
	t.Helper()
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), bound)
		defer cancel()
		stopped <- s.Stop(ctx)
	}()
	return stopped
}

// Clients that send one request after the other on a kept connection lose none, whenever the
// server stops: each is answered whole, until an answer asks for a new connection.
func TestStopLosesNoRequest(t *testing.T) {
	a := newAuthority(t)
	_, certificates := secured(t, a, files())
	for name, tt := range map[string]struct {
		certificates *Certificates
		client       func(c net.Conn, a *authority, answered *atomic.Int64) error
	}{
		"HTTP/1.1": {nil, ask1UntilClosed},
		"HTTP/2":   {certificates, ask2UntilClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Handler: text("whole"), Certificates: tt.certificates})
			var answered atomic.Int64
			const clients = 8
			ended := make(chan error, clients)
			for range clients {
				c := s.dial(t)
				go func() { ended <- tt.client(c, a, &answered) }()
			}
			eventually(t, "there is some load", func() bool { return answered.Load() > 100 })
			if err := <-s.stop(t, 20*time.Second); err != nil {
				t.Error(err)
			}
			for range clients {
				if err := <-ended; err != nil {
					t.Errorf("a request is lost: %v", err)
				}
			}
			if err := <-s.ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// ask1UntilClosed sends requests of HTTP/1.1 until an answer asks for a new connection.
func ask1UntilClosed(c net.Conn, _ *authority, answered *atomic.Int64) error {
	r := bufio.NewReader(c)
	for {
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return err
		}
		res, err := http.ReadResponse(r, nil)
		if err := whole(res, err); err != nil || res.Close {
			return err
		}
		answered.Add(1)
	}
}

// ask2UntilClosed sends requests of HTTP/2 until a GOAWAY makes the client want a new connection.
func ask2UntilClosed(c net.Conn, a *authority, answered *atomic.Int64) error {
	enough := errors.New("one connection is enough")
	client := trusting(a)
	transport := client.Transport.(*http.Transport)
	transport.DisableKeepAlives = false
	var dialled atomic.Bool
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, enough
		}
		return c, nil
	}
	for {
		// A POST, which no client sends twice by itself.
		res, err := client.Post("https://"+c.RemoteAddr().String(), "text/plain", http.NoBody) //nolint:noctx // it ends by itself
		if errors.Is(err, enough) {
			return nil
		}
		if err := whole(res, err); err != nil {
			return err
		}
		answered.Add(1)
	}
}

// whole is nil for an answer that is there, to its end.
func whole(res *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && string(body) != "whole" {
		err = fmt.Errorf("the body is %q", body)
	}
	return err
}

// busy is a listener whose connections are not accepted in time.
type busy struct {
	*net.TCPListener
	closed chan struct{}
}

func (b busy) Accept() (net.Conn, error) { <-b.closed; return nil, net.ErrClosed }

func (b busy) Close() error { defer close(b.closed); return b.TCPListener.Close() }

// Clients whose connections were made, and not yet accepted, are served: they think that they
// were taken.
func TestStopServesWhoIsInTheQueue(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, busy{l.(*net.TCPListener), make(chan struct{})}, Options{Handler: text("ok")})
	eventually(t, "it serves", func() bool { return s.listener.Load() != nil })
	var clients []net.Conn
	for range 5 {
		c := s.dial(t)
		write(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		clients = append(clients, c)
	}
	stopped := s.stop(t, 20*time.Second)
	for _, c := range clients {
		if got, want := answer(t, bufio.NewReader(c)), (reply{200, true, "ok"}); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A connection that has no request just then gets an answer still, if it sends one at once.
func TestKeptConnectionsAreAnsweredWhileStopping(t *testing.T) {
	s := start(t, Options{Handler: text("ok")})
	c := s.dial(t)
	r := bufio.NewReader(c)
	const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	write(t, c, request)
	if answer(t, r).close {
		t.Error("an answer before the end asks for a new connection")
	}
	stopped := s.stop(t, 20*time.Second)
	eventually(t, "it stops", s.draining.Load)
	write(t, c, request)
	if got, want := answer(t, r), (reply{200, true, "ok"}); got != want {
		t.Errorf("%v, want %v: a wish for a new connection", got, want)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// While it drains it serves, new connections too.
func TestDrain(t *testing.T) {
	s := start(t, Options{Handler: text("ok")})
	s.Drain()
	client := &http.Client{Transport: &http.Transport{}}
	for range 3 {
		if !get(t, client, "http://"+s.address).close {
			t.Error("no wish for a new connection")
		}
	}
	// An upgrade is no answer after which one could close.
	c := s.dial(t)
	write(t, c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if answer(t, bufio.NewReader(c)).close {
		t.Error("the answer to an upgrade asks for a new connection")
	}
}

// What has begun is finished: requests, and connections that were taken over.
func TestStopWaitsForWhatHasBegun(t *testing.T) {
	finish, goodbye := make(chan struct{}), make(chan struct{})
	s := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/take" {
			<-finish
			io.WriteString(w, "done")
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() { // as a WebSocket whose handler is done
			defer c.Close()
			<-goodbye
			_, _ = io.WriteString(c, "bye")
		}()
	})})
	request, taken := s.dial(t), s.dial(t)
	write(t, request, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	write(t, taken, "GET /take HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "both have begun", func() bool { return s.running.Load() == 1 && s.connections.takenOver() == 1 })
	stopped := s.stop(t, 20*time.Second)
	eventually(t, "nobody gets in any more", func() bool {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	close(finish)
	if got := answer(t, bufio.NewReader(request)); got.body != "done" {
		t.Errorf("the request: %q", got.body)
	}
	wantClosed(t, request)
	select {
	case err := <-stopped:
		t.Fatalf("it did not wait for the connection that was taken over: %v", err)
	case <-time.After(short):
	}
	close(goodbye)
	if got, err := io.ReadAll(taken); string(got) != "bye" || err != nil {
		t.Errorf("the connection that was taken over: %q, %v", got, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// What takes longer than the bound is cut, told, and seen by its handler.
func TestStopIsBounded(t *testing.T) {
	var seen atomic.Int64
	s := start(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/take" {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, c)
		} else {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
		<-time.After(short) // what it does then takes a moment
		seen.Add(1)
	})})
	stream, taken := s.dial(t), s.dial(t)
	write(t, stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	write(t, taken, "GET /take HTTP/1.1\r\nHost: a\r\n\r\n")
	eventually(t, "both have begun", func() bool { return s.running.Load() == 2 })
	if err := <-s.stop(t, short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want that the time is over", err)
	}
	wantClosed(t, stream)
	wantClosed(t, taken)
	if got := seen.Load(); got != 2 {
		t.Errorf("%d handlers have seen it when Stop returns, want 2", got)
	}
}

func TestStopBeforeServe(t *testing.T) {
	s := New(Options{Handler: text("ok")})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}
