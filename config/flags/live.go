package flags

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// LiveOptions is what a Live is made of.
type LiveOptions struct {
	// Store keeps the State. Nil is none: a NewMemory of this process's own.
	Store Store
	// SnapshotFile is where the last known State is kept for a start without the store; "" keeps none.
	SnapshotFile string
	// KillFile switches the kill switch on while it is there; "" is none.
	KillFile string
	Settings Settings
	// Poll is how often the store's Version is asked for; 0 is 500 ms.
	Poll time.Duration
	// Logger may be nil.
	Logger *zap.Logger
}

// Live decides by the State of this moment and follows the store. Its methods may be called concurrently.
type Live struct {
	store                  Store
	snapshotFile, killFile string
	poll                   time.Duration
	logger                 *zap.Logger

	served atomic.Pointer[snapshot]

	mu       sync.Mutex // over what the next snapshot is made of, and over making it
	state    State
	known    bool
	settings *Settings
	kill     *Kill // of the file
	health   storeHealth

	saving sync.Mutex // over the snapshot file
	saved  int64
}

// Health is how a Live stands with its store.
type Health struct {
	// Known: there is a State to decide by, from the store or from the snapshot file. Else all is passthrough.
	Known bool
	// Version is that of the State that decides.
	Version int64
	// Reachable: the last attempt to reach the store succeeded. Since is when that last changed.
	Reachable bool
	Since     time.Time
	// Contact is when the store last answered; zero for never.
	Contact time.Time
	// Err is why the store is not reachable, or why what it has cannot be taken; "" when all is well.
	Err string
	// Kill is the kill switch when it is on; KillFile tells that the local file is there.
	Kill     *Kill
	KillFile bool
}

// storeHealth is the part of Health that is about the store.
type storeHealth struct {
	reachable bool
	since     time.Time
	contact   time.Time
	err       string
}

// defaultPoll is half of what the bound for propagation, two seconds, leaves after a slow answer.
const defaultPoll = 500 * time.Millisecond

// storeTime is how long a question to the store may take that nobody asked for: start, polls, what is due.
const storeTime = time.Second

// firstTime is how long a start without any knowledge waits for the store: until it is heard, everybody gets passthrough.
const firstTime = 5 * time.Second

// Open reads what is known: the store, or the snapshot file while the store is away, and the kill file. It fails when the
// settings are wrong, never because the store is away; for a store that says nothing it waits five seconds, or one where the snapshot
// file was there. Run has to be called to follow.
func Open(ctx context.Context, o LiveOptions) (*Live, error) {
	if err := o.Settings.Check(); err != nil {
		return nil, err
	}
	l := &Live{store: o.Store, snapshotFile: o.SnapshotFile, killFile: o.KillFile, poll: o.Poll, logger: o.Logger, settings: &o.Settings}
	if l.store == nil {
		l.store = NewMemory()
	}
	if l.poll <= 0 {
		l.poll = defaultPoll
	}
	if l.logger == nil {
		l.logger = zap.NewNop()
	}
	l.health.since = time.Now()
	l.load()
	l.lookForKillFile()
	l.publish()
	patience := firstTime
	if l.known {
		patience = storeTime
	}
	l.refresh(ctx, patience)
	return l, nil
}

// load takes the snapshot file, if there is one that can be understood.
func (l *Live) load() {
	if l.snapshotFile == "" {
		return
	}
	data, err := os.ReadFile(l.snapshotFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var s State
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		l.logger.Warn("the last known flags cannot be read", zap.String("file", l.snapshotFile), zap.Error(err))
		return
	}
	l.state, l.known, l.saved = s, true, s.Version
}

// Decide gives the stage of a request. It takes no lock, does no I/O and allocates nothing, unless the request asks for an override.
// An endpoint that nobody knows gets passthrough.
func (l *Live) Decide(r Request, endpoint string) Decision {
	return l.served.Load().decide(&r, endpoint)
}

// Explain decides as Decide does and tells everything that was tried, in order.
func (l *Live) Explain(r Request, endpoint string) Explanation {
	return l.served.Load().explain(&r, endpoint)
}

// Change writes a change to the store and returns when this instance serves it. ifMatch, when there is one, is the version
// that the writer saw: Flag.Changed of the flag that is changed, 0 for none there; State.Version for changes that are about no
// flag, and for Undo. With dryRun everything is checked against the store and nothing is written. Errors are those of Apply and
// of stores; with ErrNothing the State is given too. The Entry is not sealed.
func (l *Live) Change(ctx context.Context, c Change, a Author, ifMatch *int64, dryRun bool) (State, Entry, error) {
	around := l.surroundings()
	for {
		if undo, ok := c.(Undo); ok {
			if err := l.readJournal(ctx, undo, &around); err != nil {
				l.contacted(true, err)
				return State{}, Entry{}, err
			}
		}
		state, entry, err := l.write(ctx, c, a, around, ifMatch, dryRun)
		if errors.Is(err, errJournalMoved) && ctx.Err() == nil {
			continue
		}
		if errors.Is(err, ErrNothing) {
			return l.State(), Entry{}, err
		}
		return state, entry, err
	}
}

// errDry ends a write that shall not be one.
var errDry = errors.New("dry run")

func (l *Live) write(ctx context.Context, c Change, a Author, around Surroundings, ifMatch *int64, dryRun bool) (state State, entry Entry, err error) {
	var would State
	served := l.served.Load().state.Version // 0 where nothing is known
	state, err = l.store.Write(ctx, func(before State, now time.Time) (State, Entry, error) {
		if err := l.current(before, served); err != nil {
			return State{}, Entry{}, err
		}
		if err := seen(&before, c, ifMatch); err != nil {
			return State{}, Entry{}, err
		}
		would, entry, err = Apply(before, c, a, around, now)
		if err == nil && dryRun {
			return State{}, Entry{}, errDry
		}
		return would, entry, err
	})
	switch {
	case errors.Is(err, errDry):
		return would, entry, nil
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrUnknown):
		l.contacted(true, err)
		return State{}, Entry{}, err
	case err != nil:
		return State{}, Entry{}, err // the store is as well as before: it is the change that is not
	}
	l.contacted(false, nil)
	l.adopt(state)
	return state, entry, nil
}

// current refuses to write upon a State that is older than what this instance served before it asked, or that it does not
// understand.
func (l *Live) current(before State, served int64) error {
	if before.Version < served {
		return l.behind(before.Version, served)
	}
	if err := before.check(); err != nil {
		return fmt.Errorf("the store has flags that this crossfade does not understand: %w", err)
	}
	return nil
}

func (l *Live) behind(store, served int64) error {
	forget := "start crossfade again"
	if l.snapshotFile != "" {
		forget = "stop crossfade, remove " + l.snapshotFile + " and start again"
	}
	return fmt.Errorf("%w: it has version %d and %d is served: it was restored, or is another one; to take it, %s", ErrBehind, store, served, forget)
}

// seen compares what the writer saw with what is there.
func seen(s *State, c Change, ifMatch *int64) error {
	if ifMatch == nil {
		return nil
	}
	what, version := "the state", s.Version
	if endpoint := c.subject(); endpoint != "" {
		f, _ := s.flag(endpoint)
		what, version = "flag "+endpoint, f.Changed
	}
	if version != *ifMatch {
		return fmt.Errorf("%w: %s is at version %d, not %d", ErrStale, what, version, *ifMatch)
	}
	return nil
}

// readJournal fetches what an undo is about: the entries of its endpoint from the newest down to it.
func (l *Live) readJournal(ctx context.Context, undo Undo, around *Surroundings) error {
	var err error
	if around.Journaled, err = l.store.Version(ctx); err != nil {
		return err
	}
	entries, err := l.store.History(ctx, Query{Before: undo.Version + 1, Limit: 1})
	if err != nil {
		return err
	}
	around.Journal = nil
	if len(entries) == 0 || entries[0].Version != undo.Version {
		return nil
	}
	around.Journal = entries
	if endpoint := entries[0].Endpoint; endpoint != "" {
		newest, err := l.store.History(ctx, Query{Endpoint: endpoint, Limit: 1})
		if err != nil {
			return err
		}
		if len(newest) > 0 && newest[0].Version > undo.Version {
			around.Journal = slices.Concat(newest, entries)
		}
	}
	return nil
}

// surroundings gives what changes depend on, as the settings are now.
func (l *Live) surroundings() Surroundings {
	settings := l.served.Load().settings
	return Surroundings{Endpoints: settings.Endpoints, Static: settings.stage, Freezes: settings.Freezes}
}

// State gives the State that decides now: what has ended is not in it any more, also before the store was told.
func (l *Live) State() State {
	s, now := l.served.Load().state, time.Now()
	var flags []Flag
	for _, f := range s.Flags {
		if f, ok := settle(f, now); ok {
			flags = append(flags, f)
		}
	}
	s.Flags = flags
	return s
}

// History gives entries of the journal, newest first. It asks the store.
func (l *Live) History(ctx context.Context, q Query) ([]Entry, error) {
	return l.store.History(ctx, q)
}

// Health tells how things stand.
func (l *Live) Health() Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.served.Load()
	return Health{Known: s.known, Version: s.state.Version, Reachable: l.health.reachable, Since: l.health.since, Contact: l.health.contact,
		Err: l.health.err, Kill: s.kill, KillFile: s.killFile}
}

// SetSettings puts new settings in the place of the old ones, or says what is wrong with them and keeps the old ones.
func (l *Live) SetSettings(s Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings = &s
	l.publishLocked()
	return nil
}
