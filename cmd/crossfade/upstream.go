package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
)

// upstreamOptions is what the settings say of the way to the backend, with the files that they name.
// Nil means that no address was given.
func upstreamOptions(c config.Upstream, read func(string) ([]byte, error)) (*upstream.Options, error) {
	var errs []error
	file := func(key, name string) []byte {
		if name == "" {
			return nil
		}
		data, err := read(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("upstream.tls.%s: %w", key, err))
		}
		return data
	}
	o := upstream.Options{
		URLs:  c.URLs,
		HTTP2: c.HTTP2,
		TLS: upstream.TLS{
			CA:          file("ca_file", c.TLS.CAFile),
			Certificate: file("cert_file", c.TLS.CertFile),
			Key:         file("key_file", c.TLS.KeyFile),
			ServerName:  c.TLS.ServerName,
		},
		DialTimeout:           c.DialTimeout,
		HandshakeTimeout:      c.TLS.HandshakeTimeout,
		SendTimeout:           c.SendTimeout,
		ResponseHeaderTimeout: c.ResponseHeaderTimeout,
		IdleTimeout:           c.IdleTimeout,
		MaxIdleConnections:    c.MaxIdleConnections,
		MaxHeaderBytes:        int64(c.MaxHeaderBytes),
		Breaker:               upstream.Breaker{Failures: c.Breaker.Failures, OpenFor: c.Breaker.OpenFor, Counts: upstream.Counts(c.Breaker.Counts)},
		Health: upstream.Health{
			Path: c.Health.Path, Interval: c.Health.Interval, Timeout: c.Health.Timeout, Fall: c.Health.Fall, Rise: c.Health.Rise,
		},
	}
	if err := errors.Join(errs...); err != nil || len(c.URLs) == 0 {
		return nil, err
	}
	if _, err := upstream.New(o); err != nil { // the files may be no certificates
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return &o, nil
}

// way is the way to the backend while it is in use, with its health checks.
type way struct {
	*upstream.Transport
	options    *upstream.Options
	stopChecks context.CancelFunc
}

// wayTo gives the way that the options ask for: the one that there is, when they have not changed, so
// that its connections are kept, else a new one.
func wayTo(o *upstream.Options, current *way, logger *zap.Logger) (*way, error) {
	if current != nil && reflect.DeepEqual(o, current.options) {
		return current, nil
	}
	logged := *o
	logged.Logger = logger
	t, err := upstream.New(logged)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go t.CheckHealth(ctx)
	return &way{t, o, cancel}, nil
}

// leave ends the checks, and the connections as they become idle. Requests that have begun go on.
func (w *way) leave() {
	w.stopChecks()
	w.CloseIdleConnections()
}

// addresses names them for the log.
func (w *way) addresses() string {
	names := make([]string, len(w.options.URLs))
	for i, u := range w.options.URLs {
		names[i] = u.Redacted()
	}
	return strings.Join(names, ", ")
}
