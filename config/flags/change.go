package flags

import (
	"errors"
	"fmt"
	"time"
)

// Change is one thing that an operator, or time, does to a State. The set is closed: the types of this
// package that say they are one.
type Change interface {
	// subject is the endpoint whose flag is changed, "" when the change is not about one flag.
	subject() string
	apply(*turn) error
}

// SetFlag puts a flag in the place of the one that its endpoint had, whole: what is not in it ends, a ramp and a
// window too. A ramp that is the one that runs goes on; another one begins now. Of Expires only At
// counts: the flag goes back to the one that was there before.
type SetFlag struct{ Flag Flag }

// RemoveFlag lets an endpoint have the stage that everybody without a flag has.
type RemoveFlag struct{ Endpoint string }

// StartRamp lets the share of a rule of the endpoint's flag rise from now on, in the place of a ramp that runs.
// Of Ramp, Rule and Steps count.
type StartRamp struct {
	Endpoint string
	Ramp     Ramp
}

// PauseRamp holds the step that a ramp has reached.
type PauseRamp struct{ Endpoint string }

// ResumeRamp begins the hold of the present step anew.
type ResumeRamp struct{ Endpoint string }

// StartBrownout gives the flag of an endpoint a window. A From that is zero is now.
type StartBrownout struct {
	Endpoint string
	Window   Window
}

// EndBrownout takes the window away, before it began or while it runs.
type EndBrownout struct{ Endpoint string }

// SwitchKill turns the kill switch on or off. It is not held up by freezes. On when it is on already says so again, with
// the new reason.
type SwitchKill struct{ On bool }

// AddFreeze announces a time in which flags cannot be changed. A From that is zero is now.
type AddFreeze struct{ Freeze Freeze }

// RemoveFreeze takes a freeze back. One that has begun has to be forced.
type RemoveFreeze struct{ Name string }

// Undo gives a flag back what it was before the entry of the journal that led to Version, if nothing has changed
// that flag since. Going back is never out of order.
type Undo struct{ Version int64 }

// Author is who changes something, and why.
type Author struct {
	By     string // as the journal shows it; at most 200 bytes
	Reason string // never empty; at most 1,000 bytes
	// Force allows what is out of order: stages that are skipped, a share that falls.
	Force bool
}

// Errors of changes, to be asked for with errors.Is. Each comes with a text that says what stands in the way.
var (
	// ErrFrozen: a freeze forbids it now, or will when it would take effect.
	ErrFrozen = errors.New("frozen")
	// ErrOrder: it skips a stage, or takes people out, and was not forced.
	ErrOrder = errors.New("out of order")
	// ErrStale: the flag is not the one that the writer saw any more, or has changed since what is to be undone.
	ErrStale = errors.New("changed meanwhile")
	// ErrNoEntry: the journal has no such entry.
	ErrNoEntry = errors.New("no such entry")
	// ErrNothing: all is as the change wants it already, and nothing was written. Most callers take it for success.
	ErrNothing = errors.New("nothing to change")
	// ErrBehind: the store is older than what this instance serves, so it was restored, or is another one.
	ErrBehind = errors.New("the store is behind")
)

// errJournalMoved: the journal that an Undo was given is older than the State.
var errJournalMoved = errors.New("the journal has gone on meanwhile")

// Invalid says what is wrong with a change in itself.
type Invalid struct { //nolint:errname // it is said as flags.Invalid, beside flags.ErrFrozen and the others
	Path   string // of the member at fault: "rules[1].cohort.share"; "" for the whole
	Line   int    // where it stands in the text that was read, from 1; 0 when there was none
	Reason string // what is wrong, and what to write instead
}

func (e *Invalid) Error() string {
	text := e.Reason
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Line > 0 {
		text = fmt.Sprintf("line %d: %s", e.Line, text)
	}
	return text
}

// Surroundings is what a change depends on beside the State.
type Surroundings struct {
	// Endpoints are the names of all endpoints there are.
	Endpoints []string
	// Static is the stage of an endpoint, or of DefaultFlag, that has no flag. Nil is passthrough for all.
	Static func(endpoint string) Stage
	// Freezes are those of the configuration.
	Freezes []Freeze
	// Journal has the entries that an Undo is about, the newest first: the one to be undone and those of the same endpoint
	// since; Journaled is the version of the State that it is known up to.
	Journal   []Entry
	Journaled int64
}

// Apply gives the State after a change and its row of the journal, which the store seals. It does not change s.
// Errors are *Invalid or wrap one of the errors above; several that are wrong with a flag are joined.
func Apply(s State, c Change, a Author, around Surroundings, now time.Time) (State, Entry, error) {
	t := &turn{before: s, after: s, author: a, around: around, now: now.UTC().Truncate(time.Microsecond)}
	if err := t.checkAuthor(); err != nil {
		return State{}, Entry{}, err
	}
	if err := c.apply(t); err != nil {
		return State{}, Entry{}, err
	}
	t.after.Version++
	t.entry.Version, t.entry.At = t.after.Version, t.now
	t.entry.By, t.entry.Reason, t.entry.Forced = t.author.By, t.author.Reason, t.author.Force
	return t.after, t.entry, nil
}

// join makes one error of several, nil of none.
func join(found []*Invalid) error {
	errs := make([]error, len(found))
	for i, f := range found {
		errs[i] = f
	}
	return errors.Join(errs...)
}
