package flags

import (
	"fmt"
	"slices"
)

func (c StartRamp) subject() string  { return c.Endpoint }
func (c PauseRamp) subject() string  { return c.Endpoint }
func (c ResumeRamp) subject() string { return c.Endpoint }

func (c StartRamp) apply(t *turn) error {
	f, err := t.own(c.Endpoint)
	if err != nil {
		return err
	}
	if err := t.thawed(); err != nil {
		return err
	}
	before := f
	f.Rules = slices.Clone(f.Rules)
	f.Ramp = t.continued(c.Ramp, nil)
	k := &checker{}
	k.ramp("ramp", &f)
	if err := k.err(); err != nil {
		return err
	}
	if err := t.risesFrom(&before, f.Ramp); err != nil {
		return err
	}
	f.takeStep(0)
	return t.put("ramp", f)
}

// continued gives a ramp as it begins now, or as it runs when it is the one that runs already.
func (t *turn) continued(r Ramp, running *Ramp) *Ramp {
	if running != nil && running.Rule == r.Rule && slices.Equal(running.Steps, r.Steps) {
		return running
	}
	return &Ramp{Rule: r.Rule, Steps: slices.Clone(r.Steps), Since: t.now}
}

// risesFrom refuses a ramp that begins by taking out callers who are in.
func (t *turn) risesFrom(before *Flag, r *Ramp) error {
	rule := before.rule(r.Rule)
	if rule == nil || t.author.Force {
		return nil
	}
	share := All
	if rule.Cohort.Share != nil {
		share = *rule.Cohort.Share
	}
	if first := r.Steps[0].Share; first < share {
		return fmt.Errorf("%w: rule %s has a share of %s %%, and a ramp from %s %% would take callers out: begin higher, or force it", ErrOrder, r.Rule, share, first)
	}
	return nil
}

// takeStep gives the rule of a ramp the share of one of its steps. With the last one the ramp is over. The flag's rules are its
// own.
func (f *Flag) takeStep(step int) {
	share := f.Ramp.Steps[step].Share
	f.rule(f.Ramp.Rule).Cohort.Share = &share
	if step == len(f.Ramp.Steps)-1 {
		f.Ramp = nil
	}
}

func (c PauseRamp) apply(t *turn) error {
	return t.changeRamp(c.Endpoint, "pause", true)
}

func (c ResumeRamp) apply(t *turn) error {
	return t.changeRamp(c.Endpoint, "resume", false)
}

func (t *turn) changeRamp(endpoint, action string, paused bool) error {
	f, err := t.own(endpoint)
	if err != nil {
		return err
	}
	if f.Ramp == nil {
		return &Invalid{Path: "ramp", Reason: fmt.Sprintf("flag %s has no ramp that could %s", endpoint, action)}
	}
	if f.Ramp.Paused == paused {
		return fmt.Errorf("%w: the ramp of flag %s is so already", ErrNothing, endpoint)
	}
	if err := t.thawed(); err != nil {
		return err
	}
	r := *f.Ramp
	r.Paused = paused
	if !paused {
		r.Since = t.now
	}
	f.Ramp = &r
	return t.put(action, f)
}
