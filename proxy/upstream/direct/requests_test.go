//go:build linux && !386

package direct

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestRequestsAsByTransport: what a Client writes is what http.Transport writes, byte for byte.
func TestRequestsAsByTransport(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok(""))))
	client, reference := to(t, u.Address()), transport(t, u.Address())
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[ \t]?[!-~ü]([!-~ \tü]{0,20}[!-~ü])?[ \t]?`)
		r := &http.Request{
			Method: rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "M-SEARCH", "get"}).Draw(t, "method"),
			URL: &url.URL{
				Scheme: "http", Host: "h:81", Path: rapid.SampledFrom([]string{"", "/", "/a b", "//c", "/ü", "*", "/%2F", "/a;b"}).Draw(t, "path"),
				RawQuery: rapid.SampledFrom([]string{"", "x=1;y=%zz", "ü"}).Draw(t, "query"), ForceQuery: rapid.Bool().Draw(t, "?"),
			},
			Host:   rapid.SampledFrom([]string{"", "client.example", "client.example:8080", "[::1]:80", "a_b"}).Draw(t, "host"),
			Header: http.Header{},
		}
		if r.URL.Path == "/%2F" {
			r.URL.Path, r.URL.RawPath = "//", "/%2F"
		}
		names := rapid.SampledFrom([]string{
			"User-Agent", "Accept", "Accept-Encoding", "X-A", "x-lower", "Idempotency-Key", "Content-Type", "Cookie", "Host", "Content-Length",
			"Transfer-Encoding", "Trailer", "Te", "X-Z", "X-B", "X-C", "X-D", "Range", "Etag", "Via", "If-Match", "Date",
		})
		for range rapid.IntRange(0, 12).Draw(t, "fields") {
			name := names.Draw(t, "name")
			r.Header[name] = append(r.Header[name], rapid.OneOf(value, rapid.Just("")).Draw(t, "value"))
		}
		if body := rapid.StringN(0, 50, 50).Draw(t, "body"); body != "" {
			r.ContentLength = int64(len(body))
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		}
		for _, rt := range []http.RoundTripper{client, reference} {
			out := r.Clone(context.Background())
			if out.GetBody != nil {
				out.Body, _ = out.GetBody() // memory has no errors
			}
			if o := ask(rt, out, 10); o.err != nil {
				t.Fatal(o.err)
			}
		}
		n += 2
		if all := u.Requests(); string(all[n-2].Raw) != string(all[n-1].Raw) {
			t.Fatalf("got\n%q, want\n%q", all[n-2].Raw, all[n-1].Raw)
		}
	})
}

// TestLeftToTransport: what a Client does not take, it does not touch.
func TestLeftToTransport(t *testing.T) {
	u := raw.Serve(t)
	client := to(t, u.Address())
	memory := func(s string) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }
	}
	for name, change := range map[string]func(*http.Request){
		"https":                     func(r *http.Request) { r.URL.Scheme = "https" },
		"no URL":                    func(r *http.Request) { r.URL = nil },
		"an opaque URL":             func(r *http.Request) { r.URL.Opaque = "/x" },
		"CONNECT":                   func(r *http.Request) { r.Method = http.MethodConnect },
		"a method that is none":     func(r *http.Request) { r.Method = "GET /x HTTP/1.1\r\nX:" },
		"no method":                 func(r *http.Request) { r.Method = "" },
		"it closes":                 func(r *http.Request) { r.Close = true },
		"a field of Connection":     func(r *http.Request) { r.Header["Connection"] = []string{"close"} },
		"an upgrade":                func(r *http.Request) { r.Header["Upgrade"] = []string{"websocket"} },
		"an expectation":            func(r *http.Request) { r.Header["Expect"] = []string{"100-continue"} },
		"trailers":                  func(r *http.Request) { r.Trailer = http.Header{"X": nil} },
		"chunks":                    func(r *http.Request) { r.TransferEncoding = []string{"chunked"} },
		"a host in other letters":   func(r *http.Request) { r.Host = "bücher.example" },
		"a host with a zone":        func(r *http.Request) { r.Host = "[fe80::1%25lo]" },
		"a host with a line feed":   func(r *http.Request) { r.Host = "h\nX: y" },
		"a host with a blank":       func(r *http.Request) { r.Host = "h i" },
		"no host":                   func(r *http.Request) { r.Host, r.URL.Host = "", "" },
		"a target with a line feed": func(r *http.Request) { r.URL.RawQuery = "x\r\nX: y" },
		"a target with a blank":     func(r *http.Request) { r.URL.RawQuery = "x y" },
		"a name that is none":       func(r *http.Request) { r.Header["a b"] = []string{"x"} },
		"an empty name":             func(r *http.Request) { r.Header[""] = []string{"x"} },
		"a name with a colon":       func(r *http.Request) { r.Header["X:"] = []string{"x"} },
		"a value with a line feed":  func(r *http.Request) { r.Header["X"] = []string{"x\ny"} },
		"a value with CR":           func(r *http.Request) { r.Header["X"] = []string{"x\ry"} },
		"a value with NUL":          func(r *http.Request) { r.Header["X"] = []string{"x\x00"} },
		"an agent with a line feed": func(r *http.Request) { r.Header["User-Agent"] = []string{"x\ny"} },
		"a body that streams":       func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1 },
		"a body of unknown length": func(r *http.Request) {
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader("x")), -1, memory("x")
		},
		"a body without a length": func(r *http.Request) { r.Body, r.GetBody = io.NopCloser(strings.NewReader("x")), memory("x") },
		"a length without a body": func(r *http.Request) { r.ContentLength = 1 },
		"a body that is rather long": func(r *http.Request) {
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader("x")), maxBody+1, memory("x")
		},
	} {
		r := request(t, http.MethodGet, "/", "")
		change(r)
		body := &watchedBody{ReadCloser: r.Body}
		if r.Body != nil {
			r.Body = body
		}
		if _, err := client.RoundTrip(r); !errors.Is(err, http.ErrSkipAltProtocol) { //nolint:bodyclose // there is none
			t.Errorf("%s: got %v", name, err)
		}
		if body.touched {
			t.Errorf("%s: the body was touched", name)
		}
	}
	if n := u.Connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

type watchedBody struct {
	io.ReadCloser
	touched, closed bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.touched = true
	return b.ReadCloser.Read(p)
}

func (b *watchedBody) Close() error {
	b.touched, b.closed = true, true
	return nil
}

// TestBodiesOfRequests: what is announced is sent, or nothing is, and the connection is still good.
func TestBodiesOfRequests(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("done"))))
	client := to(t, u.Address())
	mine := errors.New("mine")
	large := strings.Repeat("x", maxBody)
	for _, tc := range []struct {
		name   string
		body   io.Reader
		length int64
		err    string
	}{
		{"a body", strings.NewReader("body"), 4, ""},
		{"the longest body", strings.NewReader(large), maxBody, ""},
		{"in small pieces", &dribble{strings.NewReader(large)}, maxBody, ""},
		{"too short", strings.NewReader("body"), 5, "a body of 4 bytes, with 5 announced"},
		{"none", strings.NewReader(""), 5, "a body of 0 bytes, with 5 announced"},
		{"too long", strings.NewReader("body"), 3, "a body longer than its 3 bytes"},
		{"broken", io.MultiReader(strings.NewReader("bo"), failing{mine}), 4, "read the request's body: mine"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := request(t, http.MethodPost, "/", "")
			body := &watchedBody{ReadCloser: io.NopCloser(tc.body)}
			r.Body, r.ContentLength = body, tc.length
			r.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("only once") }
			o := ask(client, r, 10)
			if !body.closed {
				t.Error("the body was not closed")
			}
			switch {
			case tc.err == "" && (o.err != nil || o.body != "done"):
				t.Errorf("got %q, %v", o.body, o.err)
			case tc.err != "" && (o.err == nil || o.err.Error() != tc.err):
				t.Errorf("got %v, want %s", o.err, tc.err)
			}
		})
	}
	if n := u.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	for i, r := range u.Requests() {
		if want := []string{"body", large, large}[i]; string(r.Body) != want {
			t.Errorf("request %d: %d bytes, want %d", i+1, len(r.Body), len(want))
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// dribble reads at most a hundred bytes at a time.
type dribble struct{ io.Reader }

func (d *dribble) Read(p []byte) (int, error) { return d.Reader.Read(p[:min(len(p), 100)]) }
