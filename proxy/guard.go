package proxy

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"net/textproto"
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
// is reading from the network on it. That it reads means that its buffer is empty; stray bytes
// make it close the connection instead, and the request goes out on another one.

// watchedConn knows whether somebody is reading from it.
type watchedConn struct {
	net.Conn
	reading atomic.Bool
	closed  atomic.Bool
}

func (c *watchedConn) Read(b []byte) (int, error) {
	c.reading.Store(true)
	n, err := c.Conn.Read(b)
	c.reading.Store(false)
	return n, err
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

// maxInterim is how many interim answers (1xx) may come before the answer. A few are usual; an endless
// row of them would keep a request, and its client, busy without end.
const maxInterim = 32

var errInterim = errors.New("too many interim answers")

// guardedContext is a request's context with a trace that guards it, before whatever traces it
// already. httptrace itself could only join the two, by reflection, and a joined trace cannot
// refuse an interim answer.
type guardedContext struct {
	context.Context
	trace   httptrace.ClientTrace
	outer   *httptrace.ClientTrace // perhaps nil
	interim int
}

func guarded(ctx context.Context) context.Context {
	g := &guardedContext{Context: ctx, outer: httptrace.ContextClientTrace(ctx)}
	if g.outer != nil {
		g.trace = *g.outer
	}
	g.trace.GotConn, g.trace.Got1xxResponse = g.gotConn, g.gotInterim
	if g.outer == nil {
		return httptrace.WithClientTrace(ctx, &g.trace)
	}
	return g
}

// Value puts the trace in the place of the other one.
func (g *guardedContext) Value(key any) any {
	v := g.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return &g.trace
	}
	return v
}

func (g *guardedContext) gotConn(info httptrace.GotConnInfo) {
	awaitQuiet(info)
	if g.outer != nil && g.outer.GotConn != nil {
		g.outer.GotConn(info)
	}
}

func (g *guardedContext) gotInterim(code int, header textproto.MIMEHeader) error {
	if g.interim++; g.interim > maxInterim {
		return errInterim
	}
	if g.outer != nil && g.outer.Got1xxResponse != nil {
		return g.outer.Got1xxResponse(code, header)
	}
	return nil
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
