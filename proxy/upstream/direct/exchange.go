package direct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"sync/atomic"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// Exchange is the memory of one request and its answer. It is the body of its answer, too. The zero value is ready.
// Whoever owns it may use it for one request after the other, each when nobody has anything of the last one any more,
// its answer, header and body included, and [Exchange.IsOver] says that it is over.
type Exchange struct {
	client  *Client
	request *http.Request
	ctx     context.Context // the request's
	trace   *httptrace.ClientTrace
	asked   *buffer // the request; nil as soon as something of an answer has come
	buffer  *buffer // the answer; nil until then
	written int     // how much of asked is to be written; 0 until it is complete
	taken   bool    // the request's body was read and closed

	conn  *conn
	stop  func() bool // ends the watch over ctx; nil for none
	begun bool        // something of an answer has come

	response http.Response
	header   http.Header // of the answer, used again for the next one
	values   []string    // what is in it, at least
	framing  framing
	left     uint64 // of the body, or of the chunk that is being read
	chunks   chunks
	state    atomic.Int32 // of the body: open, reading, ended, closed
	err      error        // of Read, from the body's end on
	busy     atomic.Bool  // from start until the connection and the buffers were given back
}

// start makes x ready for a request. What it had of the last one is gone.
func (x *Exchange) start(c *Client, r *http.Request, trace *httptrace.ClientTrace, asked *buffer) {
	*x = Exchange{client: c, request: r, ctx: r.Context(), trace: trace, asked: asked, header: x.header, values: x.values}
	x.busy.Store(true)
}

// IsOver says that the answer was read to its end or closed, or that there was none, so that nothing here is in use. It is true of
// the zero value.
func (x *Exchange) IsOver() bool { return !x.busy.Load() }

var (
	// errAgain says that the request may go out on another connection.
	errAgain    = errors.New("a kept connection was dead")
	errNoAnswer = fmt.Errorf("the upstream closed the connection in place of an answer: %w", io.EOF)
	errCutHead  = fmt.Errorf("the head of the answer broke off: %w", io.ErrUnexpectedEOF)
	errSwitched = errors.New("status 101, which nobody asked for")
)

// lateError is the error of an upstream that does not answer in time.
type lateError struct{}

func (lateError) Error() string   { return "timeout awaiting response headers" }
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }

var _ net.Error = lateError{}

// connect takes a connection, or makes one.
func (x *Exchange) connect() error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	if x.trace != nil && x.trace.GetConn != nil {
		x.trace.GetConn(x.request.URL.Host)
	}
	x.conn = x.client.pool.take()
	if x.conn == nil {
		c, err := x.client.options.Dial(x.ctx)
		if err != nil {
			return err
		}
		if x.conn, err = newConn(c); err != nil {
			return err
		}
	}
	if x.trace != nil && x.trace.GotConn != nil {
		x.trace.GotConn(httptrace.GotConnInfo{Conn: x.conn.Conn, Reused: x.conn.used, WasIdle: x.conn.used, IdleTime: x.conn.rested})
	}
	return nil
}

// ask writes the request on the connection and reads the head of the answer.
func (x *Exchange) ask() error {
	if err := x.complete(); err != nil {
		x.giveBack(true)
		return err
	}
	x.stop = afterFunc(x.ctx, x.conn.abort)
	n, err := x.send()
	nothing := err != nil && n == 0
	if err == nil {
		err = x.answer()
	}
	if err == nil {
		return nil
	}
	again := x.conn.used && !x.begun && (nothing || x.isSafe()) && !isTimeout(err) && x.ctx.Err() == nil
	x.giveBack(false)
	if again {
		return errAgain
	}
	return err
}

// afterFunc has f called when ctx ends, unless it is stopped before. A context that knows how to do so by itself needs
// no other one around it.
func afterFunc(ctx context.Context, f func()) (stop func() bool) {
	if own, ok := ctx.(interface{ AfterFunc(f func()) func() bool }); ok {
		return own.AfterFunc(f)
	}
	if ctx.Done() == nil {
		return nil
	}
	return context.AfterFunc(ctx, f)
}

// complete puts the body behind the head. It is not read before there is a connection, so that who gets
// none still has it.
func (x *Exchange) complete() error {
	if x.written == 0 && x.request.ContentLength > 0 {
		x.taken = true
		if err := x.asked.putBody(x.request); err != nil {
			return err
		}
	}
	x.written = max(x.written, x.asked.to)
	return nil
}

// closeRequest does what a RoundTripper promises.
func (x *Exchange) closeRequest() {
	if x.request.Body != nil && !x.taken {
		_ = x.request.Body.Close() // nobody wanted what was in it
	}
}

// send writes the request, and says how much of it was written. Usually it waits for the answer as well.
func (x *Exchange) send() (n int, err error) {
	request := x.asked.bytes[:x.written]
	traced := x.trace != nil && (x.trace.WroteHeaders != nil || x.trace.WroteRequest != nil)
	if !traced && len(request) <= shortWrite {
		if err := x.conn.await(x.client.options.HeaderTimeout); err != nil {
			return 0, err
		}
		switch n, err = x.conn.ask(request); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return n, lateError{}
		case !errors.Is(err, errFull):
			return n, err
		}
	}
	more, err := x.conn.write(request[n:], x.client.options.SendTimeout)
	if traced {
		x.wrote(err)
	}
	if err == nil {
		err = x.conn.await(x.client.options.HeaderTimeout)
	}
	return n + more, err
}

func (x *Exchange) wrote(err error) {
	if x.trace.WroteHeaders != nil && err == nil {
		x.trace.WroteHeaders()
	}
	if x.trace.WroteRequest != nil {
		x.trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

// isSafe says whether a request may be sent twice.
func (x *Exchange) isSafe() bool {
	m := x.request.Method
	return (m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions) && x.request.ContentLength == 0
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// answer reads heads up to the one of the answer.
func (x *Exchange) answer() error {
	if x.buffer == nil {
		x.buffer = x.client.buffers.get()
	}
	if err := x.fill(); err != nil {
		return err
	}
	x.begun = true
	x.client.buffers.put(x.asked)
	x.asked = nil
	if x.trace != nil && x.trace.GotFirstResponseByte != nil {
		x.trace.GotFirstResponseByte()
	}
	res, limit := &x.response, x.client.options.MaxHeaderBytes
	for {
		text, err := x.head(limit)
		if err != nil {
			return err
		}
		if err = x.parseHead(text); err != nil {
			return err
		}
		if x.framing, err = frame(res, x.request.Method); err != nil {
			return err
		}
		switch {
		case res.StatusCode == http.StatusSwitchingProtocols:
			return errSwitched
		case res.StatusCode >= http.StatusOK:
			x.begin()
			return nil
		case x.trace != nil && x.trace.Got1xxResponse != nil:
			if err := x.trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return err
			}
		default:
			limit -= int64(len(text))
		}
		*res, x.header = http.Response{}, nil // whoever heard of it may keep it
	}
}

// head reads up to the empty line behind a head, and gives both. They are good until the next read.
func (x *Exchange) head(limit int64) ([]byte, error) {
	var lines wire.Lines
	for {
		unread := x.buffer.unread()
		if !beginsHead(unread) {
			return nil, fmt.Errorf("malformed HTTP response %q", wire.Quoted(unread))
		}
		n := lines.End(unread)
		switch {
		case int64(n) > limit, n == 0 && int64(len(unread)) >= limit:
			return nil, fmt.Errorf("the head of the answer exceeded %d bytes", x.client.options.MaxHeaderBytes)
		case n > 0:
			x.buffer.from += n
			return unread[:n], nil
		}
		if err := x.fill(); errors.Is(err, errNoAnswer) {
			return nil, errCutHead
		} else if err != nil {
			return nil, err
		}
	}
}

// fill reads something of a head.
func (x *Exchange) fill() error {
	n, err := x.conn.read(x.buffer.room())
	x.buffer.to += n
	switch {
	case errors.Is(err, io.EOF):
		return errNoAnswer
	case errors.Is(err, os.ErrDeadlineExceeded):
		return lateError{}
	}
	return err
}

// begin leaves the body to the caller.
func (x *Exchange) begin() {
	x.response.Request = x.request
	x.left = x.framing.length
	if x.framing.body == noBody {
		x.response.Body = http.NoBody
		x.release(true)
		return
	}
	x.response.Body = x
}

var errLeftOver = errors.New("the connection cannot be used again")

// giveBack ends the use of the connection. It is kept only where that may be, and the caller has not left.
func (x *Exchange) giveBack(keep bool) {
	if x.stop != nil && !x.stop() {
		keep = false
	}
	x.stop = nil
	err := errLeftOver
	if keep {
		err = x.client.pool.put(x.conn)
	}
	if err != nil {
		x.conn.close()
	}
	if x.trace != nil && x.trace.PutIdleConn != nil {
		x.trace.PutIdleConn(err)
	}
}

// release ends the use of the connection and of the buffer behind the answer; whole says that all of it was read.
func (x *Exchange) release(whole bool) {
	stray := whole && len(x.buffer.unread()) > 0
	if stray {
		x.client.options.Stray()
	}
	x.giveBack(whole && !stray && !x.framing.closes)
	x.client.buffers.put(x.buffer)
	x.busy.Store(false)
}
