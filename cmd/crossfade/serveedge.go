package main

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/edge"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

// shared is what all proxies of a process share, so that it outlives each of them.
type shared struct {
	admission *edge.Admission
	streams   *proxy.Streams
	flags     *flags.Live
	observer  proxy.Observer
	memory    *flows.Memory // nil for none; a reload may bring another one
}

// newTraffic is the server for clients.
func newTraffic(c *config.Config, certificates *edge.Certificates, handler http.Handler, logger *zap.Logger) *edge.Server {
	return edge.New(edge.Options{
		Handler:           handler,
		Certificates:      certificates,
		H2C:               c.Server.H2C,
		OwnLoop:           c.Server.OwnLoop,
		ReadHeaderTimeout: c.Server.ReadHeaderTimeout,
		IdleTimeout:       c.Server.IdleTimeout,
		WriteIdleTimeout:  c.Server.WriteIdleTimeout,
		MaxHeaderBytes:    int(c.Server.MaxHeaderBytes),
		MaxConnections:    c.Limits.MaxConnections,
		Logger:            logger,
	})
}

// withCORS lets crossfade speak to browsers about pages of other origins, where it is to.
func withCORS(c config.CORS, handler http.Handler) http.Handler {
	if len(c.AllowedOrigins) == 0 {
		return handler
	}
	return edge.CORS(edge.CORSOptions(c), handler)
}

// certificates reads the certificate that the settings name; nil for none.
func certificates(c config.TLS, read func(string) ([]byte, error)) (*edge.Certificates, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	loaded, err := edge.LoadCertificates(edge.CertificateFiles{Cert: c.CertFile, Key: c.KeyFile, ClientCA: c.ClientCAFile}, read)
	if err != nil {
		return nil, fmt.Errorf("server.tls: %w", err)
	}
	return loaded, nil
}

// reloadCertificates takes a new certificate, or keeps the one that there is and says why.
func (s *server) reloadCertificates() {
	if s.certificates == nil {
		return
	}
	changed, err := s.certificates.Reload()
	switch {
	case err != nil:
		s.logger.Error("no new certificate; the last good one stays", zap.Time("certificate_until", s.certificates.Until()), zap.Error(err))
	case changed:
		s.logger.Info("new certificate", zap.Time("certificate_until", s.certificates.Until()))
	}
}
