package replicas_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/conformance/process"
	"github.com/crossfade-proxy/crossfade/conformance/replicas"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

const (
	// bound is what docs/store.md says about how soon a change is served everywhere.
	bound = 2 * time.Second
	// patience bounds every wait, also on a machine with much else to do.
	patience = 30 * time.Second
	endpoint = "context-me"
	target   = "/api/v1/context/me"
	token    = "a-token-of-the-tests"
	// body is what the upstream answers.
	body = `{"user":{"id":"u1","role":"admin"},"session":{"id":"s1","name":"Demo Session","created_by":"u1"},"available_sessions":[]}`
)

func stages() []string { return []string{"passthrough", "dual", "flow_only"} }

// cluster is some replicas, and what callers and readers of them have written down.
type cluster struct {
	t        *testing.T
	store    string
	replicas []*replica
	shapes   map[string]string // by body, the mode that it is of
	began    time.Time
	stop     chan struct{}
	busy     sync.WaitGroup

	mu       sync.Mutex
	history  replicas.History
	asked    map[string]int   // reads by the id of the request
	versions map[string]int64 // by the id of the request, as access lines tell
}

// replica is one crossfade, and how to start another in its place.
type replica struct {
	options process.Options
	process *process.Process
	client  *http.Client
}

// start runs n replicas of one store, with nobody who asks them anything yet.
func start(t *testing.T, n int, store string) *cluster {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(upstream.Close)
	c := &cluster{
		t: t, store: store, shapes: shapes(t, upstream.URL), began: time.Now(), stop: make(chan struct{}),
		asked: map[string]int{}, versions: map[string]int64{},
	}
	c.history.Bound, c.history.First = bound, "passthrough"
	for range n {
		r := &replica{
			options: process.Options{
				Config:  "upstream: {url: '" + upstream.URL + "'}\n",
				Environ: []string{"CROSSFADE_STORE_URL=" + store, "CROSSFADE_ADMIN_TOKEN=" + token},
				Dir:     t.TempDir(), Listen: free(t), Admin: free(t), Line: c.line,
			},
			// Long enough for a replica that is stopped to go on and answer.
			client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
		}
		c.replicas = append(c.replicas, r)
		r.process = process.Start(t, r.options)
		t.Cleanup(r.client.CloseIdleConnections)
	}
	return c
}

// shapes asks a proxy that has but one mode, for each.
func shapes(t *testing.T, upstream string) map[string]string {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	builtin, err := contract.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]string{}
	for _, mode := range stages() {
		p, err := proxy.New(proxy.Options{Upstream: u, Contract: builtin, Decider: proxy.Fixed{Default: proxy.Mode(mode)}})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		shapes[w.Body.String()] = mode
	}
	if len(shapes) != len(stages()) {
		t.Fatalf("modes cannot be told apart: %q", shapes)
	}
	return shapes
}

// free gives an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (c *cluster) await(what string, is func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			c.t.Errorf("waited in vain for %s", what)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (c *cluster) now() time.Duration { return time.Since(c.began) }

// harm does something and undoes it, and writes down when.
func (c *cluster) harm(h replicas.Harm, do, undo func() error) {
	c.t.Helper()
	h.From = c.now()
	for _, f := range []func() error{do, undo} {
		if err := f(); err != nil {
			c.t.Fatalf("%s: %v", h.Name, err)
		}
	}
	h.To = c.now()
	c.t.Logf("%6.2f s to %6.2f s: %s", h.From.Seconds(), h.To.Seconds(), h.Name)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.Harms = append(c.history.Harms, h)
}

// pass waits while things go on as they are.
func pass(d time.Duration) { <-time.After(d) }

// kill ends a replica without a word and starts it again.
func (c *cluster) kill(replica int) {
	c.t.Helper()
	r := c.replicas[replica]
	c.harm(replicas.Harm{Name: fmt.Sprintf("replica %d is killed", replica), Replica: replica}, func() error {
		r.process.Kill()
		return nil
	}, func() error {
		r.process = process.Start(c.t, r.options)
		return nil
	})
}

// judge ends the calls, waits until all replicas agree with the store, and holds what was written down to the laws.
func (c *cluster) judge() replicas.History {
	c.t.Helper()
	close(c.stop)
	c.busy.Wait()
	db, err := database.Open(c.store, database.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			c.t.Error(err)
		}
	}()
	store, err := sqlstore.New(db)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := store.Verify(c.t.Context()); err != nil {
		c.t.Error(err)
	}
	entries, err := store.History(c.t.Context(), flags.Query{Limit: 1_000_000})
	if err != nil {
		c.t.Fatal(err)
	}
	c.history.Journal = make([]replicas.Entry, len(entries))
	for _, e := range entries {
		var flag flags.Flag
		if err := json.Unmarshal(e.To, &flag); err != nil {
			c.t.Fatal(err)
		}
		c.history.Journal[e.Version-1] = replicas.Entry{Reason: e.Reason, Stage: string(flag.Stage)}
	}
	for i, r := range c.replicas {
		c.await(fmt.Sprintf("replica %d to serve version %d", i, len(entries)), func() bool {
			request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+r.options.Admin+"/api/v1/flags", nil)
			if err != nil {
				return false
			}
			request.Header.Set("Authorization", "Bearer "+token)
			said, err := r.ask(request)
			return err == nil && said.header.Get("Crossfade-Flags-Version") == strconv.Itoa(len(entries))
		})
		c.read(i)
		r.process.Stop() // with its last access line
	}
	c.match()
	broken := map[string]int{}
	for _, v := range replicas.Check(c.history) {
		if broken[v.Law]++; broken[v.Law] <= 5 {
			c.t.Errorf("%s: %s", v.Law, v.How)
		}
	}
	for law, times := range broken {
		c.t.Logf("%s was broken %d times", law, times)
	}
	return c.history
}
