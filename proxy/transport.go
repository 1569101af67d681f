package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// TransportOptions tune the way to the upstream. Zero members mean their defaults.
type TransportOptions struct {
	// DialTimeout bounds the making of a connection. Default 2 s: a backend in the same network
	// takes a thousandth of it.
	DialTimeout time.Duration
	// ResponseHeaderTimeout bounds the wait for the head of an answer after the request was sent.
	// Default 60 s.
	ResponseHeaderTimeout time.Duration
	// IdleTimeout is how long a connection without a request is kept. Default 90 s; at best a bit
	// less than the upstream's own.
	IdleTimeout time.Duration
	// MaxIdleConnections is how many such are kept. Default 256.
	MaxIdleConnections int
	// MaxResponseHeaderBytes bounds the head of an answer. Default 1 MiB.
	MaxResponseHeaderBytes int64
	// TLS is for https upstreams; nil means the system's authorities. It is cloned.
	TLS *tls.Config
}

const (
	defaultDialTimeout           = 2 * time.Second
	defaultResponseHeaderTimeout = 60 * time.Second
	defaultIdleTimeout           = 90 * time.Second
	defaultMaxIdle               = 256
	defaultMaxResponseHeader     = 1 << 20
	// tlsHandshakeTimeout bounds the handshake with an https upstream.
	tlsHandshakeTimeout = 10 * time.Second
	// expectContinueTimeout is how long a body waits for an upstream that was asked whether it wants it.
	expectContinueTimeout = time.Second
	// readBuffer takes most answers, heads included, in one read.
	readBuffer = 16 << 10
)

// Transport reaches the upstream over connections that are kept. It adds nothing to requests, asks for
// no compression, and heeds no proxy settings of the environment.
type Transport struct{ inner *http.Transport }

// NewTransport makes a Transport.
func NewTransport(o TransportOptions) *Transport {
	dialer := &net.Dialer{Timeout: orDefault(o.DialTimeout, defaultDialTimeout), KeepAlive: 30 * time.Second}
	idle := orDefault(o.MaxIdleConnections, defaultMaxIdle)
	return &Transport{&http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &watchedConn{Conn: c}, nil
		},
		TLSClientConfig:        o.TLS.Clone(),
		TLSHandshakeTimeout:    tlsHandshakeTimeout,
		ResponseHeaderTimeout:  orDefault(o.ResponseHeaderTimeout, defaultResponseHeaderTimeout),
		ExpectContinueTimeout:  expectContinueTimeout,
		IdleConnTimeout:        orDefault(o.IdleTimeout, defaultIdleTimeout),
		MaxIdleConns:           idle,
		MaxIdleConnsPerHost:    idle, // there is but one host
		MaxResponseHeaderBytes: orDefault(o.MaxResponseHeaderBytes, defaultMaxResponseHeader),
		ReadBufferSize:         readBuffer,
		DisableCompression:     true,
	}}
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.inner.RoundTrip(r.WithContext(guarded(r.Context())))
}

// CloseIdleConnections closes connections that no request uses.
func (t *Transport) CloseIdleConnections() { t.inner.CloseIdleConnections() }
