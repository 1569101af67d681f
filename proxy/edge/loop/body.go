package loop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

const (
	// maxDiscarded is how much of a body that nobody wanted is read, in bytes, so that the connection can have another
	// request: as much as net/http reads.
	maxDiscarded = 256 << 10
	// maxTrailers bounds all trailers of a body, in bytes.
	maxTrailers = 4 << 10
)

var (
	errTrailers = fmt.Errorf("trailers of more than %d bytes", maxTrailers)
	errBareLF   = errors.New("a trailer that does not end with CR and LF")
)

// body is the body of a request. Any goroutine may read it, one at a time.
type body struct {
	answer  *answer
	over    atomic.Bool // nothing more is read from the connection
	expects atomic.Bool // the client waits to be asked for it
	asks    bool        // it did so at first

	mu      sync.Mutex
	left    int64         // with a length
	chunks  io.Reader     // of a chunked body, nil else
	source  *bufio.Reader // of chunks
	err     error         // of every Read from now on
	whole   bool          // all of it was read
	retired bool          // the connection is not ours any more
}

func newBody(a *answer, chunked bool) *body {
	b := &body{answer: a, left: a.request.ContentLength}
	if chunked {
		b.source = bufio.NewReader(source{b})
		b.chunks = httputil.NewChunkedReader(b.source)
	}
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read(p)
}

// Close implements io.Closer. What the client still sends is dealt with behind the handler.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}

func (b *body) read(p []byte) (n int, err error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	}
	if b.expects.Swap(false) {
		b.answer.goOn()
	}
	if b.chunks != nil {
		if n, err = b.chunks.Read(p); errors.Is(err, io.EOF) {
			if err = b.trailers(); err == nil {
				err = io.EOF
			}
		}
	} else {
		n, err = b.fromConn(p[:min(int64(len(p)), b.left)])
		if b.left -= int64(n); b.left == 0 {
			err = io.EOF
		} else if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		b.err, b.whole = err, errors.Is(err, io.EOF)
		if b.whole && b.source != nil {
			rest, _ := b.source.Peek(b.source.Buffered())
			b.answer.conn.putBack(rest)
		}
		b.over.Store(true)
	}
	return n, err
}

// source is the connection as chunks are read from it.
type source struct{ *body }

func (s source) Read(p []byte) (int, error) { return s.fromConn(p) }

// fromConn reads what was read already, or from the connection. A large piece goes past the input.
func (b *body) fromConn(p []byte) (int, error) {
	if b.retired {
		return 0, http.ErrBodyReadAfterClose
	}
	c := b.answer.conn
	if n := copy(p, c.unread()); n > 0 {
		c.use(n)
		return n, nil
	}
	c.limits.Lock()
	err := c.unlimited()
	c.limits.Unlock()
	if err == nil {
		var n int
		if n, err = c.read(p); err == nil {
			return n, nil
		}
	}
	b.answer.cancel() // as net/http has it: nothing more can come of the connection
	return 0, err
}

// trailers reads what is behind the last chunk, up to an empty line.
func (b *body) trailers() error {
	var text []byte
	for {
		line, err := b.source.ReadSlice('\n')
		if err != nil {
			return unexpected(err)
		}
		if len(line) < 2 || line[len(line)-2] != '\r' {
			return errBareLF
		}
		if text = append(text, line...); len(text) > maxTrailers {
			return errTrailers
		}
		if len(line) == 2 {
			break
		}
	}
	fields, err := wire.Canonicalise(text, true)
	if err != nil || fields == 0 {
		return err
	}
	r := b.answer.request
	if r.Trailer == nil {
		r.Trailer = http.Header{}
	}
	maps.Copy(r.Trailer, wire.Split(string(text), fields))
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// isWhole says whether all of it was read.
func (b *body) isWhole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
}

// discard reads what is left, and says whether that was all.
func (b *body) discard() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole || b.err != nil && !errors.Is(b.err, http.ErrBodyReadAfterClose) {
		return b.whole
	}
	if b.expects.Load() || b.left > maxDiscarded {
		return false
	}
	b.err = nil
	_, err := io.CopyN(io.Discard, reader(b.read), maxDiscarded+1)
	return errors.Is(err, io.EOF)
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// retire takes the connection away from it. A Read that waits ends.
func (b *body) retire() {
	for !b.mu.TryLock() {
		_ = b.answer.conn.setReadDeadline(time.Unix(1, 0))
		runtime.Gosched()
	}
	b.retired = true
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
	b.over.Store(true)
	b.mu.Unlock()
}
