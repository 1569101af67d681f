package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of a test: far more than what is waited for should take, on a machine
// that does much else as well.
const patience = time.Minute

// await takes what comes from c, and fails the test when nothing does.
func await[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("it did not come: %s", what)
		panic("unreachable")
	}
}

// running is a serve that was started by a test.
type running struct {
	t      *testing.T
	url    string // of the traffic
	admin  string // of the admin listener
	ofrep  string // of the listener for frontends that ask for decisions, where there is one
	client *http.Client
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
	r.client = &http.Client{Transport: &http.Transport{}, Timeout: patience}
	p := process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: r.log, environ: environ, reload: r.reload}
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir()}, args...)
	go func() { r.code <- p.run(ctx, args) }()
	t.Cleanup(func() {
		r.client.CloseIdleConnections() // the stop would wait whether they still want something
		cancel()
		r.wait()
	})
	line := r.log.wait(t, "serving")
	r.url, r.admin = "http://"+line["listen"].(string), "http://"+line["admin"].(string)
	if address, ok := line["ofrep"].(string); ok {
		r.ofrep = "http://" + address
	}
	return r
}

// wait waits for the process to end and gives its exit code.
func (r *running) wait() int {
	select {
	case code := <-r.code:
		r.code <- code
		return code
	case <-time.After(patience):
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
	res, err := r.client.Do(req)
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
	deadline := time.After(patience)
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
