//go:build suites

package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestH2Spec: HTTP/2 as crossfade serves it, over TLS and without, has no fault that net/http
// alone does not have.
func TestH2Spec(t *testing.T) {
	certificate, key := selfSigned(t)
	for name, environ := range map[string][]string{
		"over TLS":    {"CROSSFADE_SERVER_TLS_CERT_FILE=" + certificate, "CROSSFADE_SERVER_TLS_KEY_FILE=" + key},
		"without TLS": {"CROSSFADE_SERVER_H2C=true"},
	} {
		t.Run(name, func(t *testing.T) {
			encrypted := name == "over TLS"
			expected := h2spec(t, bareHTTP2(t, encrypted), encrypted)
			t.Logf("net/http alone fails %d tests: %q", len(expected), expected)
			h := before(t, dual, raw.Serve(t, answering(raw.JSON(context))).Forgive(), environ...)
			var more []string
			// A few tests depend on who is faster: what fails always is a fault.
			for n := range 3 {
				failed := slices.DeleteFunc(h2spec(t, h.Address, encrypted), func(id string) bool {
					return slices.Contains(expected, id) || n > 0 && !slices.Contains(more, id)
				})
				if more = failed; len(more) == 0 {
					return
				}
			}
			t.Errorf("crossfade fails where net/http alone does not: %q", more)
		})
	}
}

// bareHTTP2 starts a server of net/http and gives its address.
func bareHTTP2(t *testing.T, encrypted bool) string {
	t.Helper()
	bare := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, context)
	}))
	t.Cleanup(bare.Close)
	bare.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	if encrypted {
		bare.EnableHTTP2 = true
		bare.StartTLS()
		return bare.Listener.Addr().String()
	}
	bare.Config.Protocols = new(http.Protocols)
	bare.Config.Protocols.SetHTTP1(true)
	bare.Config.Protocols.SetUnencryptedHTTP2(true)
	bare.Start()
	return bare.Listener.Addr().String()
}

// h2spec runs the suite and gives the names of the tests that fail.
func h2spec(t *testing.T, address string, encrypted bool) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.xml")
	args := []string{"--host", host, "--port", port, "--path", me, "--timeout", "2", "--junit-report", file}
	if encrypted {
		args = append(args, "--tls", "--insecure")
	}
	out, err := exec.Command(suite(t, "h2spec"), args...).CombinedOutput() // exit code 1 says that a test fails
	data, missing := os.ReadFile(file)
	if missing != nil {
		t.Fatalf("h2spec: %v\n%s", err, out)
	}
	var report struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	var failed []string
	cases := 0
	for _, s := range report.Suites {
		for _, c := range s.Cases {
			cases++
			if c.Failure != nil || c.Error != nil {
				failed = append(failed, strings.TrimSpace(c.Package+": "+c.Class))
			}
		}
	}
	if cases < 140 {
		t.Fatalf("h2spec ran %d tests, want more than 140:\n%s", cases, out)
	}
	return failed
}

// selfSigned makes a certificate for 127.0.0.1 and gives the files of it and its key.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("certificate.pem", "CERTIFICATE", signed), write("key.pem", "PRIVATE KEY", encoded)
}
