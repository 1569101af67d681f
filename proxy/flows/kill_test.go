package flows_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

// A child is this test binary, run again as a crossfade in a process of its own that can be killed.
const (
	roleEnv    = "CROSSFADE_TEST_ROLE" // where it kills itself; "none" for nowhere
	backendEnv = "CROSSFADE_TEST_BACKEND"
	storeEnv   = "CROSSFADE_TEST_STORE"
)

// childLease is short, so that a restarted process takes up at once what the one before has left.
const childLease = 2 * time.Second

// deadly is a store whose process is killed before or after one of its calls.
type deadly struct {
	flows.Store
	at string
}

func (d *deadly) step(name string) {
	if d.at == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it comes
	}
}

func (d *deadly) Ready(ctx context.Context) error {
	err := d.Store.Ready(ctx)
	d.step("after ready")
	return err
}

func (d *deadly) Activate(ctx context.Context, c flows.Caller, id string) error {
	d.step("before activate")
	err := d.Store.Activate(ctx, c, id)
	d.step("after activate")
	return err
}

func (d *deadly) Begin(ctx context.Context, i flows.Intent) (flows.Intent, bool, error) {
	d.step("before begin")
	held, fresh, err := d.Store.Begin(ctx, i)
	d.step("after begin")
	return held, fresh, err
}

func (d *deadly) Finish(ctx context.Context, i flows.Intent, flow string, answer []byte) error {
	d.step("before finish")
	err := d.Store.Finish(ctx, i, flow, answer)
	d.step("after finish")
	return err
}

// beChild serves until standard input ends, which it does when the parent does.
func beChild(at string) int {
	tb := &childT{}
	db, err := database.Open(os.Getenv(storeEnv), database.Options{})
	must(tb, err)
	handler, _ := newProxy(tb, os.Getenv(backendEnv), db, setup{
		asking: true, // two processes have the file at once
		mode:   proxy.Dual, options: flows.Options{Manage: true, Lease: childLease},
		store: func(kept flows.Store) flows.Store { return &deadly{kept, at} },
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	fmt.Println("http://" + l.Addr().String()) //nolint:forbidigo // how the parent learns of it
	go func() { _ = (&http.Server{Handler: handler, ReadHeaderTimeout: patience}).Serve(l) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// childT is what a child has in place of a test.
type childT struct{ testing.TB }

func (*childT) Helper()        {}
func (*childT) Cleanup(func()) {}
func (*childT) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1) //nolint:revive // the child's main
}

// child starts one and gives a rig before it, and what waits for its end.
func child(t *testing.T, p *tap, backend, store, at string) (r *rig, wait func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+at, backendEnv+"="+backend, storeEnv+"="+store)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	ended := make(chan struct{})
	address, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	wait = func() {
		t.Helper()
		_ = in.Close()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("the process does not end")
		}
	}
	t.Cleanup(wait)
	return &rig{TB: t, tap: p, url: strings.TrimSpace(address), client: http.Client{Timeout: patience}}, wait
}

// killed makes a call that its process does not survive.
func (r *rig) killed(method, path, body string, fields ...string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.url+path, strings.NewReader(body))
	must(r, err)
	req.Header.Set("Authorization", "Bearer "+legacy.Token(admin))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Client-Account-ID", tenant)
	req.Header.Set("X-Engagement-ID", legacy.AzureEngagement)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := r.client.Do(req)
	if err == nil {
		res.Body.Close()
		r.Fatalf("answered %d, and should have been killed", res.StatusCode)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.Fatal(err)
	}
}

// stores are a database of each kind.
func stores(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "flows.db"), "postgres": server.Database(t)}
}

func TestKilledWhileActivating(t *testing.T) {
	for _, step := range []string{"after ready", "before activate", "after activate"} {
		for name, store := range stores(t) {
			t.Run(step+", "+name, func(t *testing.T) {
				p, backend := newTap(t)
				r, _ := child(t, p, backend, store, "none")
				first, second := r.made("A", "planning"), r.made("B", "planning")
				r.wants(r.activate(first), 200)
				dying, wait := child(t, p, backend, store, step)
				dying.killed("POST", activate, `{"flow_id":"`+second+`"}`)
				wait()
				again, _ := child(t, p, backend, store, "none")
				want := first
				if step == "after activate" {
					want = second
				}
				if a, b := r.current(), again.current(); a != want || b != want {
					t.Errorf("current %s and %s, want %s", a, b, want)
				}
				again.wants(again.activate(second), 200) // a retry is safe
				if got := r.current(); got != second {
					t.Errorf("current %s, want %s", got, second)
				}
			})
		}
	}
}

func TestKilledWhileCreating(t *testing.T) {
	for _, step := range []string{"before begin", "after begin", "before finish", "after finish"} {
		for name, store := range stores(t) {
			t.Run(step+", "+name, func(t *testing.T) {
				body := flowBody("x", "modernize", "")
				p, backend := newTap(t)
				dying, wait := child(t, p, backend, store, step)
				dying.killed("POST", flowsPath, body, "Idempotency-Key", "k")
				wait()
				r, _ := child(t, p, backend, store, "none")
				made := 0
				if strings.HasSuffix(step, "finish") {
					made = 1
				}
				if n := r.sessions(); n != made {
					t.Fatalf("%d sessions when it was killed, want %d", n, made)
				}
				// Whoever comes next finds one session and its row, or none of either.
				deadline := time.Now().Add(patience)
				for {
					g := r.wants(r.call(admin, "GET", flowsPath, ""), 200)
					if n := int(g.get("total").Int()); n != made {
						t.Fatalf("%d flows, want %d", n, made)
					}
					if made == 0 || g.get("flows.0.flow_type").Str == "modernize" {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("never completed: %s", g.body)
					}
				}
				// And the same request again makes one, whatever was there.
				for {
					g := r.call(admin, "POST", flowsPath, body, "Idempotency-Key", "k")
					if g.status == 201 {
						if g.get("flow_type").Str != "modernize" {
							t.Errorf("got %s", g.body)
						}
						break
					}
					r.wants(g, 409)
					if time.Now().After(deadline) {
						t.Fatal("never free again")
					}
				}
				if n := r.sessions(); n != 1 {
					t.Errorf("%d sessions, want 1", n)
				}
			})
		}
	}
}
