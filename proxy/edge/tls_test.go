package edge

import (
	"crypto/tls"
	"net/http"
	"testing"
	"time"
)

func files() CertificateFiles { return CertificateFiles{Cert: "cert", Key: "key"} }

// shown is a new connection, and whose certificate it is shown.
func shown(t *testing.T, a *authority, address string) (*tls.Conn, string) {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: a.pool()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificatesAreReloaded(t *testing.T) {
	a := newAuthority(t)
	d, certificates := secured(t, a, files())
	s := start(t, Options{Handler: text("ok"), Certificates: certificates})
	if _, got := shown(t, a, s.address); got != "first" {
		t.Fatalf("shows %s, want the first", got)
	}
	if until := certificates.Until(); until.Before(time.Now()) || until.After(time.Now().Add(time.Hour)) {
		t.Errorf("ends %v, want within the hour", until)
	}
	if changed, err := certificates.Reload(); changed || err != nil {
		t.Errorf("the same files: changed %v, %v", changed, err)
	}

	old, _ := shown(t, a, s.address)
	d["cert"], d["key"] = a.issue(t, "second")
	if changed, err := certificates.Reload(); !changed || err != nil {
		t.Fatalf("new files: changed %v, %v", changed, err)
	}
	if _, got := shown(t, a, s.address); got != "second" {
		t.Errorf("shows %s, want the second", got)
	}
	if _, err := old.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Errorf("a connection that was there: %v", err)
	}

	good := disk{"cert": d["cert"], "key": d["key"]}
	otherCert, _ := a.issue(t, "third")
	for name, tt := range map[string]struct {
		cert, key []byte
		want      string
	}{
		"a key of another certificate": {otherCert, good["key"],
			"certificate cert with key key: tls: private key does not match public key"},
		"no PEM": {[]byte("?"), good["key"],
			"certificate cert with key key: tls: failed to find any PEM data in certificate input"},
		"cut off": {good["cert"][:200], good["key"],
			"certificate cert with key key: tls: failed to find any PEM data in certificate input"},
	} {
		d["cert"], d["key"] = tt.cert, tt.key
		if changed, err := certificates.Reload(); changed || err == nil || err.Error() != tt.want {
			t.Errorf("%s: changed %v, %v, want %s", name, changed, err, tt.want)
		}
	}
	delete(d, "cert")
	delete(d, "key")
	if _, err := certificates.Reload(); err == nil || err.Error() != "open cert: file does not exist\nopen key: file does not exist" {
		t.Errorf("files that are gone: %v", err)
	}
	if _, got := shown(t, a, s.address); got != "second" {
		t.Errorf("after bad files it shows %s, want the second still", got)
	}
}

func TestBadCertificatesAreToldAtTheStart(t *testing.T) {
	a := newAuthority(t)
	d := disk{}
	d["cert"], d["key"] = a.issue(t, "x")
	d["ca"] = []byte("?")
	c, err := LoadCertificates(CertificateFiles{Cert: "cert", Key: "key", ClientCA: "ca"}, d.read)
	if c != nil || err == nil || err.Error() != "client authorities ca: no certificate in it (want PEM)" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestProtocols(t *testing.T) {
	a := newAuthority(t)
	_, certificates := secured(t, a, files())
	proto := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Proto", r.Proto) })
	secure := start(t, Options{Handler: proto, Certificates: certificates})
	plain := start(t, Options{Handler: proto})
	h2c := start(t, Options{Handler: proto, H2C: true})

	speaking := func(s func(*http.Protocols)) *http.Client {
		p := &http.Protocols{}
		s(p)
		return &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: a.pool()}, Protocols: p, DisableKeepAlives: true,
		}}
	}
	http1 := speaking(func(p *http.Protocols) { p.SetHTTP1(true) })
	http2 := speaking(func(p *http.Protocols) { p.SetHTTP2(true) })
	clear2 := speaking(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	for name, tt := range map[string]struct {
		client *http.Client
		url    string
		want   string // "" for none
	}{
		"HTTP/2 over TLS":              {http2, "https://" + secure.address, "HTTP/2.0"},
		"HTTP/1.1 over TLS":            {http1, "https://" + secure.address, "HTTP/1.1"},
		"HTTP/1.1":                     {http1, "http://" + plain.address, "HTTP/1.1"},
		"HTTP/2 in the clear":          {clear2, "http://" + h2c.address, "HTTP/2.0"},
		"HTTP/1.1 beside it":           {http1, "http://" + h2c.address, "HTTP/1.1"},
		"HTTP/2 in the clear unwanted": {clear2, "http://" + plain.address, ""},
		"HTTP/1.1 in the clear to TLS": {http1, "http://" + secure.address, ""},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := tt.client.Do(req)
			if err != nil {
				if tt.want != "" {
					t.Fatal(err)
				}
				return
			}
			defer res.Body.Close()
			if got := res.Header.Get("Proto"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	// An Upgrade to h2c is not one: it would be a way around the data path.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h2c.address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade, HTTP2-Settings")
	req.Header.Set("Upgrade", "h2c")
	req.Header.Set("HTTP2-Settings", "AAMAAABkAAQAAP__")
	res, err := http1.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Proto"); res.StatusCode != http.StatusOK || got != "HTTP/1.1" {
		t.Errorf("Upgrade: h2c gives %d %s, want an ordinary answer", res.StatusCode, got)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	a := newAuthority(t)
	_, certificates := secured(t, a, files())
	s := start(t, Options{Handler: text("ok"), Certificates: certificates})
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: a.pool(), MinVersion: version, MaxVersion: version})
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

func TestClientCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	_, certificates := secured(t, a, CertificateFiles{Cert: "cert", Key: "key", ClientCA: "ca"})
	s := start(t, Options{Handler: text("ok"), Certificates: certificates})
	pair := func(from *authority) tls.Certificate {
		cert, key := from.issue(t, "client")
		p, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	url := "https://" + s.address
	if got := get(t, trusting(a, pair(a)), url).body; got != "ok" {
		t.Errorf("a client of the authority gets %q", got)
	}
	for name, client := range map[string]*http.Client{"no certificate": trusting(a), "of another authority": trusting(a, pair(other))} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err == nil {
			res.Body.Close()
			t.Errorf("%s: %d, want no connection", name, res.StatusCode)
		}
	}
}
