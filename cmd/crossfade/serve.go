package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/admin"
)

func (p *process) serveCommand() *cobra.Command {
	var file string
	flags := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Stand in front of a backend",
		Long: `Serves until TERM or INT: then it is not ready any more, finishes what it has begun, and ends
with exit code 0; a second signal ends it at once. HUP, or a change of a file that it read,
reloads: a bad file is told and the last good configuration stays.`,
		Example: `  crossfade serve --upstream http://127.0.0.1:8000 --mode dual
  crossfade serve --config proxy.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			given := map[string]string{}
			for name, value := range flags {
				if cmd.Flags().Changed(name) {
					given[name] = *value
				}
			}
			return p.serve(cmd.Context(), file, given)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (default ./proxy.yaml if it is there)")
	for _, k := range config.Keys() {
		if k.Flag != "" {
			flags[k.Flag] = cmd.Flags().String(k.Flag, "", fmt.Sprintf("%s, over file and environment (default %q)", k.Name, k.Default))
		}
	}
	return cmd
}

// server is a running crossfade.
type server struct {
	process *process
	options config.Options // how to load again
	files   *config.Files
	logger  *zap.Logger
	level   zap.AtomicLevel

	current   atomic.Pointer[proxy.Proxy]
	loaded    *loaded // by the goroutine of serve alone
	transport *proxy.Transport
	stopping  atomic.Bool
}

func (p *process) serve(ctx context.Context, file string, flags map[string]string) error {
	s := &server{process: p, files: &config.Files{}}
	s.options = config.Options{File: file, Flags: flags, Require: []string{"upstream.url"}, ReadFile: s.files.ReadFile}
	first, err := p.loadLawful(s.options)
	if err != nil {
		return failed(err)
	}
	c := first.config
	s.logger, s.level = newLogger(p.stderr, c.Log)
	defer s.logger.Sync() //nolint:errcheck // standard error cannot always be synced, and there is nobody left to tell
	if err := s.use(first); err != nil {
		return failed(err)
	}

	listener, err := net.Listen("tcp", c.Server.Listen)
	if err != nil {
		return failed(fmt.Errorf("server.listen: %w", err))
	}
	traffic := &http.Server{
		Handler:           http.HandlerFunc(s.serveTraffic),
		ReadHeaderTimeout: c.Server.ReadHeaderTimeout,
		IdleTimeout:       c.Server.IdleTimeout,
		MaxHeaderBytes:    int(c.Server.MaxHeaderBytes),
		ErrorLog:          zap.NewStdLog(s.logger.Named("http")),
	}
	adminListener, err := s.listenAdmin()
	if err != nil {
		listener.Close()
		return failed(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- traffic.Serve(listener) }()
	if adminListener != nil {
		adminServer := &http.Server{
			Handler:           admin.New(admin.Options{Ready: s.ready}),
			ReadHeaderTimeout: c.Server.ReadHeaderTimeout,
			ErrorLog:          zap.NewStdLog(s.logger.Named("admin")),
		}
		defer adminServer.Close()
		go func() { ended <- adminServer.Serve(adminListener) }()
	}
	s.announce(listener, adminListener)

	if err := s.loop(ctx, ended); err != nil {
		traffic.Close()
		return failed(err)
	}
	return s.stop(traffic)
}

// serveTraffic serves a request with the proxy of the configuration of this moment, to its end.
func (s *server) serveTraffic(w http.ResponseWriter, r *http.Request) {
	s.current.Load().ServeHTTP(w, r)
}

// listenAdmin opens the admin listener, nil if there is to be none. An address that nobody
// chose gives way to a free one where it is taken: a second crossfade on one machine is no mistake.
func (s *server) listenAdmin() (net.Listener, error) {
	c := s.loaded.config
	if c.Admin.Listen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", c.Admin.Listen)
	if err == nil {
		return listener, nil
	}
	if c.Source("admin.listen") == "default" && errors.Is(err, syscall.EADDRINUSE) {
		if listener, again := net.Listen("tcp", "127.0.0.1:0"); again == nil {
			s.logger.Warn("the default admin address is taken; listening on a free one (choose one with --admin)",
				zap.String("taken", c.Admin.Listen), zap.Stringer("admin", listener.Addr()))
			return listener, nil
		}
	}
	return nil, fmt.Errorf("admin.listen: %w", err)
}

func (s *server) announce(listener, adminListener net.Listener) {
	c := s.loaded.config
	fields := []zap.Field{
		zap.String("version", versionText()),
		zap.Stringer("listen", listener.Addr()),
		zap.String("upstream", c.Upstream.URL.Redacted()),
		zap.String("mode", string(c.Mode)),
		zap.String("mode_source", c.Source("mode")),
		zap.String("config", c.File),
		zap.String("contract_revision", s.loaded.contract.Revision),
	}
	if adminListener != nil {
		fields = append(fields, zap.Stringer("admin", adminListener.Addr()))
	}
	s.logger.Info("serving", fields...)
}

// loop reloads when it is asked to, until ctx is done or a listener fails.
func (s *server) loop(ctx context.Context, ended <-chan error) error {
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	changed := make(chan struct{}, 1)
	go s.files.Watch(watching, func() {
		select {
		case changed <- struct{}{}:
		default: // a reload that has not begun yet sees this change as well
		}
	})
	asked := s.process.reload
	if asked == nil {
		hup := make(chan os.Signal, 1)
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
		asked = hup
	}
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

// reload reads everything again and swaps it whole, or keeps what there was and says why.
func (s *server) reload(cause string) {
	next, err := s.process.loadLawful(s.options)
	if err == nil {
		before := s.loaded.config
		if err = s.use(next); err == nil {
			s.logger.Info("reloaded", zap.String("cause", cause), zap.String("contract_revision", next.contract.Revision))
			for _, key := range next.config.RestartNeeded(before) {
				s.logger.Warn("a changed setting waits for a restart", zap.String("key", key))
			}
			return
		}
	}
	s.logger.Error("not reloaded; the last good configuration stays", zap.String("cause", cause), zap.Error(err))
}

// use makes l what is served. Requests that have begun go on with what they began with.
func (s *server) use(l *loaded) error {
	transport := s.transport
	if s.loaded == nil || newer(s.loaded.config.Upstream, l.config.Upstream) {
		transport = newTransport(l.config.Upstream)
	}
	next, err := l.newProxy(transport, s.logger)
	if err != nil {
		return err
	}
	s.current.Store(next)
	if s.transport != nil && s.transport != transport {
		s.transport.CloseIdleConnections()
	}
	s.level.SetLevel(logLevel(l.config.Log))
	s.loaded, s.transport = l, transport
	return nil
}

// newer says whether connections to the upstream have to be made anew. The address alone is no
// reason: a transport keeps connections by address.
func newer(a, b config.Upstream) bool {
	a.URL, b.URL = nil, nil
	return a != b
}

func (s *server) ready() error {
	if s.stopping.Load() {
		return errors.New("stopping")
	}
	return nil
}

// stop ends the traffic as operators expect: unready first, then no new connections, then
// what has begun is finished, for as long as the configuration allows.
func (s *server) stop(traffic *http.Server) error {
	c := s.loaded.config.Server
	s.stopping.Store(true)
	s.logger.Info("stopping", zap.Duration("drain_delay", c.DrainDelay), zap.Duration("shutdown_timeout", c.ShutdownTimeout))
	time.Sleep(c.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	if err := traffic.Shutdown(ctx); err != nil {
		s.logger.Warn("requests were cut at the end of shutdown_timeout", zap.Error(err))
		traffic.Close()
	}
	s.transport.CloseIdleConnections()
	s.logger.Info("stopped")
	return nil
}
