package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/proxy/upstream/direct"
)

const (
	// keepAlive is how often the kernel asks a silent connection whether the other end lives.
	keepAlive = 30 * time.Second
	// expectContinueTimeout is how long a body waits for an upstream that was asked whether it wants it.
	expectContinueTimeout = time.Second
	// readBuffer takes most answers, heads included, in one read.
	readBuffer = 16 << 10
	// pingAfter and pingTimeout find HTTP/2 connections that died in silence: unlike HTTP/1.1, where a
	// connection has one request to lose, all requests would go on being sent there.
	pingAfter   = 15 * time.Second
	pingTimeout = 5 * time.Second
)

// address is one address of the upstream and what is known of it. Its connections are its own.
type address struct {
	name        string // for logs
	dial        func(context.Context) (net.Conn, error)
	direct      *direct.Client // for what it takes of plain HTTP/1.1; nil where that is not spoken
	ask         *http.Transport
	upgrade     *http.Transport // for what begins in HTTP/1.1; nil where ask does
	multiplexed bool            // connections may carry several requests at once
	breaker     *breaker        // nil for none
	busy        atomic.Int64
	down        atomic.Bool // by its health checks
}

func newAddress(o Options, u *url.URL, config *tls.Config) *address {
	a := &address{name: u.Host, multiplexed: o.HTTP2}
	if u.Scheme == "unix" {
		a.name = u.Path
	}
	a.breaker = newBreaker(o.Breaker, a.name, o.Logger)
	a.dial = dial(o, u)
	secure := u.Scheme == "https"
	if secure && config.ServerName == "" {
		config = config.Clone()
		config.ServerName = u.Hostname()
	}
	var p http.Protocols
	p.SetHTTP1(secure || !o.HTTP2)
	p.SetHTTP2(secure && o.HTTP2)
	p.SetUnencryptedHTTP2(!secure && o.HTTP2)
	a.ask = a.newTransport(o, config, p)
	if !p.HTTP1() {
		p = http.Protocols{}
		p.SetHTTP1(true)
		a.upgrade = a.newTransport(o, config, p)
	}
	if !secure && !o.HTTP2 {
		a.direct = direct.New(direct.Options{
			Dial:          func(ctx context.Context) (net.Conn, error) { return a.dial(ctx) },
			HeaderTimeout: o.ResponseHeaderTimeout, SendTimeout: o.SendTimeout, IdleTimeout: o.IdleTimeout,
			MaxIdle: o.MaxIdleConnections, MaxHeaderBytes: o.MaxHeaderBytes,
			Stray: func() {
				o.Logger.Warn("an upstream address sent more than it announced; the connection is closed", zap.String("address", a.name))
			},
		})
	}
	return a
}

func (a *address) newTransport(o Options, config *tls.Config, p http.Protocols) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := a.dial(ctx)
			if err != nil {
				return nil, err
			}
			return newWatchedConn(c, o.SendTimeout), nil
		},
		TLSClientConfig:        config.Clone(),
		TLSHandshakeTimeout:    o.HandshakeTimeout,
		ResponseHeaderTimeout:  o.ResponseHeaderTimeout,
		ExpectContinueTimeout:  expectContinueTimeout,
		IdleConnTimeout:        o.IdleTimeout,
		MaxIdleConns:           o.MaxIdleConnections,
		MaxIdleConnsPerHost:    o.MaxIdleConnections, // there is but one host
		MaxResponseHeaderBytes: o.MaxHeaderBytes,
		ReadBufferSize:         readBuffer,
		DisableCompression:     true,
		Protocols:              &p,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
}

// dial leads to u, whatever the request's URL says: that one is of all addresses.
func dial(o Options, u *url.URL) func(context.Context) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: keepAlive}
	network, target := "tcp", hostPort(u)
	if u.Scheme == "unix" {
		network, target = "unix", u.Path
	}
	return func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, network, target) }
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// roundTrip asks by the cheapest way that takes the request, in transport's manner.
func (a *address) roundTrip(x *Exchange, transport *http.Transport, r *http.Request) (*http.Response, error) {
	if a.direct != nil {
		if res, err := a.direct.RoundTripIn(&x.direct, r, &x.trip.trace); !errors.Is(err, http.ErrSkipAltProtocol) {
			x.alone = true
			return res, err
		}
	}
	r = x.trip.traced(r)
	withoutReplay(r)
	return transport.RoundTrip(r)
}

// transport is the one for a request.
func (a *address) transport(r *http.Request) *http.Transport {
	if a.upgrade != nil && r.Header["Upgrade"] != nil {
		return a.upgrade
	}
	return a.ask
}

func (a *address) closeIdle() {
	a.ask.CloseIdleConnections()
	if a.direct != nil {
		a.direct.CloseIdleConnections()
	}
	if a.upgrade != nil {
		a.upgrade.CloseIdleConnections()
	}
}
