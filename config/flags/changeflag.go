package flags

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

func (c SetFlag) subject() string    { return c.Flag.Endpoint }
func (c RemoveFlag) subject() string { return c.Endpoint }
func (Undo) subject() string         { return "" }

func (c SetFlag) apply(t *turn) error {
	f := c.Flag
	if err := t.known(f.Endpoint); err != nil {
		return err
	}
	if err := t.thawed(); err != nil {
		return err
	}
	f.Rules = slices.Clone(f.Rules)
	before, had := t.flag(f.Endpoint)
	if f.Window != nil {
		if f.Window = t.beginning(*f.Window); sameWindow(f.Window, before.Window) {
			f.Window = before.Window
		}
	}
	if f.Expires != nil {
		f.Expires = t.goingBack(f.Expires.At, before, had)
	}
	if f.Ramp != nil {
		f.Ramp = t.continued(*f.Ramp, before.Ramp)
	}
	k := &checker{}
	k.flag("", &f)
	if f.Expires != nil && !f.Expires.At.IsZero() && !f.Expires.At.After(t.now) {
		k.fail("expires.at", "is over: it is %s now", clock(t.now))
	}
	if err := k.err(); err != nil {
		return err
	}
	if err := t.flagInOrder(&f); err != nil {
		return err
	}
	if f.Window != nil && f.Window != before.Window {
		if err := t.windowFits(&f); err != nil {
			return err
		}
	}
	if f.Expires != nil {
		if err := t.notWithinFreeze("the flag would expire", f.Expires.At); err != nil {
			return err
		}
		t.entry.Until = &f.Expires.At
	}
	if f.Ramp != nil {
		if f.Ramp != before.Ramp {
			if err := t.risesFrom(&before, f.Ramp); err != nil {
				return err
			}
		}
		f.takeStep(f.Ramp.Step)
	}
	return t.put("set", f)
}

// goingBack gives the end of a flag that expires: it goes back to what its endpoint has now, or, when that will expire itself, to
// what that would have gone back to.
func (t *turn) goingBack(at time.Time, before Flag, had bool) *Expiry {
	e := &Expiry{At: exact(at)}
	switch {
	case !had:
	case before.Expires != nil:
		e.To = before.Expires.To
	default:
		before.Ramp, before.Window = nil, nil
		e.To = &before
	}
	return e
}

// notWithinFreeze refuses what would happen by itself in a freeze.
func (t *turn) notWithinFreeze(what string, at time.Time) error {
	for _, f := range t.freezes() {
		if f.holds(at) {
			return fmt.Errorf("%w: %s at %s, within freeze %s (until %s)", ErrFrozen, what, clock(at), f.Name, clock(f.Until))
		}
	}
	return nil
}

func (c RemoveFlag) apply(t *turn) error {
	f, ok := t.flag(c.Endpoint)
	if !ok {
		if err := t.known(c.Endpoint); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s has no flag of its own", ErrNothing, c.Endpoint)
	}
	if err := t.thawed(); err != nil {
		return err
	}
	below := t.below(c.Endpoint)
	if err := t.flagInOrder(&Flag{Endpoint: f.Endpoint, Stage: below}); err != nil {
		return err
	}
	t.drop("remove", c.Endpoint)
	return nil
}

func (c Undo) apply(t *turn) error {
	if t.before.Version != t.around.Journaled {
		return errJournalMoved
	}
	i := slices.IndexFunc(t.around.Journal, func(e Entry) bool { return e.Version == c.Version })
	if i < 0 {
		return fmt.Errorf("%w: the journal has no version %d", ErrNoEntry, c.Version)
	}
	e := t.around.Journal[i]
	if e.Endpoint == "" {
		return &Invalid{Path: "version", Reason: fmt.Sprintf("version %d changed no flag (%s): the kill switch and freezes are switched, added and removed", e.Version, e.Action)}
	}
	if i > 0 {
		newest := t.around.Journal[0]
		return fmt.Errorf("%w: flag %s has been changed since, by %s in version %d (%s: %s): undo that first", ErrStale, e.Endpoint, newest.By, newest.Version, newest.Action, newest.Reason)
	}
	if err := t.thawed(); err != nil {
		return err
	}
	if len(e.From) == 0 {
		if _, there := t.flag(e.Endpoint); !there {
			return fmt.Errorf("%w: %s has no flag of its own", ErrNothing, e.Endpoint)
		}
		t.drop("undo", e.Endpoint)
		return nil
	}
	var f Flag
	if err := json.Unmarshal(e.From, &f); err != nil {
		return fmt.Errorf("what version %d changed cannot be read: %w", e.Version, err)
	}
	if e.Action == actionExpire {
		f.Expires = nil // that it expired is what is undone
	}
	f, ok := settle(f, t.now)
	if !ok {
		t.drop("undo", e.Endpoint)
		return nil
	}
	if f.Ramp != nil {
		// Its hold would be over at once.
		paused := *f.Ramp
		paused.Paused = true
		f.Ramp = &paused
	}
	if f.Window != nil {
		if err := t.windowThaws(f.Window); err != nil {
			return err
		}
	}
	k := &checker{}
	if k.flag("", &f); len(k.found) > 0 {
		return k.err()
	}
	return t.put("undo", f)
}
