package flows

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
)

const (
	// maxCached is how many callers' memories are kept. Each takes about a kilobyte.
	maxCached = 8192
	// quiet is how long a store that was away is not asked by answers that can do without.
	quiet = time.Second
)

// cache keeps what was recalled, for as long as the store says that its version is the newest. It is never trusted
// without that word: another replica may have changed something a moment ago.
type cache struct {
	mu     sync.Mutex
	kept   map[Caller]recalled
	closed time.Time // until when the store is not asked
}

type recalled struct {
	asked []string // ids, sorted
	Recollection
}

func (c *cache) get(who Caller, asked []string) (recalled, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.kept[who]
	for _, id := range asked {
		if _, there := slices.BinarySearch(r.asked, id); !there {
			return recalled{}, false
		}
	}
	return r, ok
}

func (c *cache) put(who Caller, r recalled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxCached {
		c.kept = map[Caller]recalled{}
	}
	c.kept[who] = r
}

var errQuiet = errors.New("the store was away a moment ago")

// open says whether the store is asked.
func (c *cache) open(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !now.Before(c.closed)
}

func (c *cache) close(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = until
}

// recall gives what is remembered for a caller. Where the store knows the version by itself, nothing is asked that was
// recalled before; else one small query, which may have been on its way since the upstream was asked. It never waits long,
// and not at all for a store that was away just now.
func (m *Memory) recall(ctx context.Context, who Caller, asked []string, early *early) (Recollection, error) {
	held, ok := m.cache.get(who, asked)
	version, known := m.o.Store.Known(who.Engagement)
	switch {
	case known && version == 0:
		return Recollection{}, nil
	case known && ok && version == held.Version:
		return held.Recollection, nil
	case !m.cache.open(m.o.Now()):
		return Recollection{}, errQuiet
	}
	bounded, cancel := context.WithTimeout(ctx, m.o.RecallTimeout)
	defer cancel()
	if !known && ok {
		version, err := early.version(who.Engagement)
		if errors.Is(err, errElsewhere) {
			version, err = m.o.Store.Version(bounded, who.Engagement)
		}
		if err != nil {
			return Recollection{}, m.away(ctx, bounded, err)
		}
		if version == held.Version {
			return held.Recollection, nil
		}
	}
	r, err := m.o.Store.Recall(bounded, who, asked)
	if err != nil {
		return Recollection{}, m.away(ctx, bounded, err)
	}
	m.cache.put(who, recalled{asked, r})
	return r, nil
}

// away notes that the store is, unless it was the caller who went.
func (m *Memory) away(ctx, bounded context.Context, err error) error {
	if ctx.Err() == nil && (errors.Is(err, database.ErrUnavailable) || bounded.Err() != nil) {
		m.cache.close(m.o.Now().Add(quiet))
	}
	return err
}

// early is the question for a version, asked while the upstream works, in the engagement that the caller had the last
// time. It begins after the request did, so that its answer has in it what was activated anywhere before.
type early struct {
	engagement string
	done       chan struct{}
	n          int64
	err        error
}

var errElsewhere = errors.New("the caller is in another engagement now")

// askEarly asks, where the answer will be needed.
func (m *Memory) askEarly(ctx context.Context, who Caller) *early {
	if _, known := m.o.Store.Known(who.Engagement); known || !m.cache.open(m.o.Now()) {
		return nil
	}
	e := &early{engagement: who.Engagement, done: make(chan struct{})}
	go func() {
		defer close(e.done)
		bounded, cancel := context.WithTimeout(ctx, m.o.RecallTimeout)
		defer cancel()
		e.n, e.err = m.o.Store.Version(bounded, who.Engagement)
	}()
	return e
}

// version waits for the answer.
func (e *early) version(engagement string) (int64, error) {
	if e == nil || e.engagement != engagement {
		return 0, errElsewhere
	}
	<-e.done
	return e.n, e.err
}
