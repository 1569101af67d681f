package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks go through real servers on loopback, so most of the time is the kernel's and the
// client's; compare them within one run. BenchmarkBare is httputil.ReverseProxy without a pool of
// buffers: what most people run. cpu-us/op is the process's whole CPU time, client and upstream
// included, which are the same for all of them.

func sizes() []int { return []int{1 << 10, 10 << 10, 1 << 20} }

// benchBody is a body of about n bytes that the endpoint "compare" maps: a list of sessions.
func benchBody(n int) string {
	var b strings.Builder
	b.WriteString(`{"sessions":[`)
	for i := 0; b.Len() < n-200; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"58467010-6a72-44e8-ba37-%012d","name":"Admin Session - Azure %d","kind":"discovery","description":"admin session for Azure","is_default":true,"metadata":null}`, i, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

func benchmark(b *testing.B, handler func(upstream *url.URL) http.Handler) {
	b.Helper()
	for _, n := range sizes() {
		b.Run(fmt.Sprintf("%dKB", n>>10), func(b *testing.B) {
			body := benchBody(n)
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h["Content-Type"] = []string{"application/json"}
				h["Content-Length"] = []string{fmt.Sprint(len(body))}
				_, _ = io.WriteString(w, body)
			}))
			defer upstream.Close()
			address, err := url.Parse(upstream.URL)
			if err != nil {
				b.Fatal(err)
			}
			server := httptest.NewServer(handler(address))
			defer server.Close()
			client := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
			defer client.CloseIdleConnections()
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			before := cpu(b)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				buf := make([]byte, 64<<10)
				for pb.Next() {
					req, err := http.NewRequest(http.MethodGet, server.URL+"/api/sessions/compare", nil)
					if err != nil {
						b.Error(err)
						return
					}
					res, err := client.RoundTrip(req)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, res.Body, buf); err != nil {
						b.Error(err)
					}
					res.Body.Close()
				}
			})
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}

// cpu is the CPU time of the process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func crossfade(b *testing.B, mode Mode) func(*url.URL) http.Handler {
	b.Helper()
	return func(upstream *url.URL) http.Handler {
		p, err := New(Options{Upstream: upstream, Contract: testContract(b), Decider: Fixed{Default: mode}})
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
}

func BenchmarkPassthrough(b *testing.B) { benchmark(b, crossfade(b, Passthrough)) }

func BenchmarkDual(b *testing.B) { benchmark(b, crossfade(b, Dual)) }

func BenchmarkFlowOnly(b *testing.B) {
	benchmark(b, func(upstream *url.URL) http.Handler {
		p, err := New(Options{
			Upstream: upstream, Contract: testContract(b), Decider: Fixed{Default: FlowOnly},
			Policies: map[string]Policy{"compare": {SessionRoute: SessionRouteServe}},
		})
		if err != nil {
			b.Fatal(err)
		}
		return p
	})
}

func BenchmarkBare(b *testing.B) {
	benchmark(b, func(upstream *url.URL) http.Handler {
		return &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.SetXForwarded() },
			Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
		}
	})
}
