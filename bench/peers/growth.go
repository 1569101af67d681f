package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// growth prints what crossfade costs as one thing after the other grows. It is about crossfade alone, so its load is
// Go's own client on the other core: what is counted is the time of crossfade's process.
func (o options) growth(binary, dir string, upstream int) error {
	g := &growing{binary: binary, dir: dir, upstream: upstream}
	for _, part := range []func() error{g.start, g.bodies, g.endpoints, g.rules, g.connections, g.protocols} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

type growing struct {
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
	fmt.Printf("\nStart: %s until it listens, %.0f MiB of memory then; the binary has %.1f MiB.\n", median(took).Round(time.Millisecond), rss, float64(info.Size())/(1<<20))
	return nil
}

// bodies is what one answer costs, from 1 KB to 16 MB.
func (g *growing) bodies() error {
	fmt.Printf("\n| body | mode | first byte | whole | CPU | CPU for each KB | peak memory over idle |\n|---|---|---|---|---|---|---|\n")
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
			fmt.Printf("| %s | %s | %s | %s | %s | %.2f µs | %.1f MiB |\n", size, mode, round(first), round(whole), round(cpu),
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
	fmt.Printf("\n| endpoints beside the built-in ones | CPU of a request, dual, 1 KB |\n|---|---|\n")
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
	fmt.Printf("\n| rules before the one that decides | CPU of a request, dual, 1 KB |\n|---|---|\n")
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
	fmt.Printf("| %s | %.1f µs |\n", label, median(costs))
	return nil
}

// connections is what a connection takes that waits, and one with a request whose answer has not come yet.
func (g *growing) connections() error {
	slow, release, err := silent()
	if err != nil {
		return err
	}
	defer release()
	fmt.Printf("\n| connections | idle, each | with a request, each |\n|---|---|---|\n")
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
		fmt.Printf("| %d | %.1f KiB | %.1f KiB |\n", n, idle, busy)
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

// protocols is what TLS and HTTP/2 add.
func (g *growing) protocols() error {
	cert, key, err := certificate()
	if err != nil {
		return err
	}
	fmt.Printf("\n| to the client | CPU of a request, dual, 1 KB |\n|---|---|\n")
	secure := "server: {listen: '127.0.0.1:{port}', tls: {cert_file: cert.pem, key_file: key.pem}}\nmode: dual\n"
	for _, row := range []struct {
		name, config string
		http2, tls   bool
	}{
		{"HTTP/1.1", plain + "mode: dual\n", false, false},
		{"HTTP/1.1 over TLS", secure, false, true},
		{"HTTP/2 over TLS", secure, true, true},
	} {
		p, port, err := g.serve(row.config, map[string]string{"cert.pem": cert, "key.pem": key})
		if err != nil {
			return err
		}
		cost, err := p.underGo(port, row.tls, row.http2)
		p.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		fmt.Printf("| %s | %s |\n", row.name, round(cost))
	}
	return nil
}

// underGo loads the process with Go's client, since wrk knows neither HTTP/2 nor our certificate.
func (p *process) underGo(port int, secure, http2 bool) (time.Duration, error) {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16, Protocols: &protocols, DisableCompression: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // our own certificate, of this minute
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	at := scheme + strings.TrimPrefix(address(port, "1k"), "http")
	ask := func(times int) error {
		var all sync.WaitGroup
		errs := make(chan error, 16)
		for range 16 {
			all.Go(func() {
				for range times {
					res, err := client.Get(at) //nolint:noctx // it has a timeout
					if err == nil {
						_, err = io.Copy(io.Discard, res.Body)
						res.Body.Close()
					}
					if err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(errs)
		return <-errs
	}
	var err error
	for range 100 { // until it listens
		if err = ask(10); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, p.output())
	}
	var costs []time.Duration
	for range 3 {
		const times = 1000
		before, err := p.cpu()
		if err = errors.Join(err, ask(times)); err != nil {
			return 0, err
		}
		after, err := p.cpu()
		if err != nil {
			return 0, err
		}
		costs = append(costs, (after-before)/(16*times))
	}
	return median(costs), nil
}

// certificate makes one for 127.0.0.1, in PEM.
func certificate() (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	var c, k bytes.Buffer
	err = errors.Join(pem.Encode(&c, &pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.Encode(&k, &pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	return c.String(), k.String(), err
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(100 * time.Nanosecond)
}
