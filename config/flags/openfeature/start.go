package openfeature

import (
	"context"
	"sync"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"
)

// Between attempts to start a provider: short at first, then as long as is bearable for those who wait for a flag.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second
)

// start makes providers until one starts.
func (s *Store) start(ctx context.Context) {
	defer close(s.ended)
	tried := sync.OnceFunc(func() { close(s.tried) })
	defer tried()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		provider, err := s.options.New()
		if err == nil {
			err = initialise(ctx, provider, s.about)
			if err != nil {
				shutDown(provider)
			}
		}
		s.mu.Lock()
		s.failure = err
		if err == nil {
			s.provider = provider
		}
		s.mu.Unlock()
		tried()
		if err == nil {
			close(s.ready)
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// initialise starts a provider, where it has something to start.
func initialise(ctx context.Context, provider sdk.FeatureProvider, about sdk.EvaluationContext) error {
	switch p := provider.(type) {
	case sdk.ContextAwareStateHandler:
		return p.InitWithContext(ctx, about)
	case sdk.StateHandler:
		return p.Init(about)
	}
	return nil
}

func shutDown(provider sdk.FeatureProvider) {
	if p, ok := provider.(sdk.StateHandler); ok {
		p.Shutdown()
	}
}
