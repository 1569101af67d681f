package openfeature

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/memprovider"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// patience bounds every wait: far more than anything should take.
const patience = 30 * time.Second

func endpoints() []string { return []string{"flow-list", "context-me"} }

// having is a flag of the other system with one value.
func having(value any) memprovider.InMemoryFlag {
	return memprovider.InMemoryFlag{State: memprovider.Enabled, DefaultVariant: "v", Variants: map[string]any{"v": value}}
}

type set = map[string]memprovider.InMemoryFlag

// newStore is a store that looks at a provider, which has started.
func newStore(tb testing.TB, provider sdk.FeatureProvider, change ...func(*Options)) *Store {
	tb.Helper()
	o := Options{New: func() (sdk.FeatureProvider, error) { return provider, nil }, Endpoints: endpoints}
	for _, c := range change {
		c(&o)
	}
	s, err := Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	select {
	case <-s.ready:
	case <-time.After(patience):
		tb.Fatal("the provider does not start")
	}
	return s
}

// object is a flag in our language.
func object(stage, tenant string) map[string]any {
	return map[string]any{"stage": stage, "rules": []any{map[string]any{"name": "pilots", "stage": "dual", "cohort": map[string]any{"tenants": []any{tenant}, "share": 12.5}}}}
}

// TestRead: stages as texts, flags as objects, and versions that rise only where something changed.
func TestRead(t *testing.T) {
	provider := memprovider.NewInMemoryProvider(set{"x-default": having("verify"), "x-context-me": having(object("verify", "t")), "x-other": having("dual"), "flow-list": having("dual")})
	now := time.UnixMilli(1_000)
	s := newStore(t, provider, func(o *Options) { o.Prefix, o.Now = "x-", func() time.Time { return now } })
	read := func() flags.State {
		t.Helper()
		state, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		version, err := s.Version(t.Context())
		if err != nil || version != state.Version {
			t.Fatalf("version %d of %d, %v", version, state.Version, err)
		}
		return state
	}
	share := flags.Share(1250)
	state := read()
	if len(state.Flags) != 2 || state.Version != 1_000 || state.Kill != nil {
		t.Fatalf("state %+v", state)
	}
	me, all := state.Flags[0], state.Flags[1]
	if me.Endpoint != "context-me" || me.Stage != flags.Verify || len(me.Rules) != 1 || me.Rules[0].Cohort.Tenants[0] != "t" || *me.Rules[0].Cohort.Share != share || me.Changed != 1_000 {
		t.Errorf("flag %+v", me)
	}
	if all.Endpoint != flags.DefaultFlag || all.Stage != flags.Verify || all.Changed != 1_000 {
		t.Errorf("flag %+v", all)
	}
	now = time.UnixMilli(2_000)
	if state = read(); state.Version != 1_000 {
		t.Errorf("nothing changed, and the version is %d", state.Version)
	}
	provider.UpdateFlags(set{"x-default": having("verify"), "x-context-me": having(object("verify", "u"))})
	if state = read(); state.Version != 2_000 || state.Flags[0].Changed != 2_000 || state.Flags[1].Changed != 1_000 {
		t.Errorf("state %+v", state)
	}
	now = time.UnixMilli(1_500) // a clock that is put back
	provider.UpdateFlags(set{"x-default": having("verify"), "x-kill-switch": having(true)})
	if state = read(); state.Version != 2_001 || len(state.Flags) != 1 || state.Kill == nil || state.Kill.By != "InMemoryProvider" || state.Kill.Reason != "the flag x-kill-switch is on" {
		t.Errorf("state %+v", state)
	}
	kill := state.Kill
	if state = read(); state.Version != 2_001 || state.Kill != kill {
		t.Errorf("killed anew: %+v", state)
	}
	provider.UpdateFlags(set{"x-default": {State: memprovider.Disabled, DefaultVariant: "v", Variants: map[string]any{"v": "dual"}}, "x-kill-switch": having(false)})
	if state = read(); state.Version != 2_002 || len(state.Flags) != 0 || state.Kill != nil {
		t.Errorf("state %+v", state)
	}
}

// TestUseless: what cannot be understood is an error for the whole, and no sign that the provider is away.
func TestUseless(t *testing.T) {
	for _, tt := range []struct {
		name string
		flag any
		want string
	}{
		{"no stage", "duall", `flag context-me: unknown stage "duall" (want passthrough, verify, dual or flow_only)`},
		{"a number", 3.0, `flag context-me: `},
		{"an unknown member", map[string]any{"stage": "dual", "rule": []any{}}, `flag context-me: line 1: rule: unknown member (did you mean "rules"?)`},
		{"another endpoint", map[string]any{"endpoint": "flow-list", "stage": "dual"}, `flag context-me: line 1: endpoint: is "flow-list", and the flag of "context-me" is to be written`},
		{"an expiry", map[string]any{"stage": "dual", "expires": map[string]any{"at": "2040-01-01T00:00:00Z"}},
			`flag context-me: a ramp and an expiry are written by whoever keeps the flags (raise the share, or set the flag anew, there)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, memprovider.NewInMemoryProvider(set{"context-me": having(tt.flag)}))
			_, err := s.Read(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || errors.Is(err, flags.ErrUnavailable) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	s := newStore(t, memprovider.NewInMemoryProvider(set{KillSwitch: having("yes")}))
	if _, err := s.Read(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "flag kill-switch: TYPE_MISMATCH") {
		t.Errorf("got %v", err)
	}
}

// moody is a provider that fails to start some times, and then has one flag or is away.
type moody struct {
	sdk.NoopProvider
	mu       sync.Mutex
	failures int
	asked    sdk.FlattenedContext
	away     bool
	started  int
	stopped  int
}

func (m *moody) Init(sdk.EvaluationContext) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started++
	if m.started <= m.failures {
		return errors.New("connection refused")
	}
	return nil
}

func (m *moody) Shutdown() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped++
}

func (m *moody) StringEvaluation(_ context.Context, _ string, value string, asked sdk.FlattenedContext) sdk.StringResolutionDetail {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = asked
	d := sdk.StringResolutionDetail{Value: value}
	if m.away {
		d.ResolutionError = sdk.NewGeneralResolutionError("deadline exceeded")
	} else {
		d.Value = "dual"
	}
	return d
}

// TestAway: a provider that is away is what a store that is away is, and is tried again.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{failures: 2}
		s, err := Open(Options{New: func() (sdk.FeatureProvider, error) { return m, nil }, Endpoints: endpoints, Context: map[string]string{"environment": "staging"}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := s.Read(t.Context()); !errors.Is(err, flags.ErrUnavailable) || err.Error() != "the store is not available: connection refused" {
			t.Errorf("got %v", err)
		}
		hints := make(chan struct{}, 1)
		listening, leave := context.WithCancel(t.Context())
		defer leave()
		go s.Listen(listening, func() { hints <- struct{}{} })
		<-hints // after two pauses of the fake clock
		state, err := s.Read(t.Context())
		if err != nil || len(state.Flags) != 3 || m.started != 3 || m.stopped != 2 {
			t.Errorf("%+v, %v; started %d, stopped %d", state, err, m.started, m.stopped)
		}
		if m.asked["environment"] != "staging" || m.asked[sdk.TargetingKey] != "crossfade" || len(m.asked) != 2 {
			t.Errorf("asked with %v", m.asked)
		}
		m.mu.Lock()
		m.away = true
		m.mu.Unlock()
		if _, err := s.Read(t.Context()); !errors.Is(err, flags.ErrUnavailable) || err.Error() != "the store is not available: flag context-me: GENERAL: deadline exceeded\nthe store is not available: flag default: GENERAL: deadline exceeded\nthe store is not available: flag flow-list: GENERAL: deadline exceeded" {
			t.Errorf("got %v", err)
		}
		if err := s.Close(); err != nil || m.stopped != 3 {
			t.Errorf("%v, stopped %d", err, m.stopped)
		}
		if _, err := s.Read(t.Context()); err == nil || err.Error() != "the store is not available: closed" {
			t.Errorf("got %v", err)
		}
	})
}

// slow is a provider that takes a second to start.
type slow struct {
	*memprovider.InMemoryProvider
}

func (slow) Init(sdk.EvaluationContext) error {
	<-time.After(time.Second)
	return nil
}
func (slow) Shutdown() {}

// TestReadWaitsForTheStart: the first look waits for the provider, as long as it is let, so that nobody starts to serve without flags that
// are nearly there.
func TestReadWaitsForTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := memprovider.NewInMemoryProvider(set{"context-me": having("dual")})
		s, err := Open(Options{New: func() (sdk.FeatureProvider, error) { return slow{provider}, nil }, Endpoints: endpoints})
		if err != nil {
			t.Fatal(err)
		}
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Read(hasty); err == nil || err.Error() != "the store is not available: the provider has not started yet" {
			t.Errorf("got %v", err)
		}
		if state, err := s.Read(t.Context()); err != nil || len(state.Flags) != 1 {
			t.Errorf("%+v, %v", state, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestWriteSaysWhere: who is refused is told where to go.
func TestWriteSaysWhere(t *testing.T) {
	provider := memprovider.NewInMemoryProvider(set{})
	s := newStore(t, provider, func(o *Options) { o.Where = "flagd:file:/etc/flags.json" })
	_, err := s.Write(t.Context(), nil)
	if !errors.Is(err, flags.ErrElsewhere) || err.Error() != "the flags are kept by another system: change them there (flagd:file:/etc/flags.json)" {
		t.Errorf("got %v", err)
	}
}

// TestCloseWhileItStarts: nobody waits for a provider that never comes.
func TestCloseWhileItStarts(t *testing.T) {
	s, err := Open(Options{New: func() (sdk.FeatureProvider, error) { return nil, errors.New("no such file") }, Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(Options{Endpoints: endpoints}); err == nil || err.Error() != "want a provider, and the endpoints whose flags it has" {
		t.Errorf("got %v", err)
	}
}

// TestLive: the flags of the other system decide, follow it, survive a mistake there and a restart without it.
func TestLive(t *testing.T) {
	provider := memprovider.NewInMemoryProvider(set{"context-me": having("verify")})
	options := flags.LiveOptions{
		Store: newStore(t, provider), Settings: flags.Settings{Endpoints: endpoints()}, SnapshotFile: filepath.Join(t.TempDir(), "flags.json"),
		Poll: time.Hour, // so that it is the event that is followed
	}
	live, err := flags.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { live.Run(running) })
	defer all.Wait()
	defer stop()
	stage := func() flags.Stage { return live.Decide(flags.Request{}, "context-me").Stage }
	until := func(what string, holds func() bool) {
		t.Helper()
		deadline := time.After(patience)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for !holds() {
			select {
			case <-deadline:
				t.Fatalf("never: %s (%+v)", what, live.Health())
			case <-tick.C:
			}
		}
	}
	until("verify", func() bool { return stage() == flags.Verify })
	provider.UpdateFlags(set{"context-me": having("dual")})
	until("dual", func() bool { return stage() == flags.Dual })
	provider.UpdateFlags(set{"context-me": having("daul")})
	until("a mistake is told", func() bool { return strings.Contains(live.Health().Err, `unknown stage "daul"`) })
	if stage() != flags.Dual {
		t.Errorf("a mistake changed the stage to %s", stage())
	}
	if _, _, err := live.Change(t.Context(), flags.SwitchKill{On: true}, flags.Author{By: "jo", Reason: "fire"}, nil, false); !errors.Is(err, flags.ErrElsewhere) {
		t.Errorf("got %v", err)
	}
	provider.UpdateFlags(set{"context-me": having("dual"), KillSwitch: having(true)})
	until("killed", func() bool { return stage() == flags.Passthrough && live.Health().Kill != nil })

	stop()
	all.Wait() // what is served is on disk then
	options.Store = newStoreThatIsAway(t)
	again, err := flags.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if h := again.Health(); !h.Known || h.Kill == nil || h.Reachable || h.Version != live.Health().Version {
		t.Errorf("after a restart: %+v", h)
	}
}

func newStoreThatIsAway(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(Options{New: func() (sdk.FeatureProvider, error) { return nil, errors.New("no such file") }, Endpoints: endpoints})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}
