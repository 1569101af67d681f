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

// watches are the connections of a Server that had a request since the round before. While there are any, a timer, one for all, has them
// looked at in rounds: one for each connection would fire for nearly every request where there are few on each. Connections that wait cost nothing.
type watches struct {
	mu     sync.Mutex
	listed []*watch
	timer  *time.Timer
	set    atomic.Bool // the timer is
}

// list has a watch looked at in the rounds that come.
func (s *watches) list(w *watch) {
	s.mu.Lock()
	s.listed = append(s.listed, w)
	s.mu.Unlock()
	s.begin()
}

// begin sets the timer.
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

// round looks at every connection that is listed. One that is listed meanwhile is seen here, or sees that the timer is not set.
func (s *watches) round() {
	s.set.Store(false)
	s.mu.Lock()
	all := s.listed
	s.listed = all[:0]
	for _, w := range all {
		if w.round() {
			s.listed = append(s.listed, w)
		}
	}
	clear(all[len(s.listed):])
	again := len(s.listed) > 0
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
	listed  bool          // with the others
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
	listed := w.listed
	w.listed = true
	w.mu.Unlock()
	if !listed {
		w.conn.server.watches.list(w)
	}
}

// round begins to look where it is time, and says whether another round is wanted: it stays listed.
func (w *watch) round() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.current
	// Who reads a body sees that the client leaves.
	w.listed = a != nil && w.ended == nil && (w.seen != w.count || a.body != nil && !a.body.over.Load())
	if w.seen = w.count; w.listed || a == nil || w.ended != nil {
		return w.listed
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
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = nil
}
