package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/crossfade-proxy/crossfade/proxy"
)

func quiet() Moment { return Moment{ContractRevision: "r1"} }

// scrape gives the lines of our own metrics, but for the bounds and sums of histograms.
func scrape(tb testing.TB, m *Metrics) []string {
	tb.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		tb.Fatalf("%d %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, prefix) && !strings.Contains(line, "_bucket{") && !strings.Contains(line, "_sum{") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// changed gives the lines that are in after and not in before.
func changed(before, after []string) string {
	return strings.Join(slices.DeleteFunc(after, func(line string) bool { return slices.Contains(before, line) }), "\n")
}

func TestObserve(t *testing.T) {
	for _, tt := range []struct {
		name string
		rec  proxy.Record
		want []string
	}{
		{"no endpoint", proxy.Record{Method: "GET", Status: 200, Outcome: proxy.Answered, Duration: time.Millisecond, Upstream: time.Millisecond}, []string{
			`crossfade_outcomes_total{endpoint="-",outcome="answered"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="-",mode="-"} 1`,
			`crossfade_requests_total{endpoint="-",method="GET",mode="-",route="-",status="2xx"} 1`,
			`crossfade_upstream_duration_seconds_count{endpoint="-",mode="-"} 1`}},
		{"mapped", proxy.Record{Method: "POST", Endpoint: "me", Route: "/me", Mode: proxy.Dual, Reason: "flag", Stage: "dual", Status: 201,
			Outcome: proxy.Answered, Duration: 2, Upstream: 1, Transform: 1, Mapped: true, Unmapped: 2, Unknown: 3}, []string{
			`crossfade_decisions_total{endpoint="me",reason="flag",stage="dual"} 1`,
			`crossfade_outcomes_total{endpoint="me",outcome="answered"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="me",mode="dual"} 1`,
			`crossfade_requests_total{endpoint="me",method="POST",mode="dual",route="/me",status="2xx"} 1`,
			`crossfade_transform_duration_seconds_count{endpoint="me",mode="dual"} 1`,
			`crossfade_transforms_total{endpoint="me",outcome="mapped"} 1`,
			`crossfade_unknown_words_total{endpoint="me"} 3`,
			`crossfade_unmapped_members_total{endpoint="me"} 2`,
			`crossfade_upstream_duration_seconds_count{endpoint="me",mode="dual"} 1`}},
		{"verify is a stage of passthrough", proxy.Record{Method: "HEAD", Endpoint: "me", Route: "/me", Mode: proxy.Passthrough, Reason: "flag", Stage: "verify", Status: 304, Outcome: proxy.Answered}, []string{
			`crossfade_decisions_total{endpoint="me",reason="flag",stage="verify"} 1`,
			`crossfade_outcomes_total{endpoint="me",outcome="answered"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="me",mode="passthrough"} 1`,
			`crossfade_requests_total{endpoint="me",method="HEAD",mode="passthrough",route="/me",status="3xx"} 1`}},
		{"without stages the mode is the stage; a fallback", proxy.Record{Method: "PURGE", Endpoint: "me", Route: "/me", Mode: proxy.Dual, Reason: "default",
			Status: 404, Outcome: proxy.Answered, Fallback: proxy.FallbackSize, RequestFallback: proxy.FallbackRequest}, []string{
			`crossfade_decisions_total{endpoint="me",reason="default",stage="dual"} 1`,
			`crossfade_fallbacks_total{endpoint="me",reason="request-unmappable"} 1`,
			`crossfade_fallbacks_total{endpoint="me",reason="too-large"} 1`,
			`crossfade_outcomes_total{endpoint="me",outcome="answered"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="me",mode="dual"} 1`,
			`crossfade_requests_total{endpoint="me",method="other",mode="dual",route="/me",status="4xx"} 1`,
			`crossfade_transforms_total{endpoint="me",outcome="fallback"} 1`}},
		{"refused", proxy.Record{Method: "GET", Endpoint: "me", Route: "/me", Mode: proxy.FlowOnly, Reason: "flag", Status: 502, Outcome: proxy.Refused, Problem: "unmappable"}, []string{
			`crossfade_decisions_total{endpoint="me",reason="flag",stage="flow_only"} 1`,
			`crossfade_outcomes_total{endpoint="me",outcome="refused"} 1`,
			`crossfade_problems_total{endpoint="me",type="unmappable"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="me",mode="flow_only"} 1`,
			`crossfade_requests_total{endpoint="me",method="GET",mode="flow_only",route="/me",status="5xx"} 1`,
			`crossfade_transforms_total{endpoint="me",outcome="refused"} 1`}},
		{"a native stream whose client left", proxy.Record{Method: "GET", Endpoint: "me", Route: "/me", Mode: proxy.FlowOnly, Reason: "flag", Status: 499, Outcome: proxy.ClientGone, Native: true, Messages: 5, MessagesPassed: 2}, []string{
			`crossfade_decisions_total{endpoint="me",reason="flag",stage="flow_only"} 1`,
			`crossfade_outcomes_total{endpoint="me",outcome="client_gone"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="me",mode="flow_only"} 1`,
			`crossfade_requests_total{endpoint="me",method="GET",mode="flow_only",route="/me",status="499"} 1`,
			`crossfade_stream_messages_total{endpoint="me",outcome="mapped"} 3`,
			`crossfade_stream_messages_total{endpoint="me",outcome="passed"} 2`,
			`crossfade_transforms_total{endpoint="me",outcome="native"} 1`}},
		{"cut before a head", proxy.Record{Method: "GET", Outcome: proxy.Cut}, []string{
			`crossfade_outcomes_total{endpoint="-",outcome="cut"} 1`,
			`crossfade_request_duration_seconds_count{endpoint="-",mode="-"} 1`,
			`crossfade_requests_total{endpoint="-",method="GET",mode="-",route="-",status="none"} 1`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(Options{Version: "v1", Moment: quiet})
			before := scrape(t, m)
			m.Observe(tt.rec)
			got := strings.Split(changed(before, scrape(t, m)), "\n")
			// A series that is there but empty says that a place is known.
			got = slices.DeleteFunc(got, func(line string) bool { return strings.HasSuffix(line, " 0") })
			if g, w := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// TestNothingIsLost: counts of many goroutines, which meet in places that are new to all of them, add up.
func TestNothingIsLost(t *testing.T) {
	m := New(Options{Version: "v1", Moment: quiet})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 1000 {
				m.Observe(proxy.Record{Method: "GET", Endpoint: fmt.Sprintf("e%d", n%7), Route: "/r", Mode: proxy.Dual, Reason: "flag", Status: 200, Outcome: proxy.Answered, Mapped: true})
			}
		})
	}
	all.Wait()
	for _, line := range []string{
		`crossfade_requests_total{endpoint="e0",method="GET",mode="dual",route="/r",status="2xx"} 1144`,
		`crossfade_requests_total{endpoint="e6",method="GET",mode="dual",route="/r",status="2xx"} 1136`,
		`crossfade_transforms_total{endpoint="e6",outcome="mapped"} 1136`,
		`crossfade_decisions_total{endpoint="e6",reason="flag",stage="dual"} 1136`,
		`crossfade_request_duration_seconds_count{endpoint="e6",mode="dual"} 1136`,
	} {
		if !slices.Contains(scrape(t, m), line) {
			t.Errorf("no line %s in\n%s", line, strings.Join(scrape(t, m), "\n"))
		}
	}
}

func TestMoment(t *testing.T) {
	moment := quiet()
	m := New(Options{Version: "v1.2.3", Moment: func() Moment { return moment }})
	for _, tt := range []struct {
		name   string
		moment Moment
		want   []string
	}{
		{"without flags", Moment{Requests: 3, BodyMemory: 4096, ContractRevision: "r2"}, []string{
			`crossfade_body_memory_bytes 4096`, `crossfade_contract_info{revision="r2"} 1`, `crossfade_requests_in_flight 3`}},
		{"flags without a store that ever answered", Moment{ContractRevision: "r1", Flags: &Flags{Killed: true, Stages: map[string]string{"default": "passthrough"}}}, []string{
			`crossfade_flag_stage{endpoint="default",stage="passthrough"} 1`, `crossfade_flags_version 0`, `crossfade_kill_switch_on 1`, `crossfade_store_up 0`}},
		{"all is well", Moment{ContractRevision: "r1", Flags: &Flags{Version: 17, StoreUp: true, Contact: time.UnixMilli(1500), Stages: map[string]string{"default": "verify", "me": "dual"}}}, []string{
			`crossfade_flag_stage{endpoint="default",stage="verify"} 1`, `crossfade_flag_stage{endpoint="me",stage="dual"} 1`, `crossfade_flags_version 17`,
			`crossfade_kill_switch_on 0`, `crossfade_store_last_contact_timestamp_seconds 1.5`, `crossfade_store_up 1`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			moment = quiet()
			before := scrape(t, m)
			moment = tt.moment
			if g, w := changed(before, scrape(t, m)), strings.Join(tt.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// TestLoaded: the first load counts as no reload, and a failed one keeps the time of the last good one.
func TestLoaded(t *testing.T) {
	m := New(Options{Version: "v1", Moment: quiet})
	before := scrape(t, m)
	for _, step := range []struct {
		name string
		err  error
		at   int64
		want []string
	}{
		{"the first", nil, 1000, []string{`crossfade_config_last_reload_success_timestamp_seconds 1`, `crossfade_config_last_reload_successful 1`}},
		{"a bad one", errors.New("bad"), 2000, []string{`crossfade_config_last_reload_success_timestamp_seconds 1`, `crossfade_config_last_reload_successful 0`,
			`crossfade_config_reloads_total{result="failed"} 1`}},
		{"a good one", nil, 3000, []string{`crossfade_config_last_reload_success_timestamp_seconds 3`, `crossfade_config_last_reload_successful 1`,
			`crossfade_config_reloads_total{result="failed"} 1`, `crossfade_config_reloads_total{result="ok"} 1`}},
	} {
		m.Loaded(step.err, time.UnixMilli(step.at))
		if g, w := changed(before, scrape(t, m)), strings.Join(step.want, "\n"); g != w {
			t.Errorf("%s: got\n%s\nwant\n%s", step.name, g, w)
		}
	}
}

// TestTableIsTrue: what is exposed is the table, with names as Prometheus wants them, and docs/metrics.md has
// the same.
func TestTableIsTrue(t *testing.T) {
	m := New(Options{Version: "v1", Moment: func() Moment {
		return Moment{Flags: &Flags{Stages: map[string]string{"me": "dual"}, Contact: time.Unix(1, 0)}}
	}})
	m.Loaded(nil, time.Unix(1, 0))
	m.Observe(everything())
	m.ObserveTrial(proxy.Trial{Endpoint: "me", Outcome: proxy.TrialFits, Duration: time.Microsecond})
	all, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	exposed := map[string]string{}
	for _, f := range all {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		exposed[f.GetName()] = strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, " ") + " " + f.GetHelp()
	}
	var rows []string
	for _, f := range families() {
		labels := slices.Sorted(slices.Values(f.labels))
		if got, want := exposed[prefix+f.name], string(f.kind)+" "+strings.Join(labels, " ")+" "+f.help; got != want {
			t.Errorf("%s: exposed as %q, want %q", f.name, got, want)
		}
		delete(exposed, prefix+f.name)
		var told []string
		for _, l := range f.labels {
			told = append(told, "`"+l+"`")
		}
		rows = append(rows, fmt.Sprintf("| `%s%s` | %s | %s | %s |", prefix, f.name, f.kind, strings.Join(told, ", "), f.help))
	}
	if len(exposed) > 0 {
		t.Errorf("exposed, and not in the table: %v", exposed)
	}
	faults, err := promlint.NewWithMetricFamilies(all).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Errorf("%s: %s", fault.Metric, fault.Text)
	}
	text, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\bcrossfade_[a-z_]+`).FindAllString(string(text), -1) {
		name = strings.TrimSuffix(strings.TrimPrefix(name, prefix), "_bucket")
		if !slices.ContainsFunc(families(), func(f family) bool { return f.name == name }) {
			t.Errorf("docs/metrics.md speaks of %s%s, which is none", prefix, name)
		}
	}
	var written []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `"+prefix) {
			written = append(written, strings.TrimSuffix(line, "\n"))
		}
	}
	if g, w := strings.Join(written, "\n"), strings.Join(rows, "\n"); g != w {
		t.Errorf("docs/metrics.md has\n%s\nwant\n%s", g, w)
	}
}

// everything is a record that no metric passes over.
func everything() proxy.Record {
	return proxy.Record{Method: "GET", Endpoint: "me", Route: "/me", Mode: proxy.Dual, Reason: "flag", Stage: "dual", Status: 200, Outcome: proxy.Answered,
		Duration: time.Millisecond, Upstream: time.Millisecond, Transform: time.Microsecond, Problem: "unmappable",
		Fallback: proxy.FallbackSize, RequestFallback: proxy.FallbackRequest, Mapped: true, Messages: 2, MessagesPassed: 1, Unmapped: 1, Unknown: 1}
}

// TestObserveAllocatesNothing, whatever there is to count.
func TestObserveAllocatesNothing(t *testing.T) {
	m := New(Options{Version: "v1", Moment: quiet})
	rec := everything()
	if n := testing.AllocsPerRun(100, func() { m.Observe(rec) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	m := New(Options{Version: "v1", Moment: quiet})
	rec := proxy.Record{Method: "GET", Endpoint: "context-me", Route: "/api/v1/context/me", Mode: proxy.Dual, Reason: "flag", Stage: "dual", Status: 200,
		Outcome: proxy.Answered, Duration: 3 * time.Millisecond, Upstream: 2 * time.Millisecond, Transform: 40 * time.Microsecond, Mapped: true}
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(rec)
	}
}
