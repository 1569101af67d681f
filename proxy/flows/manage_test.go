package flows_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

func flowBody(name, kind, more string) string {
	return `{"name":"` + name + `","flow_type":"` + kind + `","engagement_id":"` + legacy.AzureEngagement + `"` + more + `}`
}

// sessions counts the sessions that the backend has.
func (r *rig) sessions() int {
	r.Helper()
	return int(r.wants(r.directly("GET", "/api/v1/sessions", ""), 200).get("total").Int())
}

func TestCreateIsWhatThePlanWants(t *testing.T) {
	r := single(t, managed(proxy.Dual))
	g := r.wants(r.call(admin, "POST", flowsPath, flowBody("Wave 1", "decommission", `,"metadata":{"big":12345678901234567890,"n":1.50}`)), 201)
	for path, want := range map[string]string{
		"name": "Wave 1", "flow_type": "decommission", "status": "pending", "engagement_id": legacy.AzureEngagement, "created_by": admin,
		"metadata": `{"big":12345678901234567890,"n":1.50}`,
	} {
		if got := g.get(path).String(); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	names := []string{}
	gjson.Parse(g.body).ForEach(func(k, _ gjson.Result) bool { names = append(names, k.Str); return true })
	if got := strings.Join(names, " "); got != "id name flow_type status engagement_id created_by metadata created_at updated_at" {
		t.Errorf("members %s", got)
	}
	again := r.wants(r.call(admin, "GET", flowsPath+"/"+g.get("id").Str, ""), 200)
	if again.body != g.body {
		t.Errorf("read  %s\nmade  %s", again.body, g.body)
	}
	// The session has what it can hold, and the mark of the intent.
	session := r.wants(r.call(admin, "GET", "/api/v1/sessions/"+g.get("id").Str, ""), 200)
	if session.get("session_type").Str != "data_import" || session.get("metadata.crossfade_intent").Str == "" || session.get("metadata.big").Raw != "12345678901234567890" {
		t.Errorf("session %s", session.body)
	}
}

func TestCreateRefuses(t *testing.T) {
	const types = "'discovery', 'assessment', 'planning', 'execution', 'modernize', 'finops', 'observability' or 'decommission'"
	r := single(t, managed(proxy.FlowOnly))
	for _, test := range []struct{ name, body, faults string }{
		{"nothing of it", `{}`, `[{"field":"name","message":"Field required","type":"missing"},{"field":"flow_type","message":"Field required","type":"missing"},{"field":"engagement_id","message":"Field required","type":"missing"}]`},
		{"another type", flowBody("x", "session", ""), `[{"field":"flow_type","message":"Input should be ` + types + `","type":"enum"}]`},
		{"a number for a type", `{"name":"x","flow_type":1,"engagement_id":"` + strange + `"}`, `[{"field":"flow_type","message":"Input should be ` + types + `","type":"enum"}]`},
		{"no engagement", `{"name":"x","flow_type":"planning","engagement_id":"7"}`, `[{"field":"engagement_id","message":"Input should be a valid UUID","type":"uuid_parsing"}]`},
		{"a list of metadata", flowBody("x", "planning", `,"metadata":[]`), `[{"field":"metadata","message":"Input should be a valid dictionary","type":"dict_type"}]`},
		{"no name", `{"name":null,"flow_type":"planning","engagement_id":"` + strange + `"}`, `[{"field":"name","message":"Input should be a valid string","type":"string_type"}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := r.wants(r.call(admin, "POST", flowsPath, test.body), 422)
			if got := g.get("error.details.validation_errors").Raw; got != test.faults {
				t.Errorf("got  %s\nwant %s", got, test.faults)
			}
		})
	}
	// What the upstream turns down leaves nothing behind, and its words are the client's.
	g := r.wants(r.call(admin, "POST", flowsPath, `{"name":"x","flow_type":"planning","engagement_id":"`+strange+`"}`, "Idempotency-Key", "k"), 404)
	if g.said() != "Engagement not found" || g.get("path").Str != flowsPath {
		t.Errorf("got %s", g.body)
	}
	r.wants(r.call(admin, "POST", flowsPath, flowBody("x", "planning", ""), "Idempotency-Key", "k"), 201)
	if n := r.sessions(); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestIdempotencyKey(t *testing.T) {
	r := single(t, managed(proxy.FlowOnly))
	body := flowBody("x", "planning", "")
	first := r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k1"), 201)
	again := r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k1"), 201)
	if first.body != again.body || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("got %s\nthen %s", first.body, again.body)
	}
	g := r.wants(r.call(admin, "POST", flowsPath, flowBody("y", "planning", ""), "Idempotency-Key", "k1"), 422)
	if got := g.get("error.details.validation_errors").Raw; got != `[{"field":"header.Idempotency-Key","message":"The key was used before with another body","type":"value_error"}]` {
		t.Errorf("got %s", got)
	}
	r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", strings.Repeat("k", 256)), 422)
	// The key is the caller's own.
	r.wants(r.call(legacy.TwoClients, "POST", flowsPath, body, "Idempotency-Key", "k1"), 201)
	r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k2"), 201)
	if n := r.sessions(); n != 3 {
		t.Errorf("%d sessions, want 3", n)
	}
	if n := r.tap.count("POST /api/v1/sessions"); n != 3 {
		t.Errorf("%d sessions were asked for, want 3", n)
	}
}

func TestConcurrentCreatesOfOneKeyMakeOneSession(t *testing.T) {
	p, backend := newTap(t)
	s := managed(proxy.FlowOnly)
	s.url = server.Database(t)
	replicas := []*rig{newRig(t, p, backend, s), newRig(t, p, backend, s)}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			r := replicas[n%2]
			switch g := r.call(admin, "POST", flowsPath, flowBody("x", "planning", ""), "Idempotency-Key", "k"); g.status {
			case 201:
			case 409:
				if g.said() != "A request with this Idempotency-Key is being worked on" || g.header.Get("Retry-After") == "" {
					t.Errorf("got %s", g.body)
				}
			default:
				t.Errorf("got %d %s", g.status, g.body)
			}
		})
	}
	all.Wait()
	if n := replicas[0].sessions(); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// The upstream made the session and its answer was lost: the next call of the caller finds it by its mark.
func TestLostAnswerIsMadeUpFor(t *testing.T) {
	now := &moving{now: time.Now()}
	s := managed(proxy.FlowOnly)
	s.options.Now, s.options.Lease = now.Now, time.Minute
	r := single(t, s)
	r.tap.set(func(w http.ResponseWriter, q *http.Request) bool {
		if q.Method != http.MethodPost || q.URL.Path != "/api/v1/sessions" {
			return false
		}
		r.tap.Handler.ServeHTTP(dead{http.Header{}}, q)
		panic(http.ErrAbortHandler)
	})
	body := flowBody("x", "observability", "")
	r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k"), 502)
	r.tap.set(nil)
	r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k"), 409)
	now.add(2 * time.Minute)
	g := r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k"), 201)
	if g.get("flow_type").Str != "observability" || r.sessions() != 1 {
		t.Errorf("%d sessions: %s", r.sessions(), g.body)
	}
}

// dead takes an answer that nobody gets.
type dead struct{ header http.Header }

func (d dead) Header() http.Header         { return d.header }
func (d dead) Write(p []byte) (int, error) { return len(p), nil }
func (d dead) WriteHeader(int)             {}

// The database fails after the session was made: the answer says what holds, and a retry gives the same flow.
func TestSessionThatWasNotDescribed(t *testing.T) {
	now := &moving{now: time.Now()}
	broken := &faulty{}
	s := managed(proxy.FlowOnly)
	s.options.Now = now.Now
	s.store = func(kept flows.Store) flows.Store { broken.Store = kept; return broken }
	r := single(t, s)
	broken.fail("Finish", database.ErrUnavailable)
	body := flowBody("x", "finops", "")
	g := r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k"), 503)
	if !strings.HasPrefix(g.said(), "The backend has made flow ") || !strings.Contains(g.said(), "It is safe to ask again") {
		t.Errorf("said %q", g.said())
	}
	broken.fail("Finish", nil)
	now.add(2 * time.Minute)
	g = r.wants(r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k"), 201)
	if g.get("flow_type").Str != "finops" || r.sessions() != 1 {
		t.Errorf("%d sessions: %s", r.sessions(), g.body)
	}
}

func TestListFiltersAndPages(t *testing.T) {
	r := single(t, managed(proxy.FlowOnly))
	for n := range 105 { // more than the backend gives at once
		kind := "planning"
		if n%5 == 0 {
			kind = "assessment"
		}
		r.made(fmt.Sprint("F", n), kind)
	}
	elsewhere := r.call(legacy.TwoClients, "POST", flowsPath, `{"name":"x","flow_type":"planning","engagement_id":"`+legacy.SecondEngagement+`"}`)
	r.wants(elsewhere, 201)
	for _, test := range []struct {
		query        string
		total, shown int
		first        string
	}{
		{"", 105, 105, "F0"},
		{"?engagement_id=" + legacy.SecondEngagement, 1, 1, "x"},
		{"?engagement_id=" + strange, 0, 0, ""},
		{"?flow_type=assessment", 21, 21, "F0"},
		{"?flow_type=assessment&page=3&page_size=10", 21, 1, "F100"},
		{"?flow_type=assessment&page=4&page_size=10", 21, 0, ""},
		{"?page=2", 105, 5, "F100"},
		{"?status=pending&page_size=1", 105, 1, "F0"},
		{"?status=failed", 0, 0, ""},
	} {
		g := r.wants(r.call(admin, "GET", flowsPath+test.query, ""), 200)
		if list := g.get("flows").Array(); int(g.get("total").Int()) != test.total || len(list) != test.shown || test.shown > 0 && list[0].Get("name").Str != test.first {
			t.Errorf("%s: total %s, %d shown, first %s", test.query, g.get("total"), len(list), g.get("flows.0.name"))
		}
	}
	for query, fault := range map[string]string{
		"?engagement_id=7": `{"field":"query.engagement_id","message":"Input should be a valid UUID","type":"uuid_parsing"}`,
		"?page=0":          `{"field":"query.page","message":"Input should be greater than or equal to 1","type":"greater_than_equal"}`,
		"?page_size=101":   `{"field":"query.page_size","message":"Input should be less than or equal to 100","type":"less_than_equal"}`,
		"?page=x":          `{"field":"query.page","message":"Input should be a valid integer, unable to parse string as an integer","type":"int_parsing"}`,
		"?status=done":     `{"field":"query.status","message":"Input should be 'pending', 'active', 'in_progress', 'completed', 'paused', 'failed' or 'cancelled'","type":"enum"}`,
	} {
		g := r.wants(r.call(admin, "GET", flowsPath+query, ""), 422)
		if got := g.get("error.details.validation_errors").Raw; got != "["+fault+"]" {
			t.Errorf("%s: got %s", query, got)
		}
	}
	if g := r.wants(r.call(admin, "GET", flowsPath, ""), 200); g.get("engagement_id").Str != legacy.AzureEngagement {
		t.Errorf("engagement %s", g.get("engagement_id"))
	}
}

func TestUpdateKeepsWhatIsNotNamed(t *testing.T) {
	r := single(t, managed(proxy.FlowOnly))
	id := r.wants(r.call(admin, "POST", flowsPath, flowBody("Old", "execution", `,"metadata":{"a":1}`)), 201).get("id").Str
	for _, test := range []struct{ method, body, want string }{
		{"PATCH", `{}`, `Old execution pending {"a":1}`},
		{"PATCH", `{"status":"paused"}`, `Old execution paused {"a":1}`},
		{"PATCH", `{"name":"New","status":null}`, `New execution paused {"a":1}`},
		{"PUT", `{"metadata":{"b":2.50}}`, `New execution paused {"b":2.50}`},
	} {
		g := r.wants(r.call(admin, test.method, flowsPath+"/"+id, test.body), 200)
		again := r.wants(r.call(admin, "GET", flowsPath+"/"+id, ""), 200)
		for _, g := range []got{g, again} {
			if got := fmt.Sprint(g.get("name"), " ", g.get("flow_type"), " ", g.get("status"), " ", g.get("metadata").Raw); got != test.want {
				t.Errorf("%s %s: got %s, want %s", test.method, test.body, got, test.want)
			}
		}
	}
	g := r.wants(r.call(admin, "PATCH", flowsPath+"/"+id, `{"status":"done","metadata":1}`), 422)
	if n := len(g.get("error.details.validation_errors").Array()); n != 2 {
		t.Errorf("%d faults: %s", n, g.body)
	}
	g = r.wants(r.call(admin, "PATCH", flowsPath+"/"+strange, `{"status":"failed"}`), 404)
	if g.said() != "Session not found" || g.get("path").Str != flowsPath+"/"+strange {
		t.Errorf("got %s", g.body)
	}
}

func TestSessionsThatWereNotMadeHere(t *testing.T) {
	r := single(t, managed(proxy.Dual))
	id := r.wants(r.call(admin, "POST", "/api/v1/sessions", `{"name":"S","engagement_id":"`+legacy.AzureEngagement+`"}`), 201).get("id").Str
	g := r.wants(r.call(admin, "PATCH", flowsPath+"/"+id, `{"status":"failed"}`), 200)
	if got := fmt.Sprint(g.get("name"), " ", g.get("flow_type"), " ", g.get("status"), " ", g.get("metadata").Raw); got != "S discovery failed null" {
		t.Errorf("got %s", got)
	}
	r.wants(r.activate(id), 200)
	if got := r.current(); got != id {
		t.Errorf("current %s", got)
	}
}

func TestDeactivateAndDelete(t *testing.T) {
	r := single(t, managed(proxy.FlowOnly))
	id := r.made("F", "planning")
	r.wants(r.activate(id), 200)
	g := r.wants(r.call(admin, "POST", flowsPath+"/"+id+"/deactivate", ""), 200)
	if g.body != `{"status":"success","message":"Flow deactivated successfully","flow_id":"`+id+`"}` || r.current() != legacy.AzureEngagement {
		t.Errorf("got %s, current %s", g.body, r.current())
	}
	r.wants(r.call(admin, "POST", flowsPath+"/"+id+"/deactivate", ""), 404)
	r.wants(r.call(admin, "POST", flowsPath+"/7/deactivate", ""), 404)
	r.wants(r.activate(id), 200)
	if g := r.wants(r.call(admin, "DELETE", flowsPath+"/"+id, ""), 204); g.body != "" || g.header.Get("Content-Type") != "" {
		t.Errorf("got %q, Content-Type %q", g.body, g.header.Get("Content-Type"))
	}
	r.wants(r.call(admin, "DELETE", flowsPath+"/"+id, ""), 404)
	r.wants(r.call(admin, "GET", flowsPath+"/"+id, ""), 404)
	found, err := r.store.Recall(t.Context(), flows.Caller{User: admin, Engagement: legacy.AzureEngagement}, []string{id})
	must(t, err)
	if len(found.Activated)+len(found.Details) != 0 {
		t.Errorf("left: %+v", found)
	}
}

// Without management its routes are whosever they were.
func TestManagementIsOff(t *testing.T) {
	r := single(t, setup{mode: proxy.Dual})
	r.wants(r.call(admin, "POST", "/api/v1/flows/", `{"flow_type":"discovery"}`), 200)
	if n := r.tap.count("POST /api/v1/flows/"); n != 1 {
		t.Errorf("the backend was asked %d times", n)
	}
}

func TestPassthroughHasNoMemory(t *testing.T) {
	r := single(t, managed(proxy.Passthrough))
	r.wants(r.call(admin, "POST", activate, `{"flow_id":"`+strange+`"}`), 404)
	if n := r.tap.count("POST " + activate); n != 1 {
		t.Errorf("the backend was asked %d times", n)
	}
}
