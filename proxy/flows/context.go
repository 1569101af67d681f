package flows

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// errSources: the caller's current flow may be in a list that could not be had.
var errSources = errors.New("a source of flows is away")

// accompanyContext goes along with GET /api/v1/context/me. What has to be asked for beside it is asked while the upstream
// answers, with the place that the caller had the last time: the sources, and the store's version where it is not known.
// When it turns out to be another place they are asked again.
func (c *call) accompanyContext() proxy.Companion {
	m := c.memory
	if _, local := m.o.Store.Known(""); local && len(m.o.Sources) == 0 {
		return proxy.Companion{Complete: c.complete(nil, nil)} // there is nothing to ask for
	}
	ctx, cancel := context.WithCancel(c.ctx)
	credentials := c.credentials()
	var asked *asking
	var version *early
	if p, ok := m.guesses.get(credentials); ok {
		version = m.askEarly(ctx, p.Caller)
		if len(m.o.Sources) > 0 {
			asked = c.start(ctx, p)
		}
	}
	more := func(p place) ([]flow, error) {
		m.guesses.put(credentials, place{Caller: p.Caller, client: p.client})
		if len(m.o.Sources) == 0 {
			return nil, nil
		}
		if asked == nil || asked.place.Caller != p.Caller || asked.place.client != p.client {
			asked = c.start(ctx, p)
		}
		deadline := time.NewTimer(m.o.SourceTimeout)
		defer deadline.Stop()
		select {
		case <-asked.done:
			return asked.list, asked.err
		case <-deadline.C:
			return nil, errSources
		}
	}
	return proxy.Companion{Complete: c.complete(version, more), Close: cancel}
}

// asking is sources that are being asked.
type asking struct {
	place place
	done  chan struct{}
	list  []flow
	err   error
}

func (c *call) start(ctx context.Context, p place) *asking {
	a := &asking{place: p, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		defer func() {
			if fault := recover(); fault != nil {
				a.list, a.err = nil, fmt.Errorf("panic while sources are asked: %v", fault)
			}
		}()
		a.list, a.err = c.all(ctx, place{Caller: p.Caller, client: p.client})
	}()
	return a
}

// credentials is what tells callers apart before the upstream has said who they are. It proves nothing.
func (c *call) credentials() [sha256.Size]byte {
	h := sha256.New()
	for _, name := range [...]string{"Authorization", "Cookie", "X-User-Id", "X-Client-Account-Id", "X-Engagement-Id"} {
		for _, v := range c.Header[name] {
			fmt.Fprintf(h, "%s:%d:%s\n", name, len(v), v)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// guesses are the places that callers had the last time, by their credentials' hash.
type guesses struct {
	mu   sync.Mutex
	kept map[[sha256.Size]byte]place
}

func (g *guesses) get(of [sha256.Size]byte) (place, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.kept[of]
	return p, ok
}

func (g *guesses) put(of [sha256.Size]byte, p place) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.kept == nil || len(g.kept) >= maxCached {
		g.kept = map[[sha256.Size]byte]place{}
	}
	g.kept[of] = p
}

// complete puts what is remembered into a mapped context. more, where it is not nil, is told the place and gives the
// flows of the sources.
func (c *call) complete(version *early, more func(place) ([]flow, error)) func(context.Context, []byte, []byte) ([]byte, error) {
	return func(ctx context.Context, _, mapped []byte) ([]byte, error) {
		root, _ := members(mapped)
		p, ok := placeOf(root)
		list, listed := named(root, "active_flows")
		if !ok || !listed || !list.value.IsArray() {
			return mapped, nil
		}
		if n, known := c.memory.o.Store.Known(p.Engagement); known && n == 0 && more == nil {
			return mapped, nil // nothing was ever remembered there
		}
		all, sourceErr := flowsIn(list.value), error(nil)
		if more != nil {
			var others []flow
			others, sourceErr = more(p)
			all = merge(all, others)
		}
		r, err := c.memory.recall(ctx, p.Caller, ids(all), version)
		if err == nil && sourceErr == nil {
			c.memory.sweep(ctx, p.Caller, r, all)
		}
		out := c.remembered(mapped, root, all, r)
		if err == nil && sourceErr != nil && r.current() != "" && find(all, r.current()) < 0 {
			err = fmt.Errorf("%w: %w", errSources, sourceErr)
		}
		return out, err
	}
}

// current is the flow that the caller has activated, "" for none.
func (r Recollection) current() string {
	for _, a := range r.Activated {
		if a.Current {
			return a.Flow
		}
	}
	return ""
}

// remembered gives the context with the flows as they are remembered. The current one is that which the caller has
// activated, while the upstream lists it. Where nothing is remembered, the body stays as it is.
func (c *call) remembered(mapped []byte, root []member, all []flow, r Recollection) []byte {
	list, _ := named(root, "active_flows")
	if len(r.Activated) == 0 && len(r.Details) == 0 && len(c.memory.o.Sources) == 0 && !bytes.Contains(mapped, []byte(marker)) {
		return mapped
	}
	texts := make([][]byte, len(all))
	for i, f := range all {
		d, ok := r.Details[f.id]
		texts[i] = f.told(d, ok)
	}
	var puts []put
	if text := array(texts); string(text) != list.value.Raw {
		puts = append(puts, put{"active_flows", text})
	}
	if i := find(all, r.current()); i >= 0 {
		puts = append(puts, put{"current_flow", texts[i]})
	} else if m, ok := named(root, "current_flow"); ok {
		if f, ok := flowOf(m.value.Raw); ok {
			if d, remembered := r.Details[f.id]; remembered || len(puts) > 0 {
				puts = append(puts, put{"current_flow", f.told(d, remembered)})
			}
		}
	}
	if len(puts) == 0 {
		return mapped
	}
	return with(mapped, root, puts...)
}
