package flags

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// machine drives changes, refused ones too, against a model that knows the stages alone: for each endpoint what everybody gets, what
// each rule gives, and what it goes back to.
type machine struct {
	state   State
	journal []Entry
	now     time.Time
	model   map[string]modelFlag
	killed  bool
	freezes map[string]Freeze
}

type modelFlag struct {
	stage  Stage
	rules  map[string]Stage
	window *Window
	until  time.Time // zero: it stays
	back   *modelFlag
}

func (m *machine) around() Surroundings {
	a := surroundings()
	a.Freezes = nil
	a.Journaled = m.state.Version
	return a
}

func (m *machine) frozen() bool {
	for _, f := range m.freezes {
		if f.holds(m.now) {
			return true
		}
	}
	return false
}

// settled is the model's flag as it is now.
func (m *machine) settled(endpoint string) (modelFlag, bool) {
	f, ok := m.model[endpoint]
	if ok && !f.until.IsZero() && !m.now.Before(f.until) {
		if f.back == nil {
			return modelFlag{}, false
		}
		f = *f.back
	}
	if f.window != nil && !m.now.Before(f.window.Until) {
		f.window = nil
	}
	return f, ok
}

func (m *machine) below(endpoint string) Stage {
	if f, ok := m.settled(DefaultFlag); ok && endpoint != DefaultFlag {
		return f.stage
	}
	return surroundings().Static(endpoint)
}

// far says whether a move skips a stage, in words of its own.
func far(a, b Stage) bool {
	near := map[Stage][]Stage{Passthrough: {Passthrough, Verify}, Verify: {Passthrough, Verify, Dual}, Dual: {Verify, Dual, FlowOnly}, FlowOnly: {Dual, FlowOnly}}
	for _, s := range near[a] {
		if s == b {
			return false
		}
	}
	return true
}

// jumps says whether a flag skips a stage for anybody.
func (m *machine) jumps(endpoint string, to modelFlag) bool {
	from, ok := m.settled(endpoint)
	if !ok {
		from = modelFlag{stage: m.below(endpoint)}
	}
	jump := far(from.stage, to.stage)
	for name, stage := range to.rules {
		if old, ok := from.rules[name]; ok {
			jump = jump || far(old, stage)
		} else {
			jump = jump || far(from.stage, stage)
		}
	}
	for name, stage := range from.rules {
		if _, ok := to.rules[name]; !ok {
			jump = jump || far(stage, to.stage)
		}
	}
	return jump
}

// do applies a change and checks what holds for all of them. ok says whether it was applied.
func (m *machine) do(t *rapid.T, c Change, a Author, around Surroundings) (ok bool, err error) {
	before, _ := json.Marshal(m.state)
	after, e, err := Apply(m.state, c, a, around, m.now)
	if again, _ := json.Marshal(m.state); string(again) != string(before) {
		t.Fatalf("%T changed the State that it was given:\n%s\n%s", c, before, again)
	}
	if err != nil {
		return false, err
	}
	if after.Version != m.state.Version+1 || e.Version != after.Version || e.Reason == "" {
		t.Fatalf("%T led from version %d to %d: %+v", c, m.state.Version, after.Version, e)
	}
	if err := after.check(); err != nil {
		t.Fatalf("%T led to a State that is wrong: %v", c, err)
	}
	var readBack State
	data, err := json.Marshal(after)
	if err == nil {
		err = json.Unmarshal(data, &readBack)
	}
	if again, _ := json.Marshal(readBack); err != nil || string(again) != string(data) {
		t.Fatalf("a State does not survive being written: %v\n%s\n%s", err, data, again)
	}
	previous := ""
	if n := len(m.journal); n > 0 {
		previous = m.journal[n-1].Hash
	}
	m.state, m.journal = after, append(m.journal, e.Seal(previous))
	return true, nil
}

func endpointOf(t *rapid.T) string {
	return rapid.SampledFrom([]string{"context-me", "login", DefaultFlag}).Draw(t, "endpoint")
}

func authorOf(t *rapid.T) Author {
	return Author{By: "ann", Reason: "a try", Force: rapid.Bool().Draw(t, "force")}
}

func (m *machine) SetFlag(t *rapid.T) {
	f := Flag{Endpoint: endpointOf(t), Stage: drawStage(t, "stage")}
	to := modelFlag{stage: f.Stage, rules: map[string]Stage{}}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b"}), 0, 2, rapid.ID).Draw(t, "rules") {
		r := Rule{name, Cohort{Tenants: []string{name}}, drawStage(t, name)}
		f.Rules = append(f.Rules, r)
		to.rules[name] = r.Stage
	}
	before, had := m.settled(f.Endpoint)
	if rapid.Bool().Draw(t, "expires") {
		f.Expires = &Expiry{At: m.now.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "hours")) * time.Hour)}
		to.until = f.Expires.At
		switch {
		case had && !before.until.IsZero():
			to.back = before.back
		case had:
			to.back = &modelFlag{stage: before.stage, rules: before.rules}
		}
	}
	a := authorOf(t)
	m.expect(t, SetFlag{f}, a, m.jumps(f.Endpoint, to), func() { m.model[f.Endpoint] = to })
}

// expect applies a change of a flag and holds the outcome to what the model says.
func (m *machine) expect(t *rapid.T, c Change, a Author, jumps bool, then func()) {
	frozen := m.frozen()
	ok, err := m.do(t, c, a, m.around())
	switch {
	case errors.Is(err, ErrNothing):
	case frozen:
		if !errors.Is(err, ErrFrozen) {
			t.Fatalf("%T in a freeze: %v", c, err)
		}
	case jumps && !a.Force:
		if !errors.Is(err, ErrOrder) {
			t.Fatalf("%T skips a stage and is not forced: %v", c, err)
		}
	case err != nil && !errors.Is(err, ErrFrozen): // what would happen in a freeze to come
		t.Fatalf("%T: %v", c, err)
	}
	if ok {
		then()
	}
}

func (m *machine) RemoveFlag(t *rapid.T) {
	endpoint := endpointOf(t)
	m.expect(t, RemoveFlag{endpoint}, authorOf(t), m.jumps(endpoint, modelFlag{stage: m.below(endpoint)}), func() { delete(m.model, endpoint) })
}

func (m *machine) Brownout(t *rapid.T) {
	endpoint := endpointOf(t)
	f, had := m.settled(endpoint)
	if !had || f.window != nil {
		return
	}
	w := Window{Stage: drawStage(t, "stage"), From: m.now, Until: m.now.Add(time.Duration(rapid.IntRange(1, 24).Draw(t, "hours")) * time.Hour)}
	m.expect(t, StartBrownout{endpoint, w}, authorOf(t), far(f.stage, w.Stage), func() {
		f.window = &w
		m.model[endpoint] = f
	})
}

func (m *machine) EndBrownout(t *rapid.T) {
	endpoint := endpointOf(t)
	f, had := m.settled(endpoint)
	if !had {
		return
	}
	m.expect(t, EndBrownout{endpoint}, authorOf(t), false, func() {
		f.window = nil
		m.model[endpoint] = f
	})
}

func (m *machine) Kill(t *rapid.T) {
	on := rapid.Bool().Draw(t, "on")
	if _, err := m.do(t, SwitchKill{on}, authorOf(t), m.around()); err != nil && (on || m.killed) {
		t.Fatalf("kill switch %v: %v", on, err)
	}
	m.killed = on
}

func (m *machine) AddFreeze(t *rapid.T) {
	f := Freeze{Name: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name"), From: m.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "from")) * time.Hour)}
	f.Until = f.From.Add(time.Hour)
	if ok, _ := m.do(t, AddFreeze{f}, authorOf(t), m.around()); ok {
		m.freezes[f.Name] = f
	}
}

func (m *machine) RemoveFreeze(t *rapid.T) {
	name := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name")
	a := authorOf(t)
	ok, _ := m.do(t, RemoveFreeze{name}, a, m.around())
	f, had := m.freezes[name]
	if ok && (!had || f.holds(m.now) && !a.Force) {
		t.Fatalf("freeze %s was removed", name)
	}
	if ok {
		delete(m.freezes, name)
	}
}

// Undo takes back the last change of a flag: it is as before, whatever was skipped.
func (m *machine) Undo(t *rapid.T) {
	if len(m.journal) == 0 {
		return
	}
	e := m.journal[len(m.journal)-1]
	if e.Endpoint == "" || e.Action == "end" || e.Action == actionExpire {
		return
	}
	around := m.around()
	around.Journal = []Entry{e}
	ok, err := m.do(t, Undo{e.Version}, Author{By: "ann", Reason: "a way back"}, around)
	if err != nil && !errors.Is(err, ErrFrozen) && !errors.Is(err, ErrNothing) {
		t.Fatalf("undo of %s: %v", e.Action, err)
	}
	if !ok {
		return
	}
	f, there := m.state.flag(e.Endpoint)
	if !there {
		delete(m.model, e.Endpoint)
		return
	}
	m.model[e.Endpoint] = modelOf(f)
}

// modelOf reads a flag into the model.
func modelOf(f Flag) modelFlag {
	to := modelFlag{stage: f.Stage, rules: map[string]Stage{}, window: f.Window}
	for _, r := range f.Rules {
		to.rules[r.Name] = r.Stage
	}
	if f.Expires != nil {
		to.until = f.Expires.At
		if f.Expires.To != nil {
			back := modelOf(*f.Expires.To)
			to.back = &back
		}
	}
	return to
}

// Time passes, and is written down or not.
func (m *machine) Time(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
	if rapid.Bool().Draw(t, "written down") {
		for m.state.due(nil, m.now) {
			if ok, err := m.do(t, advance{}, Author{By: crossfade, Reason: "x"}, m.around()); !ok {
				t.Fatalf("something is due and cannot be done: %v", err)
			}
		}
		if ok, _ := m.do(t, advance{}, Author{By: crossfade, Reason: "x"}, m.around()); ok {
			t.Fatal("nothing was due, and something was done")
		}
		for name, f := range m.freezes {
			if !m.now.Before(f.Until) {
				delete(m.freezes, name)
			}
		}
	}
}

// Check holds what decides to the model, for each endpoint and each rule.
func (m *machine) Check(t *rapid.T) {
	if err := VerifyChain(m.journal); err != nil {
		t.Fatal(err)
	}
	settings := Settings{Endpoints: surroundings().Endpoints, File: Layer{Endpoints: map[string]Static{"login": {Stage: Dual, Source: "proxy.yaml:1"}}}}
	s := newSnapshot(m.state, true, &settings, nil, m.now)
	for _, endpoint := range []string{"context-me", "login"} {
		for _, tenant := range []string{"a", "b", "c"} {
			r := request("X-Client-Account-Id", tenant)
			if got, want := s.decide(&r, endpoint).Stage, m.expected(endpoint, tenant); got != want {
				t.Fatalf("tenant %s of %s gets %s, want %s", tenant, endpoint, got, want)
			}
		}
	}
	if (m.state.Kill != nil) != m.killed {
		t.Fatalf("kill switch %v, want %v", m.state.Kill, m.killed)
	}
}

func (m *machine) expected(endpoint, tenant string) Stage {
	if m.killed {
		return Passthrough
	}
	f, ok := m.settled(endpoint)
	if !ok {
		if f, ok = m.settled(DefaultFlag); !ok {
			return surroundings().Static(endpoint)
		}
	}
	if f.window != nil {
		return f.window.Stage // its cohort is everybody
	}
	if stage, ok := f.rules[tenant]; ok {
		return stage
	}
	return f.stage
}

func TestStageMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{now: noon(), model: map[string]modelFlag{}, freezes: map[string]Freeze{}}
		t.Repeat(rapid.StateMachineActions(m))
	})
}
