package flows

import (
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

// accompanyContext goes along with GET /api/v1/context/me. Sources are asked while the upstream answers, with the
// place that the caller had the last time; when it turns out to be another one they are asked again.
func (c *call) accompanyContext() proxy.Companion {
	if len(c.memory.o.Sources) == 0 {
		return proxy.Companion{Complete: c.complete(nil)}
	}
	ctx, cancel := context.WithCancel(c.ctx)
	var asked *asking
	if p, ok := c.memory.guesses.get(c.credentials()); ok {
		asked = c.start(ctx, p)
	}
	return proxy.Companion{
		Complete: c.complete(func(p place) ([]flow, error) {
			c.memory.guesses.put(c.credentials(), place{Caller: p.Caller, client: p.client})
			if asked == nil || asked.place.Caller != p.Caller || asked.place.client != p.client {
				asked = c.start(ctx, p)
			}
			deadline := time.NewTimer(c.memory.o.SourceTimeout)
			defer deadline.Stop()
			select {
			case <-asked.done:
				return asked.list, asked.err
			case <-deadline.C:
				return nil, errSources
			}
		}),
		Close: cancel,
	}
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

// complete puts what is remembered into a mapped context. more gives the flows of the sources; nil without any.
func (c *call) complete(more func(place) ([]flow, error)) func(context.Context, []byte, []byte) ([]byte, error) {
	return func(ctx context.Context, body, mapped []byte) ([]byte, error) {
		said, _ := members(body)
		p, known := placeOf(said)
		root, whole := members(mapped)
		list, listed := named(root, "active_flows")
		if !known || !whole || !listed || !list.value.IsArray() {
			return mapped, nil
		}
		all, sourceErr := flowsIn(list.value), error(nil)
		if more != nil {
			var others []flow
			others, sourceErr = more(p)
			all = merge(all, others)
		}
		r, err := c.memory.recall(ctx, p.Caller, ids(all))
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
	shown := make([]flow, len(all))
	texts := make([][]byte, len(all))
	for i, f := range all {
		d, ok := r.Details[f.id]
		shown[i] = f.shown(d, ok)
		texts[i] = shown[i].text
	}
	list, _ := named(root, "active_flows")
	var puts []put
	if text := array(texts); len(flowsIn(list.value)) != len(all) || string(text) != list.value.Raw {
		puts = append(puts, put{"active_flows", text})
	}
	if i := find(shown, r.current()); i >= 0 {
		puts = append(puts, put{"current_flow", shown[i].text})
	} else if m, ok := named(root, "current_flow"); ok {
		if f, ok := flowOf([]byte(m.value.Raw)); ok {
			if d, remembered := r.Details[f.id]; remembered || len(puts) > 0 {
				puts = append(puts, put{"current_flow", f.shown(d, remembered).text})
			}
		}
	}
	if len(puts) == 0 {
		return mapped
	}
	return with(mapped, root, puts...)
}
