package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const contextBody = `{"user":{"id":"u"},"session":null,"available_sessions":[]}`

// running is a serve that was started by a test.
type running struct {
	t      *testing.T
	url    string // of the traffic
	admin  string // of the admin listener
	log    *logLines
	reload chan os.Signal
	cancel context.CancelFunc
	code   chan int
}

// start runs serve with args on free ports and waits until it serves.
func start(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, log: newLogLines(), reload: make(chan os.Signal), cancel: cancel, code: make(chan int, 1)}
	p := process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: r.log, environ: environ, reload: r.reload}
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "none"}, args...)
	go func() { r.code <- p.run(ctx, args) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // the stop would wait whether they still want something
		cancel()
		r.wait()
	})
	line := r.log.wait(t, "serving")
	r.url, r.admin = "http://"+line["listen"].(string), "http://"+line["admin"].(string)
	return r
}

// wait waits for the process to end and gives its exit code.
func (r *running) wait() int {
	select {
	case code := <-r.code:
		r.code <- code
		return code
	case <-time.After(20 * time.Second):
		r.t.Fatal("serve does not end")
		return -1
	}
}

// get gives the status, mode and body of an answer.
func (r *running) get(base, path string) (status int, mode, body string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, base+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Crossfade-Mode"), string(b)
}

func backend(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func contextUpstream(t *testing.T) string {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, contextBody)
	})
}

func TestServeNeedsNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	r := start(t, nil, "--upstream", contextUpstream(t), "--mode", "dual")
	status, mode, body := r.get(r.url, "/api/v1/context/me")
	want := `{"user":{"id":"u"},"session":null,"available_sessions":[],"active_flows":[],"current_flow":null}`
	if status != 200 || mode != "dual" || body != want {
		t.Errorf("%d %s %s, want 200 dual %s", status, mode, body, want)
	}
	if status, _, body := r.get(r.admin, "/readyz"); status != 200 || body != "ok\n" {
		t.Errorf("/readyz: %d %q", status, body)
	}
}

func TestServeTakesModesFromTheEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	r := start(t, []string{"CROSSFADE_UPSTREAM=" + contextUpstream(t), "CROSSFADE_MODE=dual", "CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE=flow_only"})
	if _, mode, body := r.get(r.url, "/api/v1/context/me"); mode != "flow_only" || strings.Contains(body, "session") {
		t.Errorf("context-me: %s %s, want flow_only without sessions", mode, body)
	}
	if _, mode, _ := r.get(r.url, "/debug/context"); mode != "dual" {
		t.Errorf("debug-context: %s, want dual", mode)
	}
}

func TestReload(t *testing.T) {
	t.Chdir(t.TempDir())
	file := filepath.Join(t.TempDir(), "proxy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := contextUpstream(t)
	write("version: 1\nmode: dual\nupstream: {url: '" + address + "'}\n")
	r := start(t, nil, "--config", file)
	mode := func(want string) {
		t.Helper()
		if _, got, _ := r.get(r.url, "/api/v1/context/me"); got != want {
			t.Errorf("mode %s, want %s", got, want)
		}
	}
	mode("dual")

	write("version: 1\nmode: flow_only\nupstream: {url: '" + address + "'}\n")
	r.reload <- syscall.SIGHUP
	r.log.wait(t, "reloaded")
	mode("flow_only")

	write("version: 1\nmode: nonsense\n")
	r.reload <- syscall.SIGHUP
	line := r.log.wait(t, "not reloaded; the last good configuration stays")
	if why, _ := line["error"].(string); !strings.Contains(why, `unknown mode "nonsense"`) {
		t.Errorf("the log does not say why: %q", why)
	}
	mode("flow_only")

	// A change of the file is seen without a signal. (The bad one above may be told once more.)
	r.log.forget("reloaded")
	write("version: 1\nmode: passthrough\nupstream: {url: '" + address + "'}\n")
	r.log.wait(t, "reloaded")
	mode("passthrough")
}

func TestStopFinishesWhatHasBegun(t *testing.T) {
	t.Chdir(t.TempDir())
	begun, finish := make(chan struct{}), make(chan struct{})
	address := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, contextBody)
	})
	r := start(t, nil, "--upstream", address, "--mode", "dual")
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(r.url + "/api/v1/context/me") //nolint:noctx // it is to outlive the stop
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	<-begun
	r.cancel()
	r.log.wait(t, "stopping")
	close(finish)
	if got := <-answer; !strings.Contains(got, `"active_flows":[]`) {
		t.Errorf("the request that had begun: %s", got)
	}
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestAdminAddressThatNobodyChoseGivesWay(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := net.Listen("tcp", "127.0.0.1:9901")
	if err == nil {
		defer l.Close()
	} // else somebody else has it, which is as good
	log := newLogLines()
	p := process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: log}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- p.run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--store", "none", "--upstream", "http://127.0.0.1:1"})
	}()
	log.wait(t, "serving")
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	// One that was chosen does not.
	code := p.run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:9901", "--store", "none", "--upstream", "http://127.0.0.1:1"})
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

// logLines is a log in JSON that a test waits on.
type logLines struct {
	mu    sync.Mutex
	rest  []byte
	lines []map[string]any
	more  chan struct{}
}

func newLogLines() *logLines { return &logLines{more: make(chan struct{}, 1)} }

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			break
		}
		l.rest = rest
		var m map[string]any
		if json.Unmarshal(line, &m) != nil {
			m = map[string]any{"message": string(line)}
		}
		l.lines = append(l.lines, m)
	}
	select {
	case l.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

// wait waits for a line with that message and takes it, and all of the same message, out.
func (l *logLines) wait(t *testing.T, message string) map[string]any {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if line := l.take(message); line != nil {
			return line
		}
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("the log never said %q; it has %v", message, l.lines)
		}
	}
}

func (l *logLines) forget(message string) { l.take(message) }

func (l *logLines) take(message string) (found map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.lines[:0]
	for _, line := range l.lines {
		if line["message"] != message {
			kept = append(kept, line)
		} else if found == nil {
			found = line
		}
	}
	l.lines = kept
	return found
}
