package flags

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

// turn is a State while one change is applied to it.
type turn struct {
	before, after State
	author        Author
	around        Surroundings
	now           time.Time
	entry         Entry
}

func (t *turn) checkAuthor() error {
	const longestName, longestReason = 200, 1000 // bytes
	switch a := t.author; {
	case a.By == "" || len(a.By) > longestName:
		return &Invalid{Path: "by", Reason: "want who changes it, in at most 200 bytes"}
	case a.Reason == "":
		return &Invalid{Path: "reason", Reason: "missing: say why, for those who read the journal later"}
	case len(a.Reason) > longestReason:
		return &Invalid{Path: "reason", Reason: fmt.Sprintf("longer than %d bytes", longestReason)}
	}
	return nil
}

// flag gives what the flag of an endpoint is now.
func (t *turn) flag(endpoint string) (Flag, bool) {
	f, ok := t.before.flag(endpoint)
	if !ok {
		return Flag{}, false
	}
	return settle(f, t.now)
}

// own gives the flag of an endpoint, which has to be there.
func (t *turn) own(endpoint string) (Flag, error) {
	if f, ok := t.flag(endpoint); ok {
		return f, nil
	}
	if err := t.known(endpoint); err != nil {
		return Flag{}, err
	}
	return Flag{}, &Invalid{Path: "endpoint", Reason: fmt.Sprintf("%s has no flag of its own: set one first, to %s as it is now", endpoint, t.below(endpoint))}
}

// below is the stage that an endpoint has without a flag of its own.
func (t *turn) below(endpoint string) Stage {
	if endpoint != DefaultFlag {
		if f, ok := t.flag(DefaultFlag); ok {
			return f.Stage
		}
	}
	if t.around.Static == nil {
		return Passthrough
	}
	return t.around.Static(endpoint)
}

// known refuses names that no endpoint has.
func (t *turn) known(endpoint string) error {
	if endpoint == DefaultFlag || slices.Contains(t.around.Endpoints, endpoint) {
		return nil
	}
	return &Invalid{Path: "endpoint", Reason: fmt.Sprintf("unknown endpoint %s%s", quote(endpoint), near.Hint(endpoint, append([]string{DefaultFlag}, t.around.Endpoints...)))}
}

// freezes gives those of the State and of the configuration.
func (t *turn) freezes() []Freeze {
	return slices.Concat(t.before.Freezes, t.around.Freezes)
}

// thawed refuses while a freeze holds.
func (t *turn) thawed() error {
	for _, f := range t.freezes() {
		if f.holds(t.now) {
			return fmt.Errorf("%w: freeze %s holds until %s, and nothing but the kill switch works in it", ErrFrozen, f.Name, clock(f.Until))
		}
	}
	return nil
}

func (f Freeze) holds(now time.Time) bool { return !now.Before(f.From) && now.Before(f.Until) }

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// exact gives a time as it is kept: in UTC, to the microsecond, which is what a database keeps.
func exact(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// put makes f the flag of its endpoint. It takes nothing that it may not keep: f's rules are its own from now on.
func (t *turn) put(action string, f Flag) error {
	f.Changed = t.before.Version + 1
	before, had := t.flag(f.Endpoint)
	if had {
		// Is there a difference beside the number?
		f.Changed = before.Changed
		if string(asJSON(before)) == string(asJSON(f)) {
			return fmt.Errorf("%w: the flag is so already", ErrNothing)
		}
		f.Changed = t.before.Version + 1
		t.entry.From = asJSON(before)
	}
	t.entry.Action, t.entry.Endpoint, t.entry.To = action, f.Endpoint, asJSON(f)
	i, there := t.before.find(f.Endpoint)
	t.after.Flags = slices.Clone(t.before.Flags)
	if there {
		t.after.Flags[i] = f
	} else {
		t.after.Flags = slices.Insert(t.after.Flags, i, f)
	}
	return nil
}

// drop takes the flag of an endpoint away.
func (t *turn) drop(action, endpoint string) {
	if before, had := t.flag(endpoint); had {
		t.entry.From = asJSON(before)
	}
	t.entry.Action, t.entry.Endpoint = action, endpoint
	if i, there := t.before.find(endpoint); there {
		t.after.Flags = slices.Delete(slices.Clone(t.before.Flags), i, i+1)
	}
}

// asJSON writes a value of this package, which always can be written.
func asJSON[T Flag | Kill | Freeze](v T) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

// place gives the place of a stage in the order.
func (s Stage) place() int {
	return slices.Index([]Stage{Passthrough, Verify, Dual, FlowOnly}, s)
}

// inOrder refuses a step that skips a stage.
func (t *turn) inOrder(what string, from, to Stage) error {
	a, b := from.place(), to.place()
	if t.author.Force || a-b <= 1 && b-a <= 1 {
		return nil
	}
	return fmt.Errorf("%w: %s would go from %s to %s at once: go stage by stage (passthrough, verify, dual, flow_only), or force it", ErrOrder, what, from, to)
}

// flagInOrder compares a flag with what its endpoint had: its stage, and each rule by its name. A rule that is new comes
// from the stage that everybody had, and one that goes away goes to the one that everybody gets.
func (t *turn) flagInOrder(after *Flag) error {
	before, had := t.flag(after.Endpoint)
	if !had {
		before = Flag{Stage: t.below(after.Endpoint)}
	}
	if err := t.inOrder("flag "+after.Endpoint, before.Stage, after.Stage); err != nil {
		return err
	}
	for i := range after.Rules {
		r := &after.Rules[i]
		from := before.Stage
		if old := before.rule(r.Name); old != nil {
			from = old.Stage
		}
		if err := t.inOrder("rule "+r.Name, from, r.Stage); err != nil {
			return err
		}
	}
	for i := range before.Rules {
		r := &before.Rules[i]
		if after.rule(r.Name) == nil {
			if err := t.inOrder("rule "+r.Name+", which goes away,", r.Stage, after.Stage); err != nil {
				return err
			}
		}
	}
	return nil
}
