package flags

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lookEvery is how often the kill file and the clock are looked at.
const lookEvery = 250 * time.Millisecond

// Run follows the store, the kill file and the clock until ctx is done.
func (l *Live) Run(ctx context.Context) {
	hints := make(chan struct{}, 1)
	var running sync.WaitGroup
	running.Go(func() {
		l.store.Listen(ctx, func() {
			select {
			case hints <- struct{}{}:
			default: // one is waiting already
			}
		})
	})
	running.Go(func() { l.followStore(ctx, hints) })
	running.Go(func() { l.look(ctx) }) // apart, so that a store that hangs holds up nothing
	running.Wait()
}

func (l *Live) followStore(ctx context.Context, hints <-chan struct{}) {
	ticker := time.NewTicker(l.poll)
	defer ticker.Stop()
	for {
		l.refresh(ctx, storeTime)
		l.advance(ctx)
		select {
		case <-ctx.Done():
			return
		case <-hints:
		case <-ticker.C:
		}
	}
}

func (l *Live) look(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed := l.lookForKillFile()
		next := l.served.Load().next
		if changed || !next.IsZero() && !time.Now().Before(next) {
			l.publish()
		}
	}
}

// lookForKillFile tells whether the file says something else than before.
func (l *Live) lookForKillFile() (changed bool) {
	if l.killFile == "" {
		return false
	}
	kill, err := ReadKillFile(l.killFile)
	if err != nil {
		// As it was: nobody can tell.
		l.logger.Warn("the kill file cannot be looked at", zap.String("file", l.killFile), zap.Error(err))
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if kill == nil && l.kill == nil || kill != nil && l.kill != nil && *kill == *l.kill {
		return false
	}
	l.kill = kill
	if kill != nil {
		l.logger.Warn("the kill file is there: everything is passthrough", zap.String("file", l.killFile), zap.String("by", kill.By), zap.String("reason", kill.Reason))
	} else {
		l.logger.Info("the kill file is gone", zap.String("file", l.killFile))
	}
	return true
}

// refresh asks the store for what is newer than what is served.
func (l *Live) refresh(ctx context.Context, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l.mu.Lock()
	read := !l.known || !l.health.reachable // after a time away all is read, whatever its number
	served := l.state.Version
	l.mu.Unlock()
	version := served
	var err error
	if !read {
		version, err = l.store.Version(ctx)
	}
	if err == nil && version == served && !read {
		l.contacted(false, nil)
		return
	}
	var state State
	if err == nil {
		state, err = l.store.Read(ctx)
	}
	switch {
	case err == nil:
		l.contacted(false, l.take(state, served))
	case !errors.Is(ctx.Err(), context.Canceled): // else it is we who leave
		l.contacted(true, err)
	}
}

// take adopts a State that was read, or says why it cannot be. served is the version that was served before the store was asked: what a
// change of our own has made newer meanwhile is no sign that the store is behind.
func (l *Live) take(s State, served int64) error {
	if s.Version < served {
		return l.behind(s.Version, served)
	}
	if err := s.check(); err != nil {
		return err
	}
	l.adopt(s)
	return nil
}

// advance writes what is due, one entry each.
func (l *Live) advance(ctx context.Context) {
	for ctx.Err() == nil {
		s := l.served.Load()
		if !s.known || !s.state.due(s.settings.Freezes, time.Now()) {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		_, entry, err := l.write(ctx, advance{}, Author{By: crossfade, Reason: "its time has come"}, l.surroundings(), nil, false)
		cancel()
		if err != nil {
			return // another instance was faster, the store's clock is behind ours, or it is away: the next poll tries again
		}
		l.logger.Info("a flag changed by itself", zap.String("action", entry.Action), zap.String("endpoint", entry.Endpoint), zap.Int64("version", entry.Version), zap.String("reason", entry.Reason))
	}
}

// adopt serves a State, unless a newer one is served already.
func (l *Live) adopt(s State) {
	l.mu.Lock()
	newer := !l.known || s.Version >= l.state.Version
	if newer {
		l.state, l.known = s, true
		l.publishLocked()
	}
	l.mu.Unlock()
	if newer {
		l.save(s)
	}
}

// publish serves what is known as it is at this moment.
func (l *Live) publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publishLocked()
}

func (l *Live) publishLocked() {
	l.served.Store(newSnapshot(l.state, l.known, l.settings, l.kill, time.Now()))
}

// save keeps a State for a start without the store. A failure is told and hurts nobody.
func (l *Live) save(s State) {
	if l.snapshotFile == "" {
		return
	}
	l.saving.Lock()
	defer l.saving.Unlock()
	if s.Version < l.saved {
		return
	}
	data, err := json.Marshal(s)
	if err == nil {
		err = writeFile(l.snapshotFile, append(data, '\n'))
	}
	if err != nil {
		l.logger.Warn("the flags cannot be kept for a start without the store", zap.String("file", l.snapshotFile), zap.Error(err))
		return
	}
	l.saved = s.Version
}

// contacted remembers how the store answered: that it is away, and why, or what is wrong with what it has.
func (l *Live) contacted(away bool, err error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case away && (l.health.reachable || l.health.err == ""):
		l.logger.Warn("the store of flags is away; the last known flags hold", zap.Error(err))
	case !away && text != "" && text != l.health.err:
		l.logger.Error("what the store of flags has cannot be taken; the last known flags hold", zap.Error(err))
	case !away && text == "" && !l.health.reachable:
		l.logger.Info("the store of flags answers")
	}
	if l.health.reachable == away {
		l.health.reachable, l.health.since = !away, now
	}
	if !away {
		l.health.contact = now
	}
	l.health.err = text
}
