package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// connections is what a connection takes that waits, and one with a request whose answer has not come yet.
func (g *growing) connections() error {
	slow, release, err := silent()
	if err != nil {
		return err
	}
	defer release()
	fmt.Fprintf(g.out, "\n| connections | idle, each | with a request, each |\n|---|---|---|\n")
	for _, n := range []int{10, 100, 1000, 9_000} { // a process may open 20,000 files here, and each needs two
		config := strings.Replace(plain+"mode: dual\nlimits: {max_requests: 20000, max_connections: 30000}\n", "{listen", "{idle_timeout: 10m, listen", 1)
		config = fmt.Sprintf("%supstream: {url: 'http://127.0.0.1:%d', max_idle_connections: 20000}\n", config, slow)
		p, port, err := g.serveInstead(config)
		if err != nil {
			return err
		}
		idle, busy, err := p.hold(port, n)
		p.stop()
		if err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
		fmt.Fprintf(g.out, "| %d | %.1f KiB | %.1f KiB |\n", n, idle, busy)
	}
	return nil
}

// serveInstead is serve with an upstream of its own.
func (g *growing) serveInstead(config string) (*process, int, error) {
	own := &growing{binary: g.binary, dir: g.dir, n: g.n + 1000}
	g.n++
	first, rest, _ := strings.Cut(config, "upstream: ")
	port, err := freePort()
	if err != nil {
		return nil, 0, err
	}
	dir := filepath.Join(own.dir, fmt.Sprintf("growth-%d", own.n))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	text := "version: 1\nadmin: {listen: ''}\nlog: {level: warn}\ndata_dir: ''\nupstream: " + rest + first
	text = strings.ReplaceAll(text, "{port}", strconv.Itoa(port))
	if err := os.WriteFile(filepath.Join(dir, "proxy.yaml"), []byte(text), 0o600); err != nil {
		return nil, 0, err
	}
	p, err := start(proxyCore, dir, []string{g.binary, "serve", "--config", "proxy.yaml"})
	return p, port, err
}

// silent is an upstream that takes requests and answers none, until it is released; but it answers those for another path.
func silent() (port int, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return 0, nil, err
	}
	done := make(chan struct{})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if strings.Contains(r.URL.Path, "context/me") {
						<-done
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, func() { close(done); l.Close() }, nil
}

// hold opens connections, and measures what each takes before and after it has asked, in KiB.
func (p *process) hold(port, n int) (idle, busy float64, err error) {
	at := fmt.Sprintf("127.0.0.1:%d", port)
	if _, err := fetch("http://" + at + "/other"); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, p.output())
	}
	before := p.status("VmRSS")
	all := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range n {
		c, err := net.Dial("tcp", at) //nolint:noctx // loopback
		if err != nil {
			return 0, 0, err
		}
		all = append(all, c)
		// One that has been used: a connection that never asked has no memory yet.
		if _, err := io.WriteString(c, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			return 0, 0, err
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0, 0, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil {
			return 0, 0, err
		}
	}
	time.Sleep(time.Second)
	idle = (p.status("VmRSS") - before) * 1024 / float64(n)
	for _, c := range all {
		if _, err := io.WriteString(c, "GET /api/v1/context/me HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			return 0, 0, err
		}
	}
	time.Sleep(2 * time.Second)
	after := p.status("VmRSS")
	if after == 0 {
		return 0, 0, fmt.Errorf("it is gone: %s", p.output())
	}
	return idle, (after - before) * 1024 / float64(n), nil
}

// status reads a size of the process, in MiB.
func (p *process) status(name string) float64 {
	pids := family(p.command.Process.Pid)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pids[len(pids)-1]))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			if err != nil {
				return 0
			}
			return kib / 1024
		}
	}
	return 0
}
