package upstream

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// sick is a backend whose health check answers with a status, and everything else with a word.
func sick(tb testing.TB, word string, status *atomic.Int32) string {
	tb.Helper()
	return backend(tb, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			if r.Header.Get("User-Agent") != "crossfade-health" || r.Method != http.MethodGet || r.URL.RawQuery != "deep=1" {
				tb.Errorf("the check is %s %s %v", r.Method, r.URL, r.Header)
			}
			w.WriteHeader(int(status.Load()))
			return
		}
		_, _ = w.Write([]byte(word + r.URL.Path))
	})
}

// TestHealthChecks: an address that fails them is asked no more, and again when it is well.
func TestHealthChecks(t *testing.T) {
	var a, b atomic.Int32
	a.Store(http.StatusOK)
	b.Store(http.StatusNoContent)
	core, logs := observer.New(zapcore.InfoLevel)
	one, two := sick(t, "a", &a), sick(t, "b", &b)
	way := to(t, Options{
		Health: Health{Path: "/health?deep=1", Interval: time.Millisecond}, Logger: zap.New(core),
	}, one+"/base", two+"/base")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		way.CheckHealth(ctx)
		close(ended)
	}()
	down := func(i int, want bool) {
		t.Helper()
		await(t, "the checks take effect", func() bool { return way.addresses[i].down.Load() == want })
	}
	asks := func(words ...string) {
		t.Helper()
		for range 4 {
			got, err := get(t, way, "/x")
			if err != nil || !strings.HasSuffix(got.body, "/base/x") || !strings.Contains(strings.Join(words, ""), got.body[:1]) {
				t.Errorf("got %q, %v, want it from %v", got.body, err, words)
			}
		}
	}
	asks("a", "b")
	a.Store(http.StatusServiceUnavailable)
	down(0, true)
	asks("b")
	b.Store(http.StatusNotFound)
	down(1, true)
	asks("a", "b") // a wrong path must not take everything away
	a.Store(http.StatusFound)
	down(0, false)
	asks("a")
	cancel()
	<-ended
	var said []string
	for _, e := range logs.All() {
		said = append(said, e.Level.String()+": "+e.Message)
		if e.Level == zapcore.WarnLevel && !strings.HasPrefix(e.ContextMap()["error"].(string), "status ") {
			t.Errorf("the cause is %v", e.ContextMap()["error"])
		}
	}
	want := "warn: an upstream address is down by its health checks\nwarn: an upstream address is down by its health checks\ninfo: an upstream address is up again"
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("the log says\n%s\nwant\n%s", got, want)
	}
}

// TestOneBadCheckIsNone: it takes several in a row, in both directions.
func TestOneBadCheckIsNone(t *testing.T) {
	var n atomic.Int32
	const pattern = "wwwsswsswssswswswwwww" // w is well, s is sick
	//                          ^     ^     down with the third s in a row, up with the second w in a row
	address := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		if i := int(n.Add(1)) - 1; i < len(pattern) && pattern[i] == 's' {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	var changes []int32 // after how many checks; by the goroutine of the checks
	core, _ := observer.New(zapcore.InfoLevel)
	logger := zap.New(core, zap.Hooks(func(zapcore.Entry) error {
		changes = append(changes, n.Load())
		return nil
	}))
	way := to(t, Options{Health: Health{Path: "/", Interval: time.Millisecond, Fall: 3, Rise: 2}, Logger: logger}, address)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		way.CheckHealth(ctx)
		close(ended)
	}()
	await(t, "all checks", func() bool { return int(n.Load()) > len(pattern) })
	cancel()
	<-ended
	if !slices.Equal(changes, []int32{12, 18}) {
		t.Errorf("changes after checks %d of %s, want 12 and 18", changes, pattern)
	}
}

// TestNoPathNoChecks: nobody is asked then.
func TestNoPathNoChecks(t *testing.T) {
	way := to(t, Options{}, backend(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	way.CheckHealth(t.Context()) // returns
}

// TestChecksEndInTime: an address that does not answer them is down.
func TestChecksEndInTime(t *testing.T) {
	way := to(t, Options{Health: Health{Path: "/", Interval: time.Millisecond, Timeout: 10 * time.Millisecond, Fall: 2}},
		backend(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go way.CheckHealth(ctx)
	await(t, "it is down", way.addresses[0].down.Load)
}
