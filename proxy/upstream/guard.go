package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"runtime"
	"sync/atomic"
	"time"
)

// An upstream that sends more than the length it announced leaves bytes in the buffer of the
// connection. http.Transport finds them when it looks, but it offers the connection to the next
// request before it looks; that request then takes the stray bytes for its answer, and one caller
// reads what was meant for another, or what an attacker had the upstream write.
//
// The guard closes the gap: a request that was given a used connection waits until the transport
// has looked for more on it and found nothing. That it looks means that its own buffer is empty, and
// that of TLS above it; stray bytes, there or in the kernel's buffer, make it close the connection
// instead, and the request goes out on another one.
//
// HTTP/2 has no such gap: its frames name the request that they are for.

// watchedConn knows whether all that has come on it was taken, and does not wait for ever to send.
type watchedConn struct {
	net.Conn
	// empty: the last look at the kernel's buffer found nothing, and nobody has looked since.
	empty  atomic.Bool
	closed atomic.Bool
	reader reader
	// patience bounds one Write, once bodies are sent on the connection.
	patience time.Duration
	sends    bool // by the one goroutine that writes
}

func newWatchedConn(c net.Conn, patience time.Duration) *watchedConn {
	w := &watchedConn{Conn: c, patience: patience}
	w.reader.open(w)
	return w
}

func (c *watchedConn) Read(b []byte) (int, error) { return c.reader.read(b) }

// readBlindly takes a Read that has begun for one that found nothing, for what is no socket.
func (c *watchedConn) readBlindly(b []byte) (int, error) {
	c.empty.Store(true)
	n, err := c.Conn.Read(b)
	c.empty.Store(false)
	return n, err
}

// wholeHead is how many bytes are at most written at once for a request without a body: net/http's
// buffer. They fit the kernel's, which is empty then, so such a write cannot wait and needs no
// deadline, which would cost more than all else here.
const wholeHead = 4 << 10

func (c *watchedConn) Write(b []byte) (int, error) {
	if c.sends = c.sends || len(b) >= wholeHead; c.sends {
		if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

func (c *watchedConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// isQuiet says that nothing is buffered above the connection, or nobody will use it.
func (c *watchedConn) isQuiet() bool { return c.empty.Load() || c.closed.Load() }

// CloseWrite lets the end of one direction of a tunnel through.
func (c *watchedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

const (
	// quietYields is how often the guard lets others run before it sleeps: the transport takes
	// microseconds to look at a connection.
	quietYields = 64
	quietPause  = 20 * time.Microsecond
)

// awaitQuiet waits, in a request's goroutine, until its used connection has nothing buffered or
// is closed, however long a busy machine takes for that: to close the connection here would not
// take from the transport what it has buffered. It is false when ctx was done first.
func awaitQuiet(ctx context.Context, info httptrace.GotConnInfo) bool {
	if !info.Reused {
		return true
	}
	c := watched(info.Conn)
	if c == nil {
		return true
	}
	for range quietYields {
		if c.isQuiet() {
			return true
		}
		runtime.Gosched()
	}
	for ; !c.isQuiet(); time.Sleep(quietPause) {
		if ctx.Err() != nil {
			_ = c.Close()
			return false
		}
	}
	return true
}

// watched finds the watchedConn below TLS.
func watched(c net.Conn) *watchedConn {
	for {
		switch v := c.(type) {
		case *watchedConn:
			return v
		case interface{ NetConn() net.Conn }:
			c = v.NetConn()
		default:
			return nil
		}
	}
}

// isHTTP2 says what was agreed on over TLS.
func isHTTP2(c net.Conn) bool {
	secure, ok := c.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}
