package flags

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// said is what the rows of tables compare of a decision.
func said(d Decision) string {
	text := string(d.Stage) + " " + string(d.Reason) + " (" + d.Source
	if d.Rule != "" {
		text += ", " + d.Rule
	}
	return text + ")"
}

// TestPrecedence takes away what decides, one after the other, from a request that everything has a word for.
func TestPrecedence(t *testing.T) {
	settings := Settings{
		Endpoints: []string{"context-me", "login"},
		Command:   Static{Stage: Dual, Source: "flag --mode"},
		File: Layer{
			Default:   Static{Stage: Verify, Source: "proxy.yaml:3", Rules: []Rule{{"top", Cohort{Tenants: []string{"t1"}}, Dual}}},
			Endpoints: map[string]Static{"context-me": {Stage: FlowOnly, Source: "proxy.yaml:9", Rules: []Rule{{"own", Cohort{Tenants: []string{"t1"}}, Passthrough}}}},
		},
		Environment: Layer{
			Default:   Static{Stage: Dual, Source: "environment CROSSFADE_MODE"},
			Endpoints: map[string]Static{"context-me": {Stage: Verify, Source: "environment CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE"}},
		},
		Override: Override{Tenants: []string{"t1"}},
	}
	flags := []Flag{
		{Endpoint: "context-me", Stage: Verify, Rules: []Rule{{"pilot", Cohort{Tenants: []string{"t1"}}, Dual}}},
		{Endpoint: DefaultFlag, Stage: Dual, Rules: []Rule{{"pilot", Cohort{Tenants: []string{"t1"}}, FlowOnly}}},
	}
	flags[0].Window = &Window{Stage: FlowOnly, From: time.Now().Add(-time.Minute), Until: time.Now().Add(time.Minute)}
	state := State{Version: 7, Flags: flags, Kill: &Kill{By: "ann", Reason: "fire"}}
	r := request("X-Client-Account-Id", "t1", "Crossfade-Override", "flow_only")
	for _, row := range []struct {
		want string
		away func()
	}{
		{"passthrough kill (kill switch)", func() { state.Kill = nil }},
		{"flow_only override (header Crossfade-Override)", func() { delete(r.Header, "Crossfade-Override") }},
		{"flow_only window (flag context-me, brownout)", func() { flags[0].Window = nil }},
		{"dual rule (flag context-me, pilot)", func() { flags[0].Rules = nil }},
		{"verify flag (flag context-me)", func() { state.Flags = flags[1:] }},
		{"flow_only rule (flag default, pilot)", func() { flags[1].Rules = nil }},
		{"dual flag (flag default)", func() { state.Flags = nil }},
		{"dual command (flag --mode)", func() { settings.Command = Static{} }},
		{"passthrough file (proxy.yaml:9, own)", func() { settings.File.Endpoints["context-me"] = Static{Stage: FlowOnly, Source: "proxy.yaml:9"} }},
		{"flow_only file (proxy.yaml:9)", func() { settings.File.Endpoints = nil }},
		{"verify environment (environment CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE)", func() { settings.Environment.Endpoints = nil }},
		{"dual file (proxy.yaml:3, top)", func() { settings.File.Default.Rules = nil }},
		{"verify file (proxy.yaml:3)", func() { settings.File = Layer{} }},
		{"dual environment (environment CROSSFADE_MODE)", func() { settings.Environment = Layer{} }},
		{"passthrough default (built in)", func() {}},
	} {
		s := newSnapshot(state, true, &settings, nil, time.Now())
		d := s.decide(&r, "context-me")
		if got := said(d); got != row.want {
			t.Errorf("%s, want %s", got, row.want)
		}
		if d.Version != 7 {
			t.Errorf("%s: version %d", row.want, d.Version)
		}
		row.away()
	}
}

// TestSourcesWithoutAStage: a source whose rules do not take a request and that has no stage lets the next one speak.
func TestSourcesWithoutAStage(t *testing.T) {
	rules := []Rule{{"pilot", Cohort{Tenants: []string{"t1"}}, FlowOnly}}
	settings := Settings{Endpoints: []string{"context-me"},
		File:        Layer{Endpoints: map[string]Static{"context-me": {Rules: rules, Source: "proxy.yaml:9"}}},
		Environment: Layer{Default: Static{Stage: Dual, Source: "environment CROSSFADE_MODE"}}}
	s := newSnapshot(State{}, true, &settings, nil, time.Now())
	for tenant, want := range map[string]string{"t1": "flow_only file (proxy.yaml:9, pilot)", "t2": "dual environment (environment CROSSFADE_MODE)"} {
		r := request("X-Client-Account-Id", tenant)
		if got := said(s.decide(&r, "context-me")); got != want {
			t.Errorf("%s: %s, want %s", tenant, got, want)
		}
	}
}

// TestRulesForAll are for the endpoints that have none of their own.
func TestRulesForAll(t *testing.T) {
	own := []Rule{{"own", Cohort{Tenants: []string{"t1"}}, FlowOnly}}
	settings := Settings{Endpoints: []string{"context-me", "login"}, File: Layer{
		Default:   Static{Rules: []Rule{{"top", Cohort{Tenants: []string{"t2"}}, Dual}}, Stage: Verify, Source: "proxy.yaml:3"},
		Endpoints: map[string]Static{"context-me": {Rules: own, Source: "proxy.yaml:9"}}}}
	s := newSnapshot(State{}, true, &settings, nil, time.Now())
	r := request("X-Client-Account-Id", "t2")
	for endpoint, want := range map[string]string{"context-me": "verify file (proxy.yaml:3)", "login": "dual file (proxy.yaml:3, top)"} {
		if got := said(s.decide(&r, endpoint)); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
}

func TestNothingKnown(t *testing.T) {
	settings := Settings{Endpoints: []string{"context-me"}, Command: Static{Stage: FlowOnly, Source: "flag --mode"}}
	s := newSnapshot(State{}, false, &settings, nil, time.Now())
	r := request()
	if got, want := said(s.decide(&r, "context-me")), "passthrough unknown (no flags known yet)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := said(s.decide(&r, "gone")), "passthrough default (built in)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s = newSnapshot(State{}, true, &settings, &Kill{By: "ann"}, time.Now())
	if got, want := said(s.decide(&r, "context-me")), "passthrough kill (kill file)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestCohorts has requests that are in a cohort and some that are not.
func TestCohorts(t *testing.T) {
	yes, no := true, false
	token := func(payload string) Request { return request("Authorization", webToken(payload)) }
	from := func(address string) Request { return Request{Client: netip.MustParseAddr(address)} }
	for _, row := range []struct {
		name    string
		cohort  Cohort
		in, out []Request
	}{
		{"everybody", Cohort{}, []Request{request(), {}}, nil},
		{"tenant", Cohort{Tenants: []string{"t1", "t2"}},
			[]Request{request("X-Client-Account-Id", "t1"), request("X-Context-Client-Id", "t2"), request("Client-Account-Id", "t2"), request("X-Client-Id", "t1"),
				request("X-Client-Account-Id", " t1 ,t9"), request("X-Client-Account-Id", "", "X-Client-Id", "t1")},
			[]Request{request(), request("X-Client-Account-Id", "T1"), request("X-Client-Account-Id", "t9,t1"), request("X-Client-Account-Id", "t9", "X-Client-Id", "t1"), request("X-Engagement-Id", "t1")}},
		{"engagement", Cohort{Engagements: []string{"e1"}},
			[]Request{request("X-Engagement-Id", "e1"), request("X-Context-Engagement-Id", "e1"), request("Engagement-Id", "e1,e2")},
			[]Request{request(), request("X-Engagement-Id", "e2")}},
		{"user", Cohort{Users: []string{aUser}},
			[]Request{request("Authorization", "Bearer db-token-"+aUser+"-1"), token(`{"sub":"` + aUser + `"}`), request("X-User-Id", aUser), {User: aUser}},
			[]Request{request(), request("Authorization", "Bearer x"), {User: "u2"}}},
		{"all who have an unreadable token", Cohort{Users: []string{unreadable}},
			[]Request{request("Authorization", "Bearer x"), request("Authorization", "Bearer y")}, []Request{request()}},
		{"header is one of", Cohort{Headers: []Match{{Name: "x-channel", Values: []string{"beta", "dev"}}}},
			[]Request{request("X-Channel", "beta"), request("X-Channel", "x", "X-Channel", "dev")}, []Request{request(), request("X-Channel", "Beta")}},
		{"header begins with", Cohort{Headers: []Match{{Name: "X-Channel", Prefix: "be"}}}, []Request{request("X-Channel", "beta")}, []Request{request(), request("X-Channel", "abe")}},
		{"header is there", Cohort{Headers: []Match{{Name: "X-Channel", Present: &yes}}}, []Request{request("X-Channel", "")}, []Request{request()}},
		{"header is not there", Cohort{Headers: []Match{{Name: "X-Channel", Present: &no}}}, []Request{request()}, []Request{request("X-Channel", "")}},
		{"header is a version", Cohort{Headers: []Match{{Name: "X-App-Version", Version: ">= 2.3 < 4"}}},
			[]Request{request("X-App-Version", "2.3"), request("X-App-Version", "3.9.9")}, []Request{request(), request("X-App-Version", "2.3-rc.1"), request("X-App-Version", "latest")}},
		{"cookie", Cohort{Cookies: []Match{{Name: "beta", Values: []string{"1"}}}},
			[]Request{request("Cookie", "a=2; beta=1"), request("Cookie", `beta="1"`), request("Cookie", "a=2", "Cookie", "beta=1")}, []Request{request(), request("Cookie", "xbeta=1; beta=2; beta=1")}},
		{"cookie is not there", Cohort{Cookies: []Match{{Name: "beta", Present: &no}}}, []Request{request()}, []Request{request("Cookie", "beta=0")}},
		{"claim", Cohort{Claims: []Match{{Name: "role", Values: []string{"analyst"}}}},
			[]Request{token(`{"role":"analyst"}`), token(`{"role":["x","an\u0061lyst"]}`)},
			[]Request{request(), token(`{"role":"x"}`), token(`{"x":{"role":"analyst"}}`), token(`{"role":{"analyst":1}}`), token(`{"role":[["analyst"]]}`), request("Authorization", "Bearer x")}},
		{"claim that is no text", Cohort{Claims: []Match{{Name: "is_admin", Values: []string{"true"}}, {Name: "level", Values: []string{"1e3"}}}},
			[]Request{token(`{"is_admin":true,"level":1e3}`)}, []Request{token(`{"is_admin":false,"level":1e3}`), token(`{"is_admin":true,"level":1000}`)}},
		{"claim is there", Cohort{Claims: []Match{{Name: "a", Present: &yes}}}, []Request{token(`{"a":null}`)}, []Request{token(`{}`), request()}},
		{"claim is not there", Cohort{Claims: []Match{{Name: "a", Present: &no}}}, []Request{token(`{}`), request()}, []Request{token(`{"a":null}`)}},
		{"claim is a version", Cohort{Claims: []Match{{Name: "app", Version: ">= 2"}}}, []Request{token(`{"app":"2.1"}`), token(`{"app":2.1}`)}, []Request{token(`{"app":"1"}`)}},
		{"user agent", Cohort{UserAgents: []string{"okhttp/", "Mobile"}}, []Request{{Header: map[string][]string{"User-Agent": {"x okhttp/4"}}}}, []Request{request(), {}}},
		{"origin", Cohort{Origins: []string{"https://app.example.com"}}, []Request{request("Origin", "https://app.example.com")}, []Request{request(), request("Origin", "https://app.example.com:8443")}},
		{"network", Cohort{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}},
			[]Request{from("10.1.2.3"), from("::ffff:10.1.2.3"), from("2001:db8::1")}, []Request{from("11.0.0.1"), from("fe80::1%eth0"), {}}},
		{"all of several", Cohort{Tenants: []string{"t1"}, Headers: []Match{{Name: "X-Beta", Present: &yes}}, Share: share(All)},
			[]Request{request("X-Client-Account-Id", "t1", "X-Beta", "1")}, []Request{request("X-Client-Account-Id", "t1"), request("X-Beta", "1")}},
		{"share of all", Cohort{Share: share(All)}, []Request{request("X-User-Id", "u")}, []Request{request()}},
		{"share of none", Cohort{Share: share(0)}, nil, []Request{request("X-User-Id", "u"), request()}},
	} {
		f := Flag{Endpoint: "context-me", Stage: Passthrough, Rules: []Rule{{"it", row.cohort, Dual}}}
		l := liveWith(t, f)
		for i, r := range row.in {
			if d := l.Decide(r, "context-me"); d.Rule != "it" {
				t.Errorf("%s: request %d is not in: %+v", row.name, i, l.Explain(r, "context-me").Tried)
			}
		}
		for i, r := range row.out {
			if d := l.Decide(r, "context-me"); d.Rule != "" {
				t.Errorf("%s: request %d is in: %+v", row.name, i, l.Explain(r, "context-me").Tried)
			}
		}
	}
}

func TestWithoutAKey(t *testing.T) {
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Dual, Rules: []Rule{{"half", Cohort{Share: share(5000)}, FlowOnly}}})
	if d := l.Decide(request(), "context-me"); d.Stage != Dual || d.HasBucket {
		t.Errorf("a request without a key gets %s", said(d))
	}
	if err := l.SetSettings(Settings{Endpoints: []string{"context-me"}, WithoutKey: Verify}); err != nil {
		t.Fatal(err)
	}
	if got, want := said(l.Decide(request(), "context-me")), "verify rule (flag context-me, half)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestBucketInTheDecision: the share that was compared last is told, whether it took the caller or not.
func TestBucketInTheDecision(t *testing.T) {
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Dual, Journey: "web", Rules: []Rule{{"few", Cohort{Share: share(0)}, FlowOnly}}})
	d := l.Decide(request("X-User-Id", "u"), "context-me")
	if !d.HasBucket || d.Threshold != 0 || d.Bucket != Bucket("web", "u") {
		t.Errorf("bucket %d (%v) against %d, want %d against 0", d.Bucket, d.HasBucket, d.Threshold, Bucket("web", "u"))
	}
}

// TestJourneys: endpoints flip together, unless the settings or a flag say otherwise.
func TestJourneys(t *testing.T) {
	half := []Rule{{"half", Cohort{Share: share(5000)}, Dual}}
	l := liveWith(t, Flag{Endpoint: "a", Stage: Passthrough, Rules: half}, Flag{Endpoint: "b", Stage: Passthrough, Rules: half},
		Flag{Endpoint: "c", Stage: Passthrough, Rules: half}, Flag{Endpoint: "d", Stage: Passthrough, Rules: half, Journey: "own"})
	if err := l.SetSettings(Settings{Endpoints: []string{"a", "b", "c", "d"}, Journeys: map[string]string{"c": "other"}}); err != nil {
		t.Fatal(err)
	}
	differ := map[string]int{}
	for _, key := range keys(1000) {
		r := request("X-User-Id", key)
		a := l.Decide(r, "a").Stage
		for _, endpoint := range []string{"b", "c", "d"} {
			if l.Decide(r, endpoint).Stage != a {
				differ[endpoint]++
			}
		}
	}
	if differ["b"] != 0 || differ["c"] < 400 || differ["c"] > 600 || differ["d"] < 400 || differ["d"] > 600 {
		t.Errorf("of 1000 callers, so many get another stage than on endpoint a: %v", differ)
	}
}

func TestConsulted(t *testing.T) {
	tenant := strings.Join(tenantFields(), " ")
	for _, row := range []struct {
		name     string
		rules    []Rule
		override Override
		request  Request
		want     string
		private  bool
	}{
		{"no rule", nil, Override{}, request(), "", false},
		{"up to the rule that decides", []Rule{{"a", Cohort{Tenants: []string{"t1"}}, Dual}, {"b", Cohort{Users: []string{"u"}}, Dual}}, Override{}, request("X-Client-Account-Id", "t1"), tenant, false},
		{"all of them", []Rule{{"a", Cohort{Headers: []Match{{Name: "x-a", Prefix: "1"}, {Name: "X-A", Prefix: "2"}}}, Dual}, {"b", Cohort{Origins: []string{"https://a"}, UserAgents: []string{"x"}, Engagements: []string{"e"}}, Dual}}, Override{},
			request(), "X-A " + strings.Join(engagementFields(), " ") + " User-Agent Origin", false},
		{"a rule with a share was tried", []Rule{{"a", Cohort{Share: share(0)}, Dual}}, Override{}, request(), "Authorization " + strings.Join(userFields(), " ") + " " + tenant, true},
		{"claims", []Rule{{"a", Cohort{Claims: []Match{{Name: "x", Prefix: "1"}}}, Dual}}, Override{}, request(), "Authorization", true},
		{"cookies", []Rule{{"a", Cohort{Cookies: []Match{{Name: "x", Prefix: "1"}}}, Dual}}, Override{}, request(), "Cookie", true},
		{"networks", []Rule{{"a", Cohort{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, Dual}}, Override{}, request(), "", true},
		{"overrides are possible", nil, Override{Tenants: []string{"t1"}}, request(), "Crossfade-Override", false},
		{"an override was asked for in vain", nil, Override{Tenants: []string{"t1"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, request("Crossfade-Override", "dual"), "Crossfade-Override " + tenant, true},
		{"an override of another name", nil, Override{Header: "x-stage", Tenants: []string{"t1"}}, request("X-Stage", "dual", "X-Client-Account-Id", "t1"), "X-Stage " + tenant, false},
	} {
		l := liveWith(t, Flag{Endpoint: "context-me", Stage: Passthrough, Rules: row.rules})
		if err := l.SetSettings(Settings{Endpoints: []string{"context-me"}, Override: row.override}); err != nil {
			t.Fatal(err)
		}
		d := l.Decide(row.request, "context-me")
		if got := strings.Join(d.Consulted, " "); got != row.want || d.Private != row.private {
			t.Errorf("%s: consulted %q, private %v; want %q, %v", row.name, got, d.Private, row.want, row.private)
		}
	}
}

func TestOverrides(t *testing.T) {
	old, secret := []byte("an old secret of ours"), []byte("the secret that is used")
	soon := time.Now().Add(time.Hour)
	signed := SignOverride(secret, FlowOnly, "context-me", soon)
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Passthrough})
	err := l.SetSettings(Settings{Endpoints: []string{"context-me", "login"}, Override: Override{
		Tenants: []string{"t1"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Secrets: [][]byte{old, secret}}})
	if err != nil {
		t.Fatal(err)
	}
	const vain = "neither the client's network nor its client account may ask"
	for _, row := range []struct {
		name, value, tenant, address string
		want                         Stage
		why                          string
	}{
		{"plain, from the network", "dual", "", "10.1.1.1", Dual, "the client is in an allowed network"},
		{"plain, of the tenant", "dual", "t1", "192.0.2.1", Dual, "the client account is allowed"},
		{"plain, of nobody", "dual", "t2", "192.0.2.1", Passthrough, vain},
		{"plain, no stage", "Dual", "t1", "10.1.1.1", Passthrough, `unknown stage "Dual" (want passthrough, verify, dual or flow_only) (did you mean "dual"?)`},
		{"signed", signed, "", "192.0.2.1", FlowOnly, "signed, until " + clock(soon)},
		{"signed with the old secret", SignOverride(old, Dual, "*", soon), "", "192.0.2.1", Dual, "signed, until " + clock(soon)},
		{"signed by a stranger", SignOverride([]byte("a stranger's secret"), Dual, "*", soon), "t1", "10.1.1.1", Passthrough, "its signature is not ours"},
		{"signed, then changed", strings.Replace(signed, "until=", "until=9", 1), "", "192.0.2.1", Passthrough, "its signature is not ours"},
		{"signature cut", signed[:len(signed)-1], "", "192.0.2.1", Passthrough, "its signature is not ours"},
		{"signed for another endpoint", SignOverride(secret, Dual, "login", soon), "", "192.0.2.1", Passthrough, `it is for the endpoint "login"`},
		{"signed and over", SignOverride(secret, Dual, "*", time.Now().Add(-time.Second)), "", "192.0.2.1", Passthrough, "it has ended"},
		{"signed for too long", SignOverride(secret, Dual, "*", time.Now().Add(25*time.Hour)), "", "192.0.2.1", Passthrough, "it would hold for longer than 24h"},
		{"signed, no stage", SignOverride(secret, "off", "*", soon), "", "192.0.2.1", Passthrough, `unknown stage "off" (want passthrough, verify, dual or flow_only)`},
		{"signed, something else", "x" + signature + strings.Repeat("0", 64), "", "192.0.2.1", Passthrough, "its signature is not ours"},
		{"endless", strings.Repeat("x", 600), "t1", "10.1.1.1", Passthrough, "it is longer than 512 bytes"},
	} {
		r := request("Crossfade-Override", row.value, "X-Client-Account-Id", row.tenant)
		r.Client = netip.MustParseAddr(row.address)
		d := l.Decide(r, "context-me")
		if d.Stage != row.want {
			t.Errorf("%s: %s, want %s", row.name, said(d), row.want)
		}
		if d.Reason == ReasonOverride != (row.want != Passthrough) {
			t.Errorf("%s: reason %s", row.name, d.Reason)
		}
		if tried := l.Explain(r, "context-me").Tried[0]; tried.Why != row.why || tried.Source != "header Crossfade-Override" {
			t.Errorf("%s: explained as %+v, want %s", row.name, tried, row.why)
		}
	}
	members := SignOverride(secret, Dual, "a;until=1", soon)
	r := request("Crossfade-Override", members)
	if why := l.Explain(r, "context-me").Tried[0].Why; why != "it is not written as stage=…;endpoint=…;until=…" {
		t.Errorf("%s: %s", members, why)
	}
	if why := l.Explain(request(), "context-me").Tried[0].Why; why != "the request has none" {
		t.Errorf("without the header: %s", why)
	}
	if _, _, err := l.Change(context.Background(), SwitchKill{On: true}, Author{By: "ann", Reason: "fire"}, nil, false); err != nil {
		t.Fatal(err)
	}
	r = request("Crossfade-Override", signed)
	if d := l.Decide(r, "context-me"); d.Reason != ReasonKill {
		t.Errorf("an override goes through the kill switch: %s", said(d))
	}
	if tried := l.Explain(r, "context-me").Tried; len(tried) != 1 || !strings.HasSuffix(tried[0].Why, "Z by ann: fire") || tried[0].Source != "kill switch" {
		t.Errorf("the kill switch is explained as %+v", tried)
	}
}
