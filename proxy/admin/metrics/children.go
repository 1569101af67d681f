package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// children keeps what was made for a key, so that finding it again costs one look into a map: no
// lock, no allocation. Keys come from the contract and from words of ours, so there are few, and a
// new one soon does not happen any more.
type children[K comparable, M any] struct {
	first atomic.Pointer[child[K, M]] // most callers want the one that was made first
	made  atomic.Pointer[map[K]M]
	mu    sync.Mutex // of whoever makes one
}

type child[K comparable, M any] struct {
	key  K
	made M
}

// get gives the child of a key; create makes it, once.
func (c *children[K, M]) get(key K, create func(K) M) M {
	if first := c.first.Load(); first != nil && first.key == key {
		return first.made
	}
	if known := c.made.Load(); known != nil {
		if made, ok := (*known)[key]; ok {
			return made
		}
	}
	return c.add(key, create)
}

func (c *children[K, M]) add(key K, create func(K) M) M {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[K]M{}
	if known := c.made.Load(); known != nil {
		if made, ok := (*known)[key]; ok {
			return made
		}
		next = maps.Clone(*known)
	}
	made := create(key)
	next[key] = made
	c.first.CompareAndSwap(nil, &child[K, M]{key, made})
	c.made.Store(&next)
	return made
}
