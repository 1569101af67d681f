package flags

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestExplanation(t *testing.T) {
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Verify, Rules: []Rule{
		{"tenants", Cohort{Tenants: []string{"t1"}}, Dual},
		{"beta", Cohort{Headers: []Match{{Name: "X-App-Version", Version: ">= 2.3"}}}, Dual},
		{"few", Cohort{Share: share(0)}, FlowOnly},
	}})
	r := request("X-Client-Account-Id", "t9", "X-App-Version", "2.2", "Authorization", "Bearer db-token-"+aUser+"-1")
	bucket := Bucket(DefaultJourney, aUser)
	want := Explanation{
		Endpoint: "context-me", Key: aUser, KeyFrom: "token",
		Tried: []Trial{
			{Source: "flag context-me", Rule: "tenants", Stage: Dual, Why: `client account "t9" is not in the list of 1`},
			{Source: "flag context-me", Rule: "beta", Stage: Dual, Why: "header X-App-Version does not match"},
			{Source: "flag context-me", Rule: "few", Stage: FlowOnly, Why: fmt.Sprintf("bucket %d of journey migration is not below 0", bucket)},
			{Source: "flag context-me", Stage: Verify, Says: true, Why: "everybody"},
		},
		Decision: Decision{Stage: Verify, Reason: ReasonFlag, Source: "flag context-me", Bucket: bucket, HasBucket: true, Version: 1, Private: true,
			Consulted: strings.Fields(strings.Join(tenantFields(), " ") + " X-App-Version Authorization " + strings.Join(userFields(), " "))},
	}
	if diff := cmp.Diff(want, l.Explain(r, "context-me")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	x := l.Explain(r, "nobody")
	if want := (Trial{Source: "built in", Stage: Passthrough, Says: true, Why: "there is no such endpoint"}); len(x.Tried) != 1 || x.Tried[0] != want {
		t.Errorf("an unknown endpoint: %+v", x)
	}
}

// TestWhys has each half sentence that says why a cohort does not take a request.
func TestWhys(t *testing.T) {
	for _, row := range []struct {
		cohort  Cohort
		request Request
		want    string
	}{
		{Cohort{Tenants: []string{"a"}}, request(), "the request names no client account"},
		{Cohort{Engagements: []string{"a"}}, request("X-Engagement-Id", "b"), `engagement "b" is not in the list of 1`},
		{Cohort{Users: []string{"a"}}, request(), "the request names no user"},
		{Cohort{Users: []string{"a", "b"}}, request("X-User-Id", "c"), `user "c" is not in the list of 2`},
		{Cohort{Cookies: []Match{{Name: "a", Prefix: "b"}}}, request("Cookie", "a=secret"), "cookie a does not match"},
		{Cohort{Claims: []Match{{Name: "a", Prefix: "b"}}}, request(), "claim a does not match"},
		{Cohort{UserAgents: []string{"a", "b"}}, Request{}, "the user agent has none of a, b in it"},
		{Cohort{Origins: []string{"https://a"}}, request(), "the origin is not in the list"},
		{Cohort{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, request(), "the client's address 192.0.2.7 is in none of the networks"},
		{Cohort{Share: share(5000)}, request(), "the request has no key, so that it has no bucket"},
	} {
		l := liveWith(t, Flag{Endpoint: "context-me", Stage: Verify, Rules: []Rule{{"it", row.cohort, Dual}}})
		if got := l.Explain(row.request, "context-me").Tried[0]; got.Why != row.want || got.Says {
			t.Errorf("%+v, want %s", got, row.want)
		}
	}
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Verify, Rules: []Rule{{"it", Cohort{Tenants: []string{"a"}, Share: share(All)}, Dual}}})
	if got, want := l.Explain(request("X-Client-Account-Id", "a"), "context-me").Tried[0].Why, fmt.Sprintf("bucket %d of journey migration is below 2147483648", Bucket(DefaultJourney, "a")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// drawCohort draws cohorts of few names, so that requests often meet them.
func drawCohort(t *rapid.T) Cohort {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	words := func(name string) []string {
		if !rapid.Bool().Draw(t, name+"?") {
			return nil
		}
		return rapid.SliceOfNDistinct(word, 1, 2, rapid.ID).Draw(t, name)
	}
	one := func(name string) []Match {
		if !rapid.Bool().Draw(t, name+"?") {
			return nil
		}
		yes := rapid.Bool().Draw(t, name+" there")
		return []Match{rapid.SampledFrom([]Match{{Name: "X-A", Values: []string{"a"}}, {Name: "X-A", Prefix: "b"}, {Name: "X-A", Present: &yes}, {Name: "X-A", Version: ">= 2"}}).Draw(t, name)}
	}
	var c Cohort
	switch rapid.IntRange(0, 7).Draw(t, "parts") {
	case 0, 1, 2:
		c.Tenants = rapid.SliceOfNDistinct(word, 1, 2, rapid.ID).Draw(t, "tenants") // alone: such rules are joined
		if rapid.Bool().Draw(t, "not alone") {
			c.Share = share(Share(rapid.IntRange(0, int(All)).Draw(t, "share")))
		}
	case 3:
		c.Share = share(Share(rapid.IntRange(0, int(All)).Draw(t, "share")))
	case 4:
		c.Tenants, c.Engagements, c.Users = words("tenants"), words("engagements"), words("users")
	case 5:
		c.Headers, c.Cookies, c.Claims = one("headers"), one("cookies"), one("claims")
	case 6:
		c.UserAgents, c.Origins = words("agents"), words("origins")
	case 7:
		c.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.Share = share(Share(rapid.IntRange(0, int(All)).Draw(t, "share")))
	}
	return c
}

func drawStage(t *rapid.T, name string) Stage {
	return rapid.SampledFrom([]Stage{Passthrough, Verify, Dual, FlowOnly}).Draw(t, name)
}

func drawRules(t *rapid.T) []Rule {
	var rules []Rule
	for i := range rapid.IntRange(0, 6).Draw(t, "rules") {
		rules = append(rules, Rule{fmt.Sprintf("r%d", i), drawCohort(t), drawStage(t, "stage")})
	}
	return rules
}

func drawRequest(t *rapid.T) Request {
	var pairs []string
	maybe := func(name string, values ...string) {
		if rapid.Bool().Draw(t, name+"?") {
			pairs = append(pairs, name, rapid.SampledFrom(values).Draw(t, name))
		}
	}
	maybe("X-Client-Account-Id", "a", "b", "c", "d", "a,b")
	maybe("X-Engagement-Id", "a", "b", "d")
	maybe("X-User-Id", "a", "b", "d")
	maybe("Authorization", "Bearer x", "Bearer db-token-"+aUser+"-1", webToken(`{"sub":"a","X-A":"b"}`), webToken(`{"sub":"c","X-A":["2.1","a"]}`))
	maybe("X-A", "a", "b", "2.1")
	maybe("Cookie", "X-A=a", "b=1")
	maybe("Origin", "a", "d")
	maybe("Crossfade-Override", "dual", "flow_only", "x")
	r := request(pairs...)
	r.Client = netip.MustParseAddr(rapid.SampledFrom([]string{"10.1.1.1", "192.0.2.1"}).Draw(t, "client"))
	return r
}

// TestExplanationsAreTrue: what is explained is what is decided, whatever the flags and the request, and one trial alone, the last,
// says so. Explanations know nothing of the lists that decisions join, so this holds those too.
func TestExplanationsAreTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settings := Settings{Endpoints: []string{"e"}, File: Layer{Default: Static{Rules: drawRules(t), Source: "proxy.yaml:1"}}}
		if rapid.Bool().Draw(t, "without key") {
			settings.WithoutKey = Verify
		}
		if rapid.Bool().Draw(t, "override") {
			settings.Override = Override{Tenants: []string{"a"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		}
		state := State{Version: 3}
		for _, name := range []string{"default", "e"} {
			if rapid.Bool().Draw(t, name) {
				state.Flags = append(state.Flags, Flag{Endpoint: name, Stage: drawStage(t, "stage"), Rules: drawRules(t)})
			}
		}
		s := newSnapshot(state, true, &settings, nil, time.Now())
		for range 5 {
			r := drawRequest(t)
			d, x := s.decide(&r, "e"), s.explain(&r, "e")
			if diff := cmp.Diff(d, x.Decision); diff != "" {
				t.Fatalf("decided (-), explained (+):\n%s\n%+v", diff, x.Tried)
			}
			for i, tried := range x.Tried {
				if tried.Says != (i == len(x.Tried)-1) || tried.Why == "" {
					t.Fatalf("trial %d of %d: %+v", i, len(x.Tried), tried)
				}
			}
			if last := x.Tried[len(x.Tried)-1]; last.Stage != d.Stage || last.Rule != d.Rule || last.Source != d.Source {
				t.Fatalf("decided %+v, and the last trial is %+v", d, last)
			}
		}
	})
}
