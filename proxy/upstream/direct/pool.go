package direct

import (
	"errors"
	"sync"
	"time"
)

// maxSweep is how long a connection that its upstream has closed stays open at most, without a request.
const maxSweep = 5 * time.Second

var (
	errPoolFull   = errors.New("enough idle connections")
	errPoolClosed = errors.New("idle connections are being closed")
)

// pool has the connections that no request uses, the last one on top: it is taken first, so that those
// that are not needed grow old below it.
type pool struct {
	most     int
	patience time.Duration
	stray    func()

	mu       sync.Mutex
	idle     []*conn
	closing  bool // until somebody wants one again
	sweeping bool // a sweep is to come
}

// take gives a connection on which nothing is to be read, nil where there is none.
func (p *pool) take() *conn {
	for {
		c := p.pop()
		if c == nil || p.isGood(c) {
			return c
		}
		c.close()
	}
}

// isGood says whether a connection may be used again.
func (p *pool) isGood(c *conn) bool {
	if !c.isFresh(p.patience) {
		return false
	}
	quiet, stray := c.look()
	if stray {
		p.stray()
	}
	return quiet
}

func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = false
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return c
}

// put takes a connection back, or says why not.
func (p *pool) put(c *conn) error {
	c.since, c.used = time.Now(), true
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closing:
		return errPoolClosed
	case len(p.idle) >= p.most:
		return errPoolFull
	}
	p.idle = append(p.idle, c)
	if !p.sweeping {
		p.sweeping = true
		p.sweepLater()
	}
	return nil
}

func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closing = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.close()
	}
}

func (p *pool) sweepLater() { time.AfterFunc(min(p.patience, maxSweep), p.sweep) }

// sweep closes connections that are too old, and those that the upstream has closed or spoken on. It
// looks at one at a time, so that nobody waits for it.
func (p *pool) sweep() {
	for at := 0; ; {
		p.mu.Lock()
		if at >= len(p.idle) {
			if p.sweeping = len(p.idle) > 0; p.sweeping {
				p.sweepLater()
			}
			p.mu.Unlock()
			return
		}
		c := p.idle[at]
		if p.isGood(c) {
			at++
			p.mu.Unlock()
			continue
		}
		p.idle = append(p.idle[:at], p.idle[at+1:]...)
		p.mu.Unlock()
		c.close()
	}
}
