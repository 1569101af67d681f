package flags

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Errors of stores, to be asked for with errors.Is.
var (
	// ErrUnavailable: the store cannot be reached, or cannot write (a full disk, a read-only file). Nothing was changed.
	ErrUnavailable = errors.New("the store is not available")
	// ErrUnknown: whether the change was kept cannot be told, since the store went away as it was asked to.
	ErrUnknown = errors.New("the store went away while it wrote")
	// ErrElsewhere: the flags are kept by another system, and are changed there.
	ErrElsewhere = errors.New("the flags are kept by another system: change them there")
)

// Store keeps the State and the journal. Its methods may be called concurrently.
type Store interface {
	// Read gives the newest State; the zero State when nothing has been set.
	Read(ctx context.Context) (State, error)
	// Version gives the newest State's Version alone.
	Version(ctx context.Context) (int64, error)
	// Write runs change on the newest State, in one transaction that no other writer can come between, and keeps the State
	// and the Entry that it gives. When Write returns no error, both are on disk. An error of change is returned
	// as it is and nothing is kept. change gets the store's own clock, may run more than once, and must not block.
	Write(ctx context.Context, change func(before State, now time.Time) (State, Entry, error)) (State, error)
	// History gives entries, newest first.
	History(ctx context.Context, q Query) ([]Entry, error)
	// Listen calls hint when another process may have written, until ctx is done. It is a hint: some get lost. A
	// store that has none returns when ctx is done.
	Listen(ctx context.Context, hint func())
	// Close gives up what the store holds.
	Close() error
}

// Query says which entries of the journal are wanted.
type Query struct {
	Endpoint string // "" for all
	Before   int64  // entries with a Version below it; 0 for the newest
	Limit    int    // at most so many; 0 for 100
}

// Entry is one row of the journal: one change.
type Entry struct {
	Version  int64           `json:"version"` // of the State that it led to
	At       time.Time       `json:"at"`      // by the store's clock, in UTC, to the microsecond
	By       string          `json:"by"`      // who, as the admin API knows them; "crossfade" for what happens by itself
	Action   string          `json:"action"`  // set, remove, ramp, step, brownout, end, expire, kill, unkill, freeze, unfreeze, undo
	Endpoint string          `json:"endpoint,omitempty"`
	From     json.RawMessage `json:"from,omitempty"` // the flag (or kill, freeze) before; absent when there was none
	To       json.RawMessage `json:"to,omitempty"`   // and after
	Reason   string          `json:"reason"`
	Until    *time.Time      `json:"until,omitempty"` // when it ends by itself
	Forced   bool            `json:"forced,omitempty"`
	Previous string          `json:"previous"` // Hash of the entry before, "" for the first
	Hash     string          `json:"hash"`     // SHA-256 in hexadecimal over all other members
}
