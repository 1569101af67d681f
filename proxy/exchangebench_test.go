package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkExchange is what the data path itself costs: the upstream answers from memory, and the client is
// a ResponseWriter that keeps nothing. What remains of the stand-ins is in the row "nothing".
func BenchmarkExchange(b *testing.B) {
	for _, n := range sizes() {
		body := benchBody(n)
		b.Run(fmt.Sprintf("nothing/%dKB", n>>10), func(b *testing.B) {
			upstream := memoryUpstream(body)
			benchExchange(b, body, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				res, err := upstream.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(w, res.Body)
				res.Body.Close()
			}))
		})
		for _, mode := range allModes() {
			b.Run(fmt.Sprintf("%s/%dKB", mode, n>>10), func(b *testing.B) {
				p, err := New(Options{
					Upstream: &url.URL{Scheme: "http", Host: "upstream"}, Contract: testContract(b),
					Decider: Fixed{Default: mode}, Transport: memoryUpstream(body),
					Policies: map[string]Policy{"compare": {SessionRoute: SessionRouteServe}},
				})
				if err != nil {
					b.Fatal(err)
				}
				benchExchange(b, body, p)
			})
		}
	}
}

func benchExchange(b *testing.B, body string, h http.Handler) {
	b.Helper()
	w := &forgetfulWriter{header: http.Header{}}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	r := (&http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/api/sessions/compare", RawQuery: "s=1k"},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer x"}, "User-Agent": {"bench"}},
		Body:   http.NoBody, Host: "app.example.com", RemoteAddr: "192.0.2.7:4711", RequestURI: "/api/sessions/compare?s=1k",
	}).WithContext(ctx)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// memoryUpstream answers everything with one body.
type memoryUpstream string

func (u memoryUpstream) RoundTrip(r *http.Request) (*http.Response, error) {
	values := [...]string{"application/json", strconv.Itoa(len(u)), "Mon, 23 Nov 2026 10:00:00 GMT"}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": values[0:1:1], "Content-Length": values[1:2:2], "Date": values[2:3:3],
		},
		ContentLength: int64(len(u)), Body: io.NopCloser(struct{ io.Reader }{strings.NewReader(string(u))}), Request: r,
	}, nil
}

// forgetfulWriter counts nothing and keeps nothing.
type forgetfulWriter struct{ header http.Header }

func (w *forgetfulWriter) Header() http.Header         { return w.header }
func (w *forgetfulWriter) WriteHeader(int)             {}
func (w *forgetfulWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *forgetfulWriter) Flush()                      {}
