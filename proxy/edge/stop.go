package edge

import (
	"context"
	"errors"
	"math"
	"time"
)

const (
	// quiet is how long a connection without a request is left open once it is to end. A client
	// may just be sending one: it is answered, and told to come back with a new connection.
	quiet = time.Second
	// lastWords is how long requests that were cut may take to see it, so that they are in the log.
	lastWords = time.Second
	// pollEvery is how often an end is looked for.
	pollEvery = 10 * time.Millisecond
)

// Drain begins the end: clients are still served, and each answer asks its client to come back with
// a new connection, which may lead it elsewhere.
func (s *Server) Drain() { s.draining.Store(true) }

// Stop ends the server: no new connections, then what has begun is finished, connections
// included that were taken over, such as WebSockets. No request is lost that reached a
// connection. An error says that ctx was done first, and that what was left was cut.
func (s *Server) Stop(ctx context.Context) error {
	s.Drain()
	began := time.Now()
	if l := s.listener.Load(); l != nil {
		_ = l.Close() // there is nothing more to be had from it
	}
	// net/http would close connections that have no request at once, on clients that are
	// sending one.
	s.wait(ctx, forever, func() bool { return s.connections.quietSince(began, quiet) })
	if s.loop != nil {
		s.loop.CloseIdle()
	}
	s.connections.closeWaiting()
	err := s.http.Shutdown(ctx)
	if err == nil && !s.wait(ctx, forever, func() bool { return s.connections.count() == 0 }) {
		err = ctx.Err()
	}
	if err != nil {
		err = errors.Join(err, s.http.Close())
		s.connections.closeAll()
	}
	s.wait(context.WithoutCancel(ctx), lastWords, func() bool { return s.running.Load() == 0 })
	return err
}

const forever time.Duration = math.MaxInt64

// wait waits until done says so; false when the time was over or ctx was done first.
func (s *Server) wait(ctx context.Context, most time.Duration, done func() bool) bool {
	over := time.NewTimer(most)
	defer over.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-over.C:
			return false
		case <-tick.C:
		}
	}
	return true
}
