package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// TLS is how https addresses are trusted, and how they trust crossfade. TLS 1.2 is the least.
type TLS struct {
	// CA has certificates in PEM, the only authorities that are trusted; nil means the system's.
	CA []byte
	// Certificate and Key are crossfade's own, in PEM, for addresses that ask for one: both or none.
	Certificate, Key []byte
	// ServerName is the name in the addresses' certificates, and the one they are asked for
	// (SNI); "" means the host of each address.
	ServerName string
}

// config checks the material.
func (o TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.ServerName}
	var errs []error
	if o.CA != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(o.CA) {
			errs = append(errs, errors.New("tls: authorities: no certificate among them (want PEM: -----BEGIN CERTIFICATE-----)"))
		}
	}
	if o.Certificate != nil || o.Key != nil {
		pair, err := tls.X509KeyPair(o.Certificate, o.Key)
		if err != nil {
			errs = append(errs, fmt.Errorf("tls: crossfade's own certificate and key: %w", err))
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, errors.Join(errs...)
}
