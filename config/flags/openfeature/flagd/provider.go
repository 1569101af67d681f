// Package flagd is an OpenFeature provider of flags as flagd has them (https://flagd.dev): those of a file in its language, or those that a
// flagd serves over gRPC (flagd.sync.v1). They are evaluated in this process, by flagd's own evaluator, its targeting included.
//
// The provider never shows less than it was given. A file that is empty, half written, gone or wrong, and a flagd that does not
// answer, make every evaluation an error that says so, until there is something whole again; package openfeature makes "the store is not
// available" of it, and the last known flags hold. That is why this is not the community's provider: that one takes an empty or
// missing file for one without flags, does not look again for a file that was removed, tells of neither, and asks a flagd that was
// away again after up to a minute.
package flagd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/model"
	"github.com/open-feature/flagd/core/pkg/store"
	flagdsync "github.com/open-feature/flagd/core/pkg/sync"
	sdk "github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/zap"
)

// Options say where the flags are: one of File and Address.
type Options struct {
	// File is the path of a file in flagd's language: JSON, or YAML when its name ends in .yaml or .yml. It may be replaced or
	// written in place; a change counts within half a second, once the file has stood still for a quarter of one.
	File string
	// Address is HOST:PORT of a flagd's sync service, port 8015 by its default. A change counts when flagd sends it.
	Address string
	// TLS: the flagd at Address has a certificate that the system's authorities have signed.
	TLS bool
}

// Provider gives what its source has. It is safe for concurrent use.
type Provider struct {
	follow    func(ctx context.Context)
	evaluator *evaluator.JSON
	events    chan sdk.Event // at most one waits: it says that something is new, and not what
	stop      context.CancelFunc

	mu      sync.Mutex
	failure *sdk.ResolutionError // why there is nothing to evaluate, or nothing that is sure to be the newest; nil when all is well
	told    chan struct{}        // closed when the source has said something: flags, or why there are none
}

// New gives a provider that begins with Init.
func New(o Options) (*Provider, error) {
	waiting := sdk.NewProviderNotReadyResolutionError("nothing has come yet")
	p := &Provider{evaluator: evaluator.NewJSON(logger.NewLogger(zap.NewNop(), false), store.NewFlags()), events: make(chan sdk.Event, 1),
		stop: func() {}, failure: &waiting, told: make(chan struct{})}
	switch {
	case (o.File == "") == (o.Address == ""):
		return nil, errors.New("want a file of flags, or the address of a flagd")
	case o.File != "":
		p.follow = func(ctx context.Context) { p.followFile(ctx, o.File) }
	default:
		p.follow = func(ctx context.Context) { p.followServer(ctx, o.Address, o.TLS) }
	}
	return p, nil
}

// Init begins to follow the source and waits for the first that it says. A source that is away is no error: each evaluation tells of it.
func (p *Provider) Init(about sdk.EvaluationContext) error {
	return p.InitWithContext(context.Background(), about)
}

// InitWithContext is Init that stops waiting, and fails, when ctx is done. It is called once.
func (p *Provider) InitWithContext(ctx context.Context, _ sdk.EvaluationContext) error {
	following, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.follow(following)
	select {
	case <-p.told:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown ends following.
func (p *Provider) Shutdown() { p.stop() }

// ShutdownWithContext is Shutdown, which waits for nothing.
func (p *Provider) ShutdownWithContext(context.Context) error {
	p.stop()
	return nil
}

// EventChannel says that something is new: flags, or that there are none any more.
func (p *Provider) EventChannel() <-chan sdk.Event { return p.events }

// Metadata names the provider.
func (*Provider) Metadata() sdk.Metadata { return sdk.Metadata{Name: "flagd"} }

// Hooks has none.
func (*Provider) Hooks() []sdk.Hook { return nil }

// take evaluates with a whole set of flags from now on, or says what is wrong with it and keeps the one before.
func (p *Provider) take(from, flags string) {
	var whole struct {
		Flags map[string]json.RawMessage `json:"flags"`
	}
	err := json.Unmarshal([]byte(flags), &whole)
	if err == nil && whole.Flags == nil {
		err = errors.New(`want an object with the member "flags"`)
	}
	if err == nil {
		_, _, err = p.evaluator.SetState(flagdsync.DataSync{FlagData: flags, Source: from, Type: flagdsync.ALL})
	}
	if err != nil {
		p.settle(new(sdk.NewParseErrorResolutionError(fmt.Sprintf("%s: %v", from, err))))
		return
	}
	p.settle(nil)
}

// fail says why there is nothing new, and may not be for a while.
func (p *Provider) fail(err error) {
	p.settle(new(sdk.NewGeneralResolutionError(err.Error())))
}

func (p *Provider) settle(failure *sdk.ResolutionError) {
	event := sdk.Event{ProviderName: p.Metadata().Name, EventType: sdk.ProviderConfigChange}
	if failure != nil {
		event.EventType, event.Message = sdk.ProviderError, failure.Error()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failure = failure
	select {
	case <-p.told:
	default:
		close(p.told)
	}
	select {
	case p.events <- event:
	default: // one is waiting already
	}
}

// BooleanEvaluation evaluates a flag whose variants are booleans.
func (p *Provider) BooleanEvaluation(ctx context.Context, key string, fallback bool, about sdk.FlattenedContext) sdk.BoolResolutionDetail {
	value, detail := evaluate(ctx, p, key, fallback, about, p.evaluator.ResolveBooleanValue)
	return sdk.BoolResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// StringEvaluation evaluates a flag whose variants are texts.
func (p *Provider) StringEvaluation(ctx context.Context, key, fallback string, about sdk.FlattenedContext) sdk.StringResolutionDetail {
	value, detail := evaluate(ctx, p, key, fallback, about, p.evaluator.ResolveStringValue)
	return sdk.StringResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// FloatEvaluation evaluates a flag whose variants are numbers.
func (p *Provider) FloatEvaluation(ctx context.Context, key string, fallback float64, about sdk.FlattenedContext) sdk.FloatResolutionDetail {
	value, detail := evaluate(ctx, p, key, fallback, about, p.evaluator.ResolveFloatValue)
	return sdk.FloatResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// IntEvaluation evaluates a flag whose variants are numbers, without their fractions.
func (p *Provider) IntEvaluation(ctx context.Context, key string, fallback int64, about sdk.FlattenedContext) sdk.IntResolutionDetail {
	value, detail := evaluate(ctx, p, key, fallback, about, p.evaluator.ResolveIntValue)
	return sdk.IntResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// ObjectEvaluation evaluates a flag whose variants are objects.
func (p *Provider) ObjectEvaluation(ctx context.Context, key string, fallback any, about sdk.FlattenedContext) sdk.InterfaceResolutionDetail {
	value, detail := evaluate(ctx, p, key, nil, about, p.evaluator.ResolveObjectValue)
	if detail.Error() != nil {
		return sdk.InterfaceResolutionDetail{Value: fallback, ProviderResolutionDetail: detail}
	}
	return sdk.InterfaceResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// resolve is a method of flagd's evaluator.
type resolve[T any] func(ctx context.Context, request, key string, about map[string]any) (value T, variant, reason string, metadata map[string]any, err error)

func evaluate[T any](ctx context.Context, p *Provider, key string, fallback T, about sdk.FlattenedContext, by resolve[T]) (T, sdk.ProviderResolutionDetail) {
	p.mu.Lock()
	failure := p.failure
	p.mu.Unlock()
	if failure != nil {
		return fallback, sdk.ProviderResolutionDetail{ResolutionError: *failure, Reason: sdk.ErrorReason}
	}
	value, variant, reason, _, err := by(ctx, "", key, about)
	if err != nil {
		return fallback, sdk.ProviderResolutionDetail{ResolutionError: failed(err), Reason: sdk.ErrorReason}
	}
	return value, sdk.ProviderResolutionDetail{Variant: variant, Reason: sdk.Reason(reason)}
}

// failed gives the error of an evaluation; flagd's are codes.
func failed(err error) sdk.ResolutionError {
	switch err.Error() {
	case model.FlagNotFoundErrorCode, model.FlagDisabledErrorCode:
		return sdk.NewFlagNotFoundResolutionError("there is none, or it is disabled")
	case model.TypeMismatchErrorCode:
		return sdk.NewTypeMismatchResolutionError("its value is of another type")
	case model.ParseErrorCode:
		return sdk.NewParseErrorResolutionError("its targeting fails, or gives a variant that there is not")
	}
	return sdk.NewGeneralResolutionError(err.Error())
}
