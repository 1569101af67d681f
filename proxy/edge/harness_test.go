package edge

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// ownLoop says by what HTTP/1.1 is served: all tests run with both.
var ownLoop bool

func TestMain(m *testing.M) {
	failed := m.Run()
	ownLoop = true
	os.Exit(max(failed, m.Run()))
}

// running is a Server that a test started.
type running struct {
	*Server
	address string
	log     *observer.ObservedLogs
	ended   chan error // what Serve gave
}

// start serves on a free port, with a log that is observed, and stops at the end of the test.
func start(t *testing.T, o Options) *running {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, l, o)
}

func startOn(t *testing.T, l net.Listener, o Options) *running {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	o.Logger = zap.New(core)
	o.OwnLoop = ownLoop
	s := &running{New(o), l.Addr().String(), logs, make(chan error, 1)}
	go func() { s.ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what is left is cut
		_ = s.Stop(ctx)
	})
	return s
}

// text answers every request with a text.
func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) })
}

// reply is what is looked at of an answer.
type reply struct {
	status int
	close  bool // it asks for a new connection
	body   string
}

// read reads an answer to its end.
func read(t *testing.T, res *http.Response, err error) reply {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Close, string(b)}
}

// get asks for a URL.
func get(t *testing.T, client *http.Client, url string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	return read(t, res, err)
}

// answer reads an answer from a connection.
func answer(t *testing.T, r *bufio.Reader) reply {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	return read(t, res, err)
}

// dial connects to a server, and gives up on everything after a while.
func (s *running) dial(t *testing.T) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// wantClosed waits until the server has closed a connection.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the connection is still open")
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.pem, _ = a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// pool is the authority, to be trusted.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue gives a certificate for this machine and its key, as PEM.
func (a *authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	return a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// sign completes a certificate and signs it; an authority that has no certificate signs its own.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (cert, key []byte) {
	t.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, pair
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &pair.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == nil {
		a.key = pair
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// disk has files by their names.
type disk map[string][]byte

func (d disk) read(path string) ([]byte, error) {
	if text, ok := d[path]; ok {
		return text, nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// secured is a disk with a certificate of the authority, and the certificates that come of it.
func secured(t *testing.T, a *authority, files CertificateFiles) (disk, *Certificates) {
	t.Helper()
	d := disk{"ca": a.pem}
	d["cert"], d["key"] = a.issue(t, "first")
	c, err := LoadCertificates(files, d.read)
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

// trusting is a client that trusts an authority, and makes a connection for each request.
func trusting(a *authority, own ...tls.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: a.pool(), Certificates: own},
		DisableKeepAlives: true,
		ForceAttemptHTTP2: true,
	}}
}
