package flows_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
	"github.com/crossfade-proxy/crossfade/proxy/flows/sqlstore"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

var server *postgrestest.Server

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(beChild(role))
	}
	os.Exit(postgrestest.Main(m, &server))
}

// patience bounds every wait: far more than anything should take.
const patience = time.Minute

const (
	me         = "/api/v1/context/me"
	activate   = "/api/v1/context/flow/activate"
	flowsPath  = "/api/v1/flows"
	comparison = "/api/v1/admin/flows/comparison"
	tenant     = "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990"
	strange    = "01234567-89ab-4cde-8f01-23456789abcd" // the id of nothing
)

// tap stands before the legacy backend: it counts what it is asked and may answer itself.
type tap struct {
	http.Handler
	mu    sync.Mutex
	asked []string // METHOD path
	// intercept answers a request, if it says so.
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.URL.Path)
	intercept := p.intercept
	p.mu.Unlock()
	if intercept == nil || !intercept(w, r) {
		p.Handler.ServeHTTP(w, r)
	}
}

func (p *tap) set(f func(w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = f
}

// count is how often something was asked.
func (p *tap) count(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, a := range p.asked {
		if a == what {
			n++
		}
	}
	return n
}

// reset forgets what was asked.
func (p *tap) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = nil
}

func newTap(tb testing.TB) (*tap, string) {
	tb.Helper()
	p := &tap{Handler: legacy.New(legacy.Options{Paper: true})}
	s := httptest.NewServer(p)
	tb.Cleanup(s.Close)
	return p, s.URL
}

// rig is a crossfade before the legacy backend.
type rig struct {
	testing.TB
	tap    *tap
	url    string
	store  flows.Store
	client http.Client
}

// setup is how a rig differs from the usual one.
type setup struct {
	mode    proxy.Mode
	url     string // of the database
	options flows.Options
	store   func(flows.Store) flows.Store // wraps
	asking  bool                          // nothing is known without asking the database
}

// follow has a store follow its file, as in a process that serves.
func follow(tb testing.TB, s *sqlstore.Store) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	looked, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.Follow(ctx, func(error) { close(looked) })
	}()
	<-looked
	tb.Cleanup(func() {
		cancel()
		<-ended
	})
}

func newRig(tb testing.TB, p *tap, backend string, s setup) *rig {
	tb.Helper()
	if s.url == "" {
		s.url = "sqlite:" + filepath.Join(tb.TempDir(), "flows.db")
	}
	db, err := database.Open(s.url, database.Options{})
	must(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	handler, store := newProxy(tb, backend, db, s)
	front := httptest.NewServer(handler)
	tb.Cleanup(front.Close)
	return &rig{tb, p, front.URL, store, http.Client{Timeout: patience}}
}

// newProxy is a data path with memory.
func newProxy(tb testing.TB, backend string, db *database.DB, s setup) (http.Handler, flows.Store) {
	tb.Helper()
	kept, err := sqlstore.New(db, sqlstore.Options{Now: s.options.Now})
	must(tb, err)
	s.options.Store = kept
	if !s.asking {
		follow(tb, kept)
	}
	if s.options.RecallTimeout == 0 {
		s.options.RecallTimeout = patience // a busy machine is not an absent database
	}
	if s.store != nil {
		s.options.Store = s.store(kept)
	}
	memory, err := flows.New(s.options)
	must(tb, err)
	tb.Cleanup(memory.Close)
	builtin, err := contract.Builtin()
	must(tb, err)
	if s.options.Manage {
		enabled := map[string]bool{}
		for _, name := range flows.Managed() {
			enabled[name] = true
		}
		builtin, err = builtin.Switch(enabled)
		must(tb, err)
	}
	if s.mode == "" {
		s.mode = proxy.Dual
	}
	address, err := url.Parse(backend)
	must(tb, err)
	transport, err := upstream.New(upstream.Options{URLs: []*url.URL{address}})
	must(tb, err)
	tb.Cleanup(transport.CloseIdleConnections)
	handler, err := proxy.New(proxy.Options{
		Upstream: address, Contract: builtin, Decider: proxy.Fixed{Default: s.mode}, Memory: memory, Transport: transport,
	})
	must(tb, err)
	return handler, kept
}

// single is a rig with a backend of its own.
func single(tb testing.TB, s setup) *rig {
	tb.Helper()
	p, backend := newTap(tb)
	return newRig(tb, p, backend, s)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// got is an answer.
type got struct {
	status int
	header http.Header
	body   string
}

func (g got) get(path string) gjson.Result { return gjson.Get(g.body, path) }

// said is what the backend's error shape says.
func (g got) said() string { return g.get("error.details.original_message").Str }

// call makes a call as a user; fields are further header fields, name after name.
func (r *rig) call(user, method, path, body string, fields ...string) got {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.url+path, strings.NewReader(body))
	must(r, err)
	req.Header.Set("Authorization", "Bearer "+legacy.Token(user))
	req.Header.Set("X-Client-Account-ID", tenant)
	req.Header.Set("X-Engagement-ID", legacy.AzureEngagement)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(fields); i += 2 {
		if req.Header.Set(fields[i], fields[i+1]); fields[i+1] == "" {
			req.Header.Del(fields[i])
		}
	}
	res, err := r.client.Do(req)
	must(r, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(r, err)
	return got{res.StatusCode, res.Header, string(bytes.TrimSpace(text))}
}

// wants fails the test unless the answer has a status.
func (r *rig) wants(g got, status int) got {
	r.Helper()
	if g.status != status {
		r.Fatalf("got %d %s\nwant %d", g.status, g.body, status)
	}
	return g
}

// directly calls the backend past crossfade, and past its tap.
func (r *rig) directly(method, path, body string) got {
	r.Helper()
	q := httptest.NewRequest(method, path, strings.NewReader(body))
	q.Header.Set("Authorization", "Bearer "+legacy.Token(admin))
	q.Header.Set("X-Client-Account-ID", tenant)
	q.Header.Set("X-Engagement-ID", legacy.AzureEngagement)
	q.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	r.tap.Handler.ServeHTTP(w, q)
	return got{w.Code, w.Header(), w.Body.String()}
}

const admin = legacy.PlatformAdmin

// made makes a flow and gives its id.
func (r *rig) made(name, kind string, fields ...string) string {
	r.Helper()
	g := r.call(admin, "POST", flowsPath, `{"name":"`+name+`","flow_type":"`+kind+`","engagement_id":"`+legacy.AzureEngagement+`"}`, fields...)
	return r.wants(g, 201).get("id").Str
}

func (r *rig) activate(id string) got {
	r.Helper()
	return r.call(admin, "POST", activate, `{"flow_id":"`+id+`"}`)
}

// current is the caller's current flow, as the context tells.
func (r *rig) current() string {
	r.Helper()
	return r.wants(r.call(admin, "GET", me, ""), 200).get("current_flow.id").Str
}
