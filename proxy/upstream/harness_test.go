package upstream

import (
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
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// patience bounds every wait: far more than anything should take.
const patience = 20 * time.Second

// to gives a Transport to addresses.
func to(tb testing.TB, o Options, addresses ...string) *Transport {
	tb.Helper()
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil {
			tb.Fatal(err)
		}
		o.URLs = append(o.URLs, u)
	}
	t, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	proto  string
}

// request makes one as package proxy does: nothing in it that the caller did not say.
func request(tb testing.TB, t *Transport, method, path, body string, header ...string) *http.Request {
	tb.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(tb.Context(), method, t.URL().String()+path, content)
	if err != nil {
		tb.Fatal(err)
	}
	r.GetBody = nil
	r.Host = "client.example"
	r.Header["User-Agent"] = []string{""}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func send(tb testing.TB, rt http.RoundTripper, r *http.Request) (answer, error) {
	tb.Helper()
	res, err := rt.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body), res.Proto}, err
}

func get(tb testing.TB, t *Transport, path string) (answer, error) {
	tb.Helper()
	return send(tb, t, request(tb, t, http.MethodGet, path, ""))
}

func wantBody(tb testing.TB, a answer, err error, body string) {
	tb.Helper()
	if err != nil || a.status != http.StatusOK || a.body != body {
		tb.Errorf("got %d %q, %v, want %q", a.status, a.body, err, body)
	}
}

// wantKind checks that an error is an *Error that names the address.
func wantKind(tb testing.TB, err error, kind Kind, parts ...string) {
	tb.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind {
		tb.Errorf("got the error %v of kind %d, want kind %d", err, kindOf(err), kind)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			tb.Errorf("%q is not in the error %v", part, err)
		}
	}
}

// quiet keeps net/http from telling of each stray answer that it finds.
func quiet(tb testing.TB) {
	tb.Helper()
	tb.Cleanup(zap.RedirectStdLog(zap.NewNop()))
}

// away is an address where nobody listens.
func away(tb testing.TB) string {
	tb.Helper()
	return "http://" + raw.Away(tb)
}

// backend starts a server of net/http.
func backend(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.URL
}

// says is a backend that always answers the same.
func says(tb testing.TB, text string) string {
	tb.Helper()
	return backend(tb, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

// ok is the bytes of an answer.
func ok(body string) string { return raw.Text("HTTP/1.1 200 OK", body) }

// doors are the ways to a script: plain, by a socket, over TLS.
func doors(tb testing.TB, ca *authority) map[string]func(script ...raw.Step) (*raw.Upstream, *Transport) {
	tb.Helper()
	return map[string]func(...raw.Step) (*raw.Upstream, *Transport){
		"http": func(script ...raw.Step) (*raw.Upstream, *Transport) {
			u := raw.Serve(tb, script...)
			return u, to(tb, Options{}, u.URL())
		},
		"unix": func(script ...raw.Step) (*raw.Upstream, *Transport) {
			path := filepath.Join(tb.TempDir(), "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				tb.Fatal(err)
			}
			return raw.ServeOn(tb, l, script...), to(tb, Options{}, "unix://"+path)
		},
		"https": func(script ...raw.Step) (*raw.Upstream, *Transport) {
			l, address := listenTLS(tb, &tls.Config{Certificates: []tls.Certificate{ca.pair(tb, "127.0.0.1")}})
			return raw.ServeOn(tb, l, script...), to(tb, Options{TLS: TLS{CA: ca.pem}}, address)
		},
	}
}

func listenTLS(tb testing.TB, c *tls.Config) (net.Listener, string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return tls.NewListener(l, c), "https://" + l.Addr().String()
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	a := &authority{}
	a.pem, _ = a.issue(tb, "authority")
	return a
}

// issue gives a certificate for a name, valid for a day from now, and its key. The first one of an authority is its own.
func (a *authority) issue(tb testing.TB, name string) (certificate, key []byte) {
	tb.Helper()
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	parent, signer := a.certificate, a.key
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageCertSign, nil
		parent, signer = template, pair
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &pair.PublicKey, signer)
	if err != nil {
		tb.Fatal(err)
	}
	if a.certificate == nil {
		if a.certificate, err = x509.ParseCertificate(der); err != nil {
			tb.Fatal(err)
		}
		a.key = pair
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func (a *authority) pair(tb testing.TB, name string) tls.Certificate {
	tb.Helper()
	pair, err := tls.X509KeyPair(a.issue(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return pair
}

// await waits until something is so.
func await(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			tb.Fatal("waited in vain: " + what)
		}
	}
}

func authorityPool(a *authority) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}
