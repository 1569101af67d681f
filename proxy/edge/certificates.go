package edge

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const minTLSVersion = tls.VersionTLS12 // what is older is broken, and no browser speaks it

// CertificateFiles names the files of a server's certificate, all PEM.
type CertificateFiles struct {
	Cert, Key string
	// ClientCA has authorities. With it, a client has to show a certificate that one of them
	// signed; "" asks for none.
	ClientCA string
}

// Certificates is what a server proves itself by, and asks its clients for. Reload takes what the
// files have now; connections that there are keep what they began with.
type Certificates struct {
	files   CertificateFiles
	read    func(path string) ([]byte, error)
	current atomic.Pointer[certificate]
}

// certificate is one consistent reading of the files.
type certificate struct {
	texts  [3][]byte // as they were read
	config *tls.Config
	until  time.Time
}

// LoadCertificates reads the files by read.
func LoadCertificates(files CertificateFiles, read func(path string) ([]byte, error)) (*Certificates, error) {
	c := &Certificates{files: files, read: read}
	if _, err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again, and says whether they were new. With an error, because one
// cannot be read, is none, or is not the other's, what there was stays.
func (c *Certificates) Reload() (changed bool, err error) {
	next := &certificate{}
	var errs []error
	for i, path := range [...]string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if path == "" {
			continue
		}
		text, err := c.read(path)
		errs = append(errs, err)
		next.texts[i] = text
	}
	if err := errors.Join(errs...); err != nil {
		return false, err
	}
	if before := c.current.Load(); before != nil && before.same(next) {
		return false, nil
	}
	if err := next.parse(c.files); err != nil {
		return false, err
	}
	c.current.Store(next)
	return true, nil
}

// Until is when the certificate ends.
func (c *Certificates) Until() time.Time { return c.current.Load().until }

// forClient is what a new connection begins with.
func (c *Certificates) forClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	return c.current.Load().config, nil
}

func (c *certificate) same(other *certificate) bool {
	for i := range c.texts {
		if !bytes.Equal(c.texts[i], other.texts[i]) {
			return false
		}
	}
	return true
}

func (c *certificate) parse(files CertificateFiles) error {
	pair, err := tls.X509KeyPair(c.texts[0], c.texts[1])
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", files.Cert, files.Key, err)
	}
	c.until = pair.Leaf.NotAfter
	c.config = &tls.Config{
		MinVersion:   minTLSVersion,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if files.ClientCA == "" {
		return nil
	}
	c.config.ClientCAs = x509.NewCertPool()
	if !c.config.ClientCAs.AppendCertsFromPEM(c.texts[2]) {
		return fmt.Errorf("client authorities %s: no certificate in it (want PEM)", files.ClientCA)
	}
	c.config.ClientAuth = tls.RequireAndVerifyClientCert
	return nil
}
