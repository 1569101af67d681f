package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Where things run: the proxy alone on one core, the load and the upstream on the other, so that nobody's work is taken
// for somebody else's.
const (
	proxyCore = "0"
	otherCore = "1"
)

// process is a program that this one has started.
type process struct {
	command *exec.Cmd
	log     *os.File
}

// start runs a program on a core, its output in dir.
func start(core, dir string, command []string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return nil, err
	}
	c := exec.Command("taskset", append([]string{"-c", core}, command...)...) //nolint:gosec,noctx // our own table of programs
	c.Stdout, c.Stderr, c.Dir = log, log, dir
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return &process{c, log}, c.Start()
}

// stop ends it and its children.
func (p *process) stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) // it may have ended by itself
	_ = p.command.Wait()                                      // killed: that is no news
	_ = p.log.Close()                                         // what it says has been read
}

// output is the end of what it has said, for errors.
func (p *process) output() string {
	text, _ := os.ReadFile(p.log.Name()) // of none there is nothing to show
	return string(text[max(0, len(text)-500):])
}

// cpu is the time that the process and its descendants have run so far.
func (p *process) cpu() (time.Duration, error) {
	var total time.Duration
	for _, pid := range family(p.command.Process.Pid) {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // the thread has ended
			}
			first, _, _ := strings.Cut(string(text), " ")
			nanoseconds, err := strconv.ParseInt(first, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			total += time.Duration(nanoseconds)
		}
	}
	if total == 0 {
		return 0, errors.New("no CPU time in /proc: is the program still there?")
	}
	return total, nil
}

// family is a process and its descendants.
func family(pid int) []int {
	all := []int{pid}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return all
	}
	for child := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(child); err == nil {
			all = append(all, family(n)...)
		}
	}
	return all
}

// freePort is a port that nobody listens on now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// fetch asks for a document until there is an answer, for at most ten seconds.
func fetch(url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		body, err := fetchOnce(ctx, url)
		if err == nil || ctx.Err() != nil {
			return body, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func fetchOnce(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	return io.ReadAll(res.Body)
}

// load is what wrk said.
type load struct {
	requests int64
	p50, p99 time.Duration
}

// generate puts the proxy under full load.
func generate(url string, connections int, seconds int) (load, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds+20)*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "taskset", "-c", otherCore, "wrk", "-t1", fmt.Sprintf("-c%d", connections), //nolint:gosec // our own numbers
		fmt.Sprintf("-d%ds", seconds), "--latency", url).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	l, err := readLoad(string(out))
	if errors.Is(err, errNoRequests) && seconds < 16 { // a slow program and a large document
		return generate(url, connections, 4*seconds)
	}
	return l, err
}

var errNoRequests = errors.New("wrk: no requests in its report")

// readLoad reads wrk's report, and refuses one with errors in it.
func readLoad(report string) (load, error) {
	find := func(pattern string) string {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(report); found != nil {
			return found[1]
		}
		return ""
	}
	if wrong := find(`(Socket errors:.*|Non-2xx.*)`); wrong != "" {
		return load{}, fmt.Errorf("wrk: %s", wrong)
	}
	requests, err := strconv.ParseInt(find(`(\d+) requests in`), 10, 64)
	if err != nil || requests == 0 {
		return load{}, errNoRequests
	}
	p50, err50 := time.ParseDuration(find(`(?m)^\s+50%\s+(\S+)`))
	p99, err99 := time.ParseDuration(find(`(?m)^\s+99%\s+(\S+)`))
	return load{requests, p50, p99}, errors.Join(err50, err99)
}

// median of some values; it sorts them.
func median[T int64 | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
