package proxy

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// Streams are what has no end of its own: event streams and WebSockets, mapped or not. A process
// has one, shared by the proxies that follow each other in it (Options.Streams), so that it can end
// them when it stops. The zero value is ready.
type Streams struct {
	mu      sync.Mutex
	open    map[endless]struct{}
	ending  bool
	waiting []chan struct{} // closed when nothing is open any more
}

// endless is one of the Streams.
type endless interface {
	// end asks it to end at the next place between two messages. It may take its time.
	end()
	// cut ends it at once.
	cut()
}

// ErrStreamsCut is what Close returns when something had to be cut.
var ErrStreamsCut = errors.New("streams were cut")

// Close ends all that is open, and from then on whatever begins: an event stream behind its last
// whole event, a WebSocket with a close frame 1001 (going away), to which the client has 5 s to answer. It
// waits until all have ended; what has not when ctx is done is cut, and the error is ErrStreamsCut.
func (s *Streams) Close(ctx context.Context) error {
	s.mu.Lock()
	s.ending = true
	open := slices.Collect(maps.Keys(s.open))
	none := make(chan struct{})
	if len(open) == 0 {
		close(none)
	} else {
		s.waiting = append(s.waiting, none)
	}
	s.mu.Unlock()
	for _, e := range open {
		go e.end() // a client that takes nothing makes it wait
	}
	select {
	case <-none:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	open = slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, e := range open {
		e.cut()
	}
	if len(open) == 0 {
		return nil
	}
	return ErrStreamsCut
}

func (s *Streams) add(e endless) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[endless]struct{}{}
	}
	s.open[e] = struct{}{}
	if s.ending {
		go e.end()
	}
}

func (s *Streams) remove(e endless) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, e)
	if len(s.open) == 0 {
		for _, none := range s.waiting {
			close(none)
		}
		s.waiting = nil
	}
}
