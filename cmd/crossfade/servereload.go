package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// loop reloads when it is asked to, until ctx is done or a listener fails.
func (s *server) loop(ctx context.Context, asked <-chan os.Signal, ended <-chan error) error {
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	changed := make(chan struct{}, 1)
	go s.files.Watch(watching, func() {
		select {
		case changed <- struct{}{}:
		default: // a reload that has not begun yet sees this change as well
		}
	})
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-asked:
			s.reload("signal")
		case <-changed:
			s.reload("file")
		}
	}
}

// reload reads everything again and swaps it whole, or keeps what there was and says why. The
// certificate does not depend on the rest.
func (s *server) reload(cause string) {
	s.reloadCertificates()
	next, err := s.process.loadLawful(s.options)
	if before := s.serving.Load().config; err == nil && before.File != "" && next.config.File == "" {
		// A file that was there is more likely lost than taken back, and everything would go to its defaults.
		err = fmt.Errorf("%s is gone (restart to go on without it)", before.File)
	}
	if err == nil {
		before := s.serving.Load().config
		if err = s.use(next); err == nil {
			s.metrics.Loaded(nil, time.Now())
			s.logger.Info("reloaded", zap.String("cause", cause), zap.String("contract_revision", next.contract.Revision))
			for _, key := range next.config.RestartNeeded(before) {
				s.logger.Warn("a changed setting waits for a restart", zap.String("key", key))
			}
			return
		}
	}
	s.metrics.Loaded(err, time.Now())
	s.logger.Error("not reloaded; the last good configuration stays", zap.String("cause", cause), zap.Error(err))
}

// use makes l what is served. Requests that have begun go on with what they began with.
func (s *server) use(l *loaded) error {
	to, err := wayTo(l.upstream, s.upstream, s.logger)
	if err != nil {
		return err
	}
	next, err := s.make(l, to)
	if err == nil {
		err = s.state.setSettings(l.flagSettings())
	}
	if err != nil {
		if to != s.upstream {
			to.leave()
		}
		return err
	}
	s.admission.Resize(l.config.Limits.MaxRequests, int64(l.config.Limits.MaxMemory))
	s.serving.Store(next)
	if s.upstream != nil && s.upstream != to {
		s.upstream.leave()
	}
	s.level.SetLevel(logLevel(l.config.Log))
	s.upstream = to
	return nil
}

// make makes what serves with a configuration.
func (s *server) make(l *loaded, to *way) (*serving, error) {
	memory, err := newMemory(l.config, s.state.flows, s.logger)
	if err != nil {
		return nil, err
	}
	data, err := l.newProxy(to.Transport, shared{
		admission: s.admission, streams: &s.streams, flags: s.state.live, observer: proxy.Observers{s.metrics, s.recent}, memory: memory,
	}, s.logger)
	if err != nil {
		return nil, err
	}
	operators, err := s.newAdmin(l, s.files.ReadFile)
	if err != nil {
		return nil, err
	}
	frontends, err := s.newOFREP(l)
	if err != nil {
		return nil, err
	}
	return &serving{loaded: l, proxy: data, memory: memory, traffic: withCORS(l.config.CORS, data), admin: operators, ofrep: frontends}, nil
}
