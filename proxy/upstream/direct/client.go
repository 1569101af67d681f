// Package direct asks an upstream in HTTP/1.1 on the goroutine of its caller, over connections that
// are kept: no goroutine is woken to write, and none to read.
//
// It does what nearly all requests of a proxy need, and leaves the rest to [http.Transport], whose
// manners it has: [Client.RoundTrip] returns [http.ErrSkipAltProtocol] before anything was done
// where a request has a body that is not in memory, or that is long, an upgrade, an expectation, trailers, a
// host that has to be rewritten, or anything that is not valid. TLS and HTTP/2 are none of its business.
//
// The life of a request, in the order of the files:
//
//  1. request.go: its head is put together in the buffer that the answer will be read into.
//  2. pool.go: a connection is taken, the last one that was given back, if it is quiet; else one is made.
//  3. exchange.go: the request is written, the head of the answer read. On a kept connection that turns
//     out dead it goes out once more where that is safe.
//  4. head.go, framing.go: the head is parsed strictly, and says where the body ends.
//  5. body.go, chunks.go: the body is read by whoever wants it, past the buffer where there is much of it.
//     At its end the connection goes back to the pool.
//
// No answer can be another caller's: a connection on which anything is left behind an answer, in
// the buffer or in the kernel, is closed, not used.
//
// On systems other than Linux a Client takes no request (internal/rawio).
package direct

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// Options is everything that a Client is made of. All members are required.
type Options struct {
	// Dial makes a connection, TCP or a unix socket. It goes to the one upstream that the Client is for,
	// whatever the requests' URLs say.
	Dial func(context.Context) (net.Conn, error)
	// HeaderTimeout bounds the wait for the head of an answer after the request was written, give or take
	// an eighth of it, or a second where that is less.
	HeaderTimeout time.Duration
	// SendTimeout bounds how long the upstream may take to take a request of more than 4 KiB. A
	// shorter one fits the buffers of the kernel.
	SendTimeout time.Duration
	// IdleTimeout is how long a connection without a request is kept, and up to 5 s more.
	IdleTimeout time.Duration
	// MaxIdle is how many such are kept.
	MaxIdle int
	// MaxHeaderBytes bounds the head of an answer, and that of each interim answer.
	MaxHeaderBytes int64
	// Stray is told whenever there was something behind an answer that nobody asked for, and the connection was closed for it.
	Stray func()
}

// Client asks one upstream. It is safe for concurrent use.
type Client struct {
	options Options
	pool    pool
	buffers buffers
}

// New gives a Client. It does no I/O.
func New(o Options) *Client {
	return &Client{options: o, pool: pool{most: o.MaxIdle, patience: o.IdleTimeout, stray: o.Stray}}
}

// RoundTrip implements http.RoundTripper. The request goes out once, but for a kept connection that
// turns out dead: then a request of which nothing was written takes another one, and so does a
// GET, HEAD or OPTIONS without a body to which not a byte of an answer came.
//
// An end of the request's context closes the connection at once, also while the body is read; the error is the context's
// cause. Of an [httptrace.ClientTrace] it tells GetConn, GotConn, PutIdleConn, GotFirstResponseByte,
// Got1xxResponse, WroteHeaders and WroteRequest, on the caller's goroutine. Where nobody hears of
// interim answers, all their heads together are bounded as one head is.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	return c.RoundTripIn(new(Exchange), r, httptrace.ContextClientTrace(r.Context()))
}

// RoundTripIn is RoundTrip in the memory of x, which has to be over, and with a trace, nil for none, in place of the
// context's.
func (c *Client) RoundTripIn(x *Exchange, r *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	if !supported || !takes(r) {
		return nil, http.ErrSkipAltProtocol
	}
	b := c.buffers.getAsk(r.ContentLength)
	if !b.putHead(r) {
		c.buffers.put(b)
		return nil, http.ErrSkipAltProtocol
	}
	x.start(c, r, trace, b)
	for {
		err := x.connect()
		if err == nil {
			err = x.ask()
		}
		switch {
		case err == nil:
			return &x.response, nil
		case errors.Is(err, errAgain):
			continue
		}
		c.buffers.put(x.asked)
		c.buffers.put(x.buffer)
		x.closeRequest()
		x.busy.Store(false)
		if cause := context.Cause(x.ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
}

// CloseIdleConnections closes connections that no request uses; others when their answer was read, as
// long as no new request comes.
func (c *Client) CloseIdleConnections() { c.pool.close() }

var _ http.RoundTripper = (*Client)(nil)
