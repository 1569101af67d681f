package loop

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/rawio"
)

// patience is how long a handler may take before somebody looks whether its client has left; twice as long at most. Looking takes another
// goroutine and several system calls, which the many requests that are answered sooner are spared.
const patience = 20 * time.Millisecond

// watch looks whether the client leaves while a handler runs. One timer for each connection, which is set at most
// once in each patience, begins it where the handler runs that ran when the timer was set.
type watch struct {
	conn *conn

	mu      sync.Mutex
	timer   *time.Timer
	armed   bool // the timer
	current *answer
	count   uint64        // of requests: current may be of the same memory as the one before
	seen    uint64        // the count when the timer was set
	ended   chan struct{} // closed when who looks has ended; nil while nobody looks
	stopped bool          // by us
}

// begin is for the beginning of a request.
func (w *watch) begin(a *answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = a
	w.count++
	if w.armed {
		return
	}
	w.armed, w.seen = true, w.count
	if w.timer == nil {
		w.timer = time.AfterFunc(patience, w.late)
	} else {
		w.timer.Reset(patience)
	}
}

// late runs when the timer fires: the request that is under way may be another one than when it was set, or none.
func (w *watch) late() {
	w.mu.Lock()
	w.armed = false
	a := w.current
	if a == nil || w.ended != nil {
		w.mu.Unlock()
		return
	}
	// Who reads a body sees that the client leaves.
	if w.seen != w.count || a.body != nil && !a.body.over.Load() {
		w.armed, w.seen = true, w.count
		w.timer.Reset(patience)
		w.mu.Unlock()
		return
	}
	w.conn.limits.Lock()
	err := w.conn.unlimited()
	w.conn.limits.Unlock()
	ended := make(chan struct{})
	w.ended, w.stopped = ended, false
	w.mu.Unlock()
	defer close(ended)
	if err == nil {
		err = w.look()
	}
	if err == nil {
		return // the client has sent more: it is there, and cannot be watched any longer
	}
	w.mu.Lock()
	stopped := w.stopped
	w.mu.Unlock()
	if !stopped {
		a.cancel()
	}
}

// look waits until there is something to read, and leaves it there.
func (w *watch) look() error {
	var b [1]byte
	var n int
	var errno syscall.Errno
	err := w.conn.raw.Read(func(fd uintptr) bool {
		n, errno = rawio.Peek(fd, b[:])
		return errno != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return err
	case errno != 0:
		return errno
	case n == 0:
		return errLeft
	}
	return nil
}

var errLeft = errors.New("the client has closed the connection")

// end is for the end of a request: behind it, nobody looks.
func (w *watch) end() {
	w.mu.Lock()
	w.current = nil
	ended := w.ended
	if ended != nil {
		w.stopped = true
		// It ends at this at once.
		_ = w.conn.setReadDeadline(time.Unix(1, 0))
	}
	w.mu.Unlock()
	if ended != nil {
		<-ended
		w.mu.Lock()
		w.ended = nil
		w.mu.Unlock()
	}
}

// stop is for the end of the connection.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = nil
	if w.timer != nil {
		w.timer.Stop()
	}
}
