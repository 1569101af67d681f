package proxy

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// heads is an upstream that keeps the header of the last request.
func heads(tb testing.TB, got *http.Header) string {
	tb.Helper()
	return serve(tb, func(w http.ResponseWriter, r *http.Request) {
		*got = r.Header.Clone()
		got.Set("Host", r.Host)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"session":null}`))
	})
}

// TestForwarding: who asks is told by crossfade, and not by the client.
func TestForwarding(t *testing.T) {
	for _, tc := range []struct {
		name    string
		trusted string
		header  []string
		want    map[string]string
	}{
		{"a client says nothing", "", nil,
			map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "h", "X-Forwarded-Proto": "http", "Host": "h"}},
		{"a client says a lot", "", []string{
			"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=1.2.3.4",
			"X-Forwarded-Port: 1", "X-Forwarded-Prefix: /x", "X-Real-IP: 1.2.3.4", "X_Forwarded_For: 1.2.3.4", "X-Forwarded_For: 1.2.3.4", "x_user: a"},
			map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "h", "X-Forwarded-Proto": "http", "Forwarded": "",
				"X-Forwarded-Port": "", "X-Forwarded-Prefix": "", "X-Real-Ip": "", "X_forwarded_for": "", "X-Forwarded_for": "", "X_user": ""}},
		{"a trusted proxy says who", "127.0.0.0/8", []string{
			"X-Forwarded-For: 6.6.6.6, 1.2.3.4", "X-Forwarded-For: 127.1.2.3", "X-Forwarded-Host: site", "X-Forwarded-Proto: https", "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4"},
			map[string]string{"X-Forwarded-For": "1.2.3.4, 127.1.2.3, 127.0.0.1", "X-Forwarded-Host": "site", "X-Forwarded-Proto": "https", "Forwarded": "", "X-Real-Ip": "1.2.3.4"}},
		{"a trusted proxy passes nonsense on", "127.0.0.1/32", []string{"X-Forwarded-For: 1.2.3.4, unknown"},
			map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "h", "X-Forwarded-Proto": "http"}},
		{"all of them are trusted", "0.0.0.0/0", []string{"X-Forwarded-For: 1.2.3.4,5.6.7.8"},
			map[string]string{"X-Forwarded-For": "1.2.3.4, 5.6.7.8, 127.0.0.1"}},
		{"a trusted proxy writes ports", "127.0.0.0/8", []string{"X-Forwarded-For: 1.2.3.4:567, [127.0.0.1]:1, 127.0.0.2:8"},
			map[string]string{"X-Forwarded-For": "127.0.0.2:8, 127.0.0.1"}},
		{"a trusted proxy tells a scheme that is none, and two hosts", "127.0.0.0/8", []string{"X-Forwarded-Proto: ftp", "X-Forwarded-Host: a", "X-Forwarded-Host: b"},
			map[string]string{"X-Forwarded-Proto": "http", "X-Forwarded-Host": "h"}},
		{"another network is trusted", "10.0.0.0/8", []string{"X-Forwarded-For: 1.2.3.4"},
			map[string]string{"X-Forwarded-For": "127.0.0.1"}},
		{"hop-by-hop fields", "", []string{
			"Connection: close, X-Forwarded-For, X-Named", "X-Named: 1", "Keep-Alive: 1", "Proxy-Authorization: x", "Proxy-Connection: x", "Te: trailers, x", "X-Kept: 1"},
			map[string]string{"X-Forwarded-For": "127.0.0.1", "Connection": "", "X-Named": "", "Keep-Alive": "", "Proxy-Authorization": "", "Proxy-Connection": "", "Te": "trailers", "X-Kept": "1"}},
		{"nothing is added", "", nil,
			map[string]string{"User-Agent": "", "Accept-Encoding": "", "X-Request-Id": "made-id", "Via": ""}},
		{"an id of the client's own", "", []string{"X-Request-ID: a-b_c.1/2+3=="}, map[string]string{"X-Request-Id": "a-b_c.1/2+3=="}},
		{"an id that no log wants", "", []string{"X-Request-ID: a b"}, map[string]string{"X-Request-Id": "a b"}},
		{"h2c", "", []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"},
			map[string]string{"Upgrade": "", "Connection": "", "Http2-Settings": ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got http.Header
			r := newRig(t, Passthrough, heads(t, &got), func(o *Options) {
				if tc.trusted != "" {
					o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(tc.trusted)}
				}
			})
			lines := append([]string{"GET /x HTTP/1.1", "Host: h"}, tc.header...)
			if !slices.ContainsFunc(tc.header, func(l string) bool { return strings.HasPrefix(l, "Connection") }) {
				lines = append(lines, "Connection: close")
			}
			r.raw(strings.Join(lines, "\r\n") + "\r\n\r\n")
			for name, want := range tc.want {
				if value := strings.Join(got[name], "|"); value != want {
					t.Errorf("%s: got %q, want %q", name, value, want)
				}
			}
		})
	}
}

// TestConditions: validators and ranges are of the upstream's representation, and are not
// compared with a mapped one; what protects a write is passed on.
func TestConditions(t *testing.T) {
	fields := []string{
		"If-None-Match", `"1"`, "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", "Range", "bytes=0-1", "If-Range", `"1"`,
		"If-Match", `"1"`, "Accept-Encoding", "gzip, br",
	}
	dropped := []string{"If-None-Match", "If-Modified-Since", "Range", "If-Range"}
	for _, tc := range []struct {
		name, method, target, body string
		mode                       Mode
		dropped                    []string
		accept                     string
	}{
		{"passthrough", "GET", "/api/me", "", Passthrough, nil, "gzip, br"},
		{"dual", "GET", "/api/me", "", Dual, dropped, "identity"},
		{"dual, HEAD", "HEAD", "/api/me", "", Dual, dropped, "identity"},
		{"flow_only", "GET", "/api/me", "", FlowOnly, dropped, "identity"},
		{"dual, a session route without a union", "GET", "/api/groups/7/sessions", "", Dual, nil, "identity"},
		{"dual, a write", "POST", "/api/session/switch", "{}", Dual, nil, "identity"},
		{"no endpoint", "GET", "/api/other", "", FlowOnly, nil, "gzip, br"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got http.Header
			newRig(t, tc.mode, heads(t, &got)).do(tc.method, tc.target, tc.body, fields...)
			for i := 0; i < len(fields); i += 2 {
				want := fields[i+1]
				if slices.Contains(tc.dropped, fields[i]) {
					want = ""
				}
				if fields[i] == "Accept-Encoding" {
					want = tc.accept
				}
				if value := got.Get(fields[i]); value != want {
					t.Errorf("%s: got %q, want %q", fields[i], value, want)
				}
			}
		})
	}
}

// TestHeadsOfMappedAnswers: what is told of a mapped body is true of it, and all else is kept.
func TestHeadsOfMappedAnswers(t *testing.T) {
	told := jsonHead(
		"Etag", `"1"`, "Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT", "Accept-Ranges", "bytes", "Content-MD5", "x",
		"Digest", "x", "Content-Digest", "x", "Repr-Digest", "x", "Signature", "x", "Signature-Input", "x",
		"Set-Cookie", "a=1; Expires=Mon, 02 Jan 2006 15:04:05 GMT", "Set-Cookie", "b=2", "Set-Cookie", "a=1", "X-Trace-ID", "t",
		"Cache-Control", "no-transform, max-age=5", "Vary", "Origin", "Crossfade-Mode", "theirs", "Crossfade-Fallback", "theirs")
	native := []string{"Etag", "Accept-Ranges", "Signature", "Signature-Input"}
	mapped := append([]string{"Last-Modified", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}, native...)
	for _, tc := range []struct {
		mode   Mode
		method string
		body   string
		length string
		gone   []string
	}{
		{Passthrough, "GET", sessionMe, "87", nil},
		{Dual, "GET", sessionMe, "125", mapped},
		{FlowOnly, "GET", sessionMe, "78", mapped},
		{FlowOnly, "GET", flowMe, "78", native},
		{Dual, "GET", "nonsense", "8", nil},
		{Passthrough, "HEAD", sessionMe, "87", nil},
		{Dual, "HEAD", sessionMe, "", mapped},
		{FlowOnly, "HEAD", sessionMe, "", mapped},
	} {
		upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range told {
				w.Header()[k] = v
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(tc.body)))
			_, _ = w.Write([]byte(tc.body))
		})
		got := newRig(t, tc.mode, upstream).do(tc.method, "/api/me", "")
		got.wantHeader(t, "Content-Length", tc.length, "Crossfade-Mode", string(tc.mode), "Transfer-Encoding", "")
		for name, values := range told {
			if strings.HasPrefix(name, "Crossfade-") {
				continue
			}
			if slices.Contains(tc.gone, name) {
				values = nil
			}
			if tag := got.Header.Get("Etag"); tc.gone != nil && name == "Etag" && strings.HasPrefix(tag, `"1;cf-`+string(tc.mode)) {
				values = []string{tag}
			}
			if !slices.Equal(got.Header[name], values) {
				t.Errorf("%s %s: %s: got %q, want %q", tc.mode, tc.method, name, got.Header[name], values)
			}
		}
	}
}

// TestNothingIsAdded: fields that the upstream left out stay out.
func TestNothingIsAdded(t *testing.T) {
	upstream := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", false)
	got := newRig(t, Passthrough, upstream).do("GET", "/x", "")
	got.want(t, 200, "<html>")
	got.wantHeader(t, "Content-Type", "", "Date", "", "Server", "", "X-Request-Id", "")
	if len(got.Header) != 1 {
		t.Errorf("header %v", got.Header)
	}
	got = newRig(t, Passthrough, answers(t, 200, http.Header{"Server": {"uvicorn"}, "Alt-Svc": {"h3"}, "X-Accel-Redirect": {"/x"}}, "")).do("GET", "/x", "")
	got.wantHeader(t, "Server", "uvicorn", "Alt-Svc", "h3", "X-Accel-Redirect", "/x")
}
