package flags

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shaky is a store in memory that several instances share and that can be made to fail.
type shaky struct {
	Store
	mu    sync.Mutex
	away  error
	hangs bool // until ctx is done
	loses bool // writes are kept, and the answer says that nobody knows
	// slow, when there is one, keeps back what the next Read or Write has to say until it is closed.
	slow   chan struct{}
	hints  []func()
	writes int // that were tried
}

func newShaky() *shaky { return &shaky{Store: NewMemory()} }

func (s *shaky) with(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// inner is the store of this moment.
func (s *shaky) inner() Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store
}

func (s *shaky) answer(ctx context.Context) error {
	s.mu.Lock()
	away, hangs := s.away, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	return away
}

func (s *shaky) Read(ctx context.Context) (State, error) {
	if err := s.answer(ctx); err != nil {
		return State{}, err
	}
	state, err := s.inner().Read(ctx)
	s.keepBack()
	return state, err
}

func (s *shaky) keepBack() {
	s.mu.Lock()
	slow := s.slow
	s.slow = nil
	s.mu.Unlock()
	if slow != nil {
		<-slow
	}
}

func (s *shaky) Version(ctx context.Context) (int64, error) {
	if err := s.answer(ctx); err != nil {
		return 0, err
	}
	return s.inner().Version(ctx)
}

func (s *shaky) Write(ctx context.Context, change func(State, time.Time) (State, Entry, error)) (State, error) {
	if err := s.answer(ctx); err != nil {
		return State{}, err
	}
	after, err := s.inner().Write(ctx, change)
	s.keepBack()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if err == nil {
		for _, hint := range s.hints {
			hint()
		}
		if s.loses {
			return State{}, ErrUnknown
		}
	}
	return after, err
}

func (s *shaky) Listen(ctx context.Context, hint func()) {
	s.with(func() { s.hints = append(s.hints, hint) })
	<-ctx.Done()
}

func (s *shaky) deaf() { s.with(func() { s.hints = nil }) }

// running opens an instance and lets it run until the test ends.
func running(t *testing.T, o LiveOptions) *Live {
	t.Helper()
	if o.Settings.Endpoints == nil {
		o.Settings.Endpoints = []string{"context-me", "login"}
	}
	l, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return l
}

func changed(t *testing.T, l *Live, c Change) State {
	t.Helper()
	s, _, err := l.Change(t.Context(), c, forced(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stageOf(l *Live) Stage { return l.Decide(request(), "context-me").Stage }

func wantStage(t *testing.T, what string, l *Live, want Stage) {
	t.Helper()
	if got := stageOf(l); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// pass lets time pass in a bubble, and everything happen that is due by then.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestFlipsReachEveryInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		a, b := running(t, LiveOptions{Store: store}), running(t, LiveOptions{Store: store})
		synctest.Wait()
		changed(t, a, set("context-me", Dual))
		wantStage(t, "the instance that was asked, at once", a, Dual)
		synctest.Wait()
		wantStage(t, "the other one, by a hint", b, Dual)
		store.deaf()
		changed(t, b, set("context-me", FlowOnly))
		wantStage(t, "the other one, without a hint, at once", a, Dual)
		pass(defaultPoll)
		wantStage(t, "the other one, by its poll", a, FlowOnly)
		if a.State().Version != 2 || b.Health().Version != 2 {
			t.Errorf("versions %d and %d, want 2", a.State().Version, b.Health().Version)
		}
	})
}

func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		a, b := running(t, LiveOptions{Store: store}), running(t, LiveOptions{Store: store})
		synctest.Wait()
		changed(t, a, set("context-me", Dual))
		pass(time.Second)
		if h := a.Health(); !h.Reachable || h.Err != "" || !h.Known || h.Contact.IsZero() {
			t.Errorf("before: %+v", h)
		}
		store.with(func() { store.away = fmt.Errorf("%w: connection refused", ErrUnavailable) })
		left := time.Now()
		if _, _, err := a.Change(t.Context(), set("context-me", FlowOnly), ann, nil, false); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a change without the store: %v", err)
		}
		pass(time.Minute)
		wantStage(t, "without the store", a, Dual)
		if h := b.Health(); h.Reachable || h.Err != "the store is not available: connection refused" || h.Since.Sub(left) > time.Second || time.Since(h.Contact) < time.Minute {
			t.Errorf("while it is away: %+v", h)
		}
		store.with(func() { store.away = nil })
		changed(t, a, set("context-me", FlowOnly))
		store.deaf()
		pass(time.Second)
		wantStage(t, "the other one, after the store came back", b, FlowOnly)
		if h := b.Health(); !h.Reachable || h.Err != "" || time.Since(h.Since) > time.Second {
			t.Errorf("after: %+v", h)
		}
		// One that hangs is one that is away.
		store.with(func() { store.hangs = true })
		pass(10 * time.Second)
		if h := a.Health(); h.Reachable || !strings.Contains(h.Err, "deadline") {
			t.Errorf("while it hangs: %+v", h)
		}
		wantStage(t, "while the store hangs", a, FlowOnly)
	})
}

func TestStartWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "flags.json")
		store := newShaky()
		changed(t, running(t, LiveOptions{Store: store, SnapshotFile: file}), set("context-me", Dual))
		store.with(func() { store.away = ErrUnavailable })

		l := running(t, LiveOptions{Store: store, SnapshotFile: file})
		wantStage(t, "from the file", l, Dual)
		if h := l.Health(); !h.Known || h.Reachable || h.Version != 1 {
			t.Errorf("from the file: %+v", h)
		}
		for what, text := range map[string]string{"none": "", "half a file": `{"version":1,"fl`, "a later crossfade's": `{"version":1,"more":2}`, "wrong": `{"version":1,"flags":[{"endpoint":"context-me","stage":"off"}]}`} {
			other := filepath.Join(t.TempDir(), "flags.json")
			if text != "" {
				if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			settings := Settings{Endpoints: []string{"context-me"}, File: Layer{Default: Static{Stage: FlowOnly, Source: "proxy.yaml:1"}}}
			l := running(t, LiveOptions{Store: store, SnapshotFile: other, Settings: settings})
			if d := l.Decide(request(), "context-me"); said(d) != "passthrough unknown (no flags known yet)" {
				t.Errorf("%s: %s", what, said(d))
			}
			if l.Health().Known {
				t.Errorf("%s: known", what)
			}
			store.with(func() { store.away = nil })
			pass(time.Second)
			wantStage(t, what+", when the store came back", l, Dual)
			store.with(func() { store.away = ErrUnavailable })
		}
	})
}

// TestStoreThatIsSlowToStart: a start without any knowledge waits for a store that is slow to say the first word, but not for ever.
func TestStoreThatIsSlowToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		changed(t, running(t, LiveOptions{Store: store}), set("context-me", Dual))
		slow := make(chan struct{})
		store.with(func() { store.slow = slow })
		time.AfterFunc(4*time.Second, func() { close(slow) })
		wantStage(t, "after four seconds", running(t, LiveOptions{Store: store}), Dual)
		store.with(func() { store.hangs = true })
		begin := time.Now()
		wantStage(t, "from a store that hangs", running(t, LiveOptions{Store: store}), Passthrough)
		if took := time.Since(begin); took != firstTime {
			t.Errorf("the start took %s, want %s", took, firstTime)
		}
		store.with(func() { store.hangs = false })
	})
}

func TestNeverBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		l := running(t, LiveOptions{Store: store, SnapshotFile: filepath.Join(t.TempDir(), "flags.json")})
		changed(t, l, set("context-me", Dual))
		changed(t, l, set("context-me", FlowOnly))
		old := NewMemory() // as if an old copy had been put back
		older, err := Open(t.Context(), LiveOptions{Store: old, Settings: Settings{Endpoints: []string{"context-me"}}})
		if err != nil {
			t.Fatal(err)
		}
		changed(t, older, set("context-me", Verify))
		store.with(func() { store.Store = old })
		pass(time.Minute)
		wantStage(t, "with an old copy in the store", l, FlowOnly)
		h := l.Health()
		if want := "the store is behind: it has version 1 and 2 is served: it was restored, or is another one; to take it, stop crossfade, remove " + l.snapshotFile + " and start again"; h.Err != want || !h.Reachable || h.Version != 2 {
			t.Errorf("%+v\nwant %s", h, want)
		}
		if _, _, err := l.Change(t.Context(), set("context-me", Dual), ann, nil, false); !errors.Is(err, ErrBehind) {
			t.Errorf("a change upon an old copy: %v", err)
		}
	})
}

// TestLateAnswers: what the store says late, of a time before what is served, changes nothing and is no sign that the store is behind.
func TestLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		l, other := running(t, LiveOptions{Store: store}), running(t, LiveOptions{Store: store})
		synctest.Wait()
		for _, late := range []string{"write", "read"} {
			slow := make(chan struct{})
			store.with(func() { store.slow = slow })
			var done sync.WaitGroup
			switch late {
			case "write":
				done.Go(func() { changed(t, l, set("login", Dual)) })
			case "read":
				store.deaf()
				changed2 := func(s State, _ time.Time) (State, Entry, error) {
					s.Version++
					return s, Entry{Version: s.Version}, nil
				}
				if _, err := store.Store.Write(t.Context(), changed2); err != nil {
					t.Fatal(err)
				}
				done.Go(func() { l.refresh(t.Context(), storeTime) })
			}
			synctest.Wait() // it waits for its answer
			changed(t, other, set("context-me", map[string]Stage{"write": Dual, "read": FlowOnly}[late]))
			newest := changed(t, l, SwitchKill{On: late == "write"})
			close(slow)
			done.Wait()
			if got := l.State().Version; got != newest.Version {
				t.Errorf("a late %s: version %d, want %d", late, got, newest.Version)
			}
			if h := l.Health(); h.Err != "" {
				t.Errorf("a late %s: %s", late, h.Err)
			}
		}
		wantStage(t, "in the end", l, FlowOnly)
	})
}

// TestReadAgainAfterAnAbsence: a store that was away may be another one that has counted as far; what it has now is what holds.
func TestReadAgainAfterAnAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		l := running(t, LiveOptions{Store: store})
		changed(t, l, set("context-me", Dual))
		store.with(func() { store.away = ErrUnavailable })
		pass(time.Second)
		store.with(func() { store.away, store.Store = nil, NewMemory() })
		changed(t, running(t, LiveOptions{Store: store.Store}), set("context-me", FlowOnly))
		pass(time.Second)
		wantStage(t, "after the absence", l, FlowOnly)
	})
}

func TestStateThatIsNotUnderstood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		l := running(t, LiveOptions{Store: store})
		changed(t, l, set("context-me", Dual))
		_, err := store.Store.Write(t.Context(), func(s State, _ time.Time) (State, Entry, error) {
			return State{Version: s.Version + 1, Flags: []Flag{{Endpoint: "context-me", Stage: "shadow"}}}, Entry{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		wantStage(t, "with a stage of a later crossfade in the store", l, Dual)
		const want = `flags.context-me.stage: unknown stage "shadow" (want passthrough, verify, dual or flow_only)`
		if h := l.Health(); h.Err != want || h.Version != 1 {
			t.Errorf("%+v, want %s", h, want)
		}
		if _, _, err := l.Change(t.Context(), set("login", Dual), ann, nil, false); err == nil || err.Error() != "the store has flags that this crossfade does not understand: "+want {
			t.Errorf("a change: %v", err)
		}
	})
}

// TestKillFile: it works within half a second, also while the store hangs, and however it was made.
func TestKillFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		file := filepath.Join(t.TempDir(), "kill")
		l := running(t, LiveOptions{Store: store, KillFile: file})
		changed(t, l, set("context-me", Dual))
		store.with(func() { store.hangs = true })
		write := map[string]func() error{
			"by the command": func() error { return WriteKillFile(file, Kill{At: time.Now(), By: "ann", Reason: "fire"}) },
			"by touch":       func() error { return os.WriteFile(file, nil, 0o600) },
			"as a directory": func() error { return os.Mkdir(file, 0o700) },
		}
		for what, write := range write {
			if err := write(); err != nil {
				t.Fatal(err)
			}
			pass(500 * time.Millisecond)
			if d := l.Decide(request(), "context-me"); said(d) != "passthrough kill (kill file)" {
				t.Errorf("%s: %s", what, said(d))
			}
			h := l.Health()
			if !h.KillFile || h.Kill == nil || h.Kill.Reason != map[bool]string{true: "fire", false: "the file is there, and gives no reason"}[what == "by the command"] {
				t.Errorf("%s: %+v", what, h.Kill)
			}
			restarted := running(t, LiveOptions{Store: store, KillFile: file})
			wantStage(t, what+", after a restart", restarted, Passthrough)
			if !restarted.Health().KillFile {
				t.Errorf("%s: a restart forgot the kill file", what)
			}
			if err := RemoveKillFile(file); err != nil {
				t.Fatal(err)
			}
			pass(500 * time.Millisecond)
			wantStage(t, what+", and taken away", l, Dual)
		}
		if err := RemoveKillFile(file); err != nil {
			t.Errorf("taking away what is not there: %v", err)
		}
	})
}

// TestKillFileWithoutRoom: the hour of the kill switch may be the one in which the disk is full. A name that leaves no room for a longer one
// beside it fails at the same place as a disk that takes no byte.
func TestKillFileWithoutRoom(t *testing.T) {
	file := filepath.Join(t.TempDir(), strings.Repeat("k", 255))
	if err := WriteKillFile(file, Kill{At: time.Now(), By: "ann", Reason: "the disk is full"}); err != nil {
		t.Fatal(err)
	}
	if k, err := ReadKillFile(file); err != nil || k == nil || k.Reason != "the file is there, and gives no reason" {
		t.Errorf("got %+v, %v", k, err)
	}
	if err := WriteKillFile(filepath.Join(file, "kill"), Kill{}); err == nil {
		t.Error("a file that cannot be made is told to be there")
	}
}

// TestEndsWithoutTheStore: windows and expiries end by the clock of each instance; the journal is told later, once.
func TestEndsWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		a, b := running(t, LiveOptions{Store: store}), running(t, LiveOptions{Store: store})
		synctest.Wait()
		changed(t, a, SetFlag{Flag{Endpoint: "context-me", Stage: Dual, Expires: &Expiry{At: time.Now().Add(time.Hour)}}})
		changed(t, a, StartBrownout{"context-me", Window{Stage: FlowOnly, From: time.Now().Add(10 * time.Minute), Until: time.Now().Add(30 * time.Minute)}})
		synctest.Wait()
		store.with(func() { store.away = ErrUnavailable })
		for _, row := range []struct {
			after time.Duration
			want  Stage
		}{{time.Minute, Dual}, {9*time.Minute + time.Second, FlowOnly}, {20 * time.Minute, Dual}, {30 * time.Minute, Passthrough}} {
			pass(row.after)
			wantStage(t, "one instance", a, row.want)
			wantStage(t, "the other one", b, row.want)
		}
		if len(a.State().Flags) != 0 {
			t.Errorf("a flag that expired is still told: %+v", a.State().Flags)
		}
		store.with(func() { store.away = nil })
		pass(time.Minute)
		if got := actions(t, store); got != "set brownout expire" {
			t.Errorf("the journal says %s", got)
		}
		wantStage(t, "in the end", a, Passthrough)
	})
}

// actions gives the actions of the journal, the first one first, and checks its chain.
func actions(t *testing.T, s Store) string {
	t.Helper()
	entries, err := s.History(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	var ordered []Entry
	for i := len(entries) - 1; i >= 0; i-- {
		words, ordered = append(words, entries[i].Action), append(ordered, entries[i])
	}
	if err := VerifyChain(ordered); err != nil {
		t.Error(err)
	}
	return strings.Join(words, " ")
}

// TestStepsAreTakenOnce: of three instances one takes each step of a ramp, by the store's clock, and none while the store is away.
func TestStepsAreTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		lives := []*Live{running(t, LiveOptions{Store: store}), running(t, LiveOptions{Store: store}), running(t, LiveOptions{Store: store})}
		synctest.Wait()
		changed(t, lives[0], SetFlag{Flag{Endpoint: "context-me", Stage: Dual, Rules: []Rule{rising(0)}, Ramp: &Ramp{Rule: "rising", Steps: steps(100, 2000, 5000, 10000)}}})
		synctest.Wait()
		shares := func() (text string) {
			for _, l := range lives {
				text += l.State().Flags[0].Rules[0].Cohort.Share.String() + " "
			}
			return text
		}
		for _, want := range []string{"1 1 1 ", "20 20 20 "} {
			if got := shares(); got != want {
				t.Errorf("shares %s, want %s", got, want)
			}
			pass(time.Hour + time.Second)
		}
		store.with(func() { store.away = ErrUnavailable })
		pass(5 * time.Hour)
		if got := shares(); got != "50 50 50 " {
			t.Errorf("while the store was away: %s", got)
		}
		store.with(func() { store.away = nil })
		pass(time.Minute)
		if got := shares(); got != "100 100 100 " {
			t.Errorf("when it came back: %s", got)
		}
		if got := actions(t, store); got != "set"+strings.Repeat(" step", 3) {
			t.Errorf("the journal says %s", got)
		}
		if store.writes > 20 {
			t.Errorf("%d writes were tried for four changes", store.writes)
		}
	})
}

func TestUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newShaky()
		l := running(t, LiveOptions{Store: store})
		store.with(func() { store.loses = true })
		if _, _, err := l.Change(t.Context(), set("context-me", Dual), forced(), nil, false); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v, want %v", err, ErrUnknown)
		}
		store.with(func() { store.loses = false })
		pass(2 * time.Second)
		wantStage(t, "when the store could tell", l, Dual)
	})
}

func TestIfMatchAndDryRun(t *testing.T) {
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Verify}, Flag{Endpoint: "login", Stage: Dual})
	at := func(v int64) *int64 { return &v }
	for _, row := range []struct {
		name   string
		change Change
		seen   int64
		want   string
	}{
		{"the flag has changed", set("context-me", Dual), 0, "changed meanwhile: flag context-me is at version 1, not 0"},
		{"the flag that was seen, while another one changed", set("context-me", Dual), 1, ""},
		{"it has changed by that", set("context-me", FlowOnly), 1, "changed meanwhile: flag context-me is at version 3, not 1"},
		{"a new flag", set(DefaultFlag, Verify), 0, ""},
		{"the kill switch, with an old state", SwitchKill{On: true}, 2, "changed meanwhile: the state is at version 4, not 2"},
		{"the kill switch", SwitchKill{On: true}, 4, ""},
	} {
		before := l.State().Version
		would, entry, dryErr := l.Change(t.Context(), row.change, ann, at(row.seen), true)
		if l.State().Version != before {
			t.Errorf("%s: a dry run changed something", row.name)
		}
		after, did, err := l.Change(t.Context(), row.change, ann, at(row.seen), false)
		if text := fmt.Sprint(err); row.want == "" && err != nil || row.want != "" && text != row.want || fmt.Sprint(dryErr) != text {
			t.Errorf("%s: %v, dry %v, want %s", row.name, err, dryErr, row.want)
		}
		if err != nil && !errors.Is(err, ErrStale) {
			t.Errorf("%s: of another kind", row.name)
		}
		if would.Version != after.Version || entry.Action != did.Action || string(entry.To) != string(did.To) && row.change.subject() != "" {
			t.Errorf("%s: a dry run says %+v, and then came %+v", row.name, entry, did)
		}
	}
	s, _, err := l.Change(t.Context(), set("login", Dual), ann, nil, false)
	if !errors.Is(err, ErrNothing) || s.Version != 5 {
		t.Errorf("nothing to change: version %d, %v", s.Version, err)
	}
	entries, err := l.History(t.Context(), Query{Endpoint: "context-me", Limit: 1})
	if err != nil || len(entries) != 1 || entries[0].Version != 3 {
		t.Errorf("history: %+v %v", entries, err)
	}
}

func TestBadSettings(t *testing.T) {
	bad := Settings{Endpoints: []string{"context-me"}, Keys: []Key{"token", "uuid", "header:a b"}, WithoutKey: "off", Command: Static{Stage: "on"},
		Environment: Layer{Endpoints: map[string]Static{"context-me": {Stage: "on"}}}, Journeys: map[string]string{"context-me": "A"},
		File:     Layer{Default: Static{Rules: []Rule{{"x", Cohort{}, Dual}, {"x", Cohort{}, Dual}}}},
		Override: Override{Header: "a b", Secrets: [][]byte{[]byte("short")}}, Freezes: []Freeze{{Name: "x"}}}
	const want = `command.stage: unknown stage "on" (want passthrough, verify, dual or flow_only)
file.rules[1].name: "x" is the name of rules[0] too
file.rules[1]: is never reached: rules[0] ("x") takes everybody
environment.context-me.stage: unknown stage "on" (want passthrough, verify, dual or flow_only)
journeys.context-me: want a name of at most 63 small letters, digits, -, _ and ., such as pilot-tenants; got "A"
keys[1]: want token, user_id, tenant, engagement, header:Name or cookie:Name, got "uuid"
keys[2]: want token, user_id, tenant, engagement, header:Name or cookie:Name, got "header:a b"
without_key: unknown stage "off" (want passthrough, verify, dual or flow_only)
override.header: want the name of a header field, got "a b"
override.secrets[0]: want at least 16 bytes, got 5
freezes[0].until: want a time behind from (0001-01-01T00:00:00Z), got 0001-01-01T00:00:00Z`
	if _, err := Open(t.Context(), LiveOptions{Settings: bad}); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Dual})
	if err := l.SetSettings(bad); err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	wantStage(t, "with the old settings", l, Dual)
}

// TestReadersNeverGoBack: while flags flip, each reader sees versions that only grow, and with each the stage that belongs to it.
func TestReadersNeverGoBack(t *testing.T) {
	store := NewMemory()
	a, b := running(t, LiveOptions{Store: store, Poll: time.Millisecond}), running(t, LiveOptions{Store: store, Poll: time.Millisecond})
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for _, l := range []*Live{a, b, a, b} {
		readers.Go(func() {
			last := int64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := l.Decide(request(), "context-me")
				if want := []Stage{Dual, FlowOnly}[d.Version%2]; d.Version > 0 && d.Stage != want {
					t.Errorf("version %d has stage %s, want %s", d.Version, d.Stage, want)
					return
				}
				if d.Version < last {
					t.Errorf("version %d behind %d", d.Version, last)
					return
				}
				last = d.Version
			}
		})
	}
	for i := range 200 {
		changed(t, []*Live{a, b}[i/2%2], set("context-me", []Stage{FlowOnly, Dual}[i%2]))
	}
	close(stop)
	readers.Wait()
}
