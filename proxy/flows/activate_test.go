package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

func managed(mode proxy.Mode) setup {
	return setup{mode: mode, options: flows.Options{Manage: true}}
}

func TestActivatedFlowIsTheCurrentOne(t *testing.T) {
	for _, mode := range []proxy.Mode{proxy.Dual, proxy.FlowOnly} {
		t.Run(string(mode), func(t *testing.T) {
			r := single(t, managed(mode))
			if got := r.current(); got != legacy.AzureEngagement {
				t.Fatalf("current %s before anything was activated", got)
			}
			id := r.made("Second", "assessment")
			g := r.wants(r.activate(id), 200)
			want := `{"status":"success","message":"Flow activated successfully","flow_id":"` + id +
				`","flow_name":"Second","flow_type":"assessment","flow_status":"pending","engagement_id":"` + legacy.AzureEngagement + `"}`
			if g.body != want {
				t.Errorf("got  %s\nwant %s", g.body, want)
			}
			c := r.wants(r.call(admin, "GET", me, ""), 200)
			if c.get("current_flow.id").Str != id || c.get("current_flow.flow_type").Str != "assessment" || c.get("current_flow.status").Str != "pending" {
				t.Errorf("current flow %s", c.get("current_flow"))
			}
			if n := len(c.get("active_flows").Array()); n != 2 {
				t.Errorf("%d active flows: %s", n, c.get("active_flows"))
			}
			if strings.Contains(c.get("active_flows").Raw, "crossfade_intent") {
				t.Error("the mark of an intent is shown")
			}
			if in := c.get("session"); in.Exists() != (mode == proxy.Dual) || in.Exists() && in.Get("id").Str != legacy.AzureEngagement {
				t.Errorf("session %s", in)
			}
			// And back to what the backend has as its session.
			r.wants(r.activate(legacy.AzureEngagement), 200)
			if got := r.current(); got != legacy.AzureEngagement {
				t.Errorf("current %s", got)
			}
		})
	}
}

// In dual the session shape is the upstream's to the last byte, whatever is remembered.
func TestSessionShapeKeepsItsBytes(t *testing.T) {
	r := single(t, managed(proxy.Dual))
	id := r.made("Second", "planning")
	r.wants(r.activate(id), 200)
	const body = `{ "user" : {"id":"` + admin + `"}, "client":null, "engagement":{"id":"` + legacy.AzureEngagement + `"},
  "session":{"id":"` + legacy.AzureEngagement + `","name":"Admin Session - \u0041","n":1.50} ,"available_sessions":[], "more":[1e2] }`
	r.tap.set(func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path != me {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, body)
		return true
	})
	g := r.wants(r.call(admin, "GET", me, "", "If-None-Match", `"1"`), 200)
	if !strings.HasPrefix(g.body, strings.TrimSuffix(body, " }")) || g.get("current_flow.id").Str != id {
		t.Errorf("got %s", g.body)
	}
	// What was activated does not change the upstream's tag, but ours.
	if tag := g.header.Get("Etag"); !strings.HasPrefix(tag, `"1;cf-dual-`) || !strings.Contains(tag, "-m") || g.header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("Etag %q, Cache-Control %q", g.header.Get("Etag"), g.header.Get("Cache-Control"))
	}
}

// Long answers in dual go out as they come elsewhere; one that memory completes must not.
func TestLongContextIsCompleted(t *testing.T) {
	r := single(t, managed(proxy.Dual))
	id := r.made("Second", "planning")
	r.wants(r.activate(id), 200)
	body := `{"user":{"id":"` + admin + `"},"engagement":{"id":"` + legacy.AzureEngagement + `"},"session":{"id":"` + legacy.AzureEngagement +
		`","name":"N"},"available_sessions":[],"pad":"` + strings.Repeat("x", 600<<10) + `"}`
	r.tap.set(func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path != me {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
		return true
	})
	if got := r.current(); got != id {
		t.Errorf("current %s, want %s", got, id)
	}
}

func TestActivateRefuses(t *testing.T) {
	foreign := strange
	for _, test := range []struct {
		name, user, body string
		status           int
		said             string
		faults           string // JSON
	}{
		{"no id", admin, `{}`, 400, "flow_id is required", ``},
		{"an empty id", admin, `{"flow_id":""}`, 400, "flow_id is required", ``},
		{"null", admin, `{"flow_id":null}`, 400, "flow_id is required", ``},
		{"no UUID", admin, `{"flow_id":"12"}`, 422, "", `[{"field":"flow_id","message":"Input should be a valid UUID","type":"uuid_parsing"}]`},
		{"a number", admin, `{"flow_id":7}`, 422, "", `[{"field":"flow_id","message":"Input should be a valid string","type":"string_type"}]`},
		{"a list", admin, `[]`, 422, "", `[{"field":"","message":"Input should be a valid dictionary","type":"dict_type"}]`},
		{"no JSON", admin, `{`, 422, "", `[{"field":"","message":"JSON decode error","type":"json_invalid"}]`},
		{"nothing", admin, ``, 422, "", `[{"field":"","message":"Field required","type":"missing"}]`},
		{"twice", admin, `{"flow_id":"a","flow_id":"b"}`, 422, "", `[{"field":"","message":"A member is there twice","type":"value_error"}]`},
		{"nobody's flow", admin, `{"flow_id":"` + strange + `"}`, 404, "Flow " + strange + " not found", ``},
		{"somebody else's flow", legacy.FalseFriend, `{"flow_id":"FOREIGN"}`, 404, "Flow FOREIGN not found", ``},
		{"without an engagement", legacy.LoneAdmin, `{"flow_id":"` + strange + `"}`, 403, "Flows are remembered for users with an engagement", ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := single(t, managed(proxy.FlowOnly))
			foreign = r.made("Of the admin's engagement", "finops")
			fill := func(s string) string { return strings.ReplaceAll(s, "FOREIGN", foreign) }
			g := r.wants(r.call(test.user, "POST", activate, fill(test.body)), test.status)
			if g.said() != fill(test.said) || g.get("error.details.validation_errors").Raw != test.faults {
				t.Errorf("got %s", g.body)
			}
			if g.get("path").Str != activate || g.get("method").Str != "POST" || g.get("status").Str != "error" || g.get("trace_id").Str == "" {
				t.Errorf("not the backend's shape: %s", g.body)
			}
			if r.tap.count("POST /api/v1/context/session/switch")+r.tap.count("PUT /api/v1/context/me/defaults") != 0 {
				t.Error("the upstream was told")
			}
		})
	}
}

// What the upstream says of the caller's credentials is what the caller is told, under the caller's own path.
func TestTheUpstreamSaysWhoMay(t *testing.T) {
	r := single(t, managed(proxy.FlowOnly))
	g := r.wants(r.call(admin, "POST", activate, `{"flow_id":"`+strange+`"}`, "Authorization", ""), 401)
	if g.said() != "Not authenticated" || g.get("path").Str != activate {
		t.Errorf("got %s", g.body)
	}
	id := r.made("F", "discovery")
	r.tap.set(func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path != "/api/v1/context/session/switch" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error":{"details":{"original_message":"not yours"}}}`)
		return true
	})
	g = r.wants(r.activate(id), 403)
	if g.said() != "Error activating flow: not yours" {
		t.Errorf("got %s", g.body)
	}
	if r.tap.count("PUT /api/v1/context/me/defaults") != 0 {
		t.Error("a refusal was taken for a failure")
	}
	if got := r.current(); got == id {
		t.Error("recorded although the upstream refused")
	}
}

func TestPolicies(t *testing.T) {
	const switched, defaults = "POST /api/v1/context/session/switch", "PUT /api/v1/context/me/defaults"
	for _, test := range []struct {
		policy         flows.Policy
		works          bool // the switch
		status         int
		switches, puts int
	}{
		{flows.PolicyAuto, false, 200, 1, 1},
		{flows.PolicyAuto, true, 200, 1, 0},
		{flows.PolicySwitch, false, 500, 1, 0},
		{flows.PolicySwitch, true, 200, 1, 0},
		{flows.PolicyDefaults, true, 200, 0, 1},
	} {
		t.Run(fmt.Sprintf("%s, switch works %v", test.policy, test.works), func(t *testing.T) {
			s := managed(proxy.Dual)
			s.options.Policy = test.policy
			r := single(t, s)
			id := r.made("F", "discovery")
			var said string
			r.tap.set(func(w http.ResponseWriter, q *http.Request) bool {
				if !test.works || q.URL.Path != "/api/v1/context/session/switch" {
					return false
				}
				var body map[string]string
				_ = json.NewDecoder(q.Body).Decode(&body)
				said = body["engagement_id"] + " " + q.Header.Get("Authorization") + " " + q.Header.Get("X-Request-Id")
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{}`)
				return true
			})
			g := r.wants(r.call(admin, "POST", activate, `{"flow_id":"`+id+`"}`, "X-Request-ID", "mine-7"), test.status)
			if s, p := r.tap.count(switched), r.tap.count(defaults); s != test.switches || p != test.puts {
				t.Errorf("%d switches and %d puts, want %d and %d", s, p, test.switches, test.puts)
			}
			if test.status == 500 && !strings.HasPrefix(g.said(), "Error activating flow: Error switching session: ") {
				t.Errorf("said %q", g.said())
			}
			if test.works && test.switches > 0 && said != legacy.AzureEngagement+" Bearer "+legacy.Token(admin)+" mine-7" {
				t.Errorf("the upstream was told %q", said)
			}
			if moved := r.current() == id; moved != (test.status == 200) {
				t.Errorf("moved %v with status %d", moved, test.status)
			}
		})
	}
}

// faulty is a store that fails where it is told to.
type faulty struct {
	flows.Store
	mu  sync.Mutex
	err map[string]error // by method
}

func (f *faulty) fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = map[string]error{}
	}
	f.err[method] = err
}

func (f *faulty) fault(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err[method]
}

func (f *faulty) Ready(ctx context.Context) error {
	return errors.Join(f.fault("Ready"), f.Store.Ready(ctx))
}

func (f *faulty) Activate(ctx context.Context, c flows.Caller, id string) error {
	if err := f.fault("Activate"); err != nil {
		return err
	}
	return f.Store.Activate(ctx, c, id)
}

func (f *faulty) Finish(ctx context.Context, i flows.Intent, flow string, answer []byte) error {
	if err := f.fault("Finish"); err != nil {
		return err
	}
	return f.Store.Finish(ctx, i, flow, answer)
}

func TestWhatIsNotRecordedIsTold(t *testing.T) {
	broken := &faulty{}
	s := managed(proxy.FlowOnly)
	s.store = func(kept flows.Store) flows.Store { broken.Store = kept; return broken }
	r := single(t, s)
	id := r.made("F", "discovery")
	const put = "PUT /api/v1/context/me/defaults"

	broken.fail("Ready", fmt.Errorf("%w: gone", database.ErrUnavailable))
	g := r.wants(r.activate(id), 503)
	if g.said() != "Error activating flow: what is remembered of flows is not available just now. Nothing was changed" || g.header.Get("Retry-After") != "2" {
		t.Errorf("got %s, Retry-After %q", g.body, g.header.Get("Retry-After"))
	}
	if r.tap.count(put) != 0 {
		t.Error("the upstream was told before")
	}
	broken.fail("Ready", nil)
	for _, test := range []struct {
		err  error
		held string
	}{{database.ErrUnavailable, "was not recorded"}, {database.ErrUnknown, "may not have been recorded"}} {
		broken.fail("Activate", test.err)
		g = r.wants(r.activate(id), 503)
		want := "Error activating flow: the backend works in engagement " + legacy.AzureEngagement + " now, but the flow " +
			test.held + " as the current one. It is safe to ask again"
		if diff := cmp.Diff(want, g.said()); diff != "" {
			t.Error(diff)
		}
	}
	if got := r.current(); got == id {
		t.Error("current although it was not recorded")
	}
	broken.fail("Activate", nil)
	r.wants(r.activate(id), 200)
	r.wants(r.activate(id), 200) // once more changes nothing
	if got := r.current(); got != id {
		t.Errorf("current %s after a retry", got)
	}
}

// Two browsers of one user, on two replicas: what one activates, the other shows with its next request.
func TestTwoBrowsersOnTwoReplicas(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "sqlite:" + t.TempDir() + "/flows.db", "postgres": server.Database(t)} {
		t.Run(name, func(t *testing.T) {
			p, backend := newTap(t)
			s := managed(proxy.FlowOnly)
			// Several processes on one file are at home in tests alone: they have to ask it.
			s.url, s.asking = database, true
			left, right := newRig(t, p, backend, s), newRig(t, p, backend, s)
			a, b := left.made("A", "planning"), right.made("B", "execution")
			for n := range 20 {
				id, to, from := a, left, right
				if n%2 == 1 {
					id, to, from = b, right, left
				}
				to.wants(to.activate(id), 200)
				if here, there := to.current(), from.current(); here != id || there != id {
					t.Fatalf("round %d: this replica says %s, the other %s, want %s", n, here, there, id)
				}
			}
		})
	}
}

func TestConcurrentActivatesLeaveOneCurrent(t *testing.T) {
	p, backend := newTap(t)
	s := managed(proxy.Dual)
	s.url = server.Database(t)
	replicas := []*rig{newRig(t, p, backend, s), newRig(t, p, backend, s)}
	var made []string
	for n := range 5 {
		made = append(made, replicas[0].made(fmt.Sprint("F", n), "discovery"))
	}
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			r := replicas[n%2]
			if g := r.activate(made[n%5]); g.status != 200 {
				t.Errorf("got %d %s", g.status, g.body)
			}
		})
	}
	all.Wait()
	if l, r := replicas[0].current(), replicas[1].current(); l != r || l == legacy.AzureEngagement {
		t.Errorf("one replica says %s, the other %s", l, r)
	}
	found, err := replicas[0].store.Recall(t.Context(), flows.Caller{User: admin, Engagement: legacy.AzureEngagement}, nil)
	must(t, err)
	n := 0
	for _, a := range found.Activated {
		if a.Current {
			n++
		}
	}
	if n != 1 || len(found.Activated) != 5 {
		t.Errorf("%d current of %d", n, len(found.Activated))
	}
}
