package upstream

import (
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
// is reading from the network on it. That it reads means that its buffer is empty, and that of TLS
// above it; stray bytes make it close the connection instead, and the request goes out on another one.
//
// HTTP/2 has no such gap: its frames name the request that they are for.

// watchedConn knows whether somebody is reading from it, and does not wait for ever to send.
type watchedConn struct {
	net.Conn
	reading atomic.Bool
	closed  atomic.Bool
	// patience bounds one Write, once bodies are sent on the connection.
	patience time.Duration
	sends    bool // by the one goroutine that writes
}

func (c *watchedConn) Read(b []byte) (int, error) {
	c.reading.Store(true)
	n, err := c.Conn.Read(b)
	c.reading.Store(false)
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
func (c *watchedConn) isQuiet() bool { return c.reading.Load() || c.closed.Load() }

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
	// quietPatience is for a machine that is very busy. After it the connection is closed, which
	// costs a new one and nothing else.
	quietPatience = 50 * time.Millisecond
)

// awaitQuiet waits, in a request's goroutine, until its used connection has nothing buffered or
// is closed.
func awaitQuiet(info httptrace.GotConnInfo) {
	if !info.Reused {
		return
	}
	c := watched(info.Conn)
	if c == nil {
		return
	}
	for range quietYields {
		if c.isQuiet() {
			return
		}
		runtime.Gosched()
	}
	for began := time.Now(); !c.isQuiet(); time.Sleep(quietPause) {
		if time.Since(began) > quietPatience {
			_ = c.Close() // the transport notices, and takes another one
		}
	}
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
