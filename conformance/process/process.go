// Package process runs the crossfade command for tests: built from this tree, configured by a
// proxy.yaml and the environment, stopped as operators stop it, and measured from outside.
//
// CROSSFADE_BINARY names a command that was built elsewhere, to be tested instead.
//
// A Process that ends otherwise than with exit code 0, or the one that its test expects, whose log tells of a panic, or that writes
// anything past its log, fails its test. Measures come from /proc, so this is for Linux.
package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for the command: far more than it should take.
const patience = 60 * time.Second

// Options say how to run the command.
type Options struct {
	// Config is the text of proxy.yaml, without its version.
	Config string
	// Environ are settings on top of it: "CROSSFADE_MODE=dual". Nothing else of the caller's
	// environment reaches the command.
	Environ []string
	// Dir is where the command runs and keeps its data, so that one can start where another has ended; "" is an empty one.
	Dir string
	// Listen and Admin are the addresses of the two listeners; "" is a free port.
	Listen, Admin string
	// Line, if there is one, gets each line of the log as it is written. It must not block.
	Line func(Line)
}

// Process is a running crossfade.
type Process struct {
	tb   testing.TB
	cmd  *exec.Cmd
	file string // proxy.yaml
	log  *log
	done chan struct{} // closed when it has ended
	once sync.Once     // it is stopped

	// Address and Admin are host:port of the two listeners.
	Address, Admin string
}

// Start starts the command and waits until it serves. It ends with the test.
func Start(tb testing.TB, o Options) *Process {
	tb.Helper()
	dir := o.Dir
	if dir == "" {
		dir = tb.TempDir()
	}
	const free = "127.0.0.1:0"
	p := &Process{tb: tb, file: filepath.Join(dir, "proxy.yaml"), log: newLog(o.Line), done: make(chan struct{})}
	p.Write(o.Config)
	path, _, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	p.cmd = exec.Command(path, "serve", "--config", p.file, "--listen", cmp.Or(o.Listen, free), "--admin", cmp.Or(o.Admin, free))
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"GOTRACEBACK=all", "CROSSFADE_LOG_FORMAT=json"}, o.Environ...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.done)
	}()
	tb.Cleanup(func() { p.Stop() })
	line := p.Await("serving", 1)
	p.Address, p.Admin = line.Text("listen"), line.Text("admin")
	return p
}

// Main builds the command and runs the tests of a package that starts it. It is for TestMain:
// a tree that does not build is told once, and not by every test.
func Main(m *testing.M) {
	if err := errors.Join(depend(), build()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:revive // TestMain ends the test binary
	}
	m.Run()
}

func build() error {
	path, given, err := binary()
	if given || err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// Several test binaries build at once; each puts a whole file in the place of the others'.
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-o", part, "github.com/crossfade-proxy/crossfade/cmd/crossfade")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build crossfade: %w\n%s", err, out)
	}
	return os.Rename(part, path)
}

// depend makes the outcome of the tests depend on the sources of the command, for go test, which
// only knows what a test binary imports and opens: else it would repeat an old outcome from its cache.
func depend() error {
	root, err := Root()
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
}

// binary is the path of the command, and whether it was built elsewhere.
func binary() (path string, given bool, err error) {
	if path := os.Getenv("CROSSFADE_BINARY"); path != "" {
		return path, true, nil
	}
	root, err := Root()
	return filepath.Join(root, ".cache", "conformance", "crossfade"), false, err
}

// Root is the directory of the module that the test belongs to.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
	}
}

// Write puts a whole configuration in the place of the old one. The command notices by itself, or is
// told by SIGHUP.
func (p *Process) Write(config string) {
	p.tb.Helper()
	part := p.file + ".part"
	if err := os.WriteFile(part, []byte("version: 1\n"+config), 0o600); err != nil {
		p.tb.Fatal(err)
	}
	if err := os.Rename(part, p.file); err != nil {
		p.tb.Fatal(err)
	}
}

// Reload gives the command another configuration and waits until it has taken it.
func (p *Process) Reload(config string) {
	p.tb.Helper()
	before := p.log.count("reloaded")
	p.Write(config)
	p.Signal(syscall.SIGHUP)
	p.Await("reloaded", before+1)
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Fatalf("%v: %v\n%s", s, err, p.log.tail())
	}
}

// Await waits for the n-th line of the log with a message, from 1, and gives it.
func (p *Process) Await(message string, n int) Line {
	p.tb.Helper()
	deadline := time.After(patience)
	for {
		line, changed := p.log.find(message, n)
		if line != nil {
			return line
		}
		select {
		case <-changed:
		case <-p.done:
			p.tb.Fatalf("crossfade ended (%v) before it logged %q\n%s", p.cmd.ProcessState, message, p.log.tail())
		case <-deadline:
			p.tb.Fatalf("the log never said %q\n%s", message, p.log.tail())
		}
	}
}

// Access waits for the n-th access line, from 1. Only the last few thousand are kept.
func (p *Process) Access(n int) Line {
	p.tb.Helper()
	return p.Await(accessMessage, n)
}

// Log is all of the log that was kept: access lines are not beyond the last few thousand.
func (p *Process) Log() string { return p.log.text() }

// Wait waits for the command to end and gives its exit code.
func (p *Process) Wait() int {
	p.tb.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.tb.Errorf("crossfade does not end\n%s", p.log.tail())
		return -1
	}
}

// Stop ends the command as operators do, and fails the test if that, or its log, is not as it
// should be. Later calls do nothing.
func (p *Process) Stop() {
	p.tb.Helper()
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		p.ended(0)
	})
}

// Ended waits for a command that ends by other means, and fails the test unless it does with that
// exit code. Stop does nothing then.
func (p *Process) Ended(code int) {
	p.tb.Helper()
	p.once.Do(func() { p.ended(code) })
}

func (p *Process) ended(want int) {
	p.tb.Helper()
	if code := p.Wait(); code != want {
		p.tb.Errorf("crossfade ended with %d, want %d\n%s", code, want, p.log.tail())
	}
	p.judge()
}

// Kill ends the command without a word, as the kernel does, and waits until it has ended. Stop does nothing then.
func (p *Process) Kill() {
	p.tb.Helper()
	p.once.Do(func() {
		p.Signal(syscall.SIGKILL)
		p.Wait()
	})
}

// judge fails the test for what no log should ever say.
func (p *Process) judge() {
	if stray := p.log.stray(); stray != "" {
		p.tb.Errorf("something wrote past the log: %.2000s", stray)
	}
	text := p.log.text()
	for _, word := range []string{"panic", "fatal error", "DATA RACE", "superfluous"} {
		if i := bytes.Index([]byte(text), []byte(word)); i >= 0 {
			p.tb.Errorf("the log says %q: %.2000s", word, text[max(0, i-200):])
		}
	}
}
