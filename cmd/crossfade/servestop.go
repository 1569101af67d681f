package main

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

func (s *server) ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	return nil
}

// stop ends the traffic as operators expect: unready first, then no new connections, then what
// has begun is finished, for as long as the configuration allows. What has no end of its own is
// told to end.
func (s *server) stop() error {
	c := s.serving.Load().config.Server
	s.stopping.Store(true)
	s.lines.hurry()
	s.traffic.Drain()
	s.logger.Info("stopping", zap.Duration("drain_delay", c.DrainDelay), zap.Duration("shutdown_timeout", c.ShutdownTimeout))
	time.Sleep(c.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	streams := make(chan error, 1)
	go func() { streams <- s.streams.Close(ctx) }()
	if err := errors.Join(s.traffic.Stop(ctx), <-streams); err != nil {
		s.logger.Warn("requests were cut at the end of shutdown_timeout", zap.Error(err))
	}
	s.upstream.leave()
	s.logger.Info("stopped")
	return nil
}
