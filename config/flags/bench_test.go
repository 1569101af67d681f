package flags

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// decider is a decision that is measured.
type decider struct {
	name    string
	live    *Live
	request Request
	rule    string // that has to decide, so that the measurement is of what it says
}

const (
	aTenant = "9f1c2d3e-0000-4000-8000-000000000001"
	aUser   = "1b671a64-40d5-491e-99b0-da01ff1f3341"
)

func webToken(payload string) string {
	return "Bearer eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2lnbmF0dXJl"
}

func request(pairs ...string) Request {
	h := map[string][]string{"Accept": {"application/json"}, "X-Request-Id": {"1"}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}, "Accept-Encoding": {"gzip"}}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return Request{Header: h, Client: netip.MustParseAddr("192.0.2.7")}
}

func liveWith(tb testing.TB, f ...Flag) *Live {
	tb.Helper()
	settings := Settings{}
	for _, f := range f {
		settings.Endpoints = append(settings.Endpoints, f.Endpoint)
	}
	l, err := Open(context.Background(), LiveOptions{Settings: settings})
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range f {
		if _, _, err := l.Change(context.Background(), SetFlag{f}, Author{By: "ann", Reason: "a test", Force: true}, nil, false); err != nil {
			tb.Fatal(err)
		}
	}
	return l
}

func share(s Share) *Share { return &s }

// tenRules has one rule of each kind, none of which takes the usual request, but the last.
func tenRules() []Rule {
	yes := true
	return []Rule{
		{"tenants", Cohort{Tenants: []string{"t1", "t2"}}, Dual},
		{"engagements", Cohort{Engagements: []string{"e1"}}, Dual},
		{"users", Cohort{Users: []string{"u1"}}, Dual},
		{"version", Cohort{Headers: []Match{{Name: "X-App-Version", Version: ">= 2.3 < 4"}}}, Dual},
		{"beta", Cohort{Headers: []Match{{Name: "X-Beta", Present: &yes}}}, Dual},
		{"agents", Cohort{UserAgents: []string{"okhttp"}}, Dual},
		{"origins", Cohort{Origins: []string{"https://app.example.com"}}, Dual},
		{"office", Cohort{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, Dual},
		{"cookies", Cohort{Cookies: []Match{{Name: "beta", Values: []string{"1"}}}}, Dual},
		{"share", Cohort{Share: share(All)}, FlowOnly},
	}
}

func tenantRules(rules, tenants int) []Rule {
	var all []Rule
	for i := range rules {
		r := Rule{Name: fmt.Sprintf("rule-%d", i), Stage: Dual}
		for j := range tenants {
			r.Cohort.Tenants = append(r.Cohort.Tenants, fmt.Sprintf("%08x-0000-4000-8000-%012x", i, j))
		}
		all = append(all, r)
	}
	last := &all[len(all)-1]
	last.Cohort.Tenants = append(last.Cohort.Tenants, aTenant)
	return all
}

func shareRules(n int) []Rule {
	var all []Rule
	for i := range n {
		all = append(all, Rule{fmt.Sprintf("rule-%d", i), Cohort{Share: share(Share(i % 2)), Headers: []Match{{Name: "X-App-Version", Version: ">= 2.3"}}}, Dual})
	}
	all[n-1].Cohort.Share = share(All)
	return all
}

func deciders(tb testing.TB) []decider {
	tb.Helper()
	token := webToken(`{"sub":"` + aUser + `","email":"someone@example.com","role":"analyst","is_admin":false,"exp":1790000000,"iat":1780000000,"type":"access"}`)
	flag := func(rules ...Rule) *Live {
		return liveWith(tb, Flag{Endpoint: "context-me", Stage: Passthrough, Rules: rules})
	}
	claims := Rule{"claims", Cohort{Claims: []Match{{Name: "role", Values: []string{"analyst"}}, {Name: "is_admin", Values: []string{"false"}}}}, Dual}
	legacy := request("Authorization", "Bearer db-token-"+aUser+"-0a1b2c3d", "X-Client-Account-Id", aTenant)
	return []decider{
		{"no rule", flag(), legacy, ""},
		{"ten rules of ten kinds, legacy token", flag(tenRules()...), legacy, "share"},
		{"ten rules of ten kinds, web token", flag(tenRules()...), request("Authorization", token, "X-Client-Account-Id", aTenant), "share"},
		{"ten rules of ten kinds, no headers of ours", flag(tenRules()...), request("X-User-Id", aUser), "share"},
		{"one claim rule, web token", flag(claims), request("Authorization", token), "claims"},
		{"1 rule, 1 tenant", flag(tenantRules(1, 0)...), legacy, "rule-0"},
		{"1 rule, 10,000 tenants", flag(tenantRules(1, 9_999)...), legacy, "rule-0"},
		{"10 rules of tenants", flag(tenantRules(10, 10)...), legacy, "rule-9"},
		{"100 rules of tenants", flag(tenantRules(100, 100)...), legacy, "rule-99"},
		{"1 rule with version and share", flag(shareRules(1)...), with(legacy, "X-App-Version", "2.10.3"), "rule-0"},
		{"10 rules with version and share", flag(shareRules(10)...), with(legacy, "X-App-Version", "2.10.3"), "rule-9"},
		{"100 rules with version and share", flag(shareRules(100)...), with(legacy, "X-App-Version", "2.10.3"), "rule-99"},
	}
}

func with(r Request, name, value string) Request {
	h := map[string][]string{name: {value}}
	for n, v := range r.Header {
		h[n] = v
	}
	r.Header = h
	return r
}

func BenchmarkDecide(b *testing.B) {
	for _, d := range deciders(b) {
		b.Run(d.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := d.live.Decide(d.request, "context-me"); got.Rule != d.rule {
					b.Fatalf("rule %q decided, want %q", got.Rule, d.rule)
				}
			}
		})
	}
}

func TestDecidingAllocatesNothing(t *testing.T) {
	for _, d := range deciders(t) {
		if got := d.live.Decide(d.request, "context-me").Rule; got != d.rule {
			t.Errorf("%s: rule %q decided, want %q", d.name, got, d.rule)
		}
		if n := testing.AllocsPerRun(100, func() { d.live.Decide(d.request, "context-me") }); n != 0 {
			t.Errorf("%s: %v allocations a decision", d.name, n)
		}
	}
}

// TestTenThousandTenantsCostWhatOneDoes compares the two within one run: the best of many short rounds of each, since a neighbour on the
// machine only makes one slower. The bound leaves room for caches that are cold; a list that is searched would take fifty times as long.
func TestTenThousandTenantsCostWhatOneDoes(t *testing.T) {
	best := func(tenants int) (cost time.Duration) {
		l := liveWith(t, Flag{Endpoint: "context-me", Stage: Passthrough, Rules: tenantRules(1, tenants)})
		r := request("X-Client-Account-Id", aTenant)
		for round := range 100 {
			const times = 1000
			begin := time.Now()
			for range times {
				l.Decide(r, "context-me")
			}
			if took := time.Since(begin) / times; round == 0 || took < cost {
				cost = took
			}
		}
		return cost
	}
	one, many := best(0), best(9_999)
	t.Logf("one tenant %s, ten thousand %s", one, many)
	if many > 3*one+200*time.Nanosecond {
		t.Errorf("one tenant costs %s, ten thousand %s", one, many)
	}
}
