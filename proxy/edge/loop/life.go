package loop

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// life is the context of a request: it ends when the client leaves, or behind the handler. A context of package context's is made only
// for who asks for Done, which every function of that package does; AfterFunc costs nothing.
type life struct {
	values context.Context // of the connection; it never ends

	known atomic.Pointer[knownLife] // nil until somebody asks for Done

	mu        sync.Mutex
	over      bool
	first     func() // what AfterFunc was given first
	used      bool   // the place of first: who stops twice may not stop another
	stopFirst func() bool
	others    map[*follower]struct{}
}

// knownLife ends with a life. Being of package context, it is what contexts that are made of a life hang on, also where something is wrapped
// around that: none of them needs a goroutine.
type knownLife struct {
	context.Context
	end context.CancelFunc
}

// follower is what AfterFunc was given later.
type follower struct{ f func() }

// Deadline implements context.Context: there is none.
func (l *life) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done implements context.Context.
func (l *life) Done() <-chan struct{} {
	if k := l.known.Load(); k != nil {
		return k.Done()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.known.Load()
	if k == nil {
		k = &knownLife{}
		k.Context, k.end = context.WithCancel(l.values)
		if l.over {
			k.end()
		}
		l.known.Store(k)
	}
	return k.Done()
}

// Err implements context.Context.
func (l *life) Err() error {
	l.mu.Lock()
	over := l.over
	l.mu.Unlock()
	if k := l.known.Load(); k != nil {
		return k.Err() // in step with Done
	}
	if over {
		return context.Canceled
	}
	return nil
}

// Value implements context.Context.
func (l *life) Value(key any) any {
	if k := l.known.Load(); k != nil {
		return k.Value(key)
	}
	return l.values.Value(key)
}

// AfterFunc is as context.AfterFunc, which does not know of it where something is wrapped around a life. The first one of a request
// takes no memory.
func (l *life) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		go f()
		return func() bool { return false }
	case !l.used:
		l.used, l.first = true, f
		return l.stopFirst
	}
	if l.others == nil {
		l.others = map[*follower]struct{}{}
	}
	other := &follower{f}
	l.others[other] = struct{}{}
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		_, stopped := l.others[other]
		delete(l.others, other)
		return stopped
	}
}

// stop is what AfterFunc gives for the first.
func (l *life) stop() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	stopped := l.first != nil
	l.first = nil
	return stopped
}

// begin makes it the context of a request of another connection. Nobody may have it.
func (l *life) begin(values context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.values, l.over, l.used = values, false, false
	if l.stopFirst == nil {
		l.stopFirst = l.stop
	}
}

// end ends it, and says whether it was quiet: it had not ended before, and nobody is told of it.
func (l *life) end() (quiet bool) {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return false
	}
	l.over = true
	k, first, others := l.known.Load(), l.first, l.others
	l.first, l.others = nil, nil
	l.mu.Unlock()
	if k != nil {
		k.end()
	}
	if first != nil {
		go first()
	}
	for other := range others {
		go other.f()
	}
	return k == nil && first == nil && len(others) == 0
}
