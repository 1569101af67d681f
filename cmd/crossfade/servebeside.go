package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/proxy/edge"
)

// besideServer is a listener beside the one for clients.
type besideServer struct {
	*http.Server
	name     string // as it is announced
	listener net.Listener
}

// listenBeside opens the listeners for operators and for frontends that ask for decisions, where there are to be any. Each
// request is served, to its end, by what the configuration of that moment has made.
func (s *server) listenBeside() ([]*besideServer, error) {
	c := s.serving.Load().config
	var all []*besideServer
	add := func(name, address string, handler http.HandlerFunc) error {
		if address == "" {
			return nil
		}
		listener, err := edge.Listen(address)
		if name == "admin" && errors.Is(err, syscall.EADDRINUSE) && c.Source("admin.listen") == "default" {
			listener, err = s.listenElsewhere(address)
		}
		if err != nil {
			return fmt.Errorf("%s.listen: %w", name, err)
		}
		all = append(all, &besideServer{newBesideServer(handler, c.Server.ReadHeaderTimeout, s.logger.Named(name)), name, listener})
		return nil
	}
	err := add("admin", c.Admin.Listen, func(w http.ResponseWriter, r *http.Request) { s.serving.Load().admin.ServeHTTP(w, r) })
	if err == nil {
		err = add("ofrep", c.OFREP.Listen, func(w http.ResponseWriter, r *http.Request) { s.serving.Load().ofrep.ServeHTTP(w, r) })
	}
	if err != nil {
		for _, b := range all {
			b.listener.Close()
		}
		return nil, err
	}
	return all, nil
}

// listenElsewhere takes a free address where the one that nobody chose is taken: a second crossfade on one machine is
// no mistake.
func (s *server) listenElsewhere(taken string) (net.Listener, error) {
	listener, err := edge.Listen("127.0.0.1:0")
	if err == nil {
		s.logger.Warn("the default admin address is taken; listening on a free one (choose one with --admin)",
			zap.String("taken", taken), zap.Stringer("admin", listener.Addr()))
	}
	return listener, err
}

// newBesideServer bounds what a client of such a listener may take.
func newBesideServer(handler http.Handler, readHeader time.Duration, logger *zap.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeader,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          zap.NewStdLog(logger),
	}
}
