package upstream

import (
	"errors"
	"io"
	"sync"
	"time"
)

// Bound limits how long a body may take to be read: idle for each wait for more of it, total for all
// of it. Then Read fails with an *Error of kind Late, and the body is closed. 0 is no limit.
//
// It is for bodies that are read whole before anything is done with them. A body that streams to
// a client may rest as long as its two ends like.
func Bound(body io.ReadCloser, idle, total time.Duration) *Bounded {
	b := &Bounded{ReadCloser: body, idle: idle}
	b.ready, _ = body.(ready)
	if total > 0 {
		b.end = time.Now().Add(total)
	}
	return b
}

// ready is a body that knows whether the next Read gives something at once. Most bodies are there with their heads, and
// need no clock.
type ready interface{ Ready() bool }

// Bounded is a body with a limit on time.
type Bounded struct {
	io.ReadCloser
	ready ready // nil where it does not know
	idle  time.Duration
	end   time.Time   // zero for none
	timer *time.Timer // nil until there was something to wait for

	mu       sync.Mutex // held while the timer closes the body
	expired  bool
	released bool
}

var errSlowBody = errors.New("the upstream's body did not come in time")

// Read implements io.Reader.
func (b *Bounded) Read(p []byte) (int, error) {
	if b.timer == nil && (b.ready == nil || !b.ready.Ready()) {
		if wait := b.wait(); wait > 0 || !b.end.IsZero() {
			b.timer = time.AfterFunc(max(wait, time.Nanosecond), b.expire)
		}
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err != nil:
		if b.Release(); err != io.EOF && b.expired {
			return n, &Error{Kind: Late, Err: errSlowBody}
		}
	case b.timer != nil && b.idle > 0 && n > 0:
		b.timer.Reset(max(b.wait(), time.Nanosecond))
	}
	return n, err
}

// Release lifts the limit, for whoever goes on reading the body below, or uses its memory for another one: behind it, nothing here touches
// that body any more.
func (b *Bounded) Release() {
	if b.timer == nil {
		return
	}
	b.timer.Stop()
	b.mu.Lock() // a timer that has fired may still be about to close the body, or be at it
	b.released = true
	b.mu.Unlock()
}

// wait is how long the next piece may take; 0 for ever.
func (b *Bounded) wait() time.Duration {
	if b.end.IsZero() {
		return b.idle
	}
	rest := time.Until(b.end)
	if b.idle > 0 {
		return min(b.idle, rest)
	}
	return rest
}

// expire makes the Read that waits fail: closing a body is what net/http has for that.
func (b *Bounded) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.released {
		b.expired = true
		b.ReadCloser.Close()
	}
}
