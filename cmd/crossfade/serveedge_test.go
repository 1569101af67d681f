package main

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
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// issue writes a certificate for this machine, which is its own authority, and its key.
func issue(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate that is replaced is shown to new connections; one that is broken is told, and the
// last good one stays.
func TestServeReloadsCertificates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	issue(t, "first", certFile, keyFile)
	file := filepath.Join(dir, "proxy.yaml")
	text := "upstream: {url: '" + contextUpstream(t) + "'}\nmode: dual\nserver: {tls: {cert_file: cert.pem, key_file: key.pem}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, nil, "--config", file)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableKeepAlives: true, // the name is looked at below
	}}
	shown := func(want string) {
		t.Helper()
		res, err := client.Get(strings.Replace(r.url, "http:", "https:", 1) + "/api/v1/context/me") //nolint:noctx // it is answered
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := res.TLS.PeerCertificates[0].Subject.CommonName; got != want || res.Proto != "HTTP/2.0" || res.Header.Get("Crossfade-Mode") != "dual" {
			t.Errorf("shows %s by %s, want %s by HTTP/2.0; header %v", got, res.Proto, want, res.Header)
		}
	}
	shown("first")
	issue(t, "second", certFile, keyFile)
	r.log.wait(t, "new certificate") // by itself
	shown("second")
	if err := os.WriteFile(keyFile, []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.reload <- syscall.SIGHUP
	line := r.log.wait(t, "no new certificate; the last good one stays")
	if got, _ := line["error"].(string); !strings.HasPrefix(got, "certificate "+certFile+" with key ") {
		t.Errorf("the log says %q", got)
	}
	shown("second")
}

func TestBadCertificatesEndTheStart(t *testing.T) {
	t.Parallel()
	log := newLogLines()
	p := process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: log, environ: []string{
		"CROSSFADE_SERVER_TLS_CERT_FILE=none.pem", "CROSSFADE_SERVER_TLS_KEY_FILE=none.pem"}}
	if code := p.run(t.Context(), []string{"serve", "--upstream", "http://127.0.0.1:1"}); code != exitFailure {
		t.Errorf("exit code %d, want 1", code)
	}
	log.wait(t, "crossfade: server.tls: open none.pem: no such file or directory")
	if code := p.run(t.Context(), []string{"check"}); code != exitUsage {
		t.Errorf("check: exit code %d, want 2: it cannot tell", code)
	}
}

func TestServeOnASocketInTheFileSystem(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crossfade.sock")
	r := start(t, nil, "--upstream", contextUpstream(t), "--listen", "unix:"+path)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	res, err := client.Get("http://a/api/v1/context/me") //nolint:noctx // it is answered
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s", res.Status)
	}
	client.CloseIdleConnections()
	r.cancel()
	r.wait()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// ask sends a request and gives the answer's head.
func (r *running) ask(t *testing.T, method, path, body string, header http.Header) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header
}

// With a list of pages, crossfade speaks for CORS on every answer, and with one voice: the
// backend's good ones and bad ones, and its own.
func TestCORSIsOnEveryAnswer(t *testing.T) {
	t.Parallel()
	const page = "https://app.example.com"
	gone := backend(t, nil)
	there := backend(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "*")
		w.Header().Set("Vary", "Origin")
		w.Header().Set("Content-Type", "application/json")
		if req.URL.Path != "/api/v1/context/me" {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, contextBody)
	})
	environ := []string{"CROSSFADE_CORS_ALLOWED_ORIGINS=" + page}
	r := start(t, environ, "--upstream", there, "--mode", "flow_only")
	for name, tt := range map[string]struct {
		method, path, body string
		want               int
	}{
		"a mapped answer":    {"GET", "/api/v1/context/me", "", 200},
		"one that is not":    {"GET", "/elsewhere", "", 404},
		"a route that moved": {"POST", "/api/v1/context/session/switch", "{}", 410},
		"a contradiction":    {"POST", "/api/v1/data-import/store-import", `{"upload_context":{"validation_flow_id":"1","validation_session_id":"2"}}`, 422},
		"an ambiguous path":  {"GET", "/api/v1/context%2Fme", "", 400},
		"a preflight":        {"OPTIONS", "/api/v1/context/me", "", 204},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{"Origin": {page}}
			if tt.method == "OPTIONS" {
				header.Set("Access-Control-Request-Method", "GET")
				header.Set("Access-Control-Request-Headers", "authorization,x-flow-id")
			}
			status, got := r.ask(t, tt.method, tt.path, tt.body, header)
			if status != tt.want {
				t.Errorf("%d, want %d", status, tt.want)
			}
			wantOneSet(t, got, page)
		})
	}
	r = start(t, environ, "--upstream", strings.Replace(gone, "127.0.0.1:", "127.0.0.2:", 1), "--mode", "dual")
	status, got := r.ask(t, "GET", "/api/v1/context/me", "", http.Header{"Origin": {page}})
	if status != http.StatusBadGateway {
		t.Errorf("%d, want 502", status)
	}
	wantOneSet(t, got, page)

	// Without a list, it is the backend's alone.
	r = start(t, nil, "--upstream", there, "--mode", "flow_only")
	header := http.Header{"Origin": {page}, "Access-Control-Request-Method": {"GET"}}
	if status, got := r.ask(t, "OPTIONS", "/elsewhere", "", header); status != http.StatusNotFound || got.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v, want the backend's own answer", status, got)
	}
	if status, got := r.ask(t, "GET", "/api/v1/context%2Fme", "", header); status != http.StatusBadRequest || got.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v, want nothing made up", status, got)
	}
}

// wantOneSet wants that a page may read an answer, said once and by crossfade.
func wantOneSet(t *testing.T, h http.Header, page string) {
	t.Helper()
	allowed, vary := h["Access-Control-Allow-Origin"], strings.Join(h["Vary"], ", ")
	if len(allowed) != 1 || allowed[0] != page || len(h["Access-Control-Allow-Credentials"]) != 1 || strings.Count(vary, "Origin") != 1 {
		t.Errorf("%v, want %s once", h, page)
	}
	if got := h.Get("Access-Control-Allow-Headers"); got != "" && got != "authorization,x-flow-id" {
		t.Errorf("headers %q are allowed", got)
	}
}

// What a reload changes holds for those who are there, and nobody is counted twice.
func TestLimitsFollowAReload(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "proxy.yaml")
	arrived, finish := make(chan struct{}), make(chan struct{})
	address := backend(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-finish })
	release := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(release)
	write := func(most string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("upstream: {url: '"+address+"'}\nlimits: {max_requests: "+most+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	r := start(t, nil, "--config", file)
	var all sync.WaitGroup
	begin := func() {
		all.Go(func() {
			res, err := r.client.Get(r.url) //nolint:noctx // it is answered when the test says so
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s, want 200", res.Status)
			}
		})
		await(t, arrived, "the request")
	}
	shed := func() {
		t.Helper()
		if status, h := r.ask(t, "GET", "", "", http.Header{}); status != http.StatusServiceUnavailable || h.Get("Retry-After") != "1" {
			t.Errorf("%d, Retry-After %q, want 503 and 1", status, h.Get("Retry-After"))
		}
	}
	begin()
	shed()
	write("2")
	r.reload <- syscall.SIGHUP
	r.log.wait(t, "reloaded")
	begin()
	shed()
	release()
	all.Wait()
}

// A TERM while clients work: not ready at once, no request lost, and exit code 0.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	r := start(t, []string{"CROSSFADE_SERVER_DRAIN_DELAY=3s"}, "--upstream", contextUpstream(t), "--mode", "dual")
	var answered atomic.Int64
	busy := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for last := false; !last; {
				req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, r.url+"/api/v1/context/me", http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				res, err := transport.RoundTrip(req)
				if err != nil {
					t.Errorf("after %d answers: %v", answered.Load(), err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !strings.Contains(string(body), "active_flows") {
					t.Errorf("%q, %v", body, err)
				}
				last = res.Close
				if answered.Add(1) == 100 {
					close(busy)
				}
			}
		})
	}
	await(t, busy, "a hundred answers")
	r.cancel()
	r.log.wait(t, "stopping")
	if status, _, body := r.get(r.admin, "/readyz"); status != http.StatusServiceUnavailable || body != "stopping\n" {
		t.Errorf("/readyz: %d %q", status, body)
	}
	// It serves on, and sends its clients elsewhere.
	res, err := r.client.Get(r.url) //nolint:noctx // it is answered
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if !res.Close {
		t.Errorf("%s with %v, want a wish for a new connection", res.Status, res.Header)
	}
	clients.Wait()
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// An open WebSocket gets 1001 when crossfade stops, from whatever proxy it began with, and the
// stop does not wait for its bound.
func TestStopClosesWebSockets(t *testing.T) {
	t.Parallel()
	address := backend(t, func(w http.ResponseWriter, req *http.Request) {
		c, err := websocket.Accept(w, req, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _, err = c.Read(context.WithoutCancel(req.Context()))
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the backend's end: %v", err)
		}
	})
	r := start(t, nil, "--upstream", address)
	c, _, err := websocket.Dial(t.Context(), r.url+"/ws", nil) //nolint:bodyclose // it is the WebSocket's
	if err != nil {
		t.Fatal(err)
	}
	r.reload <- syscall.SIGHUP
	r.log.wait(t, "reloaded")
	r.cancel()
	if _, _, err := c.Read(context.WithoutCancel(t.Context())); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("%v, want 1001", err)
	}
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// What does not end is cut at the end of shutdown_timeout, and told.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	begun, over := make(chan struct{}), make(chan struct{})
	address := backend(t, func(_ http.ResponseWriter, req *http.Request) {
		close(begun)
		<-req.Context().Done()
		close(over)
	})
	r := start(t, []string{"CROSSFADE_SERVER_SHUTDOWN_TIMEOUT=50ms"}, "--upstream", address)
	cut := make(chan error, 1)
	go func() {
		res, err := r.client.Get(r.url) //nolint:noctx // it is to be cut
		if err == nil {
			res.Body.Close()
		}
		cut <- err
	}()
	await(t, begun, "the request")
	r.cancel()
	if err := await(t, cut, "the cut"); err == nil {
		t.Error("the request was answered")
	}
	await(t, over, "the end of the upstream's request")
	r.log.wait(t, "requests were cut at the end of shutdown_timeout")
	if line := r.log.wait(t, "request"); line["outcome"] != "client_gone" {
		t.Errorf("the access line is %v", line)
	}
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
