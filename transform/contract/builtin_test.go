package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func loadBuiltin(t *testing.T) *Contract {
	t.Helper()
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBuiltinKeepsItsPromises(t *testing.T) {
	for _, f := range loadBuiltin(t).Check() {
		t.Error(f)
	}
}

// The endpoints that the migration is about, and whether they are on.
func TestBuiltinEndpoints(t *testing.T) {
	want := strings.TrimSpace(`
context-me: GET /api/v1/context/me
context-me: GET /api/v1/me
flow-activate: POST /api/v1/context/session/switch -> /api/v1/context/flow/activate
validate-upload: POST /api/v1/data-import/validate-upload
validation-session: GET /api/v1/data-import/validation-session/{validation_id} -> /api/v1/data-import/validation-flow/{validation_id}
store-import: POST /api/v1/data-import/store-import
clean-import: POST /api/v1/data-import/clean/import
flows-comparison: GET /api/v1/admin/sessions/comparison -> /api/v1/admin/flows/comparison
comparison-health: GET /api/v1/admin/session-comparison/health -> /api/v1/admin/flow-comparison/health
comparison-list: GET /api/v1/admin/session-comparison/engagement/{engagement_id}/sessions -> /api/v1/admin/flow-comparison/engagement/{engagement_id}/flows
comparison-compare: POST /api/v1/admin/session-comparison/compare -> /api/v1/admin/flow-comparison/compare
comparison-history: GET /api/v1/admin/session-comparison/history -> /api/v1/admin/flow-comparison/history
comparison-details: GET /api/v1/admin/session-comparison/comparisons/{comparison_id}/details -> /api/v1/admin/flow-comparison/comparisons/{comparison_id}/details
engagements-list: GET /api/v1/admin/engagements/
engagement-create: POST /api/v1/admin/engagements/
engagement-get: GET /api/v1/admin/engagements/{engagement_id}
engagement-update: PUT /api/v1/admin/engagements/{engagement_id}
engagements-stats: GET /api/v1/admin/engagements/dashboard/stats
engagement-sessions: GET /api/v1/admin/engagements/{engagement_id}/sessions -> /api/v1/admin/engagements/{engagement_id}/flows
sessions-list: GET /api/v1/sessions -> /api/v1/flows (off)
session-create: POST /api/v1/sessions -> /api/v1/flows (off)
session-get: GET /api/v1/sessions/{id} -> /api/v1/flows/{id} (off)
session-update: PUT /api/v1/sessions/{id} -> /api/v1/flows/{id} (off)
session-patch: PATCH /api/v1/sessions/{id} -> /api/v1/flows/{id} (off)
session-deactivate: POST /api/v1/sessions/{id}/deactivate -> /api/v1/flows/{id}/deactivate (off)
session-delete: DELETE /api/v1/sessions/{id} -> /api/v1/flows/{id} (off)
debug-context: GET /debug/context
debug-context-middleware: GET /debug/context-middleware
debug-dependency: GET /debug/test-dependency`)
	var got []string
	for _, e := range loadBuiltin(t).Endpoints {
		for _, r := range e.Routes {
			line := e.Name + ": " + e.Method + " " + r.Session
			if r.Flow != r.Session {
				line += " -> " + r.Flow
			}
			if !e.Enabled {
				line += " (off)"
			}
			got = append(got, line)
		}
	}
	if d := cmp.Diff(strings.Split(want, "\n"), got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// What documents and dashboards need of every endpoint.
func TestBuiltinIsComplete(t *testing.T) {
	for _, e := range loadBuiltin(t).Endpoints {
		if e.Journey == "" {
			t.Errorf("%s has no journey", e.Name)
		}
		if !strings.HasSuffix(e.Summary, ".") {
			t.Errorf("%s: the summary is no sentence: %q", e.Name, e.Summary)
		}
		if e.Errors == nil {
			t.Errorf("%s leaves the path in its error bodies as the upstream has it", e.Name)
		}
		if e.Response != nil && !slices.ContainsFunc(e.Examples, func(x Example) bool { return x.Side == "response" }) {
			t.Errorf("%s has no example of a response", e.Name)
		}
		if e.Request != nil && !slices.ContainsFunc(e.Examples, func(x Example) bool { return x.Side == "request" }) {
			t.Errorf("%s has no example of a request", e.Name)
		}
	}
}

// The endpoints that are shipped off are checked for routes as well: switching them on works.
func TestBuiltinWithEverythingOn(t *testing.T) {
	c := loadBuiltin(t)
	on := map[string]bool{}
	for _, e := range c.Endpoints {
		on[e.Name] = true
	}
	if _, err := c.Switch(on); err != nil {
		t.Error(err)
	}
}

func TestBuiltinFilters(t *testing.T) {
	e, err := loadBuiltin(t).Endpoint("flows-comparison")
	if err != nil {
		t.Fatal(err)
	}
	want := []QueryFilter{
		{Param: "engagement_id", UUID: true, Forward: true},
		{Param: "flow_type", Words: []string{"discovery", "assessment", "planning", "execution", "modernize", "finops", "observability", "decommission"}},
		{Param: "status", Words: []string{"pending", "active", "in_progress", "completed", "paused", "failed", "cancelled"}},
	}
	if d := cmp.Diff(want, e.Filters); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
