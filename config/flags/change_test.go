package flags

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// noon is when the tests of changes take place.
func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

func in(d time.Duration) time.Time { return noon().Add(d) }

func surroundings() Surroundings {
	return Surroundings{
		Endpoints: []string{"context-me", "login", "list-flows"},
		Static: func(endpoint string) Stage {
			if endpoint == "login" {
				return Dual
			}
			return Passthrough
		},
		Freezes: []Freeze{{Name: "christmas", From: in(30 * 24 * time.Hour), Until: in(33 * 24 * time.Hour)}},
	}
}

var ann = Author{By: "ann", Reason: "a test"}

func forced() Author { return Author{By: "ann", Reason: "a test", Force: true} }

// applied applies changes that have to succeed, a minute after each other, the last one at noon.
func applied(t *testing.T, s State, changes ...Change) State {
	t.Helper()
	for i, c := range changes {
		next, _, err := Apply(s, c, forced(), surroundings(), in(-time.Duration(len(changes)-1-i)*time.Minute))
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		s = next
	}
	return s
}

func set(endpoint string, stage Stage, rules ...Rule) SetFlag {
	return SetFlag{Flag{Endpoint: endpoint, Stage: stage, Rules: rules}}
}

func pilot(stage Stage) Rule {
	return Rule{"pilot", Cohort{Tenants: []string{"t1"}}, stage}
}

func rising(s Share) Rule { return Rule{"rising", Cohort{Share: &s}, FlowOnly} }

func steps(shares ...Share) []Step {
	var all []Step
	for _, s := range shares {
		all = append(all, Step{s, Hold(time.Hour)})
	}
	return all
}

// TestRefusedChanges has everything that a change may be refused for, each with its whole text.
func TestRefusedChanges(t *testing.T) {
	ramped := func(r Ramp) SetFlag {
		return SetFlag{Flag{Endpoint: "context-me", Stage: Dual, Rules: []Rule{rising(100)}, Ramp: &r}}
	}
	window := func(stage Stage, from, until time.Duration) *Window {
		return &Window{Stage: stage, From: in(from), Until: in(until)}
	}
	brownout := func(stage Stage, from, until time.Duration) StartBrownout {
		return StartBrownout{"context-me", *window(stage, from, until)}
	}
	dual := []Change{set("context-me", Dual)}
	for _, row := range []struct {
		name   string
		before []Change
		change Change
		author Author
		is     error // nil: an *Invalid
		want   string
	}{
		{"no reason", nil, set("context-me", Verify), Author{By: "ann"}, nil, "reason: missing: say why, for those who read the journal later"},
		{"no reason for the kill switch", nil, SwitchKill{On: true}, Author{By: "ann"}, nil, "reason: missing: say why, for those who read the journal later"},
		{"a book for a reason", nil, set("context-me", Verify), Author{By: "ann", Reason: strings.Repeat("x", 1001)}, nil, "reason: longer than 1000 bytes"},
		{"nobody", nil, set("context-me", Verify), Author{Reason: "x"}, nil, "by: want who changes it, in at most 200 bytes"},
		{"unknown endpoint", nil, set("context-mee", Verify), ann, nil, `endpoint: unknown endpoint "context-mee" (did you mean "context-me"?)`},
		{"unknown stage", nil, set("context-me", "flow-only"), ann, nil, `stage: unknown stage "flow-only" (want passthrough, verify, dual or flow_only) (did you mean "flow_only"?)`},
		{"a stage is skipped", nil, set("context-me", Dual), ann, ErrOrder, "out of order: flag context-me would go from passthrough to dual at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"two are skipped, backwards", dual, set("context-me", Passthrough), ann, ErrOrder, "out of order: flag context-me would go from dual to passthrough at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"a stage is skipped from that of the configuration", nil, set("login", Passthrough), ann, ErrOrder, "out of order: flag login would go from dual to passthrough at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"a stage is skipped from that of the default flag", []Change{set(DefaultFlag, FlowOnly)}, set("context-me", Verify), ann, ErrOrder, "out of order: flag context-me would go from flow_only to verify at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"a new rule skips a stage", nil, set("context-me", Verify, pilot(Dual)), ann, ErrOrder, "out of order: rule pilot would go from passthrough to dual at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"a rule skips a stage", []Change{set("context-me", Verify, pilot(Verify))}, set("context-me", Verify, pilot(FlowOnly)), ann, ErrOrder, "out of order: rule pilot would go from verify to flow_only at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"a rule goes away and skips a stage", []Change{set("context-me", Verify, pilot(FlowOnly))}, set("context-me", Verify), ann, ErrOrder, "out of order: rule pilot, which goes away, would go from flow_only to verify at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"a flag goes away and skips a stage", dual, RemoveFlag{"context-me"}, ann, ErrOrder, "out of order: flag context-me would go from dual to passthrough at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"no flag to remove", nil, RemoveFlag{"login"}, ann, ErrNothing, "nothing to change: login has no flag of its own"},
		{"no endpoint to remove a flag of", nil, RemoveFlag{"logn"}, ann, nil, `endpoint: unknown endpoint "logn" (did you mean "login"?)`},
		{"the same again", dual, set("context-me", Dual), ann, ErrNothing, "nothing to change: the flag is so already"},
		{"expired before it began", nil, SetFlag{Flag{Endpoint: "context-me", Stage: Verify, Expires: &Expiry{At: in(0)}}}, ann, nil, "expires.at: is over: it is 2026-11-24T12:00:00Z now"},
		{"expires in a freeze", nil, SetFlag{Flag{Endpoint: "context-me", Stage: Verify, Expires: &Expiry{At: in(31 * 24 * time.Hour)}}}, ann, ErrFrozen, "frozen: the flag would expire at 2026-12-25T12:00:00Z, within freeze christmas (until 2026-12-27T12:00:00Z)"},

		{"ramp without a flag", nil, StartRamp{"context-me", Ramp{Rule: "rising", Steps: steps(1, 2)}}, ann, nil, "endpoint: context-me has no flag of its own: set one first, to passthrough as it is now"},
		{"ramp of no rule", dual, StartRamp{"context-me", Ramp{Rule: "risin", Steps: steps(1, 2)}}, ann, nil, `ramp.rule: the flag has no rule "risin"`},
		{"ramp without steps", nil, ramped(Ramp{Rule: "risin"}), forced(), nil, "ramp.rule: the flag has no rule \"risin\" (did you mean \"rising\"?)\nramp.steps: want 1 to 100 steps, got 0"},
		{"ramp that falls", nil, ramped(Ramp{Rule: "rising", Steps: steps(200, 100)}), forced(), nil, "ramp.steps[1].share: want more than the 2 of the step before, got 1"},
		{"ramp without holds", nil, ramped(Ramp{Rule: "rising", Steps: []Step{{100, 0}, {20000, -1}}}), forced(), nil, "ramp.steps[0].hold: want how long the step is held before the next one, such as 20m\nramp.steps[1].share: want a share from 0 to 10000 of 10,000, got 20000\nramp.steps[1].hold: want how long the step is held before the next one, such as 20m"},
		{"ramp that begins lower", []Change{set("context-me", Dual, rising(500))}, StartRamp{"context-me", Ramp{Rule: "rising", Steps: steps(100, 600)}}, ann, ErrOrder, "out of order: rule rising has a share of 5 %, and a ramp from 1 % would take callers out: begin higher, or force it"},
		{"ramp of a rule for all", []Change{set("context-me", Dual, pilot(FlowOnly))}, StartRamp{"context-me", Ramp{Rule: "pilot", Steps: steps(100)}}, ann, ErrOrder, "out of order: rule pilot has a share of 100 %, and a ramp from 1 % would take callers out: begin higher, or force it"},
		{"no ramp to pause", dual, PauseRamp{"context-me"}, ann, nil, "ramp: flag context-me has no ramp that could pause"},
		{"no pause to end", []Change{ramped(Ramp{Rule: "rising", Steps: steps(1, 2)})}, ResumeRamp{"context-me"}, ann, ErrNothing, "nothing to change: the ramp of flag context-me is so already"},

		{"brownout without a flag", nil, brownout(Dual, 0, time.Hour), ann, nil, "endpoint: context-me has no flag of its own: set one first, to passthrough as it is now"},
		{"brownout that ends before it begins", dual, brownout(FlowOnly, 2*time.Hour, time.Hour), ann, nil, "window.until: want a time behind from (2026-11-24T14:00:00Z), got 2026-11-24T13:00:00Z"},
		{"brownout of two days", dual, brownout(FlowOnly, 0, 48*time.Hour), ann, nil, "window.until: a brownout lasts at most 24h, this one 48h: set the stage instead"},
		{"brownout that is over", dual, brownout(FlowOnly, -2*time.Hour, -time.Hour), ann, nil, "window.until: is over: it is 2026-11-24T12:00:00Z now"},
		{"brownout that skips a stage", []Change{set("context-me", Verify)}, brownout(FlowOnly, 0, time.Hour), ann, ErrOrder, "out of order: the brownout of flag context-me would go from verify to flow_only at once: go stage by stage (passthrough, verify, dual, flow_only), or force it"},
		{"brownout that meets a freeze", dual, brownout(FlowOnly, 30*24*time.Hour-time.Hour, 30*24*time.Hour+time.Second), forced(), ErrFrozen, "frozen: the brownout would meet freeze christmas, from 2026-12-24T12:00:00Z until 2026-12-27T12:00:00Z"},
		{"a second brownout", append(dual, brownout(FlowOnly, 0, time.Hour)), brownout(FlowOnly, 0, 2*time.Hour), ann, nil, "window: flag context-me has a brownout until 2026-11-24T13:00:00Z already: end that first"},
		{"no brownout to end", dual, EndBrownout{"context-me"}, ann, ErrNothing, "nothing to change: flag context-me has no brownout"},

		{"no kill to take back", nil, SwitchKill{}, ann, ErrNothing, "nothing to change: the kill switch is off"},
		{"freeze without a name", nil, AddFreeze{Freeze{Until: in(time.Hour)}}, ann, nil, `freeze.name: want a name of at most 63 small letters, digits, -, _ and ., such as pilot-tenants; got ""`},
		{"freeze that is over", nil, AddFreeze{Freeze{Name: "x", From: in(-2 * time.Hour), Until: in(-time.Hour)}}, ann, nil, "freeze.until: is over: it is 2026-11-24T12:00:00Z now"},
		{"freeze of a name that is taken", nil, AddFreeze{Freeze{Name: "christmas", Until: in(time.Hour)}}, ann, nil, `freeze.name: there is a freeze "christmas" already`},
		{"freeze with a brownout in it", append(dual, brownout(FlowOnly, 0, time.Hour)), AddFreeze{Freeze{Name: "x", Until: in(2 * time.Hour)}}, ann, nil, "freeze: the brownout of flag context-me, until 2026-11-24T13:00:00Z, lies in it: end that first"},
		{"no freeze to remove", nil, RemoveFreeze{"x"}, ann, ErrNothing, `nothing to change: there is no freeze "x"`},
		{"freeze of the configuration", nil, RemoveFreeze{"christmas"}, ann, nil, "freeze.name: freeze christmas stands in the configuration: remove it there"},
		{"freeze that holds", []Change{AddFreeze{Freeze{Name: "x", Until: in(time.Hour)}}}, RemoveFreeze{"x"}, ann, ErrOrder, "out of order: freeze x holds until 2026-11-24T13:00:00Z: force it to end it before"},
	} {
		s := applied(t, State{}, row.before...)
		kept, _ := json.Marshal(s)
		_, _, err := Apply(s, row.change, row.author, surroundings(), noon())
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: %v\nwant %s", row.name, err, row.want)
			continue
		}
		var invalid *Invalid
		if row.is != nil && !errors.Is(err, row.is) || (row.is == nil) != errors.As(err, &invalid) {
			t.Errorf("%s: %v is of another kind", row.name, err)
		}
		if after, _ := json.Marshal(s); string(after) != string(kept) {
			t.Errorf("%s: the State was changed: %s", row.name, after)
		}
	}
}

// TestFreeze: in a freeze nothing but the kill switch and freezes can be changed, forced or not.
func TestFreeze(t *testing.T) {
	s := applied(t, State{}, set("context-me", Dual, rising(0)), StartRamp{"context-me", Ramp{Rule: "rising", Steps: steps(1, 2)}},
		StartBrownout{"context-me", Window{Stage: FlowOnly, From: in(2 * time.Hour), Until: in(3 * time.Hour)}},
		AddFreeze{Freeze{Name: "sale", Until: in(time.Hour)}})
	const want = "frozen: freeze sale holds until 2026-11-24T13:00:00Z, and nothing but the kill switch works in it"
	around := surroundings()
	around.Journaled = s.Version
	around.Journal = []Entry{{Version: 1, Endpoint: "context-me"}}
	for _, c := range []Change{set("context-me", FlowOnly), RemoveFlag{"context-me"}, StartRamp{"context-me", Ramp{Rule: "rising", Steps: steps(5, 6)}}, PauseRamp{"context-me"},
		StartBrownout{"login", Window{}}, EndBrownout{"context-me"}, Undo{1}} {
		if _, ok := c.(StartBrownout); ok {
			continue // login has no flag, which is told first
		}
		if _, _, err := Apply(s, c, forced(), around, noon()); err == nil || err.Error() != want || !errors.Is(err, ErrFrozen) {
			t.Errorf("%T: %v, want %s", c, err, want)
		}
	}
	for _, c := range []Change{SwitchKill{On: true}, AddFreeze{Freeze{Name: "more", Until: in(2 * time.Hour)}}, RemoveFreeze{"sale"}} {
		if _, _, err := Apply(s, c, forced(), around, noon()); err != nil && !strings.Contains(err.Error(), "brownout") {
			t.Errorf("%T: %v", c, err)
		}
	}
	// A step that is due waits for the end of the freeze.
	if _, _, err := Apply(s, advance{}, ann, around, in(59*time.Minute+59*time.Second)); !errors.Is(err, ErrNothing) {
		t.Errorf("in the freeze: %v", err)
	}
	if s.due(nil, in(59*time.Minute)) {
		t.Error("something is due in the freeze")
	}
	after, e, err := Apply(s, advance{}, ann, around, in(time.Hour))
	if err != nil || e.Action != "step" {
		t.Errorf("after the freeze: %+v %v", e, err)
	}
	if _, e, err = Apply(after, advance{}, ann, around, in(time.Hour)); err != nil || e.Action != "unfreeze" || e.Reason != "the freeze is over" {
		t.Errorf("after the freeze: %+v %v", e, err)
	}
}

// TestEntries has what the journal says about each kind of change.
func TestEntries(t *testing.T) {
	s := State{}
	around := surroundings()
	for _, row := range []struct {
		change Change
		want   string // action, endpoint, from, to, until
	}{
		{set("context-me", Verify, pilot(Verify)), `set context-me  {"endpoint":"context-me","rules":[{"name":"pilot","cohort":{"tenants":["t1"]},"stage":"verify"}],"stage":"verify","changed":1} `},
		{set("context-me", Dual), `set context-me {"endpoint":"context-me","rules":[{"name":"pilot","cohort":{"tenants":["t1"]},"stage":"verify"}],"stage":"verify","changed":1} {"endpoint":"context-me","stage":"dual","changed":2} `},
		{StartBrownout{"context-me", Window{Stage: FlowOnly, Until: in(time.Hour)}}, `brownout context-me {"endpoint":"context-me","stage":"dual","changed":2} {"endpoint":"context-me","stage":"dual","window":{"stage":"flow_only","cohort":{},"from":"2026-11-24T12:00:00Z","until":"2026-11-24T13:00:00Z"},"changed":3} 2026-11-24T13:00:00Z`},
		{EndBrownout{"context-me"}, `end context-me {"endpoint":"context-me","stage":"dual","window":{"stage":"flow_only","cohort":{},"from":"2026-11-24T12:00:00Z","until":"2026-11-24T13:00:00Z"},"changed":3} {"endpoint":"context-me","stage":"dual","changed":4} `},
		{SwitchKill{On: true}, `kill   {"at":"2026-11-24T12:00:00Z","by":"ann","reason":"a test"} `},
		{SwitchKill{}, `unkill  {"at":"2026-11-24T12:00:00Z","by":"ann","reason":"a test"}  `},
		{AddFreeze{Freeze{Name: "sale", From: in(time.Hour), Until: in(2 * time.Hour)}}, `freeze   {"name":"sale","from":"2026-11-24T13:00:00Z","until":"2026-11-24T14:00:00Z"} 2026-11-24T14:00:00Z`},
		{RemoveFreeze{"sale"}, `unfreeze  {"name":"sale","from":"2026-11-24T13:00:00Z","until":"2026-11-24T14:00:00Z"}  `},
		{RemoveFlag{"context-me"}, `remove context-me {"endpoint":"context-me","stage":"dual","changed":4}  `},
	} {
		next, e, err := Apply(s, row.change, forced(), around, noon())
		if err != nil {
			t.Fatalf("%T: %v", row.change, err)
		}
		until := ""
		if e.Until != nil {
			until = clock(*e.Until)
		}
		got := strings.Join([]string{e.Action, e.Endpoint, string(e.From), string(e.To), until}, " ")
		if got != row.want {
			t.Errorf("%T:\n%s\nwant\n%s", row.change, got, row.want)
		}
		if next.Version != s.Version+1 || e.Version != next.Version || !e.At.Equal(noon()) || e.By != "ann" || e.Reason != "a test" || !e.Forced {
			t.Errorf("%T: %+v", row.change, e)
		}
		s = next
	}
}

// TestLegalOrder goes all the way, there and back, without force.
func TestLegalOrder(t *testing.T) {
	s := State{}
	for _, c := range []Change{
		set("context-me", Passthrough, pilot(Verify)), set("context-me", Verify, pilot(Dual)), set("context-me", Verify, pilot(FlowOnly)),
		set("context-me", Dual, pilot(FlowOnly)), set("context-me", FlowOnly), set("context-me", Dual), set("context-me", Verify), RemoveFlag{"context-me"},
		set("login", FlowOnly), RemoveFlag{"login"}, set(DefaultFlag, Verify), set("context-me", Dual),
	} {
		next, _, err := Apply(s, c, ann, surroundings(), noon())
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		s = next
	}
}

func TestRamp(t *testing.T) {
	flag := Flag{Endpoint: "context-me", Stage: Dual, Rules: []Rule{rising(0)}, Ramp: &Ramp{Rule: "rising", Steps: steps(100, 2500, 10000), Step: 2, Since: in(-time.Hour), Paused: true}}
	s := applied(t, State{}, SetFlag{flag})
	shareAt := func(s State) Share { return *s.Flags[0].Rules[0].Cohort.Share }
	if got := shareAt(s); got != 100 || s.Flags[0].Ramp.Step != 0 || s.Flags[0].Ramp.Paused || !s.Flags[0].Ramp.Since.Equal(noon()) {
		t.Fatalf("a ramp does not begin at its beginning: %+v", s.Flags[0].Ramp)
	}
	if *flag.Rules[0].Cohort.Share != 0 {
		t.Error("the flag that was given has been changed")
	}
	next := func(at time.Duration, want Share) {
		t.Helper()
		after, e, err := Apply(s, advance{}, Author{By: crossfade, Reason: "x"}, surroundings(), in(at))
		if err != nil {
			t.Fatal(err)
		}
		if got := shareAt(after); got != want || e.Action != "step" || e.By != "crossfade" {
			t.Fatalf("after %s the share is %s, want %s: %+v", at, got, want, e)
		}
		s = after
	}
	none := func(at time.Duration) {
		t.Helper()
		if _, _, err := Apply(s, advance{}, ann, surroundings(), in(at)); !errors.Is(err, ErrNothing) || s.due(nil, in(at)) {
			t.Fatalf("after %s something is due: %v", at, err)
		}
	}
	none(time.Hour - 1000)
	next(time.Hour, 2500)
	none(time.Hour) // who comes second finds nothing to do
	none(2*time.Hour - 1000)
	paused, _, err := Apply(s, PauseRamp{"context-me"}, ann, surroundings(), in(90*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	s = paused
	none(10 * time.Hour)
	if s, _, err = Apply(s, ResumeRamp{"context-me"}, ann, surroundings(), in(10*time.Hour)); err != nil {
		t.Fatal(err)
	}
	none(11*time.Hour - 1000)
	// What is written back as it was read goes on; the ramp neither begins anew nor changes the share.
	again := s.Flags[0]
	again.Rules = append([]Rule{pilot(Dual)}, again.Rules...)
	edited, _, err := Apply(s, SetFlag{again}, ann, surroundings(), in(10*time.Hour+time.Minute))
	if err != nil || edited.Flags[0].Ramp == nil || edited.Flags[0].Ramp.Step != 1 || !edited.Flags[0].Ramp.Since.Equal(in(10*time.Hour)) {
		t.Fatalf("%+v %v", edited.Flags[0].Ramp, err)
	}
	next(11*time.Hour, All)
	if s.Flags[0].Ramp != nil {
		t.Error("a ramp that has arrived is still there")
	}
	none(100 * time.Hour)
}

func TestWindowsAndExpiriesEnd(t *testing.T) {
	s := applied(t, State{}, set("context-me", Verify), SetFlag{Flag{Endpoint: "context-me", Stage: Dual, Expires: &Expiry{At: in(time.Hour)}}},
		SetFlag{Flag{Endpoint: "context-me", Stage: FlowOnly, Expires: &Expiry{At: in(2 * time.Hour)}}},
		SetFlag{Flag{Endpoint: "login", Stage: FlowOnly, Expires: &Expiry{At: in(time.Hour)}, Window: &Window{Stage: Dual, Until: in(30 * time.Minute)}}})
	if to := s.Flags[0].Expires.To; to == nil || to.Stage != Verify {
		t.Fatalf("it would go back to %+v, want what was there before the one that would have expired", to)
	}
	stage := func(endpoint string, at time.Time) string {
		settings := Settings{Endpoints: []string{"context-me", "login"}, File: Layer{Default: Static{Stage: Verify, Source: "proxy.yaml:1"}}}
		r := request()
		snapshot := newSnapshot(s, true, &settings, nil, at)
		return said(snapshot.decide(&r, endpoint))
	}
	for _, row := range []struct {
		endpoint string
		at       time.Duration
		want     string
	}{
		{"login", 0, "dual window (flag login, brownout)"},
		{"login", 30*time.Minute - 1, "dual window (flag login, brownout)"},
		{"login", 30 * time.Minute, "flow_only flag (flag login)"},
		{"login", time.Hour - 1, "flow_only flag (flag login)"},
		{"login", time.Hour, "verify file (proxy.yaml:1)"},
		{"context-me", 2*time.Hour - 1, "flow_only flag (flag context-me)"},
		{"context-me", 2 * time.Hour, "verify flag (flag context-me)"},
	} {
		if got := stage(row.endpoint, in(row.at)); got != row.want {
			t.Errorf("%s after %s: %s, want %s", row.endpoint, row.at, got, row.want)
		}
	}
	var actions []string
	for s.due(nil, in(3*time.Hour)) {
		before := map[string]string{"context-me": stage("context-me", in(3*time.Hour)), "login": stage("login", in(3*time.Hour))}
		after, e, err := Apply(s, advance{}, ann, surroundings(), in(3*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		actions = append(actions, e.Action+" "+e.Endpoint+": "+e.Reason)
		s = after
		for endpoint, was := range before {
			if got := stage(endpoint, in(3*time.Hour)); got != was {
				t.Errorf("writing down that time has passed changes %s from %s to %s", endpoint, was, got)
			}
		}
	}
	if got, want := strings.Join(actions, ", "), "expire context-me: the flag expired, expire login: the flag expired"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s = applied(t, State{}, set("context-me", Dual), StartBrownout{"context-me", Window{Stage: FlowOnly, Until: in(time.Hour)}})
	after, e, err := Apply(s, advance{}, ann, surroundings(), in(time.Hour))
	if err != nil || e.Action != "end" || e.Reason != "the brownout is over" || after.Flags[0].Window != nil || len(e.From) == 0 {
		t.Errorf("%+v %v", e, err)
	}
}

// TestChangesAfterTheEnd: who changes a flag that has ended by the clock changes what it is now, whether that was written down or not.
func TestChangesAfterTheEnd(t *testing.T) {
	s := applied(t, State{}, set("context-me", Verify), SetFlag{Flag{Endpoint: "context-me", Stage: FlowOnly, Expires: &Expiry{At: in(time.Hour)}}})
	if _, _, err := Apply(s, set("context-me", Dual), ann, surroundings(), in(time.Hour)); err != nil {
		t.Errorf("verify to dual: %v", err)
	}
	if _, _, err := Apply(s, set("context-me", Verify), ann, surroundings(), in(time.Hour)); !errors.Is(err, ErrNothing) {
		t.Errorf("verify to verify: %v", err)
	}
	gone := applied(t, State{}, SetFlag{Flag{Endpoint: "context-me", Stage: Verify, Expires: &Expiry{At: in(time.Hour)}}})
	if _, _, err := Apply(gone, RemoveFlag{"context-me"}, ann, surroundings(), in(time.Hour)); !errors.Is(err, ErrNothing) {
		t.Errorf("a flag that is gone: %v", err)
	}
}
