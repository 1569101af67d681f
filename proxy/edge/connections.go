package edge

import (
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// connections are the open connections of a server.
type connections struct {
	most      int // 0: no bound
	writeIdle time.Duration
	logger    *zap.Logger
	buffers   heldBuffers

	mu   sync.Mutex
	open map[*conn]struct{}
	told time.Time // when it was last said that all places are taken
}

const (
	// looked is how many connections are looked at for one that has waited long. Looking at all
	// of them for each new one would be what an attacker wants; among so many, one of the
	// longest waiting is nearly always.
	looked = 64
	// tellAgain is how often it is said that all places are taken, while they are.
	tellAgain = time.Minute
)

// add gives a new connection a place. When all are taken, a connection that waits for its client
// has to go: clients that open connections and say nothing, or say it slowly, cannot keep others
// out that way. nil: none waits, and the new one was closed.
func (all *connections) add(nc net.Conn) *conn {
	c := &conn{Conn: nc, all: all, writeIdle: all.writeIdle}
	c.waiting.Store(time.Now().UnixNano())
	all.mu.Lock()
	if all.open == nil {
		all.open = map[*conn]struct{}{}
	}
	full := all.most > 0 && len(all.open) >= all.most
	var out *conn
	if full {
		if out = all.longestWaiting(); out != nil {
			delete(all.open, out)
		}
	}
	accepted := !full || out != nil
	if accepted {
		all.open[c] = struct{}{}
	}
	tell := full && time.Since(all.told) >= tellAgain
	if tell {
		all.told = time.Now()
	}
	all.mu.Unlock()

	if tell {
		all.logger.Warn("all connections are taken: those that wait for their clients make room (limits.max_connections)",
			zap.Int("connections", all.most))
	}
	if out != nil {
		out.Conn.Close()
	}
	if !accepted {
		nc.Close()
		return nil
	}
	return c
}

// longestWaiting is one of the connections that wait for their clients, and of those that are
// looked at the one that has waited longest; nil if none of them waits.
func (all *connections) longestWaiting() *conn {
	var longest *conn
	var since int64
	n := 0
	for c := range all.open { // begins anywhere
		if t := c.waiting.Load(); t != 0 && (longest == nil || t < since) {
			longest, since = c, t
		}
		if n++; n == looked {
			break
		}
	}
	return longest
}

func (all *connections) remove(c *conn) {
	all.mu.Lock()
	delete(all.open, c)
	all.mu.Unlock()
}

// count is how many there are.
func (all *connections) count() int {
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.open)
}

// quietSince says whether each of them has waited for its client long enough since a moment, but
// for those that were taken over.
func (all *connections) quietSince(began time.Time, enough time.Duration) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	for c := range all.open {
		since := c.waiting.Load()
		if !c.taken.Load() && (since == 0 || time.Since(time.Unix(0, max(since, began.UnixNano()))) < enough) {
			return false
		}
	}
	return true
}

// closeWaiting closes those that wait for their clients.
func (all *connections) closeWaiting() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for c := range all.open {
		if c.waiting.Load() != 0 {
			c.Conn.Close()
			delete(all.open, c)
		}
	}
}

// closeAll closes them.
func (all *connections) closeAll() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for c := range all.open {
		c.Conn.Close()
	}
	clear(all.open)
}
