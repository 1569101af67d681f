package flows_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
	"github.com/crossfade-proxy/crossfade/proxy/flows/sqlstore"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// canned answers every request with the same context, from memory.
type canned struct{ body []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(c.body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(c.body)),
	}, nil
}

// BenchmarkContext is what memory adds to GET /api/v1/context/me: no network, no upstream, the data path alone and the
// store. cpu-µs/op is that of this process, without PostgreSQL's.
func BenchmarkContext(b *testing.B) {
	backend := httptest.NewServer(legacy.New(legacy.Options{}))
	b.Cleanup(backend.Close)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, backend.URL+me, http.NoBody)
	must(b, err)
	req.Header.Set("Authorization", "Bearer "+legacy.Token(admin))
	res, err := http.DefaultClient.Do(req)
	must(b, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(b, err)
	who := flows.Caller{User: admin, Engagement: legacy.AzureEngagement}
	for _, test := range []struct {
		name, url string
		activated bool
	}{
		{"none", "", false},
		{"sqlite, nothing remembered", "sqlite:" + filepath.Join(b.TempDir(), "a.db"), false},
		{"sqlite, a current flow", "sqlite:" + filepath.Join(b.TempDir(), "b.db"), true},
		{"postgres, nothing remembered", server.Database(b), false},
		{"postgres, a current flow", server.Database(b), true},
	} {
		b.Run(test.name, func(b *testing.B) {
			builtin, err := contract.Builtin()
			must(b, err)
			address, _ := url.Parse("http://upstream")
			o := proxy.Options{Upstream: address, Contract: builtin, Decider: proxy.Fixed{Default: proxy.Dual}, Transport: canned{body}}
			if test.url != "" {
				db, err := database.Open(test.url, database.Options{})
				must(b, err)
				b.Cleanup(func() { _ = db.Close() })
				store, err := sqlstore.New(db, sqlstore.Options{})
				must(b, err)
				follow(b, store)
				if test.activated {
					must(b, store.Activate(b.Context(), who, legacy.AzureEngagement))
					must(b, store.Describe(b.Context(), legacy.AzureEngagement, flows.Details{
						Type: "assessment", Status: "paused", Engagement: who.Engagement, CreatedBy: who.User, Metadata: []byte(`{"wave":1}`),
					}))
				}
				memory, err := flows.New(flows.Options{Store: store, RecallTimeout: patience})
				must(b, err)
				o.Memory = memory
			}
			handler, err := proxy.New(o)
			must(b, err)
			took := make([]time.Duration, 0, 1<<16)
			b.ReportAllocs()
			before := used(b)
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, me, http.NoBody)
				r.Header.Set("Authorization", "Bearer x")
				w := httptest.NewRecorder()
				began := time.Now()
				handler.ServeHTTP(w, r)
				took = append(took, time.Since(began))
				if w.Code != http.StatusOK || w.Header().Get("Crossfade-Fallback") != "" {
					b.Fatalf("got %d %s", w.Code, w.Body)
				}
			}
			cpu := used(b) - before
			slices.Sort(took)
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-µs")
		})
	}
}

// used is the time on the CPU that this process has had.
func used(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	must(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
