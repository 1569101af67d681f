package upstream

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestNewTellsAllThatIsWrong(t *testing.T) {
	ca := newAuthority(t)
	certificate, key := ca.issue(t, "a")
	_, other := ca.issue(t, "a")
	many := make([]string, MaxAddresses+1)
	for i := range many {
		many[i] = fmt.Sprintf("http://h%d", i)
	}
	tests := map[string]struct {
		urls   string
		change func(*Options)
		err    string
	}{
		"one":                     {urls: "http://a"},
		"several":                 {urls: "https://a/base https://b:81/base"},
		"a socket":                {urls: "unix:///run/a.sock"},
		"two sockets":             {urls: "unix:/a unix:/b"},
		"none":                    {err: "no upstream: want the address of the legacy backend, like http://127.0.0.1:8000"},
		"too many":                {urls: strings.Join(many, " "), err: "65 upstream addresses (want at most 64)"},
		"nil":                     {urls: "http://a", change: func(o *Options) { o.URLs = append(o.URLs, nil) }, err: "an upstream address that is nil"},
		"nil first":               {urls: "http://a", change: func(o *Options) { o.URLs = append([]*url.URL{nil}, o.URLs...) }, err: "an upstream address that is nil"},
		"another scheme":          {urls: "ftp://a", err: `upstream "ftp://a": scheme "ftp" (want http, https or unix, like http://127.0.0.1:8000)`},
		"no host":                 {urls: "http://:80", err: `upstream "http://:80": no host (want an address like http://127.0.0.1:8000)`},
		"no socket":               {urls: "unix:///", err: `upstream "unix:///": no socket (want a path behind three slashes, like unix:///run/backend.sock)`},
		"a socket of a host":      {urls: "unix://run/a.sock", err: `upstream "unix://run/a.sock": no socket (want a path behind three slashes, like unix:///run/backend.sock)`},
		"a user":                  {urls: "http://u:secret@a", err: `upstream "http://u:xxxxx@a": a user in it (credentials are the callers' own; leave it out)`},
		"a query":                 {urls: "http://a?x", err: `upstream "http://a?x": a query or fragment in it (want scheme, host and perhaps a base path)`},
		"twice":                   {urls: "http://a http://b http://a", err: `upstream "http://a": there twice`},
		"two schemes":             {urls: "http://a https://b", err: `upstream "https://b": another scheme or base path than "http://a" (want the same in all)`},
		"two base paths":          {urls: "http://a/x http://b/y", err: `upstream "http://b/y": another scheme or base path than "http://a/x" (want the same in all)`},
		"no authority":            {urls: "https://a", change: func(o *Options) { o.TLS.CA = []byte("x") }, err: "tls: authorities: no certificate among them (want PEM: -----BEGIN CERTIFICATE-----)"},
		"its own certificate":     {urls: "https://a", change: func(o *Options) { o.TLS = TLS{Certificate: certificate, Key: key} }},
		"another one's key":       {urls: "https://a", change: func(o *Options) { o.TLS = TLS{Certificate: certificate, Key: other} }, err: "tls: crossfade's own certificate and key: tls: private key does not match public key"},
		"a key alone":             {urls: "https://a", change: func(o *Options) { o.TLS.Key = key }, err: "tls: crossfade's own certificate and key: tls: failed to find any PEM data in certificate input"},
		"failures below none":     {urls: "http://a", change: func(o *Options) { o.Breaker.Failures = -1 }, err: "breaker: failures -1 is negative (want how many in a row, or 0 for none)"},
		"another word":            {urls: "http://a", change: func(o *Options) { o.Breaker.Counts = "all" }, err: `breaker: unknown word "all" for what counts (want connect, no_answer or server_error)`},
		"a relative health path":  {urls: "http://a", change: func(o *Options) { o.Health.Path = "health" }, err: `health: path "health" does not begin with a slash (want one like /health)`},
		"a health check backward": {urls: "http://a", change: func(o *Options) { o.Health.Interval = -time.Second }, err: "health: a negative number (want times above 0 and counts of at least 1, or 0 for the default)"},
		"several things":          {urls: "ftp://a", change: func(o *Options) { o.Breaker.Failures = -1 }, err: "upstream \"ftp://a\": scheme \"ftp\" (want http, https or unix, like http://127.0.0.1:8000)\nbreaker: failures -1 is negative (want how many in a row, or 0 for none)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var o Options
			for _, text := range strings.Fields(tt.urls) {
				u, err := url.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				o.URLs = append(o.URLs, u)
			}
			if tt.change != nil {
				tt.change(&o)
			}
			_, err := New(o)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("got the error\n%v, want\n%s", err, tt.err)
			}
		})
	}
}

func TestURLIsWhatRequestsBeginWith(t *testing.T) {
	for address, want := range map[string]string{
		"http://a:1/base":    "http://a:1/base",
		"https://a":          "https://a",
		"unix:///run/a.sock": "http://localhost",
	} {
		way := to(t, Options{}, address)
		way.URL().Host = "changed" // a copy
		if got := way.URL().String(); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
