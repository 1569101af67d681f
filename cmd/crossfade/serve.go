package main

import (
	"context"
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
	"github.com/crossfade-proxy/crossfade/internal/footprint"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/admin"
	"github.com/crossfade-proxy/crossfade/proxy/admin/metrics"
	"github.com/crossfade-proxy/crossfade/proxy/edge"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
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

	state   *state
	metrics *metrics.Metrics
	recent  *admin.Recent
	started time.Time

	serving  atomic.Pointer[serving]
	upstream *way // by the goroutine of serve alone
	stopping atomic.Bool
}

// serving is what one configuration serves with.
type serving struct {
	*loaded
	proxy          *proxy.Proxy
	memory         *flows.Memory // nil for none
	traffic, admin http.Handler
	ofrep          http.Handler
}

func (p *process) serve(ctx context.Context, file string, flags map[string]string) error {
	s := &server{process: p, files: &config.Files{}, admission: edge.NewAdmission(0, 0)}
	s.options = config.Options{File: file, Flags: flags, Require: []string{"upstream.url"}, ReadFile: s.files.ReadFile}
	first, err := p.loadLawful(s.options)
	if err != nil {
		return failed(err)
	}
	c := first.config
	var closeLog func()
	s.logger, s.level, closeLog = newLogger(p.stderr, c.Log)
	defer closeLog()
	restore, err := redirectStdLog(s.logger)
	if err != nil {
		return failed(err)
	}
	defer restore()
	if s.state, err = openState(ctx, first, s.logger); err != nil {
		return failed(err)
	}
	defer s.closeState()
	s.metrics, s.recent, s.started = s.newMetrics(), admin.NewRecent(recentRequests, nil), time.Now()
	if err := s.use(first); err != nil {
		return failed(err)
	}
	s.metrics.Loaded(nil, s.started)
	if s.certificates, err = certificates(c.Server.TLS, s.files.ReadFile); err != nil {
		return failed(err)
	}
	s.traffic = newTraffic(c, s.certificates, http.HandlerFunc(s.serveTraffic), s.logger)
	listener, err := edge.Listen(c.Server.Listen)
	if err != nil {
		return failed(fmt.Errorf("server.listen: %w", err))
	}
	beside, err := s.listenBeside()
	if err != nil {
		listener.Close()
		return failed(err)
	}
	ended := make(chan error, 1+len(beside))
	go func() { ended <- s.traffic.Serve(listener) }()
	for _, b := range beside {
		defer b.Close() //nolint:errcheck // the process ends
		go func() { ended <- b.Serve(b.listener) }()
	}
	asked := p.reload
	if asked == nil {
		// Before anybody is told that it serves: a HUP that nobody waits for ends the process.
		hup := make(chan os.Signal, 1)
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
		asked = hup
	}
	s.announce(listener, beside)
	footprint.GiveBack()

	if err := s.loop(ctx, asked, ended); err != nil {
		return failed(err)
	}
	return s.stop()
}

// serveTraffic serves a request with the handler of the configuration of this moment, to its end.
func (s *server) serveTraffic(w http.ResponseWriter, r *http.Request) {
	s.serving.Load().traffic.ServeHTTP(w, r)
}

// lookup finds the endpoint of a path, in the configuration of this moment.
func (s *server) lookup(method, path string) (proxy.Place, bool, error) {
	return s.serving.Load().proxy.Lookup(method, path)
}

func (s *server) closeState() {
	if now := s.serving.Load(); now != nil && now.memory != nil {
		now.memory.Close() // it waits for what it still writes
	}
	if err := s.state.close(); err != nil {
		s.logger.Warn("the store was not closed", zap.Error(err))
	}
}

func (s *server) announce(listener net.Listener, beside []*besideServer) {
	c := s.serving.Load().config
	fields := []zap.Field{
		zap.String("version", versionText()),
		zap.Stringer("listen", listener.Addr()),
		zap.String("upstream", s.upstream.addresses()),
		zap.String("store", c.Source("store.url")),
		zap.Int64("flags_version", s.state.live.State().Version),
		zap.String("mode", string(c.Mode)),
		zap.String("mode_source", c.Source("mode")),
		zap.String("config", c.File),
		zap.String("contract_revision", s.serving.Load().contract.Revision),
		zap.Bool("flow_memory", s.serving.Load().memory != nil),
	}
	if from := c.Flags.Provider.String(); from != "" {
		fields = append(fields, zap.String("flags_provider", from))
	}
	if s.certificates != nil {
		fields = append(fields, zap.Time("certificate_until", s.certificates.Until()))
	}
	for _, b := range beside {
		fields = append(fields, zap.Stringer(b.name, b.listener.Addr()))
	}
	s.logger.Info("serving", fields...)
}
