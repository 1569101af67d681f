package flows

import (
	"context"
	"encoding/json"
	"time"
)

// Store keeps what is remembered. Its errors are those of package database: unavailable means that nothing
// was changed, unknown that it cannot be told. Ids are UUIDs in lower case. Calls are concurrent.
type Store interface {
	// Empty says that nothing is remembered for anybody, where that is known without asking. It is true of the moment
	// of the call: what this process has changed before is in it.
	Empty() bool
	// Known is Version, where that is known without asking; else ok is false.
	Known(engagement string) (version int64, ok bool)
	// Version grows with each change in an engagement; 0: nothing was ever remembered there. It is one small query.
	Version(ctx context.Context, engagement string) (int64, error)
	// Recall gives what is remembered for a caller in an engagement, of one moment. flows are the ids that the
	// upstream lists.
	Recall(ctx context.Context, c Caller, flows []string) (Recollection, error)
	// Details gives what is remembered of flows, by id.
	Details(ctx context.Context, flows []string) (map[string]Details, error)
	// Ready says whether a change could be written just now.
	Ready(ctx context.Context) error

	// Activate makes a flow the caller's current one in an engagement, and no other.
	Activate(ctx context.Context, c Caller, flow string) error
	// Deactivate takes that back; false where the flow was not current.
	Deactivate(ctx context.Context, c Caller, flow string) (bool, error)
	// Describe changes what is remembered of a flow: zero members of d stay as they are, and an id that is not
	// remembered yet is from now on.
	Describe(ctx context.Context, flow string, d Details) error
	// Remove forgets a flow, whoever had it.
	Remove(ctx context.Context, flow, engagement string) error
	// Reconcile notes which flows the upstream has ceased to list for a caller, and which it lists again. What has
	// not been listed for grace is forgotten: that the caller had activated it, and its details where
	// the caller made it.
	Reconcile(ctx context.Context, c Caller, absent, present []string, grace time.Duration) error

	// Begin writes down that a flow is to be made, before the upstream is told. Where the caller has used the
	// key before, it gives that intent instead, and fresh is false.
	Begin(ctx context.Context, i Intent) (held Intent, fresh bool, err error)
	// Unfinished lists a caller's intents that nobody works on any more.
	Unfinished(ctx context.Context, user string) ([]Intent, error)
	// Take makes an unfinished intent this caller's for lease; false where somebody else was faster.
	Take(ctx context.Context, id string, lease time.Duration) (bool, error)
	// Finish writes the details of the flow that was made of an intent, and the answer.
	Finish(ctx context.Context, i Intent, flow string, answer []byte) error
	// Drop takes an intent back: the upstream has made nothing of it.
	Drop(ctx context.Context, id string) error
}

// Caller is who asks and where they work, by the upstream's word.
type Caller struct{ User, Engagement string }

// Recollection is what is remembered for one caller in one engagement.
type Recollection struct {
	// Version is the engagement's at that moment.
	Version int64
	// Activated are the flows that the caller has activated, the current one included.
	Activated []Activated
	// Details are those of the engagement's flows that were asked for, and of all that the caller has made there.
	Details map[string]Details
}

// Activated is a flow that the caller has activated at some time.
type Activated struct {
	Flow    string
	Current bool
	// Gone is since when it has been noted as not listed by the upstream; zero: it has not.
	Gone time.Time
}

// Details are what is remembered of a flow.
type Details struct {
	Type, Status          string
	Engagement, CreatedBy string
	Metadata              json.RawMessage // an object; nil for none
	// Gone is as in Activated, for who made the flow.
	Gone time.Time
}

// Intent is a flow that is to be made.
type Intent struct {
	ID       string
	User     string
	Key      string // of the Idempotency-Key; "" for none
	Digest   string // of what was asked for under the key
	Details  Details
	Name     string
	Lease    time.Duration // of Begin: how long nobody else takes it up
	Waiting  time.Duration // how much is left of it
	Finished bool
	Answer   []byte // what was answered, when it is finished
}
