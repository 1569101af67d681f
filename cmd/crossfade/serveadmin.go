package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/admin"
	"github.com/crossfade-proxy/crossfade/proxy/admin/metrics"
	"github.com/crossfade-proxy/crossfade/proxy/admin/ofrep"
)

// recentRequests is how many can be explained by their id; they take about 400 KiB.
const recentRequests = 8192

// newMetrics counts what the process does.
func (s *server) newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Options{Version: versionText(), Moment: func() metrics.Moment {
		requests, memory := s.admission.InUse()
		health, state := s.state.live.Health(), s.state.live.State()
		l := s.serving.Load()
		told := &metrics.Flags{
			Version: health.Version, Killed: health.Kill != nil, StoreUp: health.Reachable, Contact: health.Contact,
			Stages: map[string]string{},
		}
		for _, e := range l.config.Endpoints {
			if !e.Enabled {
				continue
			}
			told.Stages[e.Name] = string(s.state.live.Explain(flags.Request{}, e.Name).Decision.Stage)
		}
		for _, f := range state.Flags {
			if f.Endpoint == flags.DefaultFlag {
				told.Stages[flags.DefaultFlag] = string(f.Stage)
			}
		}
		return metrics.Moment{Requests: requests, BodyMemory: memory, ContractRevision: l.contract.Revision, Flags: told}
	}})
}

// newAdmin makes the handler for operators of what was loaded.
func (s *server) newAdmin(l *loaded, read func(string) ([]byte, error)) (http.Handler, error) {
	tokens, err := s.tokens(l, read)
	if err != nil {
		return nil, err
	}
	c := l.config
	hosts := c.Admin.Hosts
	if host, _, err := net.SplitHostPort(c.Admin.Listen); err == nil && host != "" {
		hosts = append(hosts[:len(hosts):len(hosts)], host)
	}
	decisions, err := ofrep.New(ofrep.Options{Decide: s.state.live.Decide, Endpoints: l.endpointNames})
	if err != nil {
		return nil, err
	}
	return admin.New(admin.Options{
		OFREP:            decisions,
		Ready:            s.ready,
		Metrics:          s.metrics.Handler(),
		MetricsNeedToken: !c.Admin.OpenMetrics,
		Flags:            s.state.live,
		Tokens:           tokens,
		Hosts:            hosts,
		Endpoints:        l.adminEndpoints,
		Lookup:           s.lookup,
		Recent:           s.recent,
		Settings: func() []admin.Setting {
			var all []admin.Setting
			for _, setting := range c.Settings() {
				all = append(all, admin.Setting{Key: setting.Key, Value: setting.Value, Source: setting.Source})
			}
			return all
		},
		Status: func() admin.Status {
			requests, memory := s.admission.InUse()
			return admin.Status{Build: versionText(), Started: s.started, ContractRevision: l.contract.Revision, InFlight: requests, BodyMemory: memory}
		},
		Logger: s.logger.Named("admin"),
	})
}

// newOFREP makes the handler for frontends that ask for decisions, on a listener of its own. They send the headers that
// they send to the backend, so what is decided is what their requests would get.
func (s *server) newOFREP(l *loaded) (http.Handler, error) {
	trusted := l.config.Server.TrustedProxies
	handler, err := ofrep.New(ofrep.Options{
		Decide: s.state.live.Decide, Endpoints: l.endpointNames,
		Own: func(r *http.Request) netip.Addr { return proxy.ClientAddr(r, trusted) },
	})
	if err != nil {
		return nil, err
	}
	cors := l.config.CORS
	cors.AllowedMethods = []string{http.MethodPost}
	// What the protocol needs beside: clients keep the list, and ask whether it has changed.
	cors.AllowedHeaders = append(slices.Clone(cors.AllowedHeaders), "If-None-Match")
	cors.ExposedHeaders = append(slices.Clone(cors.ExposedHeaders), "ETag")
	return withCORS(cors, answerPreflights(handler)), nil
}

// answerPreflights answers them as edge.CORS wants it, and browsers: 204. All else goes to next.
func answerPreflights(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endpointNames are the endpoints that are served.
func (l *loaded) endpointNames() []string {
	var names []string
	for _, e := range l.contract.Endpoints {
		if e.Enabled {
			names = append(names, e.Name)
		}
	}
	return names
}

// adminEndpoints are the endpoints as operators see them.
func (l *loaded) adminEndpoints() []admin.Endpoint {
	var all []admin.Endpoint
	journeys := l.journeys()
	for _, e := range l.contract.Endpoints {
		if !e.Enabled {
			continue
		}
		told := admin.Endpoint{Name: e.Name, Summary: e.Summary, Method: e.Method, Journey: journeys[e.Name]}
		for _, r := range e.Routes {
			told.Routes = append(told.Routes, admin.Route{Session: r.Session, Flow: r.Flow})
		}
		all = append(all, told)
	}
	return all
}

// tokens are who may use the admin API: the one of the configuration, those of its file, and without both the one that
// is made at the first start.
func (s *server) tokens(l *loaded, read func(string) ([]byte, error)) ([]admin.Token, error) {
	c := l.config
	var tokens []admin.Token
	if c.Admin.Token != "" {
		t, err := admin.NewToken("operator", admin.Admin, c.Admin.Token)
		if err != nil {
			return nil, fmt.Errorf("admin.token: %w", err)
		}
		tokens = append(tokens, t)
	}
	if c.Admin.TokensFile != "" {
		data, err := read(c.Admin.TokensFile)
		if err != nil {
			return nil, fmt.Errorf("admin.tokens_file: %w", err)
		}
		more, err := readTokens(data)
		if err != nil {
			return nil, fmt.Errorf("admin.tokens_file: %s: %w", c.Admin.TokensFile, err)
		}
		tokens = append(tokens, more...)
	}
	if len(tokens) > 0 || c.DataDir == "" {
		return tokens, nil
	}
	path := filepath.Join(c.DataDir, adminTokenFile)
	secret, made, err := admin.EnsureTokenFile(path)
	if err != nil {
		s.logger.Error("the admin API answers nobody: there is no token", zap.Error(err))
		return nil, nil
	}
	if made {
		s.logger.Info("made a token for the admin API", zap.String("file", path))
	}
	t, err := admin.NewToken("operator", admin.Admin, secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return append(tokens, t), nil
}

// readTokens reads a line for each token: a name, a role and the token, with white space between. Lines that begin
// with # are comments. Errors do not repeat tokens.
func readTokens(data []byte) ([]admin.Token, error) {
	var tokens []admin.Token
	var errs []error
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 3 {
			errs = append(errs, fmt.Errorf("line %d: want a name, a role and a token, got %d words", n, len(fields)))
			continue
		}
		t, err := admin.NewToken(fields[0], admin.Role(fields[1]), fields[2])
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		tokens = append(tokens, t)
	}
	return tokens, errors.Join(append(errs, lines.Err())...)
}
