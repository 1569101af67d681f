package proxy

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// line sends one request and gives the access line: there is exactly one.
func line(t *testing.T, mode Mode, upstream, method, target, body string, header ...string) observer.LoggedEntry {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	clock := time.Unix(0, 0)
	r := newRig(t, mode, upstream, func(o *Options) {
		o.Logger = zap.New(core)
		o.Now = func() time.Time { clock = clock.Add(time.Millisecond); return clock }
	})
	_, _ = r.try(method, target, body, header...)
	r.observed.last(t, 1)
	entries := logs.FilterMessage("request").All()
	if len(entries) != 1 || logs.Len() != 1 {
		t.Fatalf("lines: %v", logs.All())
	}
	return entries[0]
}

// TestAccessLine: one line a request, with constant keys, the level from the outcome, and
// nothing of the caller's in it.
func TestAccessLine(t *testing.T) {
	for _, tc := range []struct {
		name           string
		mode           Mode
		upstream       string
		method, target string
		body           string
		level          zapcore.Level
		want           map[string]any
	}{
		{"passthrough", Passthrough, answers(t, 200, jsonHead(), sessionMe), "GET", "/api/me?secret=1", "", zapcore.InfoLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "endpoint": "me", "route": "/api/me", "side": "both", "mode": "passthrough", "reason": "default",
			"mapped": false, "status": 200, "outcome": "answered", "bytes": int64(len(sessionMe)), "duration_ms": 3.0, "upstream_ms": 1.0}},
		{"dual", Dual, answers(t, 200, jsonHead(), sessionMe), "GET", "/api/me", "", zapcore.InfoLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "endpoint": "me", "route": "/api/me", "side": "both", "mode": "dual", "reason": "default",
			"mapped": true, "unmapped": 1, "status": 200, "outcome": "answered", "bytes": int64(len(dualMe)), "duration_ms": 6.0, "upstream_ms": 2.0, "transform_ms": 1.0}},
		{"native", FlowOnly, answers(t, 200, jsonHead(), flowMe), "GET", "/api/me", "", zapcore.InfoLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "endpoint": "me", "route": "/api/me", "side": "both", "mode": "flow_only", "reason": "default",
			"mapped": false, "native": true, "status": 200, "outcome": "answered", "bytes": int64(len(flowMe)), "duration_ms": 6.0, "upstream_ms": 2.0, "transform_ms": 1.0}},
		{"a fallback", Dual, answers(t, 200, jsonHead("Content-Encoding", "compress"), "secret"), "GET", "/api/groups/secret/flows", "", zapcore.WarnLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "endpoint": "list", "route": "/api/groups/{group_id}/flows", "side": "flow", "mode": "dual", "reason": "default",
			"mapped": false, "status": 200, "outcome": "answered", "bytes": int64(6), "duration_ms": 3.0, "upstream_ms": 1.0,
			"fallback": "coding", "error": `unknown coding "compress" (want gzip, deflate, br or zstd)`}},
		{"a request that is not mapped", Dual, answers(t, 200, jsonHead(), ""), "POST", "/api/upload", `{"secret`, zapcore.WarnLevel, map[string]any{
			"request_id": "made-id", "method": "POST", "endpoint": "upload", "route": "/api/upload", "side": "both", "mode": "dual", "reason": "default",
			"mapped": false, "status": 200, "outcome": "answered", "bytes": int64(0), "duration_ms": 5.0, "upstream_ms": 1.0, "transform_ms": 1.0,
			"request_fallback": "request-unmappable", "error": "upload request to-session: not JSON: it ends in the middle (byte 8)"}},
		{"a refusal", FlowOnly, answers(t, 200, jsonHead(), "[]"), "GET", "/api/me", "", zapcore.ErrorLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "endpoint": "me", "route": "/api/me", "side": "both", "mode": "flow_only", "reason": "default",
			"mapped": false, "status": 502, "outcome": "refused", "problem": "unmappable", "duration_ms": 6.0, "upstream_ms": 2.0, "transform_ms": 1.0}},
		{"gone", FlowOnly, answers(t, 200, jsonHead(), "[]"), "GET", "/api/groups/secret/sessions", "", zapcore.InfoLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "endpoint": "list", "route": "/api/groups/{group_id}/sessions", "side": "session", "mode": "flow_only", "reason": "default",
			"mapped": false, "status": 410, "outcome": "refused", "problem": "session-route-gone", "duration_ms": 1.0}},
		{"the upstream's own failure", Dual, answers(t, 500, nil, "secret"), "GET", "/secret", "", zapcore.WarnLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "status": 500, "outcome": "answered", "bytes": int64(6), "duration_ms": 3.0, "upstream_ms": 1.0}},
		{"cut", Dual, says(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsecret", true), "GET", "/secret", "", zapcore.ErrorLevel, map[string]any{
			"request_id": "made-id", "method": "GET", "status": 200, "outcome": "cut", "bytes": int64(6), "duration_ms": 3.0, "upstream_ms": 1.0,
			"error": "the upstream's body broke off: unexpected EOF"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			entry := line(t, tc.mode, tc.upstream, tc.method, tc.target, tc.body, "Authorization", "Bearer secret", "Cookie", "secret=1")
			if entry.Level != tc.level {
				t.Errorf("level %s, want %s", entry.Level, tc.level)
			}
			got := entry.ContextMap()
			if tc.want["problem"] != nil { // their lengths and texts are tested elsewhere
				delete(got, "bytes")
				delete(got, "error")
			}
			if !maps.Equal(got, tc.want) {
				t.Errorf("got  %v\nwant %v", got, tc.want)
			}
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if text, ok := got[key].(string); ok && strings.Contains(text, "secret") {
					t.Errorf("%s: %q", key, text)
				}
			}
		})
	}
}

// staged decides by a rule for a share.
type staged struct{}

func (staged) Decide(*http.Request, string) Decision {
	return Decision{Mode: Passthrough, Reason: "split", Stage: "verify", Source: "run-time", Rule: "pilots",
		Bucket: 1200, Threshold: 2048, HasBucket: true, Version: 17}
}

// TestDecisionIsTold: all that the Decider said is in the access line and in the record.
func TestDecisionIsTold(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	r := newRig(t, Passthrough, answers(t, 200, jsonHead(), sessionMe), func(o *Options) {
		o.Decider, o.Logger = staged{}, zap.New(core)
	})
	r.do("GET", "/api/me", "").want(t, 200, sessionMe)
	rec := r.observed.last(t, 1)
	if rec.Stage != "verify" || rec.Source != "run-time" || rec.Rule != "pilots" || rec.Bucket != 1200 || rec.Threshold != 2048 || !rec.HasBucket || rec.Version != 17 {
		t.Errorf("record %+v", rec)
	}
	got := logs.FilterMessage("request").All()[0].ContextMap()
	for key, want := range map[string]any{
		"mode": "passthrough", "reason": "split", "stage": "verify", "source": "run-time", "rule": "pilots",
		"bucket": uint32(1200), "threshold": uint32(2048), "flags_version": int64(17),
	} {
		if got[key] != want {
			t.Errorf("%s: got %v, want %v", key, got[key], want)
		}
	}
}

// TestObserverPanics: a fault of the observer is logged, and hurts no answer.
func TestObserverPanics(t *testing.T) {
	core, logs := observer.New(zapcore.ErrorLevel)
	done := make(chan struct{}, 1)
	r := newRig(t, Passthrough, serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }), func(o *Options) {
		o.Logger = zap.New(core, zap.Hooks(func(zapcore.Entry) error { done <- struct{}{}; return nil }))
		o.Observer = faulty{}
	})
	r.do("GET", "/x", "").want(t, 200, "fine")
	<-done
	if logs.FilterMessage("panic in the observer").Len() != 1 {
		t.Errorf("lines: %v", logs.All())
	}
}

type faulty struct{}

func (faulty) Observe(Record) { panic("observer") }
