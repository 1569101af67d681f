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

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/admin"
	"github.com/crossfade-proxy/crossfade/proxy/edge"
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

	traffic      *edge.Server
	certificates *edge.Certificates // nil without TLS
	admission    *edge.Admission    // of all proxies that there are, as a reload brings them
	streams      proxy.Streams      // as well

	current  atomic.Pointer[http.Handler]
	loaded   *loaded // by the goroutine of serve alone
	upstream *way
	stopping atomic.Bool
}

func (p *process) serve(ctx context.Context, file string, flags map[string]string) error {
	s := &server{process: p, files: &config.Files{}, admission: edge.NewAdmission(0, 0)}
	s.options = config.Options{File: file, Flags: flags, Require: []string{"upstream.url"}, ReadFile: s.files.ReadFile}
	first, err := p.loadLawful(s.options)
	if err != nil {
		return failed(err)
	}
	c := first.config
	s.logger, s.level = newLogger(p.stderr, c.Log)
	defer s.logger.Sync() //nolint:errcheck // standard error cannot always be synced, and there is nobody left to tell
	restore, err := redirectStdLog(s.logger)
	if err != nil {
		return failed(err)
	}
	defer restore()
	if err := s.use(first); err != nil {
		return failed(err)
	}
	if s.certificates, err = certificates(c.Server.TLS, s.files.ReadFile); err != nil {
		return failed(err)
	}
	s.traffic = newTraffic(c, s.certificates, http.HandlerFunc(s.serveTraffic), s.logger)
	listener, err := edge.Listen(c.Server.Listen)
	if err != nil {
		return failed(fmt.Errorf("server.listen: %w", err))
	}
	adminListener, err := s.listenAdmin()
	if err != nil {
		listener.Close()
		return failed(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- s.traffic.Serve(listener) }()
	if adminListener != nil {
		adminServer := &http.Server{
			Handler:           admin.New(admin.Options{Ready: s.ready}),
			ReadHeaderTimeout: c.Server.ReadHeaderTimeout,
			ErrorLog:          zap.NewStdLog(s.logger.Named("admin")),
		}
		defer adminServer.Close() //nolint:errcheck // the process ends
		go func() { ended <- adminServer.Serve(adminListener) }()
	}
	asked := p.reload
	if asked == nil {
		// Before anybody is told that it serves: a HUP that nobody waits for ends the process.
		hup := make(chan os.Signal, 1)
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
		asked = hup
	}
	s.announce(listener, adminListener)

	if err := s.loop(ctx, asked, ended); err != nil {
		return failed(err)
	}
	return s.stop()
}

// serveTraffic serves a request with the handler of the configuration of this moment, to its end.
func (s *server) serveTraffic(w http.ResponseWriter, r *http.Request) {
	(*s.current.Load()).ServeHTTP(w, r)
}

// listenAdmin opens the admin listener, nil if there is to be none. An address that nobody
// chose gives way to a free one where it is taken: a second crossfade on one machine is no mistake.
func (s *server) listenAdmin() (net.Listener, error) {
	c := s.loaded.config
	if c.Admin.Listen == "" {
		return nil, nil
	}
	listener, err := edge.Listen(c.Admin.Listen)
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
		zap.String("upstream", s.upstream.addresses()),
		zap.String("mode", string(c.Mode)),
		zap.String("mode_source", c.Source("mode")),
		zap.String("config", c.File),
		zap.String("contract_revision", s.loaded.contract.Revision),
	}
	if s.certificates != nil {
		fields = append(fields, zap.Time("certificate_until", s.certificates.Until()))
	}
	if adminListener != nil {
		fields = append(fields, zap.Stringer("admin", adminListener.Addr()))
	}
	s.logger.Info("serving", fields...)
}
