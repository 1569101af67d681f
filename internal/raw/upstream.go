package raw

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Upstream is a server that does what its script says. It is safe for concurrent use.
type Upstream struct {
	tb       testing.TB
	listener net.Listener
	ctx      context.Context // the life of the test
	all      sync.WaitGroup

	mu       sync.Mutex
	script   []Step
	forgive  bool
	sparse   bool
	conns    int
	open     int
	requests []Request
	changed  chan struct{} // closed, and made anew, whenever something happened
}

// Serve starts an upstream on a free port of the loopback address. It ends with the test, and fails
// it if it was sent a malformed request.
func Serve(tb testing.TB, script ...Step) *Upstream {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return ServeOn(tb, listener, script...)
}

// ServeOn is Serve on a listener of the caller's, for TLS and unix sockets. It closes it.
func ServeOn(tb testing.TB, listener net.Listener, script ...Step) *Upstream {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	u := &Upstream{tb: tb, listener: listener, ctx: ctx, script: script, changed: make(chan struct{})}
	u.all.Go(u.accept)
	tb.Cleanup(func() {
		cancel()
		listener.Close()
		u.all.Wait()
		u.judge()
	})
	return u
}

// judge fails the test for malformed requests.
func (u *Upstream) judge() {
	for _, r := range u.Requests() {
		if isFault(r.Err) && !u.forgive {
			u.tb.Errorf("the upstream was sent what is no request: %v\n%.200q", r.Err, r.Raw)
		}
	}
}

// Address is host:port.
func (u *Upstream) Address() string { return u.listener.Addr().String() }

// URL is the address as a base of URLs.
func (u *Upstream) URL() string { return "http://" + u.Address() }

// Script changes the script, for connections on which nothing was sent yet.
func (u *Upstream) Script(script ...Step) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.script = script
}

// Forgive lets malformed requests be: they are kept, with their fault, and fail nothing.
func (u *Upstream) Forgive() *Upstream {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgive = true
	return u
}

// Sparse keeps of requests to come only those that are malformed, for tests that send millions.
func (u *Upstream) Sparse() *Upstream {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sparse = true
	return u
}

// Requests are those that came so far, over all connections, also such as broke off.
func (u *Upstream) Requests() []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Request(nil), u.requests...)
}

// Connections is how many there were so far.
func (u *Upstream) Connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.conns
}

// Request waits for the n-th request, from 1, and gives it.
func (u *Upstream) Request(n int) Request {
	u.tb.Helper()
	u.await(func() bool { return len(u.requests) >= n }, "request")
	return u.Requests()[n-1]
}

// AwaitIdle waits until no connection is open.
func (u *Upstream) AwaitIdle() {
	u.tb.Helper()
	u.await(func() bool { return u.open == 0 }, "end of its connections")
}

// await waits until a condition holds. It fails the test when that takes too long.
func (u *Upstream) await(holds func() bool, what string) {
	u.tb.Helper()
	deadline := time.After(patience)
	for {
		u.mu.Lock()
		done, changed := holds(), u.changed
		u.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			u.tb.Fatalf("the upstream waited %v for a %s", patience, what)
		}
	}
}

func (u *Upstream) change(what func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	what()
	close(u.changed)
	u.changed = make(chan struct{})
}

func (u *Upstream) accept() {
	for {
		c, err := u.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				u.tb.Errorf("accept: %v", err)
			}
			return
		}
		u.all.Go(func() { u.talk(c) })
	}
}

func (u *Upstream) keep(r Request) {
	u.change(func() {
		if !u.sparse || isFault(r.Err) {
			u.requests = append(u.requests, r)
		}
	})
}

// talk runs the script on one connection.
func (u *Upstream) talk(c net.Conn) {
	conn := &Conn{net: c, in: newReader(c), ctx: u.ctx}
	conn.keep = u.keep
	u.change(func() {
		u.conns++
		u.open++
		conn.number = u.conns
	})
	stop := context.AfterFunc(u.ctx, func() { c.Close() })
	defer stop()
	defer u.change(func() { u.open-- })
	defer c.Close()
	// A connection may be made long before it is used, or for nothing.
	if _, err := conn.in.in.Peek(1); err != nil {
		return
	}
	u.mu.Lock()
	script := u.script
	u.mu.Unlock()
	_ = conn.run(script) // how it ended is in the requests, or no matter
}
