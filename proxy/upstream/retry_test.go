package upstream

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestNothingIsSentTwice: on a kept connection that dies with the request, only what reads is sent again.
func TestNothingIsSentTwice(t *testing.T) {
	quiet(t)
	for name, tc := range map[string]struct {
		method, body string
		header       []string
		again        bool
	}{
		"GET":                                {http.MethodGet, "", nil, true},
		"HEAD":                               {http.MethodHead, "", nil, true},
		"OPTIONS":                            {http.MethodOptions, "", nil, true},
		"GET with a body":                    {http.MethodGet, "x", nil, false},
		"GET with a body in memory":          {http.MethodGet, "x", nil, false},
		"POST in memory":                     {http.MethodPost, "x", nil, false},
		"POST":                               {http.MethodPost, "x", nil, false},
		"POST without a body":                {http.MethodPost, "", nil, false},
		"POST that calls itself idempotent":  {http.MethodPost, "", []string{"Idempotency-Key", "1"}, false},
		"POST in older words":                {http.MethodPost, "", []string{"X-Idempotency-Key", "1"}, false},
		"PATCH that calls itself idempotent": {http.MethodPatch, "", []string{"Idempotency-Key", "1"}, false},
		"PUT that calls itself idempotent":   {http.MethodPut, "", []string{"Idempotency-Key", "1"}, false},
		"DELETE":                             {http.MethodDelete, "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, raw.Take(), raw.Send(ok("one")), raw.Take(), raw.Close())
			way := to(t, Options{}, u.URL())
			ask := func(method, path string, header ...string) *http.Request {
				r := request(t, way, method, path, tc.body, header...)
				if strings.HasSuffix(name, "in memory") {
					r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(tc.body)), nil }
				}
				return r
			}
			got, err := send(t, way, ask(http.MethodPut, "/first")) // by the same way as what follows
			wantBody(t, got, err, "one")
			r := ask(tc.method, "/second", tc.header...)
			before := r.Header.Clone()
			if _, err := send(t, way, r); tc.again != (err == nil) {
				t.Errorf("got the error %v", err)
			}
			sent := 0
			for _, arrived := range u.Requests() {
				if arrived.Target != "/second" {
					continue
				}
				sent++
				for i := 0; i < len(tc.header); i += 2 {
					if !arrived.Fields.Has(tc.header[i]) {
						t.Errorf("%s did not arrive: %q", tc.header[i], arrived.Raw)
					}
				}
			}
			if want := map[bool]int{true: 2, false: 1}[tc.again]; sent != want {
				t.Errorf("sent %d times, want %d", sent, want)
			}
			for field, values := range before {
				if strings.Join(r.Header[field], "") != strings.Join(values, "") {
					t.Errorf("the caller's %s became %q", field, r.Header[field])
				}
			}
		})
	}
}

// TestAnotherAddress is asked when that is safe: the first one got nothing, or the request only reads.
func TestAnotherAddress(t *testing.T) {
	closes := func() *raw.Upstream { return raw.Serve(t, raw.Take(), raw.Close()) }
	cuts := func() *raw.Upstream { return raw.Serve(t, raw.Take(), raw.Send("HTTP/1.1 200"), raw.Close()) }
	silent := func() *raw.Upstream { return raw.Serve(t, raw.Loop(raw.Take())) }
	for name, tc := range map[string]struct {
		first        func() *raw.Upstream // nil: nobody listens
		method, body string
		again        bool
	}{
		"GET, nobody there":                   {nil, http.MethodGet, "", true},
		"POST, nobody there":                  {nil, http.MethodPost, strings.Repeat("x", 1<<20), true},
		"DELETE, nobody there":                {nil, http.MethodDelete, "", true},
		"GET that gets nothing":               {closes, http.MethodGet, "", true},
		"GET with a body":                     {closes, http.MethodGet, "x", false},
		"GET that gets the beginning":         {cuts, http.MethodGet, "", false},
		"GET that waits in vain":              {silent, http.MethodGet, "", false},
		"POST that gets nothing":              {closes, http.MethodPost, "x", false},
		"POST without a body, nothing either": {closes, http.MethodPost, "", false},
		"PUT that gets nothing":               {closes, http.MethodPut, "", false},
		"DELETE that gets nothing":            {closes, http.MethodDelete, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			first := away(t)
			if tc.first != nil {
				first = tc.first().URL()
			}
			second := raw.Serve(t, raw.Take(), raw.Send(ok("second")))
			wait := 20 * time.Second
			if name == "GET that waits in vain" {
				wait = 50 * time.Millisecond
			}
			way := to(t, Options{ResponseHeaderTimeout: wait}, first, second.URL())
			way.rotation.Store(1) // the first one next
			r := request(t, way, tc.method, "/", "")
			body := &closing{Reader: strings.NewReader(tc.body)}
			if tc.body != "" {
				r.Body, r.ContentLength = body, int64(len(tc.body))
			}
			got, err := send(t, way, r)
			if !tc.again {
				if err == nil {
					t.Errorf("an answer: %q", got.body)
				}
				if n := len(second.Requests()); n > 0 {
					t.Errorf("sent %d times to the second", n)
				}
			} else {
				wantBody(t, got, err, "second")
				if arrived := string(second.Request(1).Body); arrived != tc.body {
					t.Errorf("a body of %d bytes arrived, want %d", len(arrived), len(tc.body))
				}
			}
			if tc.body != "" {
				await(t, "the body is closed", body.closed.Load)
			}
			for i, a := range way.addresses {
				if n := a.busy.Load(); n != 0 {
					t.Errorf("address %d has %d requests for ever", i, n)
				}
			}
		})
	}
}

// closing is a request's body as net/http's server gives it: closed, it gives no more.
type closing struct {
	io.Reader
	closed atomic.Bool // by a goroutine of net/http's
}

func (c *closing) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return c.Reader.Read(p)
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

// TestTriesAreBounded: a caller is told when three were tried, with the last one's error and its body closed.
func TestTriesAreBounded(t *testing.T) {
	live := raw.Serve(t, raw.Take(), raw.Send(ok("live")))
	way := to(t, Options{}, away(t), away(t), away(t), live.URL())
	way.rotation.Store(3)
	r := request(t, way, http.MethodPost, "/", "")
	body := &closing{Reader: strings.NewReader("x")}
	r.Body, r.ContentLength = body, 1
	_, err := send(t, way, r)
	wantKind(t, err, Unreachable, "connection refused")
	if n := live.Connections(); n != 0 || !body.closed.Load() {
		t.Errorf("%d connections to the fourth, body closed: %v", n, body.closed.Load())
	}
}
