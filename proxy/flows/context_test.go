package flows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

func TestContextOfWhoHasNoMemoryIsTheLenses(t *testing.T) {
	with := single(t, setup{mode: proxy.Dual})
	for _, user := range []string{admin, legacy.NoAccess, legacy.LoneAdmin, legacy.TwoClients, legacy.FalseFriend} {
		g := with.wants(with.call(user, "GET", me, ""), 200)
		if g.get("session.id").Str != g.get("current_flow.id").Str || len(g.get("active_flows").Array()) != len(g.get("available_sessions").Array()) {
			t.Errorf("%s: %s", user, g.body)
		}
		if g.header.Get("Crossfade-Fallback") != "" {
			t.Errorf("%s: marked %q", user, g.header.Get("Crossfade-Fallback"))
		}
	}
}

func TestFlowThatIsListedNoMoreIsNotCurrent(t *testing.T) {
	now := &moving{now: time.Now()}
	s := managed(proxy.FlowOnly)
	s.options.Now, s.options.Grace = now.Now, time.Hour
	swept := make(chan struct{}, 100)
	s.store = func(kept flows.Store) flows.Store { return &told{kept, swept} }
	r := single(t, s)
	made := r.made("F", "discovery")
	found := r.wants(r.directly("POST", "/api/v1/sessions", `{"name":"S","engagement_id":"`+legacy.AzureEngagement+`"}`), 201).get("id").Str
	for _, id := range []string{made, found} {
		r.wants(r.activate(id), 200)
	}
	for _, id := range []string{made, found} {
		r.wants(r.directly("DELETE", "/api/v1/sessions/"+id, ""), 204) // past crossfade's memory
	}
	if got := r.current(); got != legacy.AzureEngagement {
		t.Errorf("current %s", got)
	}
	r.waits(swept)
	now.add(2 * time.Hour)
	r.current()
	r.waits(swept)
	left, err := r.store.Recall(t.Context(), flows.Caller{User: admin, Engagement: legacy.AzureEngagement}, []string{made, found})
	must(t, err)
	if len(left.Activated)+len(left.Details) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func (r *rig) waits(c <-chan struct{}) {
	r.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		r.Fatal("it did not happen")
	}
}

// told is a store that tells when it has reconciled.
type told struct {
	flows.Store
	done chan struct{}
}

func (s *told) Reconcile(ctx context.Context, c flows.Caller, absent, present []string, grace time.Duration) error {
	defer func() { s.done <- struct{}{} }()
	return s.Store.Reconcile(ctx, c, absent, present, grace)
}

// moving is a clock that tests set.
type moving struct {
	mu  sync.Mutex
	now time.Time
}

func (m *moving) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *moving) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// The database goes away and comes back: the context goes on without memory and says so, activate is refused
// before the upstream is told, and nothing is lost.
func TestDatabaseAwayAndBack(t *testing.T) {
	away, err := postgrestest.Start(postgrestest.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, away.Close()) })
	now := &moving{now: time.Now()}
	s := managed(proxy.Dual)
	s.url, s.options.Now = away.URL("postgres"), now.Now
	r := single(t, s)
	first, second := r.made("A", "planning"), r.made("B", "planning")
	r.wants(r.activate(first), 200)
	if got := r.current(); got != first {
		t.Fatalf("current %s", got)
	}
	must(t, away.Stop())
	for range 3 {
		g := r.wants(r.call(admin, "GET", me, ""), 200)
		if g.header.Get("Crossfade-Fallback") != "flow-memory" || g.get("current_flow.id").Str != legacy.AzureEngagement || g.get("session.id").Str != legacy.AzureEngagement {
			t.Errorf("marked %q: %s", g.header.Get("Crossfade-Fallback"), g.body)
		}
	}
	r.tap.reset()
	g := r.wants(r.activate(second), 503)
	if g.header.Get("Retry-After") == "" || r.tap.count("PUT /api/v1/context/me/defaults") != 0 {
		t.Errorf("Retry-After %q, told %d times", g.header.Get("Retry-After"), r.tap.count("PUT /api/v1/context/me/defaults"))
	}
	body := `{"name":"C","flow_type":"planning","engagement_id":"` + legacy.AzureEngagement + `"}`
	r.wants(r.call(admin, "POST", flowsPath, body), 503)
	if n := r.tap.count("POST /api/v1/sessions"); n != 0 {
		t.Errorf("%d sessions were made", n)
	}
	must(t, away.Start())
	now.add(time.Minute)
	if got := r.current(); got != first {
		t.Errorf("current %s when the database is back, want %s", got, first)
	}
	r.wants(r.activate(second), 200)
	if got := r.current(); got != second {
		t.Errorf("current %s", got)
	}
}

func TestRealFlowsAreMerged(t *testing.T) {
	p, backend := newTap(t)
	r := newRig(t, p, backend, setup{mode: proxy.FlowOnly, options: flows.Options{
		Sources: []flows.Source{flows.SourceMaster, flows.SourceDiscovery}, SourceTimeout: patience,
	}})
	// Made by the backend's own route, which is none of ours here.
	id := r.wants(r.call(admin, "POST", "/api/v1/flows/", `{"flow_type":"discovery","flow_name":"Wave 1","configuration":{"a":12345678901234567890}}`), 200).get("flow_id").Str
	want := `{"id":"` + id + `","name":"Wave 1","flow_type":"discovery","status":"active","engagement_id":"` + legacy.AzureEngagement +
		`","created_by":"` + admin + `","metadata":{"a":12345678901234567890}}`
	for range 2 { // the second time with a guess
		g := r.wants(r.call(admin, "GET", me, "", "X-Client-Account-ID", "", "X-Engagement-ID", ""), 200)
		if got := g.get("active_flows.1").Raw; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	r.wants(r.activate(id), 200)
	if got := r.wants(r.call(admin, "GET", me, ""), 200).get("current_flow").Raw; got != want {
		t.Errorf("current %s", got)
	}
	// The tenant is the upstream's word, not the caller's.
	other := r.wants(r.call(legacy.TwoClients, "POST", "/api/v1/flows/", `{"flow_type":"planning","flow_name":"Theirs"}`,
		"X-Client-Account-ID", "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02"), 200).get("flow_id").Str
	g := r.call(admin, "POST", activate, `{"flow_id":"`+other+`"}`, "X-Client-Account-ID", "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02")
	r.wants(g, 404)
	if strings.Contains(r.call(admin, "GET", me, "", "X-Client-Account-ID", "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02").body, other) {
		t.Error("a foreign flow is listed")
	}
}

// Sources that hang, fail or talk nonsense leave the context as it is without them.
func TestSourcesNeverMakeItWorse(t *testing.T) {
	p, backend := newTap(t)
	plain := newRig(t, p, backend, setup{mode: proxy.FlowOnly})
	r := newRig(t, p, backend, setup{mode: proxy.FlowOnly, options: flows.Options{
		Sources: []flows.Source{flows.SourceMaster, flows.SourceDiscovery}, SourceTimeout: 20 * time.Millisecond,
	}})
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, answer := range map[string]func(w http.ResponseWriter, q *http.Request){
		"hangs": func(_ http.ResponseWriter, q *http.Request) {
			select {
			case <-release:
			case <-q.Context().Done():
			}
		},
		"fails":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"is not there":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"is cut off":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"is no JSON":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[{") },
		"is another":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"flows":7,"x":[]}`) },
		"has other rows": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[1,{},{"master_flow_id":3},null]`) },
	} {
		t.Run(name, func(t *testing.T) {
			p.set(func(w http.ResponseWriter, q *http.Request) bool {
				if !strings.HasSuffix(q.URL.Path, "/active") {
					return false
				}
				answer(w, q)
				return true
			})
			for range 2 {
				a, b := plain.wants(plain.call(admin, "GET", me, ""), 200), r.wants(r.call(admin, "GET", me, ""), 200)
				if diff := cmp.Diff(timeless(t, a.body), timeless(t, b.body)); diff != "" {
					t.Error(diff)
				}
				if mark := b.header.Get("Crossfade-Fallback"); mark != "" {
					t.Errorf("marked %q though nothing is missing", mark)
				}
			}
		})
	}
}

// timeless is a body without the times of its request.
func timeless(t *testing.T, body string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var clean func(v any)
	clean = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "created_at")
			delete(v, "updated_at")
			for _, inner := range v {
				clean(inner)
			}
		case []any:
			for _, inner := range v {
				clean(inner)
			}
		}
	}
	clean(v)
	return v
}

func TestComparisonIsJoinedBeforeItIsFiltered(t *testing.T) {
	rows := func(id string) string {
		return `{"success":true,"data":{"sessions":[{"session_id":"` + id + `","session_name":"One","status":"complete"},{"session_id":"2","session_name":"Two","status":"running"}],"total":2}}`
	}
	for _, test := range []struct {
		mode        proxy.Mode
		query, want string
	}{
		{proxy.FlowOnly, "?flow_type=modernize", `{"success":true,"data":{"flows":[{"flow_id":"ID","flow_name":"One","flow_type":"modernize","status":"paused","metadata":{"k":[1]},"engagement_id":"ENGAGEMENT"}],"total":1}}`},
		{proxy.FlowOnly, "?status=completed", `{"success":true,"data":{"flows":[],"total":0}}`},
		{proxy.FlowOnly, "?status=in_progress", `{"success":true,"data":{"flows":[{"flow_id":"2","flow_name":"Two","flow_type":"discovery","status":"in_progress"}],"total":1}}`},
		{proxy.Dual, "?flow_type=modernize", `{"success":true,"data":{"sessions":[{"session_id":"ID","session_name":"One","status":"complete"},{"session_id":"2","session_name":"Two","status":"running"}],"total":2,"flows":[{"flow_id":"ID","flow_name":"One","flow_type":"modernize","status":"paused","metadata":{"k":[1]},"engagement_id":"ENGAGEMENT"}]}}`},
	} {
		t.Run(string(test.mode)+test.query, func(t *testing.T) {
			r := single(t, managed(test.mode))
			id := r.made("F", "modernize")
			r.wants(r.call(admin, "PATCH", flowsPath+"/"+id, `{"status":"paused","metadata":{"k":[1]}}`), 200)
			r.tap.set(func(w http.ResponseWriter, q *http.Request) bool {
				if q.URL.Path != "/api/v1/admin/sessions/comparison" {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, rows(id))
				return true
			})
			g := r.wants(r.call(admin, "GET", comparison+test.query, ""), 200)
			want := strings.NewReplacer("ID", id, "ENGAGEMENT", legacy.AzureEngagement).Replace(test.want)
			if diff := cmp.Diff(timeless(t, want), timeless(t, g.body)); diff != "" {
				t.Errorf("%s\n%s", g.body, diff)
			}
		})
	}
}
