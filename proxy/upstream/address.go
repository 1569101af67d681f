package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
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
	secure := u.Scheme == "https"
	if secure && config.ServerName == "" {
		config = config.Clone()
		config.ServerName = u.Hostname()
	}
	var p http.Protocols
	p.SetHTTP1(secure || !o.HTTP2)
	p.SetHTTP2(secure && o.HTTP2)
	p.SetUnencryptedHTTP2(!secure && o.HTTP2)
	a.ask = newTransport(o, u, config, p)
	if !p.HTTP1() {
		p = http.Protocols{}
		p.SetHTTP1(true)
		a.upgrade = newTransport(o, u, config, p)
	}
	return a
}

func newTransport(o Options, u *url.URL, config *tls.Config, p http.Protocols) *http.Transport {
	return &http.Transport{
		DialContext:            dial(o, u),
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
func dial(o Options, u *url.URL) func(context.Context, string, string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: keepAlive}
	network, target := "tcp", hostPort(u)
	if u.Scheme == "unix" {
		network, target = "unix", u.Path
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, target)
		if err != nil {
			return nil, err
		}
		return newWatchedConn(c, o.SendTimeout), nil
	}
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

// transport is the one for a request.
func (a *address) transport(r *http.Request) *http.Transport {
	if a.upgrade != nil && r.Header["Upgrade"] != nil {
		return a.upgrade
	}
	return a.ask
}

func (a *address) closeIdle() {
	a.ask.CloseIdleConnections()
	if a.upgrade != nil {
		a.upgrade.CloseIdleConnections()
	}
}
