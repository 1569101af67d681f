package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestUpstreamAddresses(t *testing.T) {
	many := make([]string, maxUpstreams+1)
	for i := range many {
		many[i] = fmt.Sprintf("http://h%d", i)
	}
	tests := map[string]struct {
		url string
		err string // after the source and the key
	}{
		"one":                     {"http://a", ""},
		"two":                     {"http://a:1/base, http://b:2/base", ""},
		"two sockets":             {"unix:///run/a.sock, unix:///run/b.sock", ""},
		"twice":                   {"http://a, http://a", `"http://a" is there twice`},
		"two schemes":             {"http://a, https://b", `want the same scheme and path in all addresses, got "http://a" and "https://b"`},
		"two paths":               {"http://a/x, http://b", `want the same scheme and path in all addresses, got "http://a/x" and "http://b"`},
		"one of them is none":     {"http://a, b", `want a URL such as http://127.0.0.1:8000 or unix:///run/backend.sock, got "b"`},
		"too many":                {strings.Join(many, ","), "want at most 64 addresses, got 65"},
		"a password is not shown": {"http://a, http://u:secret@b", "want no user or password in it: crossfade hands the client's own credentials on"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Load(options("upstream: {url: '" + tt.url + "'}"))
			if tt.err != "" {
				wantError(t, err, "proxy.yaml:1: upstream.url: "+tt.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range c.Upstream.URLs {
				got = append(got, u.String())
			}
			if strings.Join(got, ", ") != tt.url {
				t.Errorf("got %q, want %s", got, tt.url)
			}
		})
	}
}

func TestUpstreamAsAWhole(t *testing.T) {
	tests := map[string]struct {
		file string
		err  string
	}{
		"TLS of https":              {"url: https://a\n  tls: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: b}", ""},
		"TLS of nobody knows what":  {"tls: {ca_file: ca.pem}", ""},
		"a handshake of http":       {"url: http://a\n  tls: {handshake_timeout: 1s}", ""},
		"an authority of http":      {"url: http://a\n  tls: {ca_file: /ca.pem}", `proxy.yaml:3: upstream.tls.ca_file: is of no use to upstream.url "http://a": write https, or leave it out`},
		"a server name of a socket": {"url: unix:///a\n  tls: {server_name: b}", `proxy.yaml:3: upstream.tls.server_name: is of no use to upstream.url "unix:///a": write https, or leave it out`},
		"no key":                    {"tls: {cert_file: c.pem}", "proxy.yaml:2: upstream.tls.cert_file: a certificate without its key: give upstream.tls.key_file too"},
		"no certificate":            {"tls: {key_file: k.pem}", "proxy.yaml:2: upstream.tls.key_file: a key without its certificate: give upstream.tls.cert_file too"},
		"one address is crossfade":  {"url: 'http://a, http://localhost:8080'", `proxy.yaml:2: upstream.url: "http://localhost:8080" is where crossfade itself listens (server.listen "127.0.0.1:8080", default): it would call itself`},
		"the socket is crossfade's": {"url: unix:///run/a.sock\nserver: {listen: 'unix:/run/a.sock'}", `proxy.yaml:2: upstream.url: "unix:///run/a.sock" is where crossfade itself listens (server.listen "unix:/run/a.sock", proxy.yaml:3): it would call itself`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(options("upstream:\n  " + tt.file))
			if tt.err != "" {
				wantError(t, err, tt.err)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
