package config

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
)

// Upstream is the legacy backend. No timeout is 0.
type Upstream struct {
	// URLs are the backend's addresses, without user, query and fragment: all http, all https, or all
	// unix with the absolute path of a socket. They have one path, which goes before every
	// path; that of a socket has none. Empty when nobody gave one, unless Options.Require asks for it.
	URLs                  []*url.URL      `mapstructure:"url"`
	HTTP2                 bool            `mapstructure:"http2"`
	TLS                   UpstreamTLS     `mapstructure:"tls"`
	DialTimeout           time.Duration   `mapstructure:"dial_timeout"`
	SendTimeout           time.Duration   `mapstructure:"send_timeout"`
	ResponseHeaderTimeout time.Duration   `mapstructure:"response_header_timeout"`
	BodyIdleTimeout       time.Duration   `mapstructure:"body_idle_timeout"` // of a body that is mapped
	BodyTimeout           time.Duration   `mapstructure:"body_timeout"`      // of the whole of such a body
	IdleTimeout           time.Duration   `mapstructure:"idle_timeout"`
	MaxIdleConnections    int             `mapstructure:"max_idle_connections"` // at least 1
	MaxHeaderBytes        Size            `mapstructure:"max_header_bytes"`     // of an answer
	Breaker               UpstreamBreaker `mapstructure:"breaker"`
	Health                UpstreamHealth  `mapstructure:"health"`
}

// UpstreamTLS is for https addresses. Load does not read the files.
type UpstreamTLS struct {
	CAFile           string        `mapstructure:"ca_file"`   // "" for the system's authorities
	CertFile         string        `mapstructure:"cert_file"` // "" for none; KeyFile is then "" too
	KeyFile          string        `mapstructure:"key_file"`
	ServerName       string        `mapstructure:"server_name"` // "" for the host of each address
	HandshakeTimeout time.Duration `mapstructure:"handshake_timeout"`
}

// UpstreamBreaker says when an address is not asked for a while.
type UpstreamBreaker struct {
	Failures int           `mapstructure:"failures"` // in a row; 0 for no breaker
	OpenFor  time.Duration `mapstructure:"open_for"`
	Counts   string        `mapstructure:"counts"` // connect, no_answer or server_error
}

// UpstreamHealth is how addresses are checked, apart from the traffic.
type UpstreamHealth struct {
	Path     string        `mapstructure:"path"` // "" for no checks
	Interval time.Duration `mapstructure:"interval"`
	Timeout  time.Duration `mapstructure:"timeout"`
	Fall     int           `mapstructure:"fall"` // checks in a row, at least 1
	Rise     int           `mapstructure:"rise"`
}

// maxUpstreams is how many addresses a backend may have.
const maxUpstreams = 64

// upstreamURLs takes the backend's addresses, separated by commas. "" is none: not told.
func upstreamURLs() kind {
	return kind{name: "URL", want: wantUpstream, parse: func(text string) (any, error) {
		var all []*url.URL
		// First, and without the text: it would put a password into the log.
		if strings.Contains(text, "@") {
			return nil, errors.New("want no user or password in it: crossfade hands the client's own credentials on")
		}
		if text == "" {
			return all, nil
		}
		seen := map[string]bool{}
		for item := range strings.SplitSeq(text, ",") {
			item = strings.TrimSpace(item)
			u, err := upstreamURL(item)
			if err != nil {
				return nil, err
			}
			if seen[u.String()] {
				return nil, fmt.Errorf("%s is there twice", quote(item))
			}
			seen[u.String()] = true
			all = append(all, u)
		}
		if len(all) > maxUpstreams {
			return nil, fmt.Errorf("want at most %d addresses, got %d", maxUpstreams, len(all))
		}
		for _, u := range all[1:] {
			if u.Scheme != all[0].Scheme || u.Scheme != "unix" && u.EscapedPath() != all[0].EscapedPath() {
				return nil, fmt.Errorf("want the same scheme and path in all addresses, got %s and %s", quote(all[0].String()), quote(u.String()))
			}
		}
		return all, nil
	}}
}

const wantUpstream = "a URL such as http://127.0.0.1:8000 or unix:///run/backend.sock"

func upstreamURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("want %s, got %s", wantUpstream, quote(text))
	}
	var ok bool
	switch u.Scheme {
	case "http", "https":
		ok = isHost(u.Hostname()) && (u.Port() == "" || isPort(u.Port())) && !strings.HasSuffix(u.Host, ":")
	case "unix":
		ok = u.Host == "" && isSocketPath(u.Path) && path.Clean(u.Path) == u.Path && u.Path != "/"
	}
	if !ok {
		return nil, fmt.Errorf("want %s, got %s", wantUpstream, quote(text))
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#") {
		return nil, fmt.Errorf("want %s, without a query or fragment, got %s", wantUpstream, quote(text))
	}
	return u, nil
}

// upstreamPath takes a path to ask the backend for. "" is none.
func upstreamPath() kind {
	const want = `a path such as /health, or "" for none`
	return kind{name: "path", want: want, parse: func(text string) (any, error) {
		u, err := url.Parse(text)
		if text != "" && (err != nil || text[0] != '/' || strings.HasPrefix(text, "//") || u.Fragment != "" || strings.Contains(text, " ") || hasControls(text)) {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return text, nil
	}}
}

// checkUpstream checks what no key of the section can be blamed for alone.
func (l *loader) checkUpstream() {
	cert, key := l.values["upstream.tls.cert_file"], l.values["upstream.tls.key_file"]
	switch {
	case cert.text != "" && key.text == "" && !l.failed("upstream.tls.key_file"):
		l.fail(cert.source, "upstream.tls.cert_file", "a certificate without its key: give upstream.tls.key_file too")
	case cert.text == "" && key.text != "" && !l.failed("upstream.tls.cert_file"):
		l.fail(key.source, "upstream.tls.key_file", "a key without its certificate: give upstream.tls.cert_file too")
	}
	urls, _ := l.values["upstream.url"].parsed.([]*url.URL)
	if len(urls) == 0 || urls[0].Scheme == "https" {
		return
	}
	for _, name := range []string{"ca_file", "cert_file", "key_file", "server_name"} {
		if v := l.values["upstream.tls."+name]; v.text != "" {
			l.fail(v.source, "upstream.tls."+name, "is of no use to upstream.url %s: write https, or leave it out", quote(urls[0].String()))
		}
	}
}
