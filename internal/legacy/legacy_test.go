package legacy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fixed returns a backend whose clock stands and whose ids count.
func fixed(paper bool) http.Handler {
	var mu sync.Mutex
	n := 0
	return New(Options{
		Now: func() time.Time { return time.Date(2025, 7, 8, 19, 0, 14, 766065123, time.UTC) },
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
		},
		Paper: paper,
	})
}

// ask makes one call and returns the answer.
func ask(h http.Handler, e exchange) *httptest.ResponseRecorder {
	method := e.method
	if method == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, e.path, strings.NewReader(e.body))
	for name, value := range e.headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// compact takes the white space out of a body that is written down legibly.
func compact(t *testing.T, pretty string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(pretty)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBodies(t *testing.T) {
	t.Parallel()
	const azure = `
		"client": {
			"id": "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990", "name": "Complete Test Client",
			"description": "Client: Complete Test Client",
			"created_at": "2025-06-01T10:00:00.123456Z", "updated_at": "2025-06-02T11:00:00Z"
		},
		"engagement": {
			"id": "58467010-6a72-44e8-ba37-cc0238724455", "name": "Azure Transformation 2025",
			"description": "Engagement: Azure Transformation 2025",
			"client_id": "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990",
			"created_at": "2025-06-01T10:00:00Z", "updated_at": "2025-07-08T19:00:14.766065"
		}`
	session := func(id, engagement, name, description, owner string) string {
		s := fmt.Sprintf(`{
			"id": %q, "name": %q, "description": %q, "engagement_id": %q, "is_default": true, "created_by": %q,
			"created_at": "2025-07-08T19:00:14.766065", "updated_at": "2025-07-08T19:00:14.766065", "metadata": null
		}`, id, name, description, engagement, owner)
		return `"session": ` + s + `, "available_sessions": [` + s + `]`
	}
	failure := func(path, method, e string) string {
		return `{"error": ` + e + `, "status": "error", "path": "` + path + `", "method": "` + method +
			`", "trace_id": "00000000-0000-4000-8000-000000000001"}`
	}
	caller := with(signedIn(TwoClients), inTenant())

	for _, tt := range []struct {
		name   string
		call   exchange
		status int
		want   string
	}{
		{
			"a platform admin has an Admin Session",
			exchange{path: "/api/v1/context/me", headers: asAdmin()}, 200,
			`{"user": {"id": "` + PlatformAdmin + `", "email": "padmin@example.test", "role": "admin"},` + azure + `,` +
				session(AzureEngagement, AzureEngagement, "Admin Session - Azure Transformation 2025",
					"admin session for Azure Transformation 2025", PlatformAdmin) + `}`,
		},
		{
			"another user has a Default Session, however many clients",
			exchange{path: "/api/v1/me", headers: signedIn(TwoClients)}, 200,
			`{"user": {"id": "` + TwoClients + `", "email": "two@example.test", "role": "client_admin"},` + azure + `,` +
				session(AzureEngagement, AzureEngagement, "Default Session - Azure Transformation 2025",
					"default session for Azure Transformation 2025", TwoClients) + `}`,
		},
		{
			"a platform admin without a client has nulls and an empty list",
			exchange{path: "/api/v1/context/me", headers: signedIn(LoneAdmin)}, 200,
			`{"user": {"id": "` + LoneAdmin + `", "email": "lone-admin@example.test", "role": "admin"},
				"client": null, "engagement": null, "session": null, "available_sessions": []}`,
		},
		{
			"a user without access has the demo, whose session id is not its engagement's",
			exchange{path: "/api/v1/context/me", headers: signedIn(NoAccess)}, 200,
			`{"user": {"id": "` + NoAccess + `", "email": "nobody@example.test", "role": "analyst"},
				"client": {"id": "11111111-1111-1111-1111-111111111111", "name": "Democorp",
					"description": "Demonstration Client",
					"created_at": "2025-07-08T19:00:14.766065", "updated_at": "2025-07-08T19:00:14.766065"},
				"engagement": {"id": "22222222-2222-2222-2222-222222222222", "name": "Cloud Migration 2024",
					"description": "Demonstration Engagement", "client_id": "11111111-1111-1111-1111-111111111111",
					"created_at": "2025-07-08T19:00:14.766065", "updated_at": "2025-07-08T19:00:14.766065"},` +
				session("33333333-3333-3333-3333-333333333333", "22222222-2222-2222-2222-222222222222",
					"Demo Session", "Demonstration Session", NoAccess) + `}`,
		},
		{
			"nobody",
			exchange{path: "/api/v1/context/me"}, 401,
			failure("/api/v1/context/me", "GET", `{"error_code": "HTTP_401",
				"message": "Authentication required. Please log in.",
				"details": {"original_message": "Not authenticated"},
				"recovery_suggestions": ["Please log in and try again", "Your session may have expired"]}`),
		},
		{
			"a switch without an engagement",
			exchange{method: "POST", path: "/api/v1/context/session/switch", headers: caller, body: `{}`}, 400,
			failure("/api/v1/context/session/switch", "POST", `{"error_code": "HTTP_400",
				"message": "Invalid request format", "details": {"original_message": "engagement_id is required"},
				"recovery_suggestions": ["Check your request format", "Ensure all required fields are provided"]}`),
		},
		{
			"a well-formed switch fails, always",
			exchange{method: "POST", path: "/api/v1/context/session/switch", headers: caller,
				body: `{"engagement_id": "` + AzureEngagement + `"}`}, 500,
			failure("/api/v1/context/session/switch", "POST", `{"error_code": "HTTP_500",
				"message": "An internal server error occurred", "details": {"original_message":
				"Error switching session: DiscoveryFlowService.__init__() missing 1 required positional argument: 'context'"},
				"recovery_suggestions": ["Please try again later", "If the problem persists, contact support"]}`),
		},
		{
			"a validation error names its fields",
			exchange{method: "POST", path: "/api/v1/data-import/store-import", headers: inTenant(),
				body: `{"file_data": [], "metadata": {"filename": "f", "size": 1, "type": "t"},
					"upload_context": {"intended_type": "cmdb", "validation_session_id": 7}}`}, 422,
			failure("/api/v1/data-import/store-import", "POST", `{"error_code": "VAL_002",
				"message": "Request validation failed", "details": {"validation_errors": [
					{"field": "upload_context.validation_session_id", "message": "Input should be a valid string",
						"type": "string_type"},
					{"field": "upload_context.upload_timestamp", "message": "Field required", "type": "missing"}]},
				"recovery_suggestions": ["Check the request format and required fields",
					"Ensure all values match the expected types"]}`),
		},
		{
			"no tenant: a 400 whose text says 403",
			exchange{path: "/debug/context"}, 400,
			`{"error": "Context extraction failed",
				"detail": "403: Client account context is required. Please send the X-Client-Account-ID header.",
				"path": "/debug/context"}`,
		},
		{
			"not an admin",
			exchange{path: "/api/v1/admin/engagements/", headers: signedIn(TwoClients)}, 403,
			`{"error": "Access denied", "detail": "Admin routes need the platform admin role",
				"path": "/api/v1/admin/engagements/"}`,
		},
		{
			"uncaught: no trace id",
			exchange{path: "/debug/failure", headers: inTenant()}, 500,
			`{"error": {"error_code": "SYS_001", "message": "An unexpected error occurred", "details": {},
				"recovery_suggestions": ["Please try again later", "If the problem persists, contact support"],
				"trace_id": null}, "status": "error", "path": "/debug/failure", "method": "GET"}`,
		},
		{
			"sessions of an engagement: a bare list",
			exchange{path: "/api/v1/admin/engagements/any/sessions", headers: asAdmin()}, 200,
			`[{"id": "00000000-0000-4000-8000-000000000002", "name": "Q1 Assessment",
					"start_date": "2025-07-08T19:00:14.766065", "end_date": null, "status": "active"},
				{"id": "00000000-0000-4000-8000-000000000003", "name": "Q2 Migration",
					"start_date": "2025-07-08T19:00:14.766065", "end_date": null, "status": "active"}]`,
		},
		{
			"one engagement, a false friend",
			exchange{path: "/api/v1/admin/engagements/" + FalseFriendEngagement, headers: asAdmin()}, 200,
			`{"id": "` + FalseFriendEngagement + `",
				"engagement_name": "Session Hijack – \"Admin Session - Übung\" <b>&amp;</b> 日本",
				"client_account_id": "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990",
				"engagement_description": "moves session_id handling; see /session/switch",
				"migration_scope": "Full Migration", "target_cloud_provider": "migration",
				"planned_start_date": null, "planned_end_date": null, "estimated_budget": 0.0,
				"estimated_asset_count": null, "actual_start_date": null, "actual_end_date": null,
				"actual_budget": null, "engagement_manager": "Not Assigned", "technical_lead": "Not Assigned",
				"team_preferences": {"stakeholders": [], "decision_makers": [], "technical_leads": [],
					"communication_style": "formal", "reporting_frequency": "weekly",
					"preferred_meeting_times": [], "escalation_contacts": [], "project_methodology": "agile"},
				"agent_configuration": {}, "discovery_preferences": {}, "assessment_criteria": {},
				"current_phase": "active", "completion_percentage": 0.0, "current_flow_id": null,
				"created_at": "2025-07-08T19:00:14.730477Z", "updated_at": null, "is_active": true,
				"total_sessions": 0, "total_assets": 0}`,
		},
		{
			"history of comparisons",
			exchange{path: "/api/v1/admin/session-comparison/history", headers: asAdmin()}, 200,
			`{"items": [{"comparison_id": "comp_1_2", "source_session_name": "Initial Discovery Session",
				"target_session_name": "Enhanced Data Import", "comparison_type": "full_comparison",
				"created_at": "2025-01-16T09:00:00Z", "created_by": "demo_user",
				"key_findings": ["Quality score improved by 8.5%", "130 new assets discovered",
					"Cost savings increased by $250,000"]}],
				"total": 1, "page": 1, "page_size": 10, "total_pages": 1}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := ask(fixed(true), tt.call)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if diff := cmp.Diff(compact(t, tt.want), w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if got := w.Header().Get("Content-Length"); got != fmt.Sprint(w.Body.Len()) {
				t.Errorf("Content-Length %q of a body of %d bytes", got, w.Body.Len())
			}
		})
	}
}

func TestEveryShapeOfErrorHasItsHeaders(t *testing.T) {
	t.Parallel()
	page := header("Origin", page3000)
	for _, tt := range []struct {
		name        string
		call        exchange
		trace, cors bool
	}{
		{"A", exchange{path: "/api/v1/me", headers: page}, true, true},
		{"B", exchange{method: "POST", path: "/api/v1/auth/login", headers: page}, true, true},
		{"C", exchange{path: "/debug/context", headers: page}, false, true},
		{"D", exchange{path: "/api/v1/admin/", headers: page}, false, true},
		{"E", exchange{path: "/debug/failure", headers: with(page, inTenant())}, false, false},
		{"F", exchange{method: "POST", path: "/api/v1/data-import/store-import", headers: with(page, inTenant()),
			body: `{"file_data":[],"metadata":{"filename":"f","size":1,"type":"t"},` +
				`"upload_context":{"intended_type":"c","upload_timestamp":"t","validation_flow_id":"x"}}`}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := ask(fixed(false), tt.call).Header()
			if got := h.Get("X-Trace-ID") != ""; got != tt.trace {
				t.Errorf("X-Trace-ID present: %t, want %t", got, tt.trace)
			}
			if got := h.Get("Access-Control-Allow-Origin") == page3000; got != tt.cors {
				t.Errorf("Access-Control-Allow-Origin present: %t, want %t", got, tt.cors)
			}
			if h.Get("WWW-Authenticate") != "" {
				t.Error("WWW-Authenticate is there; the legacy build loses it")
			}
		})
	}
}

func TestBackendsDoNotShareState(t *testing.T) {
	t.Parallel()
	one, other := fixed(false), fixed(false)
	w := ask(one, exchange{method: "PUT", path: "/api/v1/context/me/defaults", headers: signedIn(TwoClients),
		body: `{"engagement_id":"` + SecondEngagement + `"}`})
	if want := `{"message":"User defaults updated successfully","updated_fields":["engagement_id"]}`; w.Body.String() != want {
		t.Fatalf("got %s, want %s", w.Body, want)
	}
	me := exchange{path: "/api/v1/me", headers: signedIn(TwoClients)}
	if got := ask(one, me).Body.String(); !strings.Contains(got, "Default Session - Lagerverwaltung → Cloud") {
		t.Errorf("the defaults do not show: %s", got)
	}
	if got := ask(other, me).Body.String(); !strings.Contains(got, "Default Session - Azure Transformation 2025") {
		t.Errorf("the defaults show in another backend: %s", got)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	h := New(Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for _, e := range []exchange{
				{path: "/api/v1/me", headers: signedIn(TwoClients)},
				{method: "PUT", path: "/api/v1/context/me/defaults", headers: signedIn(TwoClients),
					body: `{"engagement_id":"` + SecondEngagement + `"}`},
				{method: "POST", path: "/api/v1/flows/", headers: with(asAdmin(), inTenant()),
					body: `{"flow_type":"discovery"}`},
				{path: "/api/v1/flows/", headers: with(asAdmin(), inTenant())},
				{path: "/api/v1/admin/engagements/", headers: asAdmin()},
			} {
				if w := ask(h, e); w.Code != http.StatusOK {
					t.Errorf("caller %d, %s: status %d", i, e.path, w.Code)
				}
			}
		})
	}
	all.Wait()
}

func TestEventsEndWithTheCaller(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	h := New(Options{Heartbeat: time.Millisecond})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	}))
	defer server.Close()

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		server.URL+"/api/v1/assessment-flow/f/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range with(asAdmin(), inTenant()) {
		req.Header.Set(name, value)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for _, kind := range []string{"connected", "heartbeat", "heartbeat"} {
		lines.Scan()
		if want := `data: {"type":"` + kind + `","flow_id":"f","timestamp":"`; !strings.HasPrefix(lines.Text(), want) {
			t.Fatalf("line %q, want it to begin with %q", lines.Text(), want)
		}
		lines.Scan() // the empty line between events
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream goes on though its caller is gone")
	}
}

func TestRandomIDsAreUUIDs(t *testing.T) {
	t.Parallel()
	id := randomID()
	if !ids.MatchString(id) || len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("%q is no version 4 UUID", id)
	}
	if again := randomID(); again == id {
		t.Errorf("the same id twice: %s", id)
	}
}
