package main

import (
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

// growth prints what crossfade costs as one thing after the other grows. It is about crossfade alone, so its load is
// Go's own client on the other core: what is counted is the time of crossfade's process.
func (o options) growth(binary, dir string, upstream int) error {
	g := &growing{out: o.out, binary: binary, dir: dir, upstream: upstream}
	for _, part := range []func() error{g.start, g.bodies, g.endpoints, g.rules, g.connections, g.protocols} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

type growing struct {
	out         io.Writer
	binary, dir string
	upstream    int
	n           int
}

// serve starts crossfade with a configuration, and gives its address.
func (g *growing) serve(config string, files map[string]string) (*process, int, error) {
	g.n++
	own := filepath.Join(g.dir, fmt.Sprintf("growth-%d", g.n))
	if err := os.MkdirAll(own, 0o700); err != nil {
		return nil, 0, err
	}
	port, err := freePort()
	if err != nil {
		return nil, 0, err
	}
	text := fmt.Sprintf("version: 1\nadmin: {listen: ''}\nupstream: {url: 'http://127.0.0.1:%d'}\nlog: {level: warn}\ndata_dir: ''\n", g.upstream) + config
	text = strings.ReplaceAll(text, "{port}", strconv.Itoa(port))
	files["proxy.yaml"] = text
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(own, name), []byte(data), 0o600); err != nil {
			return nil, 0, err
		}
	}
	p, err := start(proxyCore, own, []string{g.binary, "serve", "--config", "proxy.yaml"})
	return p, port, err
}

const plain = "server: {listen: '127.0.0.1:{port}'}\n"

// start is how long a process takes until it serves, and how large it is.
func (g *growing) start() error {
	var took []time.Duration
	var rss float64
	for range 7 {
		began := time.Now()
		p, port, err := g.serve(plain+"mode: dual\n", map[string]string{})
		if err != nil {
			return err
		}
		for {
			c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // until it is there
			if err == nil {
				c.Close()
				break
			}
			if time.Since(began) > 20*time.Second {
				return fmt.Errorf("it does not serve: %s", p.output())
			}
			time.Sleep(time.Millisecond)
		}
		took = append(took, time.Since(began))
		rss = p.status("VmRSS")
		p.stop()
	}
	info, err := os.Stat(g.binary)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.out, "\nStart: %s until it listens, %.0f MiB of memory then; the binary has %.1f MiB.\n", median(took).Round(time.Millisecond), rss, float64(info.Size())/(1<<20))
	return nil
}

// bodies is what one answer costs, from 1 KB to 16 MB.
func (g *growing) bodies() error {
	fmt.Fprintf(g.out, "\n| body | mode | first byte | whole | CPU | CPU for each KB | peak memory over idle |\n|---|---|---|---|---|---|---|\n")
	for _, mode := range []string{"passthrough", "dual", "flow_only"} {
		for _, size := range []string{"1k", "10k", "1m", "16m"} {
			p, port, err := g.serve(plain+"mode: "+mode+"\n", map[string]string{})
			if err != nil {
				return err
			}
			if _, err := fetch(address(port, "1k")); err != nil {
				return fmt.Errorf("%w: %s", err, p.output())
			}
			idle := p.status("VmRSS")
			length := len(document(sizes[size]))
			times := max(20, min(2000, 40<<20/length))
			first, whole, cpu, err := g.one(p, address(port, size), times)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", mode, size, err)
			}
			fmt.Fprintf(g.out, "| %s | %s | %s | %s | %s | %.2f µs | %.1f MiB |\n", size, mode, round(first), round(whole), round(cpu),
				float64(cpu.Nanoseconds())/1000/(float64(length)/1024), p.status("VmHWM")-idle)
			p.stop()
		}
	}
	return nil
}

// one asks one after the other, and gives the medians of when the first byte and the last came, and the CPU of each.
func (g *growing) one(p *process, url string, times int) (first, whole, cpu time.Duration, err error) {
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	var firsts, wholes []time.Duration
	var before time.Duration
	warm := times / 10
	for i := range times + warm {
		if i == warm {
			if before, err = p.cpu(); err != nil {
				return 0, 0, 0, err
			}
		}
		began := time.Now()
		res, err := client.Get(url) //nolint:noctx // it ends by itself
		if err != nil {
			return 0, 0, 0, err
		}
		var b [1]byte
		_, err = io.ReadFull(res.Body, b[:])
		f := time.Since(began)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
		res.Body.Close()
		if err == nil && (res.StatusCode != http.StatusOK || res.Header.Get("Crossfade-Fallback") != "") {
			err = fmt.Errorf("%s, fallback %q", res.Status, res.Header.Get("Crossfade-Fallback"))
		}
		if err != nil {
			return 0, 0, 0, err
		}
		if i >= warm {
			firsts, wholes = append(firsts, f), append(wholes, time.Since(began))
		}
	}
	after, err := p.cpu()
	return median(firsts), median(wholes), (after - before) / time.Duration(times), err
}

// endpoints is what one request costs as the contract grows.
func (g *growing) endpoints() error {
	fmt.Fprintf(g.out, "\n| endpoints beside the built-in ones | CPU of a request, dual, 1 KB |\n|---|---|\n")
	for _, n := range []int{10, 100, 1000} {
		const each = 50 // a file has its bound
		files, names := map[string]string{}, []string{}
		for from := 0; from < n; from += each {
			name := fmt.Sprintf("more-%d.yaml", from)
			names, files[name] = append(names, name), places(from, min(from+each, n))
		}
		if err := g.load(fmt.Sprint(n), plain+"mode: dual\ncontracts: ["+strings.Join(names, ", ")+"]\n", files); err != nil {
			return err
		}
	}
	return nil
}

// places is a contract of many endpoints.
func places(from, to int) string {
	var b strings.Builder
	b.WriteString("version: 1\nendpoints:\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "  - name: place-%d\n    summary: One of many.\n    method: GET\n    session: /api/v1/sessions-of/%d/{id}\n    flow: /api/v1/flows-of/%d/{id}\n    journey: many\n"+
			"    response:\n      - rename: {at: session_id, to: flow_id}\n    examples:\n      - name: one\n        session: {session_id: a}\n        flow: {flow_id: a}\n", i, i, i)
	}
	return b.String()
}

// rules is what one request costs as rules are added that it does not meet.
func (g *growing) rules() error {
	fmt.Fprintf(g.out, "\n| rules before the one that decides | CPU of a request, dual, 1 KB |\n|---|---|\n")
	for _, n := range []int{1, 10, 100} {
		var b strings.Builder
		b.WriteString("mode: dual\nrules:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - name: rule-%d\n    cohort: {headers: [{name: X-App-Version, version: '>= %d'}]}\n    stage: flow_only\n", i, i+1000)
		}
		if err := g.load(fmt.Sprint(n), plain+b.String(), map[string]string{}); err != nil {
			return err
		}
	}
	return nil
}

// load prints what a request costs under full load.
func (g *growing) load(label, config string, files map[string]string) error {
	p, port, err := g.serve(config, files)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := fetch(address(port, "1k")); err != nil {
		return fmt.Errorf("%s: %w: %s", label, err, p.output())
	}
	var costs []float64
	for round := range 4 {
		before, err := p.cpu()
		if err != nil {
			return err
		}
		l, err := generate(address(port, "1k"), 64, 1)
		if err != nil {
			return err
		}
		after, err := p.cpu()
		if err != nil {
			return err
		}
		if round > 0 { // the first one warms
			costs = append(costs, float64((after-before).Nanoseconds())/1000/float64(l.requests))
		}
	}
	fmt.Fprintf(g.out, "| %s | %.1f µs |\n", label, median(costs))
	return nil
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(100 * time.Nanosecond)
}
