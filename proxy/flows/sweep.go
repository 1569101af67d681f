package flows

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"
)

// maxSweeps is how many sweeps may run at once. One that finds no room is left to the caller's next answer.
const maxSweeps = 4

// sweep notes which remembered flows the upstream, asked in full, does not list any more, and has them forgotten
// in the end. It writes only when something has changed, and nobody waits for it.
func (m *Memory) sweep(ctx context.Context, who Caller, r Recollection, listed []flow) {
	now := m.o.Now()
	var absent, present []string
	note := func(id string, gone time.Time) {
		there := find(listed, id) >= 0
		switch {
		case there && !gone.IsZero():
			present = append(present, id)
		case !there && (gone.IsZero() || now.Sub(gone) >= m.o.Grace):
			absent = append(absent, id)
		}
	}
	for _, a := range r.Activated {
		note(a.Flow, a.Gone)
	}
	// The lists that were asked have no managed flows in them unless these are managed here.
	if slices.Contains(m.o.Sources, SourceSessions) {
		for id, d := range r.Details {
			if d.CreatedBy == who.User && d.Engagement == who.Engagement {
				note(id, d.Gone)
			}
		}
	}
	if len(absent)+len(present) == 0 {
		return
	}
	select {
	case m.sweeps <- struct{}{}:
	default:
		return
	}
	slices.Sort(absent)
	m.sweeping.Go(func() {
		defer func() { <-m.sweeps }()
		if err := m.o.Store.Reconcile(context.WithoutCancel(ctx), who, slices.Compact(absent), present, m.o.Grace); err != nil {
			m.o.Logger.Warn("flows that the backend lists no more could not be noted", zap.Error(err))
		}
	})
}
