package replicas_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/conformance/replicas"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy"
)

const (
	// bound is what docs/store.md says about how soon a change is served everywhere.
	bound = 2 * time.Second
	// patience bounds every wait, also on a machine with much else to do.
	patience = 30 * time.Second
	// contextBody is what the upstream answers.
	contextBody = `{"user":{"id":"u1","role":"admin"},"session":{"id":"s1","name":"Demo Session","created_by":"u1"},"available_sessions":[]}`
)

func stages() []string { return []string{"passthrough", "dual", "flow_only"} }

// cluster is some replicas, and what callers and readers of them have written down.
type cluster struct {
	t        *testing.T
	store    string
	replicas []*running
	shapes   map[string]string // by body, the mode that it is of
	began    time.Time
	stop     chan struct{}
	busy     sync.WaitGroup

	mu      sync.Mutex
	history replicas.History
}

type running struct {
	replica
	cmd    *exec.Cmd
	client *http.Client
}

// start runs n replicas of one store, with nobody who asks them anything yet.
func start(t *testing.T, n int, store string) *cluster {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, contextBody)
	}))
	t.Cleanup(upstream.Close)
	c := &cluster{t: t, store: store, shapes: shapes(t, upstream.URL), began: time.Now(), stop: make(chan struct{})}
	c.history.Bound, c.history.First = bound, "passthrough"
	for range n {
		r := &running{
			replica: replica{Listen: free(t), Control: free(t), Upstream: upstream.URL, Store: store, Dir: t.TempDir()},
			// Long enough for a replica that is stopped to go on and answer.
			client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
		}
		c.replicas = append(c.replicas, r)
		c.run(r)
		t.Cleanup(func() { _ = r.cmd.Process.Kill(); _ = r.cmd.Wait(); r.client.CloseIdleConnections() })
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
	shapes := map[string]string{}
	for _, mode := range stages() {
		p, err := newProxy(u, proxy.Fixed{Default: proxy.Mode(mode)})
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

// run starts the process of a replica and waits until it answers.
func (c *cluster) run(r *running) {
	c.t.Helper()
	config, err := json.Marshal(r.replica)
	if err != nil {
		c.t.Fatal(err)
	}
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), "CROSSFADE_TEST_REPLICA="+string(config))
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.await("a replica to serve", func() bool {
		for _, address := range []string{r.Listen, r.Control} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return false
			}
			_ = conn.Close()
		}
		return true
	})
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

// call starts callers who flip, each every so often and to another stage than before, through a replica that they choose
// anew each time, and readers of each replica.
func (c *cluster) call(callers int, every time.Duration, readers int) {
	for i := range callers {
		c.busy.Go(func() {
			seeded := rand.New(rand.NewPCG(7, uint64(i)))
			ticks := time.NewTicker(every)
			defer ticks.Stop()
			for n := 0; c.goesOn(ticks.C); n++ {
				c.flip(seeded.IntN(len(c.replicas)), stages()[(i+n)%3], fmt.Sprintf("caller %d, %d", i, n))
			}
		})
	}
	for i := range c.replicas {
		for range readers {
			c.busy.Go(func() {
				// Without a pause they would leave the processor to nobody else.
				ticks := time.NewTicker(5 * time.Millisecond)
				defer ticks.Stop()
				for c.goesOn(ticks.C) {
					c.read(i)
				}
			})
		}
	}
}

func (c *cluster) goesOn(ticks <-chan time.Time) bool {
	select {
	case <-c.stop:
		return false
	case <-ticks:
		return true
	}
}

func (c *cluster) flip(replica int, stage, reason string) {
	body, err := json.Marshal(map[string]string{"Stage": stage, "Reason": reason})
	if err != nil {
		c.t.Error(err)
		return
	}
	w := replicas.Write{Replica: replica, Reason: reason, Outcome: replicas.Unknown}
	w.From = c.now()
	status, said, err := c.ask(replica, http.MethodPost, "http://"+c.replicas[replica].Control+"/", string(body), nil)
	w.To = c.now()
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial", err == nil && status == http.StatusConflict:
		w.Outcome = replicas.Refused
	case err == nil && status == http.StatusOK:
		w.Outcome = replicas.Done
		if w.Version, err = strconv.ParseInt(said, 10, 64); err != nil {
			c.t.Errorf("the version of a flip: %v", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.Writes = append(c.history.Writes, w)
}

func (c *cluster) read(replica int) {
	r := replicas.Read{Replica: replica}
	var header http.Header
	r.From = c.now()
	status, body, err := c.ask(replica, http.MethodGet, "http://"+c.replicas[replica].Listen+target, "", &header)
	r.To = c.now()
	switch {
	case err != nil:
		r.Failed = err.Error()
	case status != http.StatusOK:
		r.Failed = fmt.Sprintf("%d %s", status, body)
	default:
		r.Shape, r.Mode = c.shapes[body], header.Get("Crossfade-Mode")
		if r.Mode == "" {
			// Nothing is added to an answer that is passed through.
			r.Mode = "passthrough"
		}
		if r.Version, err = strconv.ParseInt(header.Get(headerVersion), 10, 64); err != nil {
			r.Failed = err.Error()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.Reads = append(c.history.Reads, r)
}

func (c *cluster) ask(replica int, method, url, body string, header *http.Header) (status int, said string, err error) {
	request, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	response, err := c.replicas[replica].client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	if header != nil {
		*header = response.Header
	}
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), err
}

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
func (c *cluster) pass(d time.Duration) func() error {
	return func() error {
		<-time.After(d)
		return nil
	}
}

func (c *cluster) signal(replica int, s syscall.Signal) func() error {
	return func() error { return c.replicas[replica].cmd.Process.Signal(s) }
}

// kill ends a replica without a word and starts it again.
func (c *cluster) kill(replica int) {
	c.t.Helper()
	r := c.replicas[replica]
	c.harm(replicas.Harm{Name: fmt.Sprintf("replica %d is killed", replica), Replica: replica}, func() error {
		if err := r.cmd.Process.Kill(); err != nil {
			return err
		}
		_ = r.cmd.Wait() // that it was killed
		return nil
	}, func() error {
		c.run(r)
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
		c.await(fmt.Sprintf("replica %d to show version %d", i, len(entries)), func() bool {
			_, said, err := c.ask(i, http.MethodGet, "http://"+r.Control+"/", "", nil)
			return err == nil && said == strconv.Itoa(len(entries))
		})
		c.read(i)
	}
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
