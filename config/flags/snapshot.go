package flags

import (
	"cmp"
	"slices"
	"time"
)

// snapshot is everything that decisions need at one moment. It is immutable.
type snapshot struct {
	state    State // as the store told it; what has ended since is still in it
	settings *Settings
	known    bool
	kill     *Kill // of the store or, before it, of the file
	killFile bool
	chains   map[string]*chain // by endpoint
	unknown  Decision          // of endpoints that nobody knows
	context  *ruleContext
	override *override // nil when nobody may
	next     time.Time // when time alone makes it wrong; zero for never
}

// newSnapshot makes what decides at a moment. file is the kill switch of the local file, nil when it is off. State and settings have
// been checked.
func newSnapshot(state State, known bool, settings *Settings, file *Kill, now time.Time) *snapshot {
	s := &snapshot{state: state, settings: settings, known: known, kill: cmp.Or(file, state.Kill), killFile: file != nil,
		chains: map[string]*chain{}, context: newRuleContext(settings), override: newOverride(&settings.Override)}
	var always []string
	if s.override != nil {
		always = []string{s.override.header}
	}
	k := newCompiler(s.context, state.Version, always)
	for _, endpoint := range settings.Endpoints {
		s.chains[endpoint] = s.chain(k, endpoint, now)
	}
	s.unknown = Decision{Stage: Passthrough, Reason: ReasonDefault, Source: builtIn, Version: state.Version}
	s.next = nextMoment(&state, now)
	return s
}

// chain makes the chain of an endpoint: what comes first in the order of precedence that has a word for everybody ends it.
func (s *snapshot) chain(k *compiler, endpoint string, now time.Time) *chain {
	c := &chain{journey: s.settings.journey(endpoint)}
	defer k.finish(c)
	switch {
	case s.kill != nil:
		source := "kill switch"
		if s.killFile {
			source = "kill file"
		}
		k.add(c, everybody(), Decision{Stage: Passthrough, Reason: ReasonKill, Source: source})
		return c
	case !s.known:
		k.add(c, everybody(), Decision{Stage: Passthrough, Reason: ReasonUnknown, Source: "no flags known yet"})
		return c
	}
	for _, name := range [...]string{endpoint, DefaultFlag} {
		f, ok := s.state.flag(name)
		if !ok {
			continue
		}
		if f, ok = settle(f, now); ok {
			c.journey = cmp.Or(f.Journey, c.journey)
			k.addFlag(c, &f, f.Window != nil && !now.Before(f.Window.From))
			return c
		}
	}
	k.addSettings(c, s.settings, endpoint)
	return c
}

// flag finds the flag with a name.
func (s *State) flag(name string) (Flag, bool) {
	i, ok := s.find(name)
	if !ok {
		return Flag{}, false
	}
	return s.Flags[i], true
}

func (s *State) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Flags, name, func(f Flag, name string) int { return cmp.Compare(f.Endpoint, name) })
}

// settle gives what a flag is at a moment: a window that is over is gone, and a flag that expired is the one that it goes
// back to. It is false when there is none any more.
func settle(f Flag, now time.Time) (Flag, bool) {
	if f.Expires != nil && !now.Before(f.Expires.At) {
		if f.Expires.To == nil {
			return Flag{}, false
		}
		to := *f.Expires.To
		to.Endpoint, to.Changed = f.Endpoint, f.Changed
		f = to
	}
	if f.Window != nil && !now.Before(f.Window.Until) {
		f.Window = nil
	}
	return f, true
}

// nextMoment is the first moment behind now at which settle or a window gives something else; zero for never.
func nextMoment(s *State, now time.Time) (next time.Time) {
	at := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for i := range s.Flags {
		f := &s.Flags[i]
		if f.Expires != nil {
			at(f.Expires.At)
		}
		if f.Window != nil {
			at(f.Window.From)
			at(f.Window.Until)
		}
	}
	return next
}
