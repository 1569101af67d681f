package flags

import (
	"fmt"
	"slices"
)

func (c StartBrownout) subject() string { return c.Endpoint }
func (c EndBrownout) subject() string   { return c.Endpoint }
func (SwitchKill) subject() string      { return "" }
func (AddFreeze) subject() string       { return "" }
func (RemoveFreeze) subject() string    { return "" }

func (c StartBrownout) apply(t *turn) error {
	f, err := t.own(c.Endpoint)
	if err != nil {
		return err
	}
	if err := t.thawed(); err != nil {
		return err
	}
	if f.Window != nil {
		return &Invalid{Path: "window", Reason: fmt.Sprintf("flag %s has a brownout until %s already: end that first", c.Endpoint, clock(f.Window.Until))}
	}
	f.Window = t.beginning(c.Window)
	k := &checker{}
	k.window("window", f.Window)
	if err := k.err(); err != nil {
		return err
	}
	if err := t.windowFits(&f); err != nil {
		return err
	}
	t.entry.Until = &f.Window.Until
	return t.put("brownout", f)
}

// beginning gives a window whose beginning is not before now.
func (t *turn) beginning(w Window) *Window {
	w.From, w.Until = exact(w.From), exact(w.Until)
	if w.From.Before(t.now) && w.Until.After(t.now) {
		w.From = t.now
	}
	return &w
}

// windowFits refuses the window of a flag that skips a stage, is over, or lies in a freeze.
func (t *turn) windowFits(f *Flag) error {
	if !f.Window.Until.After(t.now) {
		return &Invalid{Path: "window.until", Reason: fmt.Sprintf("is over: it is %s now", clock(t.now))}
	}
	if err := t.inOrder("the brownout of flag "+f.Endpoint, f.Stage, f.Window.Stage); err != nil {
		return err
	}
	return t.windowThaws(f.Window)
}

func (t *turn) windowThaws(w *Window) error {
	for _, z := range t.freezes() {
		if z.From.Before(w.Until) && w.From.Before(z.Until) {
			return fmt.Errorf("%w: the brownout would meet freeze %s, from %s until %s", ErrFrozen, z.Name, clock(z.From), clock(z.Until))
		}
	}
	return nil
}

// sameWindow says whether a window is the one that there was; when it began does not count, since a flag that is written back has
// what beginning made of it.
func sameWindow(a, b *Window) bool {
	return a != nil && b != nil && string(asJSON(Flag{Window: &Window{Stage: a.Stage, Cohort: a.Cohort, Until: a.Until}})) ==
		string(asJSON(Flag{Window: &Window{Stage: b.Stage, Cohort: b.Cohort, Until: b.Until}}))
}

func (c EndBrownout) apply(t *turn) error {
	f, err := t.own(c.Endpoint)
	if err != nil {
		return err
	}
	if f.Window == nil {
		return fmt.Errorf("%w: flag %s has no brownout", ErrNothing, c.Endpoint)
	}
	if err := t.thawed(); err != nil {
		return err
	}
	f.Window = nil
	return t.put("end", f)
}

func (c SwitchKill) apply(t *turn) error {
	if before := t.before.Kill; before != nil {
		t.entry.From = asJSON(*before)
	}
	if !c.On {
		if t.before.Kill == nil {
			return fmt.Errorf("%w: the kill switch is off", ErrNothing)
		}
		t.after.Kill, t.entry.Action = nil, "unkill"
		return nil
	}
	kill := Kill{At: t.now, By: t.author.By, Reason: t.author.Reason}
	t.after.Kill, t.entry.Action, t.entry.To = &kill, "kill", asJSON(kill)
	return nil
}

func (c AddFreeze) apply(t *turn) error {
	f := Freeze{Name: c.Freeze.Name, From: exact(c.Freeze.From), Until: exact(c.Freeze.Until)}
	if c.Freeze.From.IsZero() {
		f.From = t.now
	}
	k := &checker{}
	k.freeze("freeze", f)
	if slices.ContainsFunc(t.freezes(), func(z Freeze) bool { return z.Name == f.Name }) {
		k.fail("freeze.name", "there is a freeze %s already", quote(f.Name))
	}
	if !f.Until.After(t.now) {
		k.fail("freeze.until", "is over: it is %s now", clock(t.now))
	}
	for i := range t.before.Flags {
		g, ok := settle(t.before.Flags[i], t.now)
		if ok && g.Window != nil && f.From.Before(g.Window.Until) && g.Window.From.Before(f.Until) {
			k.fail("freeze", "the brownout of flag %s, until %s, lies in it: end that first", g.Endpoint, clock(g.Window.Until))
		}
	}
	if err := k.err(); err != nil {
		return err
	}
	t.after.Freezes = append(slices.Clone(t.before.Freezes), f)
	t.entry.Action, t.entry.To, t.entry.Until = "freeze", asJSON(f), &f.Until
	return nil
}

func (c RemoveFreeze) apply(t *turn) error {
	i := slices.IndexFunc(t.before.Freezes, func(f Freeze) bool { return f.Name == c.Name })
	if i < 0 {
		if slices.ContainsFunc(t.around.Freezes, func(f Freeze) bool { return f.Name == c.Name }) {
			return &Invalid{Path: "freeze.name", Reason: fmt.Sprintf("freeze %s stands in the configuration: remove it there", c.Name)}
		}
		return fmt.Errorf("%w: there is no freeze %s", ErrNothing, quote(c.Name))
	}
	f := t.before.Freezes[i]
	if f.holds(t.now) && !t.author.Force {
		return fmt.Errorf("%w: freeze %s holds until %s: force it to end it before", ErrOrder, f.Name, clock(f.Until))
	}
	t.thaw(i)
	return nil
}

// thaw takes a freeze away.
func (t *turn) thaw(i int) {
	t.entry.Action, t.entry.From = "unfreeze", asJSON(t.before.Freezes[i])
	t.after.Freezes = slices.Delete(slices.Clone(t.before.Freezes), i, i+1)
}
