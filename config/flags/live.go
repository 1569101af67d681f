package flags

import (
	"context"
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
	options LiveOptions
	served  atomic.Pointer[snapshot]
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

// Open reads what is known: the store, or the snapshot file while the store is away, and the kill file. It fails when the
// settings are wrong, never because the store is away. Run has to be called to follow.
func Open(ctx context.Context, o LiveOptions) (*Live, error) { panic("soon") }

// Decide gives the stage of a request. It takes no lock, does no I/O and allocates nothing. An endpoint that nobody knows gets
// passthrough.
func (l *Live) Decide(r Request, endpoint string) Decision { panic("soon") }

// Explain decides as Decide does and tells everything that was tried, in order.
func (l *Live) Explain(r Request, endpoint string) Explanation { panic("soon") }

// Change writes a change to the store and returns when this instance serves it. ifMatch, when there is one, is the version
// that the writer saw: Flag.Changed of the flag that is changed, 0 for none there; State.Version for changes that are about no
// flag. With dryRun everything is checked against the store and nothing is written. Errors are those of Apply and of stores.
func (l *Live) Change(ctx context.Context, c Change, a Author, ifMatch *int64, dryRun bool) (State, Entry, error) {
	panic("soon")
}

// State gives the State that decides now.
func (l *Live) State() State { panic("soon") }

// History gives entries of the journal, newest first. It asks the store.
func (l *Live) History(ctx context.Context, q Query) ([]Entry, error) { panic("soon") }

// Health tells how things stand.
func (l *Live) Health() Health { panic("soon") }

// SetSettings puts new settings in the place of the old ones, or says what is wrong with them and keeps the old ones.
func (l *Live) SetSettings(s Settings) error { panic("soon") }

// Run follows the store, the kill file and the clock until ctx is done.
func (l *Live) Run(ctx context.Context) { panic("soon") }

type snapshot struct{}
