package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// loaded is one consistent reading of the configuration and the contracts it names.
type loaded struct {
	config   *config.Config
	contract *contract.Contract
	upstream *upstream.Options // nil when the configuration has no address
}

// load reads proxy.yaml, the environment, flags and contracts. extra are further contract files. Everything that
// is wrong with any of them comes as one error.
func (p *process) load(o config.Options, extra []string) (*loaded, error) {
	var declared *contract.Contract
	read := o.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	o.Environ = p.environ
	o.Endpoints = func(files []string) ([]config.Declared, error) {
		c, err := readContracts(read, withoutTwice(append(slices.Clone(files), extra...)))
		if err != nil {
			return nil, err
		}
		declared = c
		list := make([]config.Declared, len(c.Endpoints))
		for i, e := range c.Endpoints {
			list[i] = config.Declared{Name: e.Name, Enabled: e.Enabled}
		}
		return list, nil
	}
	c, err := config.Load(o)
	if err != nil {
		return nil, err
	}
	enabled := make(map[string]bool, len(c.Endpoints))
	for _, e := range c.Endpoints {
		enabled[e.Name] = e.Enabled
	}
	withManaged(c, enabled)
	switched, err := declared.Switch(enabled)
	if err != nil {
		return nil, err
	}
	up, err := upstreamOptions(c.Upstream, read)
	if err != nil {
		return nil, err
	}
	return &loaded{config: c, contract: switched, upstream: up}, nil
}

// loadLawful is load for those who serve by it: contracts whose examples or laws do not hold are refused.
func (p *process) loadLawful(o config.Options) (*loaded, error) {
	l, err := p.load(o, nil)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, f := range l.contract.Check() {
		errs = append(errs, errors.New(f.String()))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return l, nil
}

// withoutTwice leaves out files that are there already: one that proxy.yaml lists may be named to be checked.
func withoutTwice(files []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(name string) bool {
		if abs, err := filepath.Abs(name); err == nil {
			name = abs
		}
		again := seen[name]
		seen[name] = true
		return again
	})
}

func readContracts(read func(string) ([]byte, error), files []string) (*contract.Contract, error) {
	var sources []contract.Source
	var errs []error
	for _, name := range files {
		data, err := read(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("contract: %w", err))
			continue
		}
		sources = append(sources, contract.Source{Name: name, Data: data})
	}
	c, err := contract.Load(sources...)
	if errs = append(errs, err); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	return c, nil
}

// newProxy makes the data path of what was loaded. It is one of several that share transport
// while the configuration changes.
func (l *loaded) newProxy(transport *upstream.Transport, with shared, logger *zap.Logger) (*proxy.Proxy, error) {
	c := l.config
	policies := map[string]proxy.Policy{}
	for _, e := range c.Endpoints {
		policies[e.Name] = proxy.Policy{
			SessionRoute: proxy.SessionRoute(e.SessionRoute),
			OnFailure:    proxy.OnFailure(e.OnFailure),
			NoTransform:  proxy.NoTransform(e.NoTransform),
		}
	}
	options := proxy.Options{
		Upstream:       transport.URL(),
		Contract:       l.contract,
		Decider:        decider{with.flags, c.Server.TrustedProxies},
		Transport:      transport,
		Policies:       policies,
		Lifecycle:      contract.Dates(c.Lifecycle),
		OwnField:       overrideField(c.Flags),
		TrustedProxies: c.Server.TrustedProxies,
		Compress:       c.Server.Compress,
		Build:          versionText(),
		Limits: proxy.Limits{
			MaxBody: int64(c.Limits.MaxBody), StreamAbove: int64(c.Limits.StreamAbove), MaxMessage: int64(c.Limits.MaxMessage), MaxDepth: c.Limits.MaxDepth, MaxRatio: int64(c.Limits.MaxRatio),
			BodyIdle: c.Upstream.BodyIdleTimeout, BodyTotal: c.Upstream.BodyTimeout,
			RequestIdle: c.Server.BodyIdleTimeout, MaxHeaderFields: c.Limits.MaxHeaderFields,
		},
		Admission:        with.admission,
		Streams:          with.streams,
		AnswerPreflights: len(c.CORS.AllowedOrigins) > 0,
		Observer:         with.observer,
		Logger:           logger,
	}
	if with.memory != nil { // a nil *flows.Memory is no nil proxy.Memory
		options.Memory = with.memory
	}
	return proxy.New(options)
}
