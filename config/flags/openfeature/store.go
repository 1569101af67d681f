// Package openfeature lets another flag system keep the flags: whatever has an OpenFeature provider, flagd with a file or over
// gRPC among them. It is a flags.Store that reads and never writes.
//
// The provider has a flag for each endpoint that has one of its own, under the endpoint's name, one called "default" for all others, and
// perhaps "kill-switch", a boolean. A value is a stage, as a text, or a flag in crossfade's own language (docs/flags.md) as an
// object: cohorts, shares and windows are then the same, and decided here, without asking anybody for each request. The provider
// is asked each time that flags.Live polls, and when it says that something has changed; what it is asked is the same for all
// callers, so its own targeting can tell environments apart, and no users.
//
// A flag that cannot be understood is an error for the whole: the last known flags hold until it is mended. Ramps are refused, since
// their steps are written by whoever keeps them; the share is raised in the other system. Changes by the admin API give
// flags.ErrElsewhere; the kill file works as ever.
//
// Versions are times, in milliseconds since 1970, at which this process saw a change: they rise over restarts, but two replicas
// number the same change differently.
package openfeature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// KillSwitch is the key of the boolean that switches everything to passthrough.
const KillSwitch = "kill-switch"

// targetingKey is the same for all: nobody in particular asks.
const targetingKey = "crossfade"

// Options is what a Store is made of.
type Options struct {
	// New makes a provider that was not started yet. It is called again when one could not be started. Required.
	New func() (sdk.FeatureProvider, error)
	// Endpoints are the names of all endpoints. Required; it is called for each look at the flags.
	Endpoints func() []string
	// Prefix stands before every key, for a flag system that is shared with others.
	Prefix string
	// Context is what the provider is told of this crossfade, such as its environment.
	Context map[string]string
	// Where says to operators where flags are changed, as "flagd:file:/etc/flags.json".
	Where string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Store keeps nothing: it looks. It is safe for concurrent use.
type Store struct {
	options Options
	about   sdk.EvaluationContext
	stop    context.CancelFunc
	ended   chan struct{} // closed when nothing runs any more
	tried   chan struct{} // closed when there was a first attempt to start the provider
	ready   chan struct{} // closed when there is a provider

	mu       sync.Mutex
	provider sdk.FeatureProvider // nil until it is ready
	failure  error               // why it is not
	seen     flags.State
}

// Open starts the provider, in the background and until it succeeds: until then the Store is not available.
func Open(o Options) (*Store, error) {
	if o.New == nil || o.Endpoints == nil {
		return nil, errors.New("want a provider, and the endpoints whose flags it has")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	attributes := map[string]any{}
	for name, value := range o.Context {
		attributes[name] = value
	}
	s := &Store{options: o, about: sdk.NewEvaluationContext(targetingKey, attributes), stop: stop, ended: make(chan struct{}), tried: make(chan struct{}), ready: make(chan struct{}),
		failure: errors.New("the provider has not started yet")}
	go s.start(ctx)
	return s, nil
}

// Read gives what the provider has now. The very first waits for the first attempt to start it, so that a crossfade that starts does not
// serve without flags for the moment that this takes.
func (s *Store) Read(ctx context.Context) (flags.State, error) {
	select {
	case <-s.tried:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look(ctx)
}

// Version gives the Version of what the provider has now.
func (s *Store) Version(ctx context.Context) (int64, error) {
	state, err := s.Read(ctx)
	return state.Version, err
}

// Write gives flags.ErrElsewhere, with where.
func (s *Store) Write(context.Context, func(flags.State, time.Time) (flags.State, flags.Entry, error)) (flags.State, error) {
	if s.options.Where == "" {
		return flags.State{}, flags.ErrElsewhere
	}
	return flags.State{}, fmt.Errorf("%w (%s)", flags.ErrElsewhere, s.options.Where)
}

// History has no entries: the other system has a history of its own.
func (*Store) History(context.Context, flags.Query) ([]flags.Entry, error) { return nil, nil }

// Listen calls hint when the provider is ready, and when it says that flags have changed.
func (s *Store) Listen(ctx context.Context, hint func()) {
	select {
	case <-ctx.Done():
		return
	case <-s.ready:
	}
	hint()
	s.mu.Lock()
	told, ok := s.provider.(sdk.EventHandler)
	s.mu.Unlock()
	if !ok {
		<-ctx.Done()
		return
	}
	events := told.EventChannel()
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-events:
			if !open {
				<-ctx.Done()
				return
			}
			hint()
		}
	}
}

// Close stops the provider.
func (s *Store) Close() error {
	s.stop()
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil {
		shutDown(s.provider)
	}
	s.provider, s.failure = nil, errors.New("closed")
	return nil
}

// look asks the provider for everything. What is as it was before keeps its versions.
func (s *Store) look(ctx context.Context) (flags.State, error) {
	if s.provider == nil {
		return flags.State{}, fmt.Errorf("%w: %w", flags.ErrUnavailable, s.failure)
	}
	next := flags.State{Version: max(s.seen.Version+1, s.options.Now().UnixMilli())}
	killed, err := s.killed(ctx)
	if err != nil {
		return flags.State{}, err
	}
	if killed {
		if next.Kill = s.seen.Kill; next.Kill == nil {
			next.Kill = &flags.Kill{At: s.options.Now().UTC().Truncate(time.Microsecond), By: s.provider.Metadata().Name, Reason: "the flag " + s.options.Prefix + KillSwitch + " is on"}
		}
	}
	names := append(slices.Clone(s.options.Endpoints()), flags.DefaultFlag)
	slices.Sort(names)
	var wrong []error
	for _, name := range names {
		f, ok, err := s.flag(ctx, name)
		if err != nil {
			wrong = append(wrong, err)
		} else if ok {
			next.Flags = append(next.Flags, f)
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return flags.State{}, err
	}
	s.settle(&next)
	s.seen = next
	return next, nil
}

// settle gives each flag the version that it has: the one that it had, where nothing has changed.
func (s *Store) settle(next *flags.State) {
	before := map[string]flags.Flag{}
	for _, f := range s.seen.Flags {
		before[f.Endpoint] = f
	}
	same := s.seen.Version > 0 && len(before) == len(next.Flags) && (s.seen.Kill == nil) == (next.Kill == nil)
	for i := range next.Flags {
		f := &next.Flags[i]
		old := before[f.Endpoint]
		f.Changed = old.Changed
		if !reflect.DeepEqual(old, *f) {
			f.Changed, same = next.Version, false
		}
	}
	if same {
		next.Version = s.seen.Version
	}
}

// killed asks for the kill switch; that there is none is off.
func (s *Store) killed(ctx context.Context) (bool, error) {
	key := s.options.Prefix + KillSwitch
	got := s.provider.BooleanEvaluation(ctx, key, false, s.context())
	if err := failed(key, got.ProviderResolutionDetail, sdk.FlagNotFoundCode); err != nil {
		return false, err
	}
	return got.Value, nil
}

// flag asks for the flag of an endpoint; false when there is none, or it is disabled.
func (s *Store) flag(ctx context.Context, name string) (flags.Flag, bool, error) {
	key := s.options.Prefix + name
	text := s.provider.StringEvaluation(ctx, key, "", s.context())
	code := text.ResolutionDetail().ErrorCode
	if code != sdk.TypeMismatchCode {
		if err := failed(key, text.ProviderResolutionDetail, sdk.FlagNotFoundCode); err != nil || text.Value == "" {
			return flags.Flag{}, false, err
		}
		f := flags.Flag{Endpoint: name, Stage: flags.Stage(text.Value)}
		if err := f.Stage.Check(); err != nil {
			return flags.Flag{}, false, fmt.Errorf("flag %s: %w", key, err)
		}
		return f, true, nil
	}
	object := s.provider.ObjectEvaluation(ctx, key, nil, s.context())
	if err := failed(key, object.ProviderResolutionDetail, sdk.FlagNotFoundCode); err != nil || object.Value == nil {
		return flags.Flag{}, false, err
	}
	data, err := json.Marshal(object.Value)
	if err != nil {
		return flags.Flag{}, false, fmt.Errorf("flag %s: its value is no JSON: %w", key, err)
	}
	f, err := flags.ParseFlag(data, name)
	if err != nil {
		return flags.Flag{}, false, fmt.Errorf("flag %s: %w", key, err)
	}
	if f.Ramp != nil || f.Expires != nil {
		return flags.Flag{}, false, fmt.Errorf("flag %s: a ramp and an expiry are written by whoever keeps the flags (raise the share, or set the flag anew, there)", key)
	}
	f.Changed = 0
	return f, true, nil
}

// context is the providers' form of what they are told; each gets one of its own, since it may add to it.
func (s *Store) context() sdk.FlattenedContext {
	flat := sdk.FlattenedContext(s.about.Attributes())
	flat[sdk.TargetingKey] = s.about.TargetingKey()
	return flat
}

// failed says what went wrong with an evaluation, nil where it went well or as is to be expected.
func failed(key string, d sdk.ProviderResolutionDetail, expected sdk.ErrorCode) error {
	switch code := d.ResolutionDetail().ErrorCode; code {
	case "", expected:
		return nil
	case sdk.TypeMismatchCode, sdk.ParseErrorCode, sdk.InvalidContextCode, sdk.TargetingKeyMissingCode:
		return fmt.Errorf("flag %s: %w", key, d.Error()) // the provider is there, and has something that is of no use
	case sdk.ProviderNotReadyCode, sdk.ProviderFatalCode, sdk.FlagNotFoundCode, sdk.GeneralCode:
	}
	return fmt.Errorf("%w: flag %s: %w", flags.ErrUnavailable, key, d.Error())
}
