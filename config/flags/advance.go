package flags

import (
	"fmt"
	"slices"
	"time"
)

// actionExpire is the entry of a flag that went back by itself.
const actionExpire = "expire"

// crossfade is who does what happens by itself.
const crossfade = "crossfade"

// advance is the change that time makes: the first of what is due. It is applied by the store's clock, so that of several replicas
// that try, one finds something to do.
type advance struct{}

func (advance) subject() string { return "" }

func (advance) apply(t *turn) error {
	for i := range t.before.Flags {
		f := t.before.Flags[i]
		switch {
		case f.Expires != nil && !t.now.Before(f.Expires.At):
			return t.expire(f)
		case f.Window != nil && !t.now.Before(f.Window.Until):
			t.entry.From = asJSON(f)
			t.author.Reason = "the brownout is over"
			f.Window = nil
			return t.ended("end", f)
		case f.stepDue(t.now) && t.thawed() == nil:
			next := f.Ramp.Step + 1
			t.author.Reason = fmt.Sprintf("step %d of %d, after %s", next+1, len(f.Ramp.Steps), f.Ramp.Steps[f.Ramp.Step].Hold)
			t.entry.From = asJSON(f)
			r := *f.Ramp
			r.Step, r.Since = next, t.now
			f.Ramp, f.Rules = &r, slices.Clone(f.Rules)
			f.takeStep(next)
			return t.ended("step", f)
		}
	}
	for i, f := range t.before.Freezes {
		if !t.now.Before(f.Until) {
			t.author.Reason = "the freeze is over"
			t.thaw(i)
			return nil
		}
	}
	return fmt.Errorf("%w: nothing is due", ErrNothing)
}

// expire lets a flag go back to what it was.
func (t *turn) expire(f Flag) error {
	t.author.Reason = "the flag expired"
	t.entry.From = asJSON(f)
	to, ok := settle(f, t.now)
	if ok {
		return t.ended(actionExpire, to)
	}
	i, _ := t.before.find(f.Endpoint)
	t.after.Flags = slices.Delete(slices.Clone(t.before.Flags), i, i+1)
	t.entry.Action, t.entry.Endpoint = actionExpire, f.Endpoint
	return nil
}

// ended puts a flag in its place whose From is known: put would take what has ended for gone already.
func (t *turn) ended(action string, f Flag) error {
	f.Changed = t.before.Version + 1
	t.entry.Action, t.entry.Endpoint, t.entry.To = action, f.Endpoint, asJSON(f)
	i, _ := t.before.find(f.Endpoint)
	t.after.Flags = slices.Clone(t.before.Flags)
	t.after.Flags[i] = f
	return nil
}

// stepDue says whether a ramp has held its step for long enough.
func (f *Flag) stepDue(now time.Time) bool {
	due := f.stepAt()
	return !due.IsZero() && !now.Before(due)
}

// stepAt is when a ramp goes on, zero for never.
func (f *Flag) stepAt() time.Time {
	if f.Ramp == nil || f.Ramp.Paused || f.Ramp.Step >= len(f.Ramp.Steps)-1 {
		return time.Time{}
	}
	return f.Ramp.Since.Add(time.Duration(f.Ramp.Steps[f.Ramp.Step].Hold))
}

// due says whether advance would find something to do. freezes are those of the configuration.
func (s *State) due(freezes []Freeze, now time.Time) bool {
	frozen := slices.ContainsFunc(slices.Concat(s.Freezes, freezes), func(f Freeze) bool { return f.holds(now) })
	for i := range s.Flags {
		f := &s.Flags[i]
		if f.Expires != nil && !now.Before(f.Expires.At) || f.Window != nil && !now.Before(f.Window.Until) || !frozen && f.stepDue(now) {
			return true
		}
	}
	return slices.ContainsFunc(s.Freezes, func(f Freeze) bool { return !now.Before(f.Until) })
}
