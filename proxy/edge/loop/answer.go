package loop

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// unknown is a length that nobody has told.
const unknown = -1

const (
	// collected is how much of an answer without a length is collected, in bytes, in the hope that its end comes: then its
	// length is told. It is net/http's.
	collected = 2 << 10
	// largeChunk is the shortest piece that goes out from the handler's memory, in bytes.
	largeChunk = 8 << 10
)

// answer is what a handler answers with. It belongs to the goroutine of the handler, but for what is locked.
type answer struct {
	turn    *turn
	conn    *conn
	request *http.Request
	body    *body // of the request; nil for none

	header    http.Header
	status    int      // 0 until it is said
	trailers  []string // that were announced
	head      int      // how much of the output is before the body, until it is committed
	committed bool     // the head is complete
	declared  int64    // length
	written   int64    // of the body, by the handler
	bodiless  bool     // nothing of the body is sent
	chunked   bool
	chunkAt   int // where the open chunk begins in the output
	done      bool
	again     bool // it is done, and its connection may have another request
	released  bool // see Release
	duplex    bool
	closes    bool
	err       error // of writing

	connection  []string // the handler's field, copied
	hasType     bool
	hasDate     bool
	hasTrailers bool
	keepAlive10 bool

	interim sync.Mutex // held while something is written that is not the answer
	begun   bool       // the answer; guarded by interim
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil {
		if a.turn.replies == nil {
			const usual = 10
			a.turn.replies = make(http.Header, usual)
		}
		a.header = a.turn.replies
	}
	return a.header
}

// UseHeader makes h the header of the answer, so that what is in it need not be copied. It belongs to the answer until ServeHTTP returns, or
// Release is called. Fields that were set before, and that h does not have, go into it. Handlers find it behind wrappers by their Unwrap methods, as
// http.ResponseController finds its own.
func (a *answer) UseHeader(h http.Header) {
	for name, values := range a.header {
		if _, has := h[name]; !has {
			h[name] = values
		}
	}
	a.header = h
}

// Release says that the answer is complete, and that neither the handler, nor anyone whom it gave them to, holds anything of the request, its
// context, its header, the values in it, what stop AfterFunc gave, or the answer, or ever will; but for strings, which may be kept. The memory of all that may then
// serve another request as soon as ServeHTTP has returned. What was given to UseHeader is not used any more.
//
// Without it, all of that is the handler's to keep, as with net/http.
func (a *answer) Release() {
	if a.done || a.conn.taken {
		return
	}
	a.finish()
	a.released, a.header = true, nil
}

// errReleased is what becomes of a write behind Release.
var errReleased = errors.New("the answer was released")

// cancel ends the request's context.
func (a *answer) cancel() { a.turn.life.end() }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if a.status != 0 || a.conn.taken {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		a.writeInterim(status)
		return
	}
	a.status = status
	a.begin()
}

// writeInterim writes an answer before the answer.
func (a *answer) writeInterim(status int) {
	a.interim.Lock()
	defer a.interim.Unlock()
	if status == http.StatusContinue && a.body != nil {
		a.body.expects.Store(false)
	}
	out := a.conn.output()
	out.bytes = appendStatus(out.bytes, a.request.ProtoMinor, status)
	var fields []field
	for name, values := range a.header {
		if name != "Content-Length" && name != "Transfer-Encoding" && wire.IsToken(name) {
			fields = append(fields, field{name, values})
		}
	}
	out.bytes = appendFields(out.bytes, fields)
	out.bytes = append(out.bytes, '\r', '\n')
	a.failed(a.conn.send())
}

// goOn asks the client for its body, unless the answer has begun. It is called by who reads the body.
func (a *answer) goOn() {
	a.interim.Lock()
	defer a.interim.Unlock()
	if a.begun {
		return
	}
	if a.conn.WriteBuffers(net.Buffers{[]byte("HTTP/1.1 100 Continue\r\n\r\n")}) != nil {
		a.cancel() // the answer will fail as well
	}
}

// failed keeps the first error of writing. Without its client, a request is over.
func (a *answer) failed(err error) {
	if err != nil && a.err == nil {
		a.err = err
		a.cancel()
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	switch {
	case a.conn.taken:
		return 0, http.ErrHijacked
	case a.released:
		return 0, errReleased
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if len(b) == 0 {
		return 0, nil
	}
	if !bodyAllowed(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.written += int64(len(b))
	if a.declared != unknown && a.written > a.declared {
		return 0, http.ErrContentLength // and the connection ends behind it, as if the body were cut
	}
	if a.err != nil {
		return 0, a.err
	}
	if !a.committed {
		if a.collects() && a.written <= collected {
			out := a.conn.output()
			out.bytes = append(out.bytes, b...)
			return len(b), nil
		}
		a.commit(b)
	}
	if !a.bodiless {
		a.failed(a.put(b))
	}
	if a.err != nil {
		return 0, a.err
	}
	return len(b), nil
}

// collects says that a head is better completed later: when the length is known, or the request's body read, of which the rest
// has to be read before an answer is sent (see commit).
func (a *answer) collects() bool {
	return a.declared == unknown || a.body != nil && !a.body.over.Load()
}

// put puts a piece of the body behind the head, and sends what there is when it is much.
func (a *answer) put(b []byte) error {
	out := a.conn.output()
	if len(out.bytes)+len(b) <= outputSize-maxChunkFrame {
		out.bytes = append(out.bytes, b...)
		return nil
	}
	if !a.chunked {
		return a.conn.send(b)
	}
	a.closeChunk()
	if len(b) < largeChunk {
		err := a.conn.send()
		out = a.conn.output()
		a.chunkAt = 0
		out.bytes = append(out.bytes, b...)
		return err
	}
	out = a.conn.output()
	out.bytes = append(strconv.AppendInt(out.bytes, int64(len(b)), 16), '\r', '\n')
	err := a.conn.send(b, []byte("\r\n"))
	a.chunkAt = 0
	return err
}

// maxChunkFrame is what a chunk that fits into the output has around it at most, with the end of the body, in bytes.
const maxChunkFrame = 32

// closeChunk puts its size before what was collected as a chunk, and ends it.
func (a *answer) closeChunk() {
	out := a.conn.out
	if !a.chunked || out == nil || len(out.bytes) == a.chunkAt {
		return
	}
	var size [18]byte
	frame := append(strconv.AppendInt(size[:0], int64(len(out.bytes)-a.chunkAt), 16), '\r', '\n')
	out.insert(a.chunkAt, frame)
	out.bytes = append(out.bytes, '\r', '\n')
	a.chunkAt = len(out.bytes)
}

// insert puts text in between.
func (o *output) insert(at int, text []byte) {
	behind := len(o.bytes) - at
	o.bytes = append(o.bytes, text...)
	copy(o.bytes[at+len(text):], o.bytes[at:at+behind])
	copy(o.bytes[at:], text)
}

// FlushError is what http.ResponseController flushes by.
func (a *answer) FlushError() error {
	switch {
	case a.conn.taken:
		return http.ErrHijacked
	case a.released:
		return errReleased
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if !a.committed {
		a.commit(nil)
	}
	a.closeChunk()
	a.failed(a.conn.send())
	a.chunkAt = 0
	return a.err
}

// Flush implements http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// SetReadDeadline is for the body, and for who looks whether the client leaves.
func (a *answer) SetReadDeadline(t time.Time) error { return a.conn.setReadDeadline(t) }

// SetWriteDeadline is for what is written from now on, in this request.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.conn.foreignWrites = true
	return a.conn.SetWriteDeadline(t)
}

// EnableFullDuplex lets the body be read while the answer is written.
func (a *answer) EnableFullDuplex() error {
	a.duplex = true
	return nil
}

// Hijack implements http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c := a.conn
	switch {
	case c.taken:
		return nil, nil, http.ErrHijacked
	case a.released:
		return nil, nil, errReleased
	}
	if a.status != 0 && !a.committed {
		a.commit(nil)
	}
	if err := c.send(); err != nil {
		return nil, nil, err
	}
	c.watch.end()
	if a.body != nil {
		a.body.retire()
	}
	c.taken = true
	if err := c.Conn.SetDeadline(time.Time{}); err != nil {
		return nil, nil, err
	}
	early := bytes.Clone(c.unread())
	c.use(len(early))
	const size = 4 << 10
	in := bufio.NewReaderSize(&behind{early, c.Conn}, max(size, len(early)))
	if len(early) > 0 {
		_, _ = in.Peek(len(early)) // it is there, so that it counts as buffered
	}
	c.server.options.State(c.Conn, http.StateHijacked, time.Time{})
	return c.Conn, bufio.NewReadWriter(in, bufio.NewWriterSize(c.Conn, size)), nil
}

// behind reads what was read already, and then a connection.
type behind struct {
	early []byte
	net.Conn
}

func (r *behind) Read(p []byte) (int, error) {
	if len(r.early) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.early)
	r.early = r.early[n:]
	return n, nil
}

// cut ends an answer that was not completed, so that the client can see that: what would make it look whole is not sent.
func (a *answer) cut() {
	if a.body != nil {
		a.body.retire()
	}
	if a.done || !a.committed || !a.chunked && (a.bodiless || a.written == a.declared) {
		return
	}
	a.closeChunk()
	_ = a.conn.send()
}

// finish completes an answer. Nothing of its header is looked at behind that.
func (a *answer) finish() {
	a.done = true
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if !a.committed {
		a.commit(nil)
	}
	if a.chunked {
		a.closeChunk()
		out := a.conn.output()
		out.bytes = append(out.bytes, "0\r\n"...)
		out.bytes = a.appendTrailers(out.bytes)
		out.bytes = append(out.bytes, '\r', '\n')
	}
	if a.body != nil {
		if !a.closes && !a.body.isWhole() {
			if a.failed(a.conn.send()); !a.body.discard() {
				a.closes = true
			}
		}
		a.body.retire()
	}
	short := a.declared != unknown && !a.bodiless && a.written != a.declared
	a.again = !a.closes && !short && a.err == nil
}

var (
	_ http.Flusher  = (*answer)(nil)
	_ http.Hijacker = (*answer)(nil)
)
