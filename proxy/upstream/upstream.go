// Package upstream is the way to the legacy backend: an http.RoundTripper over one address of it
// or several, that can be trusted with other people's requests.
//
// Start at [New] and [Transport.RoundTrip]. What it promises:
//
//   - A request arrives as it was handed in. Nothing is added to it, no compression is asked for, and no
//     proxy settings of the environment are heeded.
//   - An answer belongs to the request that it is returned for. net/http alone does not promise that
//     for an upstream that sends more than it announced: guard.go, and package direct.
//   - A request that changes something is sent once. It goes to a second address only when the
//     first one got nothing of it: retry.go.
//   - Each phase ends: connecting, the handshake, sending, waiting for the head, and where the
//     caller asks for it ([Bound]) the body.
//   - An error says what is known ([Error]): that nothing was sent, that it took too long, that it
//     broke off, or that nobody was asked since the address has just failed several times (breaker.go).
//
// Of several addresses the least busy one is asked, those last that fail their health checks
// (balance.go, health.go). Nothing makes a caller stick to one. Addresses are http, https or a unix
// socket (address.go); HTTP/2 is spoken where the options say so. Plain HTTP/1.1 goes by package
// direct as far as that takes it, everything else by http.Transport; each has connections of its own.
//
// The package knows nothing of shapes and modes: package proxy stands on it.
package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Options is everything that a Transport is made of. URLs is required; zero members elsewhere mean
// their defaults.
type Options struct {
	// URLs are the addresses of the backend, at most MaxAddresses, all with one scheme and one base
	// path: http://host:port, https://host, or unix:///path/of/socket, which has no base path.
	// A host with several IP addresses is one address: the next of them is dialled where
	// one does not answer, and the name is looked up for each new connection.
	URLs []*url.URL
	// HTTP2 lets https addresses choose HTTP/2, and speaks it to the others without asking (prior
	// knowledge), but for WebSockets, which begin in HTTP/1.1.
	HTTP2 bool
	// TLS is for https addresses.
	TLS TLS

	// DialTimeout bounds the making of a connection. Default 2 s: a backend in the same network
	// takes a thousandth of it.
	DialTimeout time.Duration
	// HandshakeTimeout bounds the TLS handshake after it. Default 3 s.
	HandshakeTimeout time.Duration
	// SendTimeout bounds how long the upstream may take none of a body that is being sent.
	// Default 60 s.
	SendTimeout time.Duration
	// ResponseHeaderTimeout bounds the wait for the head of an answer after the request was sent.
	// Default 60 s.
	ResponseHeaderTimeout time.Duration
	// IdleTimeout is how long a connection without a request is kept. Default 90 s; at best a bit
	// less than the upstream's own.
	IdleTimeout time.Duration
	// MaxIdleConnections is how many such are kept for each address, by each of the two ways. Default 256.
	MaxIdleConnections int
	// MaxHeaderBytes bounds the head of an answer. Default 1 MiB.
	MaxHeaderBytes int64

	Breaker Breaker
	Health  Health

	// Logger is told when an address goes down or comes back; nil for none.
	Logger *zap.Logger
}

// MaxAddresses is how many addresses one upstream may have.
const MaxAddresses = 64

const (
	defaultDialTimeout           = 2 * time.Second
	defaultHandshakeTimeout      = 3 * time.Second
	defaultSendTimeout           = 60 * time.Second
	defaultResponseHeaderTimeout = 60 * time.Second
	defaultIdleTimeout           = 90 * time.Second
	defaultMaxIdle               = 256
	defaultMaxHeaderBytes        = 1 << 20
)

// Transport is the way to the upstream. It is safe for concurrent use. A new configuration is a
// new Transport; whoever drops the old one calls CloseIdleConnections.
type Transport struct {
	base      url.URL
	addresses []*address
	rotation  atomic.Uint32 // who is first among equals
	health    Health
	logger    *zap.Logger
}

// New checks the options and gives the Transport. All that is wrong comes at once, joined. It
// does no I/O: an upstream that is away is no error here.
func New(o Options) (*Transport, error) {
	o.complete()
	config, tlsErr := o.TLS.config()
	errs := []error{checkURLs(o.URLs), tlsErr, o.Breaker.check(), o.Health.check()}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	t := &Transport{base: base(o.URLs[0]), health: o.Health, logger: o.Logger}
	for _, u := range o.URLs {
		t.addresses = append(t.addresses, newAddress(o, u, config))
	}
	return t, nil
}

// complete puts the defaults where nothing was said.
func (o *Options) complete() {
	o.DialTimeout = orDefault(o.DialTimeout, defaultDialTimeout)
	o.HandshakeTimeout = orDefault(o.HandshakeTimeout, defaultHandshakeTimeout)
	o.SendTimeout = orDefault(o.SendTimeout, defaultSendTimeout)
	o.ResponseHeaderTimeout = orDefault(o.ResponseHeaderTimeout, defaultResponseHeaderTimeout)
	o.IdleTimeout = orDefault(o.IdleTimeout, defaultIdleTimeout)
	o.MaxIdleConnections = orDefault(o.MaxIdleConnections, defaultMaxIdle)
	o.MaxHeaderBytes = orDefault(o.MaxHeaderBytes, defaultMaxHeaderBytes)
	o.Breaker.complete()
	o.Health.complete()
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// URL is what a request to the upstream begins with: http or https, a host, perhaps a base path.
// Which address gets it is none of the request's business.
func (t *Transport) URL() *url.URL {
	u := t.base
	return &u
}

// base is an address as net/http wants it.
func base(u *url.URL) url.URL {
	if u.Scheme == "unix" {
		return url.URL{Scheme: "http", Host: "localhost"}
	}
	return *u
}

// CloseIdleConnections closes connections that no request uses, now and as they become idle.
func (t *Transport) CloseIdleConnections() {
	for _, a := range t.addresses {
		a.closeIdle()
	}
}

func checkURLs(urls []*url.URL) error {
	if len(urls) == 0 {
		return errors.New("no upstream: want the address of the legacy backend, like http://127.0.0.1:8000")
	}
	if len(urls) > MaxAddresses {
		return fmt.Errorf("%d upstream addresses (want at most %d)", len(urls), MaxAddresses)
	}
	var errs []error
	seen := map[string]bool{}
	for _, u := range urls {
		if u == nil {
			errs = append(errs, errors.New("an upstream address that is nil"))
			continue
		}
		shown := u.Redacted()
		if err := checkURL(u); err != nil {
			errs = append(errs, fmt.Errorf("upstream %q: %w", shown, err))
			continue
		}
		if seen[shown] {
			errs = append(errs, fmt.Errorf("upstream %q: there twice", shown))
		}
		seen[shown] = true
		if first := urls[0]; first != nil && (u.Scheme != first.Scheme || u.Scheme != "unix" && u.EscapedPath() != first.EscapedPath()) {
			errs = append(errs, fmt.Errorf("upstream %q: another scheme or base path than %q (want the same in all)", shown, first.Redacted()))
		}
	}
	return errors.Join(errs...)
}

func checkURL(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("a user in it (credentials are the callers' own; leave it out)")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("a query or fragment in it (want scheme, host and perhaps a base path)")
	case u.Scheme == "unix" && (u.Host != "" || len(u.Path) < 2):
		return errors.New("no socket (want a path behind three slashes, like unix:///run/backend.sock)")
	case u.Scheme == "unix":
		return nil
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("scheme %q (want http, https or unix, like http://127.0.0.1:8000)", u.Scheme)
	case u.Hostname() == "":
		return errors.New("no host (want an address like http://127.0.0.1:8000)")
	}
	return nil
}

var _ http.RoundTripper = (*Transport)(nil)
