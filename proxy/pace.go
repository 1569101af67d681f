package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pacedBody is a client's body that has to make progress: leastProgress, or its end, in each
// idle of the time that it is waited for. Time in which nobody wants to read it does not count.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	idle    time.Duration
	http1   bool

	reading sync.Mutex  // the transport may still read when the answer is complete
	over    bool        // the exchange is
	slow    bool        // it was cut
	whole   atomic.Bool // all of it was read
	left    time.Duration
	got     int // bytes in this idle
	closed  atomic.Bool
}

const (
	// defaultRequestIdle is longer than any pause of a network that still works.
	defaultRequestIdle = 30 * time.Second
	// leastProgress, in bytes, is less than what the slowest line brings in seconds, and more than a
	// client can send byte by byte that means to hold a request for hours.
	leastProgress = 1 << 10
)

var errSlow = errors.New("the request's body comes too slowly (server.body_idle_timeout)")

// pace has the request's body keep its pace, where it has one.
func (x *exchange) pace() {
	r := x.in
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	idle := x.proxy.limits.RequestIdle
	x.paced = &pacedBody{
		ReadCloser: r.Body, control: http.NewResponseController(x.client.ResponseWriter),
		idle: idle, left: idle, http1: r.ProtoMajor == 1,
	}
	if x.paced.http1 {
		// For what net/http reads itself, of a body that nobody wanted.
		x.paced.until(time.Now().Add(idle))
	}
	// A copy: net/http looks at the body of its own when it writes the answer.
	x.in = r.WithContext(r.Context())
	x.in.Body = x.paced
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.over || b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	began := time.Now()
	b.until(began.Add(b.left))
	n, err := b.ReadCloser.Read(p)
	b.got += n
	if b.left -= time.Since(began); b.got >= leastProgress {
		b.got, b.left = 0, b.idle
	}
	if err == io.EOF {
		b.whole.Store(true)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.slow = true
		return n, &refusal{problemSlow, errSlow} // without the cause: it is no timeout of the upstream's
	case err == io.EOF, !b.http1:
		// net/http now listens whether the client leaves, for as long as the answer takes. HTTP/2
		// would end the body at a deadline also while nobody reads.
		b.until(time.Time{})
	}
	if err != nil && err != io.EOF {
		err = &refusal{problemUnreadable, fmt.Errorf("read the request's body: %w", err)} // it is not the upstream that broke off
	}
	return n, err
}

// Close keeps the transport from reading on. The body itself is net/http's to close: to do that it reads what
// the client has not sent yet, for which a client that waits to be asked for it would let it wait.
func (b *pacedBody) Close() error {
	b.closed.Store(true)
	return nil
}

// end is for the end of the exchange. net/http would wait for a Read that waits, with the answer
// still in its hands; and a Read that begins later would set deadlines for the next request.
func (b *pacedBody) end() {
	for !b.reading.TryLock() {
		b.until(time.Unix(1, 0))
		runtime.Gosched()
	}
	b.over = true
	b.reading.Unlock()
}

// wasSlow says whether the request was given up because its body was too slow. net/http makes no
// difference between that and a client that has left.
func (x *exchange) wasSlow() bool {
	b := x.paced
	if b == nil || x.in.Context().Err() == nil {
		return false
	}
	b.reading.Lock() // a Read that fails has told net/http before it tells us
	defer b.reading.Unlock()
	return b.slow
}

// until sets the deadline of reading. Where the server has none, as in some tests, there is no pace.
func (b *pacedBody) until(t time.Time) { _ = b.control.SetReadDeadline(t) }
