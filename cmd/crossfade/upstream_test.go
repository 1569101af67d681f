package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
)

// whole is a proxy.yaml.
func whole(t *testing.T, settings string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "proxy.yaml")
	writeFile(t, name, "version: 1\n"+settings)
	return name
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAuthoritiesAreReadAgain when their file changes; bad ones change nothing.
func TestAuthoritiesAreReadAgain(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "trusted") }))
	t.Cleanup(s.Close)
	right := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	name := whole(t, "upstream: {url: '"+s.URL+"', tls: {ca_file: ca.pem, server_name: other.example}}")
	ca := filepath.Join(filepath.Dir(name), "ca.pem") // relative to proxy.yaml
	writeFile(t, ca, right)
	r := start(t, nil, "--config", name)
	if status, _, body := r.get(r.url, "/x"); status != http.StatusBadGateway || !strings.Contains(body, "upstream-unreachable") {
		t.Errorf("another server's name: got %d %s", status, body)
	}
	writeFile(t, name, "version: 1\nupstream: {url: '"+s.URL+"', tls: {ca_file: ca.pem}}")
	r.log.wait(t, "reloaded")
	trusted := func(when string) {
		t.Helper()
		if status, _, body := r.get(r.url, "/x"); status != http.StatusOK || body != "trusted" {
			t.Errorf("%s: got %d %s", when, status, body)
		}
	}
	trusted("its own name")
	writeFile(t, ca, "nonsense")
	line := r.log.wait(t, "not reloaded; the last good configuration stays")
	if got := line["error"]; got != "upstream: tls: authorities: no certificate among them (want PEM: -----BEGIN CERTIFICATE-----)" {
		t.Errorf("the log says %v", got)
	}
	trusted("a bad file")
	r.log.forget("reloaded")
	writeFile(t, ca, right+right)
	r.log.wait(t, "reloaded")
	trusted("a good file again")
}

// TestConnectionsOutliveAReload that says nothing else of the upstream.
func TestConnectionsOutliveAReload(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	name := whole(t, "upstream: {url: '"+s.URL+"'}")
	r := start(t, nil, "--config", name)
	ask := func(want int32) {
		t.Helper()
		if status, _, body := r.get(r.url, "/x"); status != http.StatusOK || body != "here" {
			t.Errorf("got %d %s", status, body)
		}
		if n := connections.Load(); n != want {
			t.Errorf("%d connections, want %d", n, want)
		}
	}
	ask(1)
	writeFile(t, name, "version: 1\nmode: dual\nupstream: {url: '"+s.URL+"'}")
	r.log.wait(t, "reloaded")
	ask(1)
	r.log.forget("reloaded")
	writeFile(t, name, "version: 1\nupstream: {url: '"+s.URL+"', idle_timeout: 5s}")
	r.log.wait(t, "reloaded")
	ask(2)
}

// TestSeveralAddressesAndNone: one that is away is not noticed, and with all of them away callers are told when to ask again.
func TestSeveralAddressesAndNone(t *testing.T) {
	t.Parallel()
	r := start(t, nil, "--upstream", "http://"+raw.Away(t)+", "+backend(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "there") }))
	for range 10 {
		if status, _, body := r.get(r.url, "/x"); status != http.StatusOK || body != "there" {
			t.Errorf("got %d %s", status, body)
		}
	}
	r = start(t, []string{"CROSSFADE_UPSTREAM_BREAKER_FAILURES=2", "CROSSFADE_UPSTREAM_BREAKER_OPEN_FOR=1h"}, "--upstream", "http://"+raw.Away(t))
	for _, want := range []string{"upstream-unreachable", "upstream-unreachable", "upstream-suspended"} {
		if _, _, body := r.get(r.url, "/x"); !strings.Contains(body, want) {
			t.Errorf("got %s, want %s", body, want)
		}
	}
}

// TestSocketUpstream: a backend behind a socket in the file system, with the client's host.
func TestSocketUpstream(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host+r.URL.Path) })} //nolint:gosec // it is asked by this test alone
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	r := start(t, nil, "--upstream", "unix://"+path)
	if status, _, body := r.get(r.url, "/x"); status != http.StatusOK || body != strings.TrimPrefix(r.url, "http://")+"/x" {
		t.Errorf("got %d %s", status, body)
	}
}

// TestCheckReadsCertificates, so that a bad one is found before a rollout.
func TestCheckReadsCertificates(t *testing.T) {
	t.Parallel()
	name := whole(t, "upstream: {url: 'https://a', tls: {ca_file: ca.pem}}")
	check := func(code int, want string) {
		t.Helper()
		var out bytes.Buffer
		p := process{stdin: strings.NewReader(""), stdout: &out, stderr: io.Discard}
		if got := p.run(t.Context(), []string{"check", "--config", name}); got != code || !strings.HasPrefix(out.String(), want) {
			t.Errorf("got %d %s\nwant %d %s", got, out.String(), code, want)
		}
	}
	ca := filepath.Join(filepath.Dir(name), "ca.pem")
	check(2, "upstream.tls.ca_file: open "+ca)
	writeFile(t, ca, "nonsense")
	check(1, "upstream: tls: authorities: no certificate among them")
}

// TestBreakerWords: config has the words of upstream.
func TestBreakerWords(t *testing.T) {
	t.Parallel()
	for _, word := range []upstream.Counts{upstream.CountConnect, upstream.CountNoAnswer, upstream.CountServerError} {
		p := process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
		name := whole(t, "upstream: {url: 'http://a', breaker: {counts: "+string(word)+"}}")
		if code := p.run(t.Context(), []string{"check", "--config", name}); code != 0 {
			t.Errorf("%s: exit code %d", word, code)
		}
	}
}
