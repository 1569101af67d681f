package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy/upstream"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// patience bounds every wait in the tests: far more than anything should take.
const patience = 60 * time.Second

// testContract is testdata/contract.yaml.
func testContract(tb testing.TB) *contract.Contract {
	tb.Helper()
	data, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := contract.Parse(contract.Source{Name: "testdata/contract.yaml", Data: data})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// rig is a proxy between a real server and a real client.
type rig struct {
	t        testing.TB
	url      string
	client   *http.Client
	observed *observed
}

// observed keeps what the proxy tells its Observer.
type observed struct {
	mu      sync.Mutex
	records []Record
	more    chan struct{}
}

func (o *observed) Observe(r Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records = append(o.records, r)
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// last waits for the n-th record and gives it.
func (o *observed) last(tb testing.TB, n int) Record {
	tb.Helper()
	deadline := time.After(patience)
	for {
		o.mu.Lock()
		if len(o.records) >= n {
			defer o.mu.Unlock()
			return o.records[n-1]
		}
		o.mu.Unlock()
		select {
		case <-o.more:
		case <-deadline:
			tb.Fatalf("no record %d", n)
		}
	}
}

// newRig starts a proxy in a mode before an upstream, with changes to its options.
func newRig(tb testing.TB, mode Mode, backend string, change ...func(*Options)) *rig {
	tb.Helper()
	address, err := url.Parse(backend)
	if err != nil {
		tb.Fatal(err)
	}
	transport := wayTo(tb, upstream.Options{}, address)
	seen := &observed{more: make(chan struct{}, 1)}
	o := Options{
		Upstream: address, Contract: testContract(tb), Decider: Fixed{Default: mode},
		Transport: transport, Observer: seen, NewID: func() string { return "made-id" },
	}
	for _, c := range change {
		c(&o)
	}
	p, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(p)
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	tb.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
	})
	return &rig{tb, server.URL, client, seen}
}

// wayTo is a transport with options to an address.
func wayTo(tb testing.TB, o upstream.Options, address *url.URL) *upstream.Transport {
	tb.Helper()
	o.URLs = []*url.URL{address}
	transport, err := upstream.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return transport
}

// serve starts an upstream.
func serve(tb testing.TB, h http.HandlerFunc) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.URL
}

// answers is an upstream that always answers the same.
func answers(tb testing.TB, status int, header http.Header, body string) string {
	tb.Helper()
	return serve(tb, func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// jsonHead is the header of a JSON answer with more fields.
func jsonHead(more ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(more); i += 2 {
		h.Add(more[i], more[i+1])
	}
	return h
}

// answer is what a client got.
type answer struct {
	*http.Response
	body string
	err  error // of reading the body
}

// do sends a request: "GET /path", header lines, an empty line's worth of body.
func (r *rig) do(method, target, body string, header ...string) answer {
	r.t.Helper()
	res, err := r.try(method, target, body, header...)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

func (r *rig) try(method, target, body string, header ...string) (answer, error) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, r.url+target, content)
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			req.Header.Del(header[i])
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res, string(text), err}, nil
}

// raw sends bytes and gives all that comes back until the proxy closes, or the first answer.
func (r *rig) raw(request string) answer {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		r.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res, string(text), err}
}

// tcp is an upstream that speaks raw TCP: each connection goes to talk, which gets the
// bytes up to the end of a request's head each time it calls next.
func tcp(tb testing.TB, talk func(c net.Conn, next func() (head string, ok bool))) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(func() {
		cancel()
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				in := bufio.NewReader(c)
				talk(c, func() (string, bool) {
					var head bytes.Buffer
					for {
						line, err := in.ReadString('\n')
						if err != nil {
							return "", false
						}
						head.WriteString(line)
						if line == "\r\n" {
							return head.String(), true
						}
					}
				})
			})
		}
	})
	return "http://" + l.Addr().String()
}

// says is a raw upstream that gives the same bytes to each request, and then closes where it should.
func says(tb testing.TB, text string, thenClose bool) string {
	tb.Helper()
	return tcp(tb, func(c net.Conn, next func() (string, bool)) {
		for {
			if _, ok := next(); !ok {
				return
			}
			if _, err := io.WriteString(c, text); err != nil || thenClose {
				return
			}
		}
	})
}

func (a answer) want(tb testing.TB, status int, body string) {
	tb.Helper()
	if a.StatusCode != status || a.body != body || a.err != nil {
		tb.Errorf("got %d %q (%v)\nwant %d %q", a.StatusCode, a.body, a.err, status, body)
	}
}

// wantHeader checks fields: name, value; an empty value wants the field absent.
func (a answer) wantHeader(tb testing.TB, fields ...string) {
	tb.Helper()
	for i := 0; i < len(fields); i += 2 {
		if got := strings.Join(a.Header[http.CanonicalHeaderKey(fields[i])], "|"); got != fields[i+1] {
			tb.Errorf("%s: got %q, want %q", fields[i], got, fields[i+1])
		}
	}
}

// wantProblem checks a problem document of ours.
func (a answer) wantProblem(tb testing.TB, p problem) {
	tb.Helper()
	d := p.describe()
	a.wantHeader(tb, "Content-Type", "application/problem+json", "Cache-Control", "no-store")
	if a.StatusCode != d.status || !strings.Contains(a.body, `"type":"`+problemTypePrefix+string(p)+`"`) {
		tb.Errorf("got %d %s\nwant problem %s (%d)", a.StatusCode, a.body, p, d.status)
	}
}

// all gives every mode, for what must hold in each.
func allModes() []Mode { return []Mode{Passthrough, Dual, FlowOnly} }
