package admin

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestTwoWriters: of two that have seen the same, one wins, and the other one learns of it.
func TestTwoWriters(t *testing.T) {
	r, live := newLiveRig(t)
	const path = "/api/v1/flags/context-me"
	put := func(stage string, header ...string) answer {
		return r.do("PUT", path, `{"reason":"why","flag":{"stage":"`+stage+`"}}`, header...)
	}
	put("verify").wantProblem(problemVersion, `neither If-Match nor If-None-Match is there (want If-Match: "17", the ETag that was read; If-None-Match: * for a first flag; If-Match: * for whatever there is)`)
	first := put("verify", "If-None-Match", "*")
	if first.Code != 200 || first.Header().Get("ETag") != `"1"` || first.Header().Get(headerVersion) != "1" {
		t.Fatalf("%d %v %s", first.Code, first.Header(), first.Body)
	}
	put("dual", "If-None-Match", "*").wantProblem(problemStale, "changed meanwhile: flag context-me is at version 1, not 0")
	read := r.do("GET", path, "").Header().Get("ETag")
	put("dual", "If-Match", read)
	put("passthrough", "If-Match", read).wantProblem(problemStale, "changed meanwhile: flag context-me is at version 2, not 1")
	if s := live.State(); s.Version != 2 || s.Flags[0].Stage != "dual" {
		t.Errorf("state %+v", s)
	}
	r.do("GET", path, "", "If-None-Match", read).want(200, `{"endpoint":"context-me","stage":"dual","changed":2}`)
	r.do("GET", path, "", "If-None-Match", `"2"`).want(304, "")

	// The same again is no change, and no mistake.
	again := put("dual", "If-Match", "*")
	if again.Code != 200 || again.field("changed") != false || again.Header().Get("ETag") != `"2"` {
		t.Errorf("%d %s", again.Code, again.Body)
	}
	// A dry run says what would be, and is not.
	dry := r.do("PUT", path+"?dry_run=true", `{"reason":"why","flag":{"stage":"flow_only"}}`, "If-Match", `"2"`)
	if dry.field("version") != json.Number("3") || dry.field("flag.stage") != "flow_only" || live.State().Version != 2 {
		t.Errorf("%d %s", dry.Code, dry.Body)
	}
}

// TestWhatStandsInTheWay: each refusal of the flags themselves, as a caller sees it.
func TestWhatStandsInTheWay(t *testing.T) {
	r, live := newLiveRig(t)
	put := func(endpoint, body string) answer {
		return r.do("PUT", "/api/v1/flags/"+endpoint, body, "If-Match", "*")
	}
	for _, tt := range []struct {
		name, endpoint, body string
		p                    problem
		parts                []string // of the answer; the texts are the flags' own
	}{
		{"no reason", "context-me", `{"reason":"","flag":{"stage":"verify"}}`, problemInvalid, []string{`"errors":[{"path":"reason","reason":`}},
		{"an unknown endpoint", "context-mee", `{"reason":"why","flag":{"stage":"verify"}}`, problemInvalid, []string{`\"context-me\"`}},
		{"another endpoint's flag", "context-me", `{"reason":"why","flag":{"endpoint":"default","stage":"verify"}}`, problemInvalid, []string{`{"path":"endpoint","line":1,`}},
		{"a stage that is skipped", "context-me", `{"reason":"why","flag":{"stage":"dual"}}`, problemOrder, []string{"from passthrough to dual at once"}},
		{"two mistakes", "context-me", `{"reason":"why","flag":{"stage":"daul","rules":[{"name":"a","stage":"dual","cohort":{"tenant":["t"]}}]}}`, problemInvalid,
			[]string{`{"path":"stage","line":1,"reason":`, `{"path":"rules[0].cohort.tenant","line":1,"reason":`}},
	} {
		got := put(tt.endpoint, tt.body)
		if d := tt.p.describe(); got.Code != d.status || !strings.Contains(got.Body.String(), problemTypePrefix+string(tt.p)) {
			t.Errorf("%s: %d %s, want %s", tt.name, got.Code, got.Body, tt.p)
		}
		for _, part := range tt.parts {
			if !strings.Contains(got.Body.String(), part) {
				t.Errorf("%s: no %s in %s", tt.name, part, got.Body)
			}
		}
	}
	if got := r.do("POST", "/api/v1/undo", `{"reason":"why","version":5}`); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if v := live.State().Version; v != 0 {
		t.Fatalf("changed to %d", v)
	}

	r.do("POST", "/api/v1/freezes", `{"reason":"why","name":"now","until":"2099-01-01T00:00:00Z"}`)
	frozen := put("context-me", `{"reason":"why","flag":{"stage":"verify"}}`)
	if frozen.Code != 423 {
		t.Errorf("in a freeze: %d %s", frozen.Code, frozen.Body)
	}
	if got := r.do("PUT", "/api/v1/kill", `{"reason":"fire"}`); got.Code != 200 || got.field("kill.by") != "root" {
		t.Errorf("kill in a freeze: %d %s", got.Code, got.Body)
	}
	got := r.do("POST", "/api/v1/explain", `{"path":"/api/v1/context/me"}`)
	if !strings.Contains(got.Body.String(), `"reason":"kill"`) || !strings.Contains(got.Body.String(), `"version":2`) {
		t.Errorf("explain: %s", got.Body)
	}
	r.do("GET", "/readyz?verbose", "").want(200, "readyz: ok\nflags: version 2\nstore: ok\nkill: on: everything is passthrough")
}
