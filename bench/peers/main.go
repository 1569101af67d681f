// Command peers measures crossfade beside what an operator would take instead: nginx with a Lua filter, plain nginx and
// HAProxy, and a bare httputil.ReverseProxy as the yardstick. make bench-peers runs it; bench/README.md says what the
// figures mean. It needs Linux, two cores, and what bench/install.sh installs.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.crossfade, "crossfade", "bin/crossfade", "crossfade's binary")
	flag.StringVar(&o.sizes, "sizes", "1k,10k,1m", "documents, of 1k, 10k, 1m, 16m")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each is measured, taking turns; medians are told")
	flag.IntVar(&o.seconds, "seconds", 1, "how long each measurement takes")
	flag.StringVar(&o.only, "only", "", "the peers whose names contain this, beside the yardstick")
	flag.BoolVar(&o.grow, "growth", false, "measure crossfade alone, as bodies, endpoints, rules and connections grow")
	reverse := flag.String("reverse", "", "be the yardstick on this address instead")
	upstream := flag.String("upstream", "", "the yardstick's upstream")
	flag.Parse()
	var err error
	if *reverse != "" {
		err = serveReverse(*reverse, *upstream)
	} else {
		err = o.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

type options struct {
	out                    io.Writer
	crossfade, sizes, only string
	rounds, seconds        int
	grow                   bool
}

// result is what was measured of a peer with one document.
type result struct {
	cpu      []float64 // microseconds for each request
	rate     []float64 // requests a second
	p50, p99 []time.Duration
}

// yardstick is what the ratios refer to.
const yardstick = "ReverseProxy"

func (o options) run() error {
	if err := needed(); err != nil {
		return err
	}
	names := strings.Split(o.sizes, ",")
	for _, name := range names {
		if sizes[name] == 0 {
			return fmt.Errorf("unknown size %q (want some of 1k, 10k, 1m, 16m)", name)
		}
	}
	binary, err := filepath.Abs(o.crossfade)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w: make build makes it", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "crossfade-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // what stays in the temporary folder hurts nobody
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // nginx's workers read it
		return err
	}
	if err := writeDocuments(filepath.Join(dir, "documents")); err != nil {
		return err
	}
	upstream, stop, err := startUpstream(dir)
	if err != nil {
		return err
	}
	defer stop()

	if o.grow {
		return o.growth(binary, dir, upstream)
	}
	chosen := slices.DeleteFunc(peers(binary, self), func(p peer) bool { return p.name != yardstick && !strings.Contains(p.name, o.only) })
	for _, size := range names {
		results := make([]result, len(chosen))
		for range o.rounds {
			for i, p := range chosen {
				if err := o.measure(dir, p, upstream, size, &results[i]); err != nil {
					return fmt.Errorf("%s, %s, %s: %w", p.name, p.mode, size, err)
				}
			}
		}
		o.tell(size, chosen, results)
	}
	return nil
}

// startUpstream serves the documents by nginx, which costs less than anything that is measured.
func startUpstream(dir string) (port int, stop func(), err error) {
	port, err = freePort()
	if err != nil {
		return 0, nil, err
	}
	own := filepath.Join(dir, "upstream")
	if err := os.MkdirAll(own, 0o755); err != nil { //nolint:gosec // nginx's workers read it
		return 0, nil, err
	}
	command, err := nginxCommand(own, settings{Port: port, Documents: filepath.Join(dir, "documents")})
	if err != nil {
		return 0, nil, err
	}
	p, err := start(otherCore, own, command)
	if err != nil {
		return 0, nil, err
	}
	if _, err := fetch(address(port, "1k")); err != nil {
		p.stop()
		return 0, nil, fmt.Errorf("upstream: %w: %s", err, p.output())
	}
	return port, p.stop, nil
}

func address(port int, size string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/api/v1/context/me?size=%s", port, size)
}

// measure starts a peer, sees that it does what its mode promises, and puts it under load.
func (o options) measure(dir string, p peer, upstream int, size string, into *result) error {
	own, err := os.MkdirTemp(dir, "peer-")
	if err != nil {
		return err
	}
	if err := os.Chmod(own, 0o755); err != nil { //nolint:gosec // nginx's workers read it
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	command, err := p.command(own, port, upstream)
	if err != nil {
		return err
	}
	running, err := start(proxyCore, own, command)
	if err != nil {
		return err
	}
	defer running.stop()
	at := address(port, size)
	answer, err := fetch(at)
	if err != nil {
		return fmt.Errorf("%w: %s", err, running.output())
	}
	if err := checkAnswer(p.mode, document(sizes[size]), answer); err != nil {
		return err
	}
	connections := 64
	if sizes[size] > 1000 {
		connections = 16
	}
	if _, err := generate(at, connections, 1); err != nil { // warm
		return err
	}
	before, err := running.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	l, err := generate(at, connections, o.seconds)
	if err != nil {
		return err
	}
	after, err := running.cpu()
	if err != nil {
		return err
	}
	into.cpu = append(into.cpu, float64((after-before).Microseconds())/float64(l.requests))
	into.rate = append(into.rate, float64(l.requests)/time.Since(began).Seconds())
	into.p50, into.p99 = append(into.p50, l.p50), append(into.p99, l.p99)
	return nil
}

// tell prints a table in Markdown.
func (o options) tell(size string, chosen []peer, results []result) {
	base := median(slices.Clone(results[0].cpu))
	type row struct {
		text string
		cpu  float64
	}
	rows := make([]row, len(chosen))
	for i, p := range chosen {
		r := results[i]
		cpu := median(r.cpu)
		rows[i] = row{fmt.Sprintf("| %s | %s | %.1f (%.1f-%.1f) | %.2f | %.0f | %s | %s |", p.name, p.mode, cpu,
			slices.Min(r.cpu), slices.Max(r.cpu), cpu/base, median(r.rate), median(r.p50), median(r.p99)), cpu}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.cpu, b.cpu) })
	fmt.Fprintf(o.out, "\n%s:\n\n| peer | mode | CPU in µs a request (least-most) | to %s | requests/s | p50 | p99 |\n|---|---|---|---|---|---|---|\n", size, yardstick)
	for _, r := range rows {
		fmt.Fprintln(o.out, r.text)
	}
}
