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

// cache keeps what was recalled, for as long as the store says that its version is the newest. It is never
// trusted without asking: another replica may have changed something a moment ago.
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

// recall gives what is remembered for a caller, in one short query. It never waits long, and not at all for a store
// that was away just now.
func (m *Memory) recall(ctx context.Context, who Caller, asked []string) (Recollection, error) {
	if !m.cache.open(m.o.Now()) {
		return Recollection{}, errQuiet
	}
	held, ok := m.cache.get(who, asked)
	known := held.Version
	if !ok {
		known = -1
	}
	bounded, cancel := context.WithTimeout(ctx, m.o.RecallTimeout)
	defer cancel()
	r, changed, err := m.o.Store.Recall(bounded, who, asked, known)
	switch {
	case err != nil:
		if ctx.Err() == nil && (errors.Is(err, database.ErrUnavailable) || bounded.Err() != nil) {
			m.cache.close(m.o.Now().Add(quiet))
		}
		return Recollection{}, err
	case !changed:
		return held.Recollection, nil
	}
	m.cache.put(who, recalled{asked, r})
	return r, nil
}
