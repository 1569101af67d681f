package ofrep

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

func endpoints() []string { return []string{"context-me", "flow-list"} }

// asker is a handler whose decider keeps what it was asked.
type asker struct {
	http.Handler
	asked    flags.Request
	decision flags.Decision
}

func newAsker(tb testing.TB, own func(*http.Request) netip.Addr) *asker {
	tb.Helper()
	a := &asker{decision: flags.Decision{Stage: flags.Dual, Reason: flags.ReasonFlag, Source: "flag default", Version: 7}}
	h, err := New(Options{
		Decide: func(r flags.Request, _ string) flags.Decision {
			a.asked = r
			return a.decision
		},
		Endpoints: endpoints, Own: own,
	})
	if err != nil {
		tb.Fatal(err)
	}
	a.Handler = h
	return a
}

func ask(tb testing.TB, h http.Handler, target, body string, header ...string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, "/ofrep/v1/evaluate/flags"+target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func want(tb testing.TB, w *httptest.ResponseRecorder, status int, body string) {
	tb.Helper()
	if got := strings.TrimSuffix(w.Body.String(), "\n"); w.Code != status || got != body {
		tb.Errorf("got  %d %s\nwant %d %s", w.Code, got, status, body)
	}
}

// TestWords: each decision in OpenFeature's words, with ours beside them.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		name     string
		decision flags.Decision
		want     string
	}{
		{"a flag", flags.Decision{Stage: flags.Dual, Reason: flags.ReasonFlag, Source: "flag default", Version: 7},
			`"value":"dual","variant":"dual","reason":"STATIC","metadata":{"reason":"flag","source":"flag default","version":7}`},
		{"verify is passthrough", flags.Decision{Stage: flags.Verify, Reason: flags.ReasonFile, Source: "proxy.yaml:3"},
			`"value":"passthrough","variant":"verify","reason":"STATIC","metadata":{"reason":"file","source":"proxy.yaml:3","version":0}`},
		{"a rule", flags.Decision{Stage: flags.FlowOnly, Reason: flags.ReasonRule, Source: "flag context-me", Rule: "pilots", Version: 7},
			`"value":"flow_only","variant":"flow_only","reason":"TARGETING_MATCH","metadata":{"reason":"rule","source":"flag context-me","rule":"pilots","version":7}`},
		{"a rule of the file", flags.Decision{Stage: flags.FlowOnly, Reason: flags.ReasonFile, Source: "proxy.yaml:9", Rule: "pilots"},
			`"value":"flow_only","variant":"flow_only","reason":"TARGETING_MATCH","metadata":{"reason":"file","source":"proxy.yaml:9","rule":"pilots","version":0}`},
		{"in a share", flags.Decision{Stage: flags.Dual, Reason: flags.ReasonRule, Source: "flag context-me", Rule: "tenth", Bucket: 0, Threshold: 9, HasBucket: true},
			`"value":"dual","variant":"dual","reason":"SPLIT","metadata":{"reason":"rule","source":"flag context-me","rule":"tenth","bucket":0,"threshold":9,"version":0}`},
		{"out of a share", flags.Decision{Stage: flags.Dual, Reason: flags.ReasonFlag, Source: "flag context-me", Bucket: 10, Threshold: 9, HasBucket: true},
			`"value":"dual","variant":"dual","reason":"SPLIT","metadata":{"reason":"flag","source":"flag context-me","bucket":10,"threshold":9,"version":0}`},
		{"a brownout", flags.Decision{Stage: flags.FlowOnly, Reason: flags.ReasonWindow, Source: "flag context-me"},
			`"value":"flow_only","variant":"flow_only","reason":"TARGETING_MATCH","metadata":{"reason":"window","source":"flag context-me","version":0}`},
		{"an override", flags.Decision{Stage: flags.FlowOnly, Reason: flags.ReasonOverride, Source: "Crossfade-Override"},
			`"value":"flow_only","variant":"flow_only","reason":"TARGETING_MATCH","metadata":{"reason":"override","source":"Crossfade-Override","version":0}`},
		{"killed", flags.Decision{Stage: flags.Passthrough, Reason: flags.ReasonKill, Source: "kill switch"},
			`"value":"passthrough","variant":"passthrough","reason":"DISABLED","metadata":{"reason":"kill","source":"kill switch","version":0}`},
		{"default", flags.Decision{Stage: flags.Passthrough, Reason: flags.ReasonDefault, Source: "default"},
			`"value":"passthrough","variant":"passthrough","reason":"DEFAULT","metadata":{"reason":"default","source":"default","version":0}`},
		{"not known yet", flags.Decision{Stage: flags.Passthrough, Reason: flags.ReasonUnknown, Source: "unknown"},
			`"value":"passthrough","variant":"passthrough","reason":"UNKNOWN","metadata":{"reason":"unknown","source":"unknown","version":0}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAsker(t, nil)
			a.decision = tt.decision
			want(t, ask(t, a, "/context-me", `{"context":{"targetingKey":"u"}}`), 200, `{"key":"context-me",`+tt.want+`}`)
		})
	}
}

// TestBulk: everything at once, and nothing while nothing has changed for this context.
func TestBulk(t *testing.T) {
	a := newAsker(t, nil)
	got := ask(t, a, "", `{"context":{"targetingKey":"u"}}`)
	const me = `{"key":"context-me","value":"dual","variant":"dual","reason":"STATIC","metadata":{"reason":"flag","source":"flag default","version":7}}`
	want(t, got, 200, `{"flags":[`+me+`,`+strings.Replace(me, "context-me", "flow-list", 1)+`]}`)
	tag := got.Header().Get("ETag")
	a.decision.Version = 8 // a flag changed, for somebody else
	want(t, ask(t, a, "", `{}`, "If-None-Match", tag), 304, "")
	a.decision.Stage = flags.FlowOnly
	if again := ask(t, a, "", `{}`, "If-None-Match", tag); again.Code != 200 || again.Header().Get("ETag") == tag {
		t.Errorf("%d %s", again.Code, again.Header().Get("ETag"))
	}
}

// TestContext: what a context says is what is decided about.
func TestContext(t *testing.T) {
	a := newAsker(t, nil)
	ask(t, a, "/context-me", `{"context":{"targetingKey":"u","tenant":"t","engagement":"e","userAgent":"ua","origin":"https://o","client":"192.0.2.7",
		"headers":{"x-app-version":"2.3","x-engagement-id":"other"},"plan":{"anything":["else"]}}}`, "Authorization", "Bearer token-of-the-caller")
	asked := flags.Request{User: "u", Client: netip.MustParseAddr("192.0.2.7"), Header: map[string][]string{
		"X-Client-Account-Id": {"t"}, "X-Engagement-Id": {"e"}, "User-Agent": {"ua"}, "Origin": {"https://o"}, "X-App-Version": {"2.3"},
	}}
	if !reflect.DeepEqual(a.asked, asked) {
		t.Errorf("asked %+v\nwant  %+v", a.asked, asked)
	}
	want(t, ask(t, a, "/context-me", ""), 200, `{"key":"context-me","value":"dual","variant":"dual","reason":"STATIC","metadata":{"reason":"flag","source":"flag default","version":7}}`)
	if !reflect.DeepEqual(a.asked, flags.Request{Header: map[string][]string{}}) {
		t.Errorf("asked %+v", a.asked)
	}

	a = newAsker(t, func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.9") })
	ask(t, a, "/context-me", `{"context":{"tenant":"t"}}`, "Authorization", "Bearer token-of-the-caller", "X-Client-Account-Id", "other")
	asked = flags.Request{Client: netip.MustParseAddr("192.0.2.9"), Header: map[string][]string{
		"Authorization": {"Bearer token-of-the-caller"}, "Content-Type": {"application/json"}, "X-Client-Account-Id": {"t"},
	}}
	if !reflect.DeepEqual(a.asked, asked) {
		t.Errorf("asked %+v\nwant  %+v", a.asked, asked)
	}
}

// TestRefusals are in the protocol's own form.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, target, body, kind string
		status                   int
		want                     string
	}{
		{"no such endpoint", "/nothing", `{}`, "application/json", 404, `{"key":"nothing","errorCode":"FLAG_NOT_FOUND","errorDetails":"no endpoint is called \"nothing\""}`},
		{"no JSON", "/context-me", `x`, "application/json", 400, `{"key":"context-me","errorCode":"PARSE_ERROR","errorDetails":"the body: invalid character 'x' looking for beginning of value"}`},
		{"no JSON, of all", "", `[]`, "application/json", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"the body: it is a JSON array (want an object)"}`},
		{"not said to be JSON", "", `{}`, "text/plain", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"Content-Type is \"text/plain\" (want application/json)"}`},
		{"too large", "", `{"context":{"x":"` + strings.Repeat("x", maxBody) + `"}}`, "application/json", 400, `{"errorCode":"PARSE_ERROR","errorDetails":"the body broke off or has more than 65536 bytes"}`},
		{"a key that is no text", "/context-me", `{"context":{"targetingKey":7}}`, "application/json", 400, `{"key":"context-me","errorCode":"INVALID_CONTEXT","errorDetails":"context: member targetingKey is a JSON number (want a text)"}`},
		{"a context that is no object", "", `{"context":"x"}`, "application/json", 400, `{"errorCode":"INVALID_CONTEXT","errorDetails":"context: it is a JSON string (want an object)"}`},
		{"an address that is none", "", `{"context":{"client":"here"}}`, "application/json", 400, `{"errorCode":"INVALID_CONTEXT","errorDetails":"context: ParseAddr(\"here\"): unable to parse IP"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, ask(t, newAsker(t, nil), tt.target, tt.body, "Content-Type", tt.kind), tt.status, tt.want)
		})
	}
	if _, err := New(Options{Endpoints: endpoints}); err == nil || err.Error() != "want somebody who decides, and the endpoints that there are" {
		t.Errorf("got %v", err)
	}
}

// TestSameAsRequests: what a frontend is told here is what its requests get.
func TestSameAsRequests(t *testing.T) {
	share := flags.Share(5000)
	live, err := flags.Open(t.Context(), flags.LiveOptions{Settings: flags.Settings{Endpoints: endpoints(), File: flags.Layer{Default: flags.Static{
		Rules: []flags.Rule{{Name: "half", Stage: flags.Dual, Cohort: flags.Cohort{Share: &share}}}, Stage: flags.Passthrough, Source: "proxy.yaml:3"}}}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Options{Decide: live.Decide, Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	modes := map[bool]int{}
	for _, user := range []string{"11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", "33333333-3333-3333-3333-333333333333",
		"44444444-4444-4444-4444-444444444444", "55555555-5555-5555-5555-555555555555", "66666666-6666-6666-6666-666666666666"} {
		d := live.Decide(flags.Request{Header: map[string][]string{"Authorization": {"Bearer db-token-" + user + "-0badcafe"}}}, "context-me")
		got := ask(t, h, "/context-me", `{"context":{"targetingKey":"`+user+`"}}`)
		dual := strings.Contains(got.Body.String(), `"value":"dual"`)
		if dual != (d.Stage == flags.Dual) || !strings.Contains(got.Body.String(), `"reason":"SPLIT"`) {
			t.Errorf("%s: %s, and its requests get %+v", user, got.Body, d)
		}
		modes[dual]++
	}
	if len(modes) != 2 {
		t.Errorf("no split at all: %v", modes)
	}
}
