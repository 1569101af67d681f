package flags

import (
	"context"
	"sync"
	"time"
)

// NewMemory gives a store that forgets everything when the process ends: for a crossfade that was told to keep
// nothing, and for tests. It is always available.
func NewMemory() Store { return &memory{} }

type memory struct {
	mu      sync.Mutex
	state   State
	journal []Entry
}

func (m *memory) Read(context.Context) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, nil
}

func (m *memory) Version(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Version, nil
}

func (m *memory) Write(_ context.Context, change func(before State, now time.Time) (State, Entry, error)) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	after, entry, err := change(m.state, time.Now())
	if err != nil {
		return State{}, err
	}
	previous := ""
	if len(m.journal) > 0 {
		previous = m.journal[len(m.journal)-1].Hash
	}
	m.state, m.journal = after, append(m.journal, entry.Seal(previous))
	return after, nil
}

func (m *memory) History(_ context.Context, q Query) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.Limit <= 0 {
		q.Limit = 100
	}
	var found []Entry
	for i := len(m.journal) - 1; i >= 0 && len(found) < q.Limit; i-- {
		e := m.journal[i]
		if (q.Endpoint == "" || e.Endpoint == q.Endpoint) && (q.Before == 0 || e.Version < q.Before) {
			found = append(found, e)
		}
	}
	return found, nil
}

func (*memory) Listen(ctx context.Context, _ func()) { <-ctx.Done() }

func (*memory) Close() error { return nil }
