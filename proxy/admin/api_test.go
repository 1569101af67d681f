package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// TestChanges: each call is the change that it should be, in the name of the token's owner.
func TestChanges(t *testing.T) {
	from, until := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 20, 0, 0, time.UTC)
	seven := int64(7)
	base := newRig(t, calm())
	for _, tt := range []struct {
		name, call, body, match string
		want                    flags.Change
		seen                    *int64
	}{
		{"remove", "DELETE /api/v1/flags/context-me", `{"reason":"why"}`, `"7"`, flags.RemoveFlag{Endpoint: "context-me"}, &seven},
		{"remove whatever there is", "DELETE /api/v1/flags/default", `{"reason":"why"}`, "*", flags.RemoveFlag{Endpoint: "default"}, nil},
		{"ramp", "PUT /api/v1/flags/context-me/ramp", `{"reason":"why","rule":"all","steps":[{"share":0.5,"hold":"1h"},{"share":"100%"}]}`, `"7"`,
			flags.StartRamp{Endpoint: "context-me", Ramp: flags.Ramp{Rule: "all", Steps: []flags.Step{{Share: 50, Hold: flags.Hold(time.Hour)}, {Share: flags.All}}}}, &seven},
		{"pause", "POST /api/v1/flags/context-me/ramp/pause", `{"reason":"why"}`, "", flags.PauseRamp{Endpoint: "context-me"}, nil},
		{"resume", "POST /api/v1/flags/context-me/ramp/resume", `{"reason":"why"}`, "", flags.ResumeRamp{Endpoint: "context-me"}, nil},
		{"brownout until", "PUT /api/v1/flags/context-me/brownout", `{"reason":"why","from":"2030-01-01T00:00:00Z","until":"2030-01-01T00:20:00Z","stage":"dual","cohort":{"tenants":["t"]}}`, "",
			flags.StartBrownout{Endpoint: "context-me", Window: flags.Window{Stage: flags.Dual, Cohort: flags.Cohort{Tenants: []string{"t"}}, From: from, Until: until}}, nil},
		{"brownout for a while", "PUT /api/v1/flags/context-me/brownout", `{"reason":"why","from":"2030-01-01T00:00:00Z","for":"20m"}`, "",
			flags.StartBrownout{Endpoint: "context-me", Window: flags.Window{Stage: flags.FlowOnly, From: from, Until: until}}, nil},
		{"end", "DELETE /api/v1/flags/context-me/brownout", `{"reason":"why"}`, "", flags.EndBrownout{Endpoint: "context-me"}, nil},
		{"kill", "PUT /api/v1/kill", `{"reason":"why"}`, "", flags.SwitchKill{On: true}, nil},
		{"unkill", "DELETE /api/v1/kill", `{"reason":"why"}`, `"7"`, flags.SwitchKill{On: false}, &seven},
		{"freeze", "POST /api/v1/freezes", `{"reason":"why","name":"f","from":"2030-01-01T00:00:00Z","until":"2030-01-01T00:20:00Z"}`, "", flags.AddFreeze{Freeze: flags.Freeze{Name: "f", From: from, Until: until}}, nil},
		{"freeze from now on", "POST /api/v1/freezes", `{"reason":"why","name":"f","until":"2030-01-01T00:20:00Z"}`, "", flags.AddFreeze{Freeze: flags.Freeze{Name: "f", Until: until}}, nil},
		{"unfreeze", "DELETE /api/v1/freezes/end%20of%20year", `{"reason":"why"}`, "", flags.RemoveFreeze{Name: "end of year"}, nil},
		{"undo", "POST /api/v1/undo", `{"reason":"why","version":16}`, "", flags.Undo{Version: 16}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := calm()
			method, path, _ := strings.Cut(tt.call, " ")
			got := base.with(t, f).do(method, path, tt.body, "If-Match", tt.match)
			if got.Code != http.StatusOK || len(f.changes) != 1 {
				t.Fatalf("%d %s: %v", got.Code, got.Body, f.changes)
			}
			if !reflect.DeepEqual(f.changes[0], tt.want) || !reflect.DeepEqual(f.seen, tt.seen) || f.dryRun || f.author != (flags.Author{By: "root", Reason: "why"}) {
				t.Errorf("got %#v seen %v by %+v\nwant %#v", f.changes[0], f.seen, f.author, tt.want)
			}
			if got.field("changed") != true || got.field("dry_run") != false || got.field("entry.by") != "jo" || got.field("version") != json.Number("17") {
				t.Errorf("answer %s", got.Body)
			}
		})
	}
}

// TestChangeAnswers: what a change is answered with, by what came of it.
func TestChangeAnswers(t *testing.T) {
	f := calm()
	core, logs := observer.New(zap.InfoLevel)
	r := newRig(t, f, func(o *Options) { o.Logger = zap.New(core) })
	put := func(query string, header ...string) answer {
		return r.do("DELETE", "/api/v1/flags/context-me"+query, `{"reason":"why","force":true}`, header...)
	}

	got := put("", "If-Match", `"12"`)
	if got.Header().Get("ETag") != `"12"` || got.Header().Get("Crossfade-Flags-Version") != "17" || got.field("flag.stage") != "dual" || !f.author.Force {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
	if line := logs.FilterMessage("flags changed").All(); len(line) != 1 || line[0].ContextMap()["by"] != "jo" || line[0].ContextMap()["reason"] != "why" {
		t.Errorf("log %v", logs.All())
	}

	got = put("?dry_run=true", "If-Match", `"12"`)
	if !f.dryRun || got.field("dry_run") != true || got.Header().Get("ETag") != "" || logs.FilterMessage("flags changed").Len() != 1 {
		t.Errorf("dry run: %v %s", got.Header(), got.Body)
	}
	put("?dry_run=false", "If-Match", `"12"`)
	if f.dryRun {
		t.Error("dry_run=false is one")
	}

	f.err = flags.ErrNothing
	got = put("", "If-Match", `"12"`)
	if got.Code != 200 || got.field("changed") != false || got.field("entry") != nil || got.field("version") != json.Number("17") {
		t.Errorf("nothing to change: %d %s", got.Code, got.Body)
	}

	for _, tt := range []struct {
		err    error
		p      problem
		detail string
	}{
		{fmt.Errorf("freeze year until x: %w", flags.ErrFrozen), problemFrozen, "freeze year until x: frozen"},
		{fmt.Errorf("dual to passthrough: %w", flags.ErrOrder), problemOrder, "dual to passthrough: out of order"},
		{fmt.Errorf("flag is of version 13: %w", flags.ErrStale), problemStale, "flag is of version 13: changed meanwhile"},
		{fmt.Errorf("16: %w", flags.ErrNoEntry), problemNotFound, "16: no such entry"},
		{fmt.Errorf("disk full: %w", flags.ErrUnavailable), problemStore, "disk full: the store is not available"},
		{errors.Join(flags.ErrUnavailable, flags.ErrUnknown), problemOutcome, "the store is not available\nthe store went away while it wrote"},
		{fmt.Errorf("write: %w", context.DeadlineExceeded), problemOutcome, "write: context deadline exceeded"},
		{fmt.Errorf("3 < 17: %w", flags.ErrBehind), problemBehind, "3 < 17: the store is behind"},
		{flags.ErrElsewhere, problemElsewhere, "the flags are kept by another system: change them there"},
		{errors.New("secret cause"), problemInternal, "the log has the cause"},
		{&flags.Invalid{Path: "stage", Reason: "want one"}, problemInvalid, "stage: want one"},
	} {
		f.err = tt.err
		put("", "If-Match", `"12"`).wantProblem(tt.p, tt.detail)
	}
	f.err = fmt.Errorf("flag: %w", errors.Join(&flags.Invalid{Path: "stage", Reason: "a"}, fmt.Errorf("x: %w", &flags.Invalid{Path: "rules[1].name", Line: 3, Reason: "b"})))
	got = put("", "If-Match", `"12"`)
	if !strings.HasSuffix(got.Body.String(), `"errors":[{"path":"stage","reason":"a"},{"path":"rules[1].name","line":3,"reason":"b"}]}`+"\n") {
		t.Errorf("several faults: %s", got.Body)
	}
}

// TestCallerLeaves: a change goes on without whoever asked for it.
func TestCallerLeaves(t *testing.T) {
	f := calm()
	r := newRig(t, f)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	request := httptest.NewRequestWithContext(ctx, "PUT", "/api/v1/kill", strings.NewReader(`{"reason":"fire"}`))
	request.Host = "localhost"
	request.Header.Set("Authorization", "Bearer "+operateSecret)
	request.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	if w.Code != http.StatusOK || len(f.changes) != 1 || f.ctxErr != nil {
		t.Errorf("%d %s, %v", w.Code, w.Body, f.ctxErr)
	}
}

// TestConditions: what a writer says to have seen.
func TestConditions(t *testing.T) {
	zero, many := int64(0), int64(120)
	base := newRig(t, calm())
	for _, tt := range []struct {
		name   string
		header []string
		seen   *int64
		p      problem
		detail string
	}{
		{"nothing", nil, nil, problemVersion, `neither If-Match nor If-None-Match is there (want If-Match: "17", the ETag that was read; If-None-Match: * for a first flag; If-Match: * for whatever there is)`},
		{"a version", []string{"If-Match", `"120"`}, &many, "", ""},
		{"any", []string{"If-Match", "*"}, nil, "", ""},
		{"none yet", []string{"If-None-Match", "*"}, &zero, "", ""},
		{"a weak one", []string{"If-Match", `W/"120"`}, nil, problemParameter, `If-Match is W/"120" (want one ETag of this API, like "17", or *)`},
		{"without quotes", []string{"If-Match", `120`}, nil, problemParameter, `If-Match is 120 (want one ETag of this API, like "17", or *)`},
		{"two", []string{"If-Match", `"1", "2"`}, nil, problemParameter, `If-Match is "1", "2" (want one ETag of this API, like "17", or *)`},
		{"two lines", []string{"If-Match", `"1"`, "If-Match", `"2"`}, nil, problemParameter, `If-Match is "1", "2" (want one ETag of this API, like "17", or *)`},
		{"below zero", []string{"If-Match", `"-1"`}, nil, problemParameter, `If-Match is "-1" (want one ETag of this API, like "17", or *)`},
		{"not this one", []string{"If-None-Match", `"1"`}, nil, problemParameter, `If-None-Match is "1" (a change takes * alone: there must be none yet)`},
		{"both", []string{"If-Match", "*", "If-None-Match", "*"}, nil, problemParameter, "If-Match and If-None-Match at once (want one of them)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := calm()
			got := base.with(t, f).do("DELETE", "/api/v1/flags/context-me", `{"reason":"why"}`, tt.header...)
			if tt.p != "" {
				got.wantProblem(tt.p, tt.detail)
				if len(f.changes) > 0 {
					t.Errorf("changed: %v", f.changes)
				}
			} else if got.Code != 200 || !reflect.DeepEqual(f.seen, tt.seen) {
				t.Errorf("%d, seen %v, want %v", got.Code, f.seen, tt.seen)
			}
		})
	}
}

// TestParameters: a parameter that means nothing changes nothing.
func TestParameters(t *testing.T) {
	f := calm()
	r := newRig(t, f)
	for _, tt := range []struct{ method, target, detail string }{
		{"PUT", "/api/v1/kill?dryrun=true", `unknown parameter "dryrun" (want dry_run)`},
		{"PUT", "/api/v1/kill?dry_run=yes", `dry_run is "yes" (want true or false)`},
		{"PUT", "/api/v1/kill?dry_run=false&dry_run=true", `parameter dry_run is there 2 times`},
		{"PUT", "/api/v1/kill?dry_run=%zz", `the query cannot be read: invalid URL escape "%zz"`},
		{"GET", "/api/v1/flags?limit=1", `unknown parameter "limit" (want none)`},
		{"GET", "/api/v1/history?limit=0", `limit is "0" (want a number from 1 to 1000)`},
		{"GET", "/api/v1/history?limit=1001", `limit is "1001" (want a number from 1 to 1000)`},
		{"GET", "/api/v1/history?before=x", `before is "x" (want a number from 1 to 4611686018427387904)`},
	} {
		body := ""
		if tt.method == "PUT" {
			body = `{"reason":"why"}`
		}
		r.do(tt.method, tt.target, body).wantProblem(problemParameter, tt.detail)
	}
	if len(f.changes) > 0 {
		t.Errorf("changed: %v", f.changes)
	}
	for body, detail := range map[string]string{
		`{"reason":"why"}`: `want either "for", like "20m", or "until"`,
		`{"reason":"why","for":"20m","until":"2030-01-01T00:20:00Z"}`: `want either "for", like "20m", or "until"`,
		`{"reason":"why","for":"-20m"}`:                               `want either "for", like "20m", or "until"`,
		`{"reason":"why","for":"soon"}`:                               `want a duration such as 30s, 20m or 1h30m, got "soon"`,
	} {
		r.do("PUT", "/api/v1/flags/context-me/brownout", body).wantProblem(problemBody, detail)
	}
	r.do("PUT", "/api/v1/flags/context-me", `{"reason":"why"}`, "If-Match", "*").wantProblem(problemBody, `no "flag" (want one like {"stage": "dual"})`)
}

// TestLooking: the whole text of what can be looked at.
func TestLooking(t *testing.T) {
	f := calm()
	r := newRig(t, f)
	r.do("GET", "/api/v1/flags", "").want(200, `{"version":17,"flags":[{"endpoint":"context-me","stage":"dual","changed":12}]}`)
	r.do("GET", "/api/v1/flags/context-me", "").want(200, `{"endpoint":"context-me","stage":"dual","changed":12}`)
	r.do("GET", "/api/v1/flags/context-me", "", "If-None-Match", `"12"`).want(304, "")
	r.do("GET", "/api/v1/flags", "", "If-None-Match", `"16"`).want(200, `{"version":17,"flags":[{"endpoint":"context-me","stage":"dual","changed":12}]}`)
	r.do("GET", "/api/v1/flags/flow-list", "").wantProblem(problemNotFound, "endpoint flow-list has no flag; its stage comes from the flag default, proxy.yaml or the environment")
	r.do("GET", "/api/v1/flags/default", "").wantProblem(problemNotFound, "endpoint default has no flag; its stage comes from the flag default, proxy.yaml or the environment")
	r.do("GET", "/api/v1/flags/context-mee", "").wantProblem(problemNotFound, `no endpoint is called "context-mee" (GET /api/v1/endpoints lists them)`)
	r.do("GET", "/api/v1/endpoints", "").want(200, `{"version":17,"endpoints":[`+
		`{"name":"context-me","summary":"Who am I.","method":"GET","routes":[{"session":"/api/v1/context/me","flow":"/api/v1/context/me"}],"journey":"context","stage":"verify","reason":"rule","source":"flag context-me","flag":true},`+
		`{"name":"flow-list","method":"GET","routes":[{"session":"/api/sessions","flow":"/api/flows"}],"stage":"verify","reason":"rule","source":"flag flow-list","flag":false}]}`)
	r.do("GET", "/api/v1/kill", "").want(200, `{"on":false,"kill_file":false,"version":17}`)
	r.do("GET", "/api/v1/freezes", "").want(200, `{"version":17,"freezes":[]}`)
	r.do("GET", "/api/v1/config", "").want(200, `{"settings":[{"key":"mode","value":"dual","source":"proxy.yaml:3"},`+
		`{"key":"flags.store","value":"(hidden)","source":"environment","secret":true},{"key":"empty","value":"","source":"default","secret":true}]}`)
	r.do("GET", "/api/v1/status", "").want(200, `{"build":"v1","started":"2030-01-02T03:04:05Z","contract_revision":"abc","in_flight":3,"body_memory_bytes":0,"ready":"ok","version":17,"known":true,"kill_file":false,`+
		`"store":{"reachable":true,"since":"2030-01-01T00:00:00Z","contact":"2030-01-01T00:00:00Z"}}`)

	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	f.health = flags.Health{Err: "connection refused", Kill: &flags.Kill{At: at, By: "jo", Reason: "fire"}, KillFile: true}
	f.state.Freezes = []flags.Freeze{{Name: "year", From: at, Until: at.Add(time.Hour)}}
	r.do("GET", "/api/v1/kill", "").want(200, `{"on":true,"kill_file":true,"kill":{"at":"2030-01-01T00:00:00Z","by":"jo","reason":"fire"},"version":0}`)
	r.do("GET", "/api/v1/freezes", "").want(200, `{"version":17,"freezes":[{"name":"year","from":"2030-01-01T00:00:00Z","until":"2030-01-01T01:00:00Z"}]}`)
	got := r.do("GET", "/api/v1/status", "")
	if got.field("known") != false || got.field("store.error") != "connection refused" || got.field("store.contact") != nil || got.field("kill.reason") != "fire" {
		t.Errorf("status %s", got.Body)
	}
}

// TestHistory goes through pages.
func TestHistory(t *testing.T) {
	f := calm()
	for v := int64(300); v > 0; v-- {
		e := f.entry
		e.Version = v
		f.entries = append(f.entries, e)
	}
	r := newRig(t, f)
	got := r.do("GET", "/api/v1/history", "")
	if entries, _ := got.field("entries").([]any); len(entries) != 100 || got.field("next_before") != json.Number("201") {
		t.Errorf("%d entries, next %v", len(entries), got.field("next_before"))
	}
	got = r.do("GET", "/api/v1/history?endpoint=context-me&before=201&limit=299", "")
	if entries, _ := got.field("entries").([]any); len(entries) != 299 || got.field("next_before") != json.Number("2") || f.query != (flags.Query{Endpoint: "context-me", Before: 201, Limit: 300}) {
		t.Errorf("%d entries, next %v, query %+v", len(entries), got.field("next_before"), f.query)
	}
	f.entries = f.entries[:1]
	if got = r.do("GET", "/api/v1/history?limit=1", ""); got.field("next_before") != nil {
		t.Errorf("a next page: %s", got.Body)
	}
	f.entries = nil
	r.do("GET", "/api/v1/history", "").want(200, `{"entries":[]}`)
	f.err = flags.ErrUnavailable
	r.do("GET", "/api/v1/history", "").wantProblem(problemStore, "the store is not available")
}

const explanationOfMe = `{"endpoint":"context-me","mode":"passthrough","stage":"verify","reason":"rule","source":"flag context-me","rule":"pilots","bucket":7,"threshold":9,` +
	`"key":"u","key_from":"token","consulted":["X-Engagement-Id"],"private":false,"tried":[{"source":"kill switch","says":false,"why":"it is off"},` +
	`{"source":"flag context-me","rule":"pilots","stage":"verify","says":true,"why":"bucket 7 is below 9"}]}`

func TestExplain(t *testing.T) {
	f := calm()
	r := newRig(t, f)
	ask := func(body string) answer { return r.do("POST", "/api/v1/explain", body) }

	ask(`{"endpoint":"context-me","user":"u","client":"192.0.2.7","headers":{"x-engagement-id":"e","Accept":["a","b"]}}`).want(200, `{"version":17,"explanations":[`+explanationOfMe+`]}`)
	want := flags.Request{Header: map[string][]string{"X-Engagement-Id": {"e"}, "Accept": {"a", "b"}}, Client: netip.MustParseAddr("192.0.2.7"), User: "u"}
	if !reflect.DeepEqual(f.asked, want) {
		t.Errorf("asked with %+v, want %+v", f.asked, want)
	}
	ask(`{"path":"/api/v1/context/me"}`).want(200, `{"version":17,"explanations":[`+strings.Replace(explanationOfMe, `"mode"`, `"route":"/api/v1/context/me","side":"both","mode"`, 1)+`]}`)
	ask(`{"path":"/static/app.js","method":"POST"}`).want(200, `{"version":17,"note":"no endpoint has this route: it passes untouched","explanations":[]}`)
	if all, _ := ask(`{}`).field("explanations").([]any); len(all) != 2 {
		t.Errorf("%d explanations", len(all))
	}
	ask(`{"endpoint":"nothing"}`).wantProblem(problemNotFound, `no endpoint is called "nothing" (GET /api/v1/endpoints lists them)`)
	ask(`{"endpoint":"context-me","path":"/x"}`).wantProblem(problemBody, `want either "path" or "endpoint"`)
	ask(`{"headers":{"accept":"a","Accept":"b"}}`).wantProblem(problemBody, `header Accept is there twice (want a list of values)`)
	ask(`{"client":"nowhere"}`).wantProblem(problemBody, `ParseAddr("nowhere"): unable to parse IP`)
	if len(f.changes) > 0 {
		t.Errorf("changed: %v", f.changes)
	}
}

// TestExplainSeen: requests that were seen, newest first, as long as there is room for them.
func TestExplainSeen(t *testing.T) {
	r := newRig(t, calm())
	ask := func(id string) answer { return r.do("POST", "/api/v1/explain", `{"request_id":"`+id+`"}`) }
	r.recent.Observe(proxy.Record{RequestID: "a", Method: "GET", Endpoint: "context-me", Route: "/me", Side: "both", Mode: proxy.Dual, Stage: "dual", Reason: "rule", Source: "flag context-me", Rule: "pilots",
		Bucket: 0, Threshold: 9, HasBucket: true, Version: 3, Status: 200, Outcome: proxy.Answered, RequestFallback: proxy.FallbackRequest})
	r.recent.Observe(proxy.Record{RequestID: "b", Method: "GET", Status: 200, Outcome: proxy.Answered}) // no endpoint
	r.recent.Observe(proxy.Record{RequestID: "a", Method: "GET", Endpoint: "context-me", Route: "/me", Side: "both", Mode: proxy.FlowOnly, Reason: "default", Status: 502, Outcome: proxy.Refused, Problem: "unmappable"})
	ask("a").want(200, `{"version":17,"note":"what was decided; the headers that it was decided by are not kept","explanations":[],"requests":[`+
		`{"at":"2030-01-02T03:04:05Z","request_id":"a","method":"GET","endpoint":"context-me","route":"/me","side":"both","mode":"flow_only","reason":"default","version":0,"status":502,"outcome":"refused","problem":"unmappable"},`+
		`{"at":"2030-01-02T03:04:05Z","request_id":"a","method":"GET","endpoint":"context-me","route":"/me","side":"both","mode":"dual","stage":"dual","reason":"rule","source":"flag context-me","rule":"pilots","bucket":0,"threshold":9,"version":3,"status":200,"outcome":"answered","fallback":"request-unmappable"}]}`)
	ask("b").wantProblem(problemNotFound, `no request "b" is remembered: too many came after it, another replica served it, or it was for no endpoint`)
	for range 3 {
		r.recent.Observe(proxy.Record{RequestID: "c", Method: "GET", Endpoint: "context-me", Side: "both", Mode: proxy.Dual, Outcome: proxy.Answered})
	}
	if seen, _ := ask("a").field("requests").([]any); len(seen) != 1 {
		t.Errorf("%d requests are remembered", len(seen))
	}
	r = newRig(t, calm(), func(o *Options) { o.Recent = nil })
	if got := r.do("POST", "/api/v1/explain", `{"request_id":"a"}`); got.Code != 404 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestRecentCosts: remembering a request allocates nothing.
func TestRecentCosts(t *testing.T) {
	recent := NewRecent(16, nil)
	rec := proxy.Record{RequestID: "a", Endpoint: "context-me", HasBucket: true}
	if n := testing.AllocsPerRun(100, func() { recent.Observe(rec) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestRecentManners: requests that have little in common are told apart, however many there are.
func TestRecentManners(t *testing.T) {
	const n = maxManners + 100
	recent := NewRecent(2*n, nil)
	for i := range 2 * n { // each manner twice, never one after the other
		text := strconv.Itoa(i)
		recent.Observe(proxy.Record{RequestID: text, Method: "GET", Endpoint: "context-me", Rule: "rule " + strconv.Itoa(i%n), Status: i})
	}
	if len(recent.seen) > maxManners {
		t.Errorf("%d manners are kept", len(recent.seen))
	}
	for i := 0; i < 2*n; i += 97 {
		found := recent.find(strconv.Itoa(i))
		if len(found) != 1 || found[0].Rule != "rule "+strconv.Itoa(i%n) || found[0].Status != i || found[0].Method != http.MethodGet {
			t.Fatalf("request %d: got %+v", i, found)
		}
	}
}

func BenchmarkRecent(b *testing.B) {
	recent := NewRecent(1024, nil)
	rec := proxy.Record{RequestID: "a", Endpoint: "context-me", HasBucket: true}
	for b.Loop() {
		recent.Observe(rec)
	}
}
