package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const contextBody = `{"user":{"id":"u"},"session":null,"available_sessions":[]}`

func TestServeNeedsNoFile(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	r := start(t, []string{"CROSSFADE_UPSTREAM=" + contextUpstream(t), "CROSSFADE_MODE=dual", "CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE=flow_only"})
	if _, mode, body := r.get(r.url, "/api/v1/context/me"); mode != "flow_only" || strings.Contains(body, "session") {
		t.Errorf("context-me: %s %s, want flow_only without sessions", mode, body)
	}
	if _, mode, _ := r.get(r.url, "/debug/context"); mode != "dual" {
		t.Errorf("debug-context: %s, want dual", mode)
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	address := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, contextBody)
	})
	release := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(release) // a test that fails before it does so itself
	r := start(t, nil, "--upstream", address, "--mode", "dual")
	answer := make(chan string, 1)
	go func() {
		res, err := r.client.Get(r.url + "/api/v1/context/me") //nolint:noctx // it is to outlive the stop
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	await(t, begun, "the request")
	r.cancel()
	r.log.wait(t, "stopping")
	release()
	if got := await(t, answer, "the answer"); !strings.Contains(got, `"active_flows":[]`) {
		t.Errorf("the request that had begun: %s", got)
	}
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestAdminAddressThatNobodyChoseGivesWay(t *testing.T) {
	t.Parallel()
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
	if code := await(t, ended, "the end"); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	// One that was chosen does not. It is not the default one: whoever had that when this test began
	// may have left it since, and a serve that finds it free serves on.
	chosen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer chosen.Close()
	bounded, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code := p.run(bounded, []string{"serve", "--listen", "127.0.0.1:0", "--admin", chosen.Addr().String(), "--store", "none", "--upstream", "http://127.0.0.1:1"})
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

// TestAFileThatIsGoneChangesNothing: who loses proxy.yaml keeps what it said, until a restart.
func TestAFileThatIsGoneChangesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("proxy.yaml", []byte("version: 1\nmode: dual\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, nil, "--upstream", contextUpstream(t))
	if err := os.Remove("proxy.yaml"); err != nil {
		t.Fatal(err)
	}
	r.reload <- syscall.SIGHUP
	line := r.log.wait(t, "not reloaded; the last good configuration stays")
	if got, _ := line["error"].(string); got != "proxy.yaml is gone (restart to go on without it)" {
		t.Errorf("error %q", got)
	}
	if _, mode, _ := r.get(r.url, "/api/v1/context/me"); mode != "dual" {
		t.Errorf("mode %s, want dual", mode)
	}
}
