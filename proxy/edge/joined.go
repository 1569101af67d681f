package edge

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// net/http collects an answer in a buffer of 4 KiB. One that is longer goes out in two writes: the full buffer, and what
// is behind it. Each is a system call and a packet, and wakes the client up. Here the buffer waits for
// what is behind it, which follows in any case, and both go out in one (writev).

// collected is the size of net/http's buffer. Were it another one day, writes would go out one by one.
const collected = 4 << 10

// joinedAnswer is the answer to a request of HTTP/1 without TLS.
type joinedAnswer struct {
	http.ResponseWriter
	conn *conn
}

// Write lets a full buffer wait. It is full because there was more than it could take, which is behind it now: in the
// next write, or in the buffer, from where every flush and the end of the answer send it.
func (a joinedAnswer) Write(b []byte) (int, error) {
	if len(b) < collected {
		return a.ResponseWriter.Write(b)
	}
	a.conn.join(true)
	defer a.conn.join(false)
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController do the rest.
func (a joinedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// joined is a connection's side of it. A client that is told to go on (100) is told by another goroutine.
type joined struct {
	mu      sync.Mutex
	joining bool
	held    *[collected]byte
}

// heldBuffers are the buffers that wait: there are as many as answers under way, not as connections.
type heldBuffers struct{ pool sync.Pool }

func (p *heldBuffers) get() *[collected]byte {
	if b, ok := p.pool.Get().(*[collected]byte); ok {
		return b
	}
	return new([collected]byte)
}

func (j *joined) join(on bool) {
	j.mu.Lock()
	j.joining = on
	j.mu.Unlock()
}

// hold keeps a write for the next one; false where it is to go out, with what was held before it.
func (j *joined) hold(b []byte, buffers *heldBuffers) (held *[collected]byte, holds bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.joining && j.held == nil && len(b) == collected {
		j.held = buffers.get()
		copy(j.held[:], b)
		return nil, true
	}
	held, j.held = j.held, nil
	return held, false
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := nc.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// joining gives the answer to a request whose writes are joined, where they can be.
func joining(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok && r.ProtoMajor == 1 {
		return joinedAnswer{w, c}
	}
	return w
}
