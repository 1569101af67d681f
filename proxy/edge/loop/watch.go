package loop

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/rawio"
)

// patience is how long a handler may take before somebody looks whether its client has left; twice as long at most. Looking takes a
// goroutine and several system calls, which the many requests that are answered sooner are spared.
const patience = 20 * time.Millisecond

// watches are the connections of a Server. While any of them has a request, a timer, one for all, has them looked at in rounds: one
// for each connection would fire for nearly every request where there are few on each.
type watches struct {
	mu    sync.Mutex
	all   map[*watch]struct{}
	timer *time.Timer
	set   atomic.Bool // the timer is
}

func (s *watches) add(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*watch]struct{}{}
	}
	s.all[w] = struct{}{}
}

func (s *watches) remove(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, w)
}

// begin is for the beginning of a request, behind that of its watch.
func (s *watches) begin() {
	if s.set.Load() || s.set.Swap(true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil {
		s.timer = time.AfterFunc(patience, s.round)
	} else {
		s.timer.Reset(patience)
	}
}

// round looks at every connection. A request that begins meanwhile is seen here, or sees that the timer is not set.
func (s *watches) round() {
	s.set.Store(false)
	again := false
	s.mu.Lock()
	for w := range s.all {
		again = w.round() || again
	}
	s.mu.Unlock()
	if again {
		s.begin()
	}
}

// watch looks whether the client of a connection leaves while a handler runs that was there in the round before as well.
type watch struct {
	conn *conn

	mu      sync.Mutex
	current *answer
	count   uint64        // of requests: current may be of the same memory as the one before
	seen    uint64        // the count in the last round that found a request
	ended   chan struct{} // closed when who looks has ended; nil while nobody looks
	stopped bool          // by us
}

// begin is for the beginning of a request.
func (w *watch) begin(a *answer) {
	w.mu.Lock()
	w.current = a
	w.count++
	w.mu.Unlock()
	w.conn.server.watches.begin()
}

// round begins to look where it is time, and says whether another round is wanted.
func (w *watch) round() (again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.current
	switch {
	case a == nil || w.ended != nil:
		return false
	case w.seen != w.count, a.body != nil && !a.body.over.Load(): // who reads a body sees that the client leaves
		w.seen = w.count
		return true
	}
	w.ended, w.stopped = make(chan struct{}), false
	w.conn.limits.Lock()
	err := w.conn.unlimited() // here, so that the limit which end sets comes behind it
	w.conn.limits.Unlock()
	go w.late(a, w.ended, err)
	return false
}

// late ends a request whose client leaves; or cannot be watched, with an error.
func (w *watch) late(a *answer, ended chan struct{}, err error) {
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
	w.conn.server.watches.remove(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = nil
}
