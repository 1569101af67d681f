//go:build linux && !386

package direct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// patience bounds every wait: far more than anything should take.
const patience = 20 * time.Second

// to gives a Client to an upstream.
func to(tb testing.TB, address string, change ...func(*Options)) *Client {
	tb.Helper()
	o := Options{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		},
		HeaderTimeout: patience, SendTimeout: patience, IdleTimeout: patience, MaxIdle: 16, MaxHeaderBytes: 1 << 20, Stray: func() {},
	}
	for _, f := range change {
		f(&o)
	}
	c := New(o)
	tb.Cleanup(c.CloseIdleConnections)
	return c
}

// transport is what a Client is held to.
func transport(tb testing.TB, address string) *http.Transport {
	tb.Helper()
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		},
		DisableCompression: true, ReadBufferSize: bufferSize, MaxResponseHeaderBytes: 1 << 20,
	}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

// request makes one as package proxy does, with its body in memory.
func request(tb testing.TB, method, path, body string, fields ...string) *http.Request {
	tb.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(tb.Context(), method, "http://upstream"+path, content)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header["User-Agent"] = []string{""}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// outcome is all that there is to see of an answer.
type outcome struct {
	err     error // in place of a head
	status  int
	text    string
	proto   string
	header  http.Header
	length  int64
	coding  string
	closes  bool
	body    string
	bodyErr error
	trailer http.Header
	interim string
}

// ask sends a request and reads the answer in pieces of that many bytes.
func ask(rt http.RoundTripper, r *http.Request, piece int) outcome {
	var o outcome
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		delete(h, "Connection") // see compare
		o.interim += fmt.Sprintln(code, h)
		return nil
	}}
	res, err := rt.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		return outcome{err: err}
	}
	defer res.Body.Close()
	p := make([]byte, piece)
	var body strings.Builder
	for o.bodyErr == nil {
		var n int
		n, o.bodyErr = res.Body.Read(p)
		body.Write(p[:n])
	}
	if errors.Is(o.bodyErr, io.EOF) {
		o.bodyErr = nil
	}
	head := seen(res)
	head.body, head.bodyErr, head.interim = body.String(), o.bodyErr, o.interim
	return head
}

// get is the body of an answer to a GET, which has to be there.
func get(tb testing.TB, rt http.RoundTripper, path string) string {
	tb.Helper()
	o := ask(rt, request(tb, http.MethodGet, path, ""), 4096)
	if o.err != nil || o.bodyErr != nil || o.status != http.StatusOK {
		tb.Errorf("%s: got %d %v %v", path, o.status, o.err, o.bodyErr)
	}
	return o.body
}

func ok(body string) string { return raw.Text("HTTP/1.1 200 OK", body) }

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

// idle are the connections that nobody uses, the last one given back last.
func (p *pool) list() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*conn(nil), p.idle...)
}
