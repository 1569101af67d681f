package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// The secrets of the rig's tokens.
const (
	readSecret    = "read-secret-0123456789"
	operateSecret = "operate-secret-0123456789"
	adminSecret   = "admin-secret-0123456789"
)

func token(tb testing.TB, name string, role Role, secret string) Token {
	tb.Helper()
	t, err := NewToken(name, role, secret)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// rig is a handler with its surroundings. Whatever it answers below /api/v1/ has to be as openapi.yaml says.
type rig struct {
	t       testing.TB
	handler http.Handler
	spec    *openapi3.T
	recent  *Recent
}

func newRig(tb testing.TB, f Flags, change ...func(*Options)) *rig {
	tb.Helper()
	return (&rig{spec: describe(tb)}).with(tb, f, change...)
}

// with is another rig with the same description, which takes a while to read.
func (r *rig) with(tb testing.TB, f Flags, change ...func(*Options)) *rig {
	tb.Helper()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	recent := NewRecent(4, func() time.Time { return at })
	o := Options{
		Ready: func() error { return nil },
		Flags: f,
		Tokens: []Token{
			token(tb, "watcher", Read, readSecret),
			token(tb, "jo", Operate, operateSecret),
			token(tb, "root", Admin, adminSecret),
		},
		Hosts: []string{"crossfade.internal"},
		Endpoints: func() []Endpoint {
			return []Endpoint{
				{Name: "context-me", Summary: "Who am I.", Method: "GET", Routes: []Route{{"/api/v1/context/me", "/api/v1/context/me"}}, Journey: "context"},
				{Name: "flow-list", Method: "GET", Routes: []Route{{"/api/sessions", "/api/flows"}}},
			}
		},
		Lookup: func(_, path string) (proxy.Place, bool, error) {
			switch path {
			case "/api/v1/context/me":
				return proxy.Place{Endpoint: "context-me", Route: path, Side: "both"}, true, nil
			case "":
				return proxy.Place{}, false, errors.New("no path")
			}
			return proxy.Place{}, false, nil
		},
		Recent: recent,
		Settings: func() []Setting {
			return []Setting{{Key: "mode", Value: "dual", Source: "proxy.yaml:3"}, {Key: "flags.store", Value: "postgres://u:p@h/d", Source: "environment", Secret: true}, {Key: "empty", Source: "default", Secret: true}}
		},
		Status: func() Status { return Status{Build: "v1", Started: at, ContractRevision: "abc", InFlight: 3} },
	}
	for _, c := range change {
		c(&o)
	}
	h, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return &rig{tb, h, r.spec, recent}
}

// describe loads openapi.yaml and checks it as such.
func describe(tb testing.TB) *openapi3.T {
	tb.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	spec, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		tb.Fatal(err)
	}
	if err := spec.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		tb.Fatal(err)
	}
	return spec
}

// answer is what a caller got.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// do sends a request with the admin token, unless header lines say otherwise ("" takes one away).
func (r *rig) do(method, target, body string, header ...string) answer {
	r.t.Helper()
	request := httptest.NewRequestWithContext(r.t.Context(), method, target, strings.NewReader(body))
	request.Host = "localhost:9901"
	request.Header.Set("Authorization", "Bearer "+adminSecret)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
		} else if header[i+1] == "" {
			request.Header.Del(header[i])
		} else {
			request.Header.Add(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, request)
	r.check(request, w)
	return answer{w, r.t}
}

// check holds an answer of the API to its description.
func (r *rig) check(request *http.Request, w *httptest.ResponseRecorder) {
	r.t.Helper()
	method, path, _ := strings.Cut(request.Pattern, " ")
	item := r.spec.Paths.Value(path)
	if item == nil || method != request.Method && request.Method != http.MethodHead {
		return
	}
	operation := item.GetOperation(method)
	if operation == nil {
		r.t.Fatalf("%s is not described", request.Pattern)
	}
	response := operation.Responses.Status(w.Code)
	if response == nil {
		response = operation.Responses.Default()
	}
	for name, h := range response.Value.Headers {
		if name == "ETag" && strings.Contains(request.URL.RawQuery, "dry_run=true") {
			continue
		}
		if w.Header().Get(name) == "" {
			r.t.Errorf("%s: %d without %s (%s)", request.Pattern, w.Code, name, h.Value.Description)
		}
	}
	if w.Code == http.StatusNotModified {
		return
	}
	kind, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		r.t.Fatal(err)
	}
	content := response.Value.Content[kind]
	if content == nil {
		r.t.Fatalf("%s: %d with %s is not described", request.Pattern, w.Code, kind)
	}
	if !strings.HasSuffix(kind, "json") {
		return
	}
	var value any
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil {
		r.t.Fatalf("%s: %v in %s", request.Pattern, err, w.Body)
	}
	if err := content.Schema.Value.VisitJSON(value, openapi3.EnableFormatValidation()); err != nil {
		r.t.Errorf("%s: %v in %s", request.Pattern, err, w.Body)
	}
}

// want compares the status and the body, without its line end.
func (a answer) want(status int, body string) {
	a.t.Helper()
	if got := strings.TrimSuffix(a.Body.String(), "\n"); a.Code != status || got != body {
		a.t.Errorf("got  %d %s\nwant %d %s", a.Code, got, status, body)
	}
}

// wantProblem compares the problem and its detail.
func (a answer) wantProblem(p problem, detail string) {
	a.t.Helper()
	var d document
	if err := json.Unmarshal(a.Body.Bytes(), &d); err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	if want := p.describe(); a.Code != want.status || d.Status != want.status || d.Type != problemTypePrefix+string(p) || d.Title != want.title || d.Detail != detail {
		a.t.Errorf("got %d %s\nwant %s: %s", a.Code, a.Body, p, detail)
	}
}

// field gives a member of the answer, by its path: "entry.by".
func (a answer) field(path string) any {
	a.t.Helper()
	var value any
	d := json.NewDecoder(bytes.NewReader(a.Body.Bytes()))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// scripted are flags that say what a test wants them to, and keep what they were asked.
type scripted struct {
	state   flags.State
	health  flags.Health
	entry   flags.Entry
	err     error
	entries []flags.Entry

	mu      sync.Mutex
	changes []flags.Change
	author  flags.Author
	seen    *int64
	dryRun  bool
	query   flags.Query
	asked   flags.Request
	ctxErr  error // of the context at a change
}

func (s *scripted) State() flags.State { return s.state }

func (s *scripted) Health() flags.Health { return s.health }

func (s *scripted) Explain(r flags.Request, endpoint string) flags.Explanation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = r
	return flags.Explanation{
		Decision: flags.Decision{Stage: flags.Verify, Reason: flags.ReasonRule, Source: "flag " + endpoint, Rule: "pilots", Bucket: 7, Threshold: 9, HasBucket: true, Version: s.state.Version, Consulted: []string{"X-Engagement-Id"}},
		Endpoint: endpoint, Key: "u", KeyFrom: "token",
		Tried: []flags.Trial{{Source: "kill switch", Why: "it is off"}, {Source: "flag " + endpoint, Rule: "pilots", Stage: flags.Verify, Says: true, Why: "bucket 7 is below 9"}},
	}
}

func (s *scripted) Change(ctx context.Context, c flags.Change, a flags.Author, ifMatch *int64, dryRun bool) (flags.State, flags.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctxErr = ctx.Err()
	s.changes, s.author, s.seen, s.dryRun = append(s.changes, c), a, ifMatch, dryRun
	if s.err != nil {
		return flags.State{}, flags.Entry{}, s.err
	}
	return s.state, s.entry, nil
}

func (s *scripted) History(_ context.Context, q flags.Query) ([]flags.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.query = q
	return s.entries[:min(q.Limit, len(s.entries))], s.err
}

// calm are flags with one of them set.
func calm() *scripted {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return &scripted{
		state:  flags.State{Version: 17, Flags: []flags.Flag{{Endpoint: "context-me", Stage: flags.Dual, Changed: 12}}},
		health: flags.Health{Known: true, Version: 17, Reachable: true, Since: at, Contact: at},
		entry:  flags.Entry{Version: 17, At: at, By: "jo", Action: "set", Endpoint: "context-me", Reason: "why", Previous: "p", Hash: "h"},
	}
}
