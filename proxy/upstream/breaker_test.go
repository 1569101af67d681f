package upstream

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestBreakerOpens after so many failures in a row, and then nobody is asked.
func TestBreakerOpens(t *testing.T) {
	cut := func() string { return raw.Serve(t, raw.Take(), raw.Close()).URL() }
	fails := func() string {
		return raw.Serve(t, raw.Loop(raw.Take(), raw.Send(raw.Text("HTTP/1.1 500 No", "")))).URL()
	}
	silent := func() string { return raw.Serve(t, raw.Loop(raw.Take())).URL() }
	for name, tc := range map[string]struct {
		address string
		counts  Counts
		opens   bool
	}{
		"no connection":                                 {away(t), "", true},
		"no connection, and no answer counts":           {away(t), CountNoAnswer, true},
		"no connection, and errors count":               {away(t), CountServerError, true},
		"no answer, and only connections count":         {cut(), CountConnect, false},
		"no answer":                                     {cut(), CountNoAnswer, true},
		"no answer in time, and only connections count": {silent(), CountConnect, false},
		"no answer in time":                             {silent(), CountNoAnswer, true},
		"a 500, and only connections count":             {fails(), CountConnect, false},
		"a 500, and no answer counts":                   {fails(), CountNoAnswer, false},
		"a 500":                                         {fails(), CountServerError, true},
	} {
		t.Run(name, func(t *testing.T) {
			way := to(t, Options{ResponseHeaderTimeout: 50 * time.Millisecond, Breaker: Breaker{Failures: 3, OpenFor: patience, Counts: tc.counts}}, tc.address)
			for i := range 3 {
				if _, err := get(t, way, "/"); kindOf(err) == Suspended {
					t.Fatalf("open after %d failures", i)
				}
			}
			_, err := get(t, way, "/")
			if opened := kindOf(err) == Suspended; opened != tc.opens {
				t.Fatalf("open: %v, with the error %v", opened, err)
			}
			if tc.opens {
				wantKind(t, err, Suspended, "every upstream address is suspended")
				if wait := suspendedFor(t, err); wait <= patience/2 || wait > patience {
					t.Errorf("told to wait %v of %v", wait, patience)
				}
			}
		})
	}
}

func suspendedFor(t *testing.T, err error) time.Duration {
	t.Helper()
	e, isOurs := err.(*Error) //nolint:errorlint // it is handed out as it is
	if !isOurs {
		t.Fatalf("got %v", err)
	}
	return e.RetryAfter
}

// TestBreakerCloses: after its time one request tries, and when it gets through all do. The log says both.
func TestBreakerCloses(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	l := away(t)
	way := to(t, Options{Breaker: Breaker{Failures: 2, OpenFor: time.Millisecond}, Logger: zap.New(core)}, l)
	for range 2 {
		_, err := get(t, way, "/")
		wantKind(t, err, Unreachable)
	}
	await(t, "the time is up", func() bool {
		_, err := get(t, way, "/")
		return kindOf(err) == Unreachable // it tried, and failed again
	})
	live := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("back"))))
	way.addresses[0].dial = to(t, Options{}, live.URL()).addresses[0].dial
	await(t, "it is back", func() bool {
		got, err := get(t, way, "/")
		return err == nil && got.body == "back"
	})
	var said []string
	for _, e := range logs.All() {
		said = append(said, e.Level.String()+": "+e.Message+" "+e.ContextMap()["address"].(string))
	}
	want := []string{"warn: an upstream address is suspended " + named(l), "info: an upstream address is asked again " + named(l)}
	if got := strings.Join(said, "\n"); !strings.HasPrefix(got, want[0]+"\n"+want[0]) || !strings.HasSuffix(got, want[0]+"\n"+want[1]) {
		t.Errorf("the log says\n%s", got)
	}
}

// TestSuccessesStartTheCountAnew: failures have to be in a row.
func TestSuccessesStartTheCountAnew(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if r.Target == "/cut" {
			return []raw.Step{raw.Close()}
		}
		return []raw.Step{raw.Send(ok("fine"))}
	})))
	way := to(t, Options{Breaker: Breaker{Failures: 2, OpenFor: patience, Counts: CountNoAnswer}}, u.URL())
	for range 3 {
		_, err := send(t, way, request(t, way, http.MethodPatch, "/cut", ""))
		wantKind(t, err, Broken)
		got, err := get(t, way, "/")
		wantBody(t, got, err, "fine")
	}
}

// TestClientsOpenNoBreaker: what a client can do by itself is nobody's failure but its own.
func TestClientsOpenNoBreaker(t *testing.T) {
	u := raw.Serve(t, raw.TakeHead(), raw.UntilGone()).Forgive()
	way := to(t, Options{Breaker: Breaker{Failures: 1, OpenFor: patience, Counts: CountNoAnswer}}, u.URL())
	left, cancel := context.WithCancel(t.Context())
	cancel()
	for name, change := range map[string]func(*http.Request) *http.Request{
		"it left":               func(r *http.Request) *http.Request { return r.WithContext(left) },
		"a header that is none": func(r *http.Request) *http.Request { r.Header["a b"] = []string{"x"}; return r },
		"a trailer that is none": func(r *http.Request) *http.Request {
			r.Trailer = http.Header{"a b": nil}
			return r
		},
		"a body that breaks off": func(r *http.Request) *http.Request { r.ContentLength = 9; return r },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := send(t, way, change(request(t, way, http.MethodPost, "/", "short"))); err == nil || kindOf(err) == Suspended {
				t.Fatalf("got %v", err)
			}
			u.AwaitIdle()
		})
	}
	u.Script(raw.Take(), raw.Send(ok("fine")))
	got, err := get(t, way, "/")
	wantBody(t, got, err, "fine")
}

// TestSuspendedAddressesAreLeftOut as long as there is another one.
func TestSuspendedAddressesAreLeftOut(t *testing.T) {
	live := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("live"))))
	gone := away(t)
	way := to(t, Options{Breaker: Breaker{Failures: 1, OpenFor: patience}}, gone, live.URL())
	for range 6 {
		got, err := get(t, way, "/")
		wantBody(t, got, err, "live")
	}
	if _, err := way.addresses[0].breaker.admit(); kindOf(err) != Suspended {
		t.Errorf("the one where nobody listens is not suspended: %v", err)
	}
}

// TestSuspendedForAll: a request that goes nowhere is told so, and its body is closed.
func TestSuspendedForAll(t *testing.T) {
	o := Options{Breaker: Breaker{Failures: 1, OpenFor: patience}}
	for name, way := range map[string]*Transport{"one": to(t, o, away(t)), "two": to(t, o, away(t), away(t))} {
		for _, want := range []Kind{Unreachable, Suspended} {
			r := request(t, way, http.MethodPost, "/", "")
			body := &closing{Reader: strings.NewReader("x")}
			r.Body, r.ContentLength = body, 1
			_, err := send(t, way, r)
			wantKind(t, err, want)
			if !body.closed.Load() {
				t.Errorf("%s: the body was not closed with %v", name, err)
			}
		}
	}
}
