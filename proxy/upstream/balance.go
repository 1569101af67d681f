package upstream

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
)

// addressSet has a bit for each of at most MaxAddresses addresses.
type addressSet uint64

func (s addressSet) has(i int) bool { return s&(1<<i) != 0 }

// next chooses the address to ask among those that are not in tried, and puts it there.
func (t *Transport) next(tried *addressSet) (*address, report, error) {
	first := int(t.rotation.Add(1) % uint32(len(t.addresses)))
	var soonest *Error
	for {
		i := t.leastBusy(*tried, first)
		if i < 0 {
			if soonest == nil {
				return nil, report{}, errTriedAll
			}
			return nil, report{}, soonest
		}
		*tried |= 1 << i
		report, err := t.addresses[i].breaker.admit()
		if err == nil {
			return t.addresses[i], report, nil
		}
		var suspended *Error
		if errors.As(err, &suspended) && (soonest == nil || suspended.RetryAfter < soonest.RetryAfter) {
			soonest = suspended
		}
	}
}

var errTriedAll = errors.New("every upstream address was tried")

// leastBusy is the index of an address that is not in tried, -1 if there is none: the one with the
// fewest requests running, and the first of several such, counted from first. One that fails its health checks
// comes after all that do not, but it comes: a wrong health path must not take everything away.
func (t *Transport) leastBusy(tried addressSet, first int) int {
	best, bestDown, bestBusy := -1, false, int64(0)
	for n := range t.addresses {
		i := (first + n) % len(t.addresses)
		if tried.has(i) {
			continue
		}
		down, busy := t.addresses[i].down.Load(), t.addresses[i].busy.Load()
		if best < 0 || bestDown && !down || bestDown == down && busy < bestBusy {
			best, bestDown, bestBusy = i, down, busy
		}
	}
	return best
}

// counted gives the body of an answer, which ends the request that busy counts.
func (a *address) counted(body io.ReadCloser) io.ReadCloser {
	if tunnel, ok := body.(io.ReadWriteCloser); ok {
		return &countedTunnel{tunnel, running{address: a}}
	}
	return &countedBody{body, running{address: a}}
}

type running struct {
	address *address
	ended   atomic.Bool
}

func (r *running) end() {
	if !r.ended.Swap(true) {
		r.address.busy.Add(-1)
	}
}

type countedBody struct {
	io.ReadCloser
	running
}

func (b *countedBody) Close() error {
	b.end()
	return b.ReadCloser.Close()
}

// countedTunnel is what net/http gives for a protocol that was switched to.
type countedTunnel struct {
	io.ReadWriteCloser
	running
}

func (b *countedTunnel) Close() error {
	b.end()
	return b.ReadWriteCloser.Close()
}

// CloseWrite lets the end of one direction through.
func (b *countedTunnel) CloseWrite() error {
	if half, ok := b.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}
