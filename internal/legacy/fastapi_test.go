package legacy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// startLimit is how long the application may take to listen: seconds of imports on a busy machine.
const startLimit = 60 * time.Second

var listening = regexp.MustCompile(`running on (http://[^ ]+)`)

// startFastAPI runs the application of testdata/legacy until the test ends and returns its address. The log is
// shown if the test fails.
func startFastAPI(t *testing.T, paper bool) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python(t), filepath.FromSlash("../../testdata/legacy/serve.py"))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", fmt.Sprintf("LEGACY_HEARTBEAT=%g", heartbeat.Seconds()))
	if paper {
		cmd.Env = append(cmd.Env, "LEGACY_PAPER=1")
	}
	// Held open, and closed by the system if this process dies first: then the application ends, too.
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the FastAPI application: %v", err)
	}

	var log bytes.Buffer // complete, and safe to read, once done is closed
	address := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(io.TeeReader(stderr, &log))
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = cmd.Wait() // killed by stop
		if t.Failed() {
			t.Logf("uvicorn:\n%s", log.String())
		}
	})

	select {
	case at := <-address:
		return at
	case <-done:
		t.Fatal("the FastAPI application ended before it listened")
	case <-time.After(startLimit):
		t.Fatalf("the FastAPI application does not listen after %s", startLimit)
	}
	return ""
}

// python returns the interpreter that has the application's packages.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("LEGACY_PYTHON")
	if path == "" {
		path = filepath.FromSlash("../../.cache/venv/bin/python")
	}
	found, err := exec.LookPath(path)
	if err != nil {
		t.Fatalf("no Python for the FastAPI application: %v; run scripts/python-env.sh, "+
			"or name one that has the packages of testdata/legacy/requirements.txt in LEGACY_PYTHON", err)
	}
	return found
}
