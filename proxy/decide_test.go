package proxy

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"
)

func TestModeCheck(t *testing.T) {
	for _, m := range allModes() {
		if err := m.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, m := range []Mode{"", "Dual", "verify"} {
		want := fmt.Sprintf("unknown mode %q (want passthrough, dual or flow_only)", string(m))
		if err := m.Check(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestFixed(t *testing.T) {
	f := Fixed{Default: Dual, Endpoints: map[string]Mode{"me": FlowOnly}}
	for endpoint, want := range map[string]Decision{
		"me":   {Mode: FlowOnly, Reason: ReasonEndpoint},
		"list": {Mode: Dual, Reason: ReasonDefault},
	} {
		if got := f.Decide(nil, endpoint); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", endpoint, got, want)
		}
	}
}

// TestInvalidDecision: no known mode is passthrough.
func TestInvalidDecision(t *testing.T) {
	r := newRig(t, "", answers(t, 200, jsonHead(), sessionMe))
	got := r.do("GET", "/api/me", "")
	got.want(t, 200, sessionMe)
	got.wantHeader(t, "Crossfade-Mode", "passthrough")
	if rec := r.observed.last(t, 1); rec.Reason != ReasonInvalid {
		t.Errorf("record %+v", rec)
	}
}

// flipping is a decider that never says the same twice in a row, and counts.
type flipping struct{ asked atomic.Int64 }

func (f *flipping) Decide(_ *http.Request, endpoint string) Decision {
	return Decision{Mode: allModes()[f.asked.Add(1)%3], Reason: Reason(endpoint)}
}

// TestDecidedOnce: the mode of a request is asked for once, and body, head and record are of
// that mode, however often it flips meanwhile. What is no endpoint has none.
func TestDecidedOnce(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.Copy(w, r.Body)
			return
		}
		_, _ = io.WriteString(w, sessionMe)
	})
	d := &flipping{}
	r := newRig(t, Dual, upstream, func(o *Options) { o.Decider = d })
	bodies := map[string]string{"passthrough": sessionMe, "dual": dualMe, "flow_only": flowMe}
	errors := map[string]string{
		"passthrough": `{"session_error":1,"context":{"flow_id":1}}`,
		"dual":        `{"flow_error":1,"context":{"session_id":1}}`,
		"flow_only":   `{"flow_error":1,"context":{"session_id":1}}`,
	}
	for n := range 30 {
		method, target, body, want := "GET", "/api/me", "", bodies
		if n%2 == 1 {
			method, target, body, want = "POST", "/api/upload", errors["passthrough"], errors
		}
		got := r.do(method, target, body)
		mode := got.Header.Get("Crossfade-Mode")
		if got.body != want[mode] {
			t.Errorf("mode %s: %s", mode, got.body)
		}
		if rec := r.observed.last(t, 2*n+1); string(rec.Mode) != mode || int64(n+1) != d.asked.Load() {
			t.Errorf("request %d: asked %d times, record %+v", n+1, d.asked.Load(), rec)
		}
		r.do("GET", "/api/other", "").wantHeader(t, "Crossfade-Mode", "")
	}
}

// TestOwnField: what is meant for the Decider is not handed on, in any mode, and everything else is.
func TestOwnField(t *testing.T) {
	for _, mode := range allModes() {
		var got http.Header
		upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
		newRig(t, mode, upstream, func(o *Options) { o.OwnField = "crossfade-override" }).
			do("GET", "/api/me", "", "Crossfade-Override", "flow_only", "Crossfade-Other", "x")
		if got["Crossfade-Override"] != nil || got.Get("Crossfade-Other") != "x" {
			t.Errorf("%s: the upstream got %v", mode, got)
		}
		newRig(t, mode, upstream).do("GET", "/api/me", "", "Crossfade-Override", "flow_only")
		if got.Get("Crossfade-Override") != "flow_only" {
			t.Errorf("%s: the upstream got %v although nobody asks for that field", mode, got)
		}
	}
}
