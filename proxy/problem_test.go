package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
)

// TestProblems goes through the ways in which an upstream can fail before there is an answer.
func TestProblems(t *testing.T) {
	away := "http://" + raw.Away(t)
	hangs := tcp(t, func(_ net.Conn, next func() (string, bool)) {
		next()
		next()
	})
	waits := func(want problem) func(*Options) {
		timeout := patience // a busy machine may take its time over all the others
		if want == problemTimeout {
			timeout = 50 * time.Millisecond
		}
		return func(o *Options) {
			o.Transport = wayTo(t, upstream.Options{ResponseHeaderTimeout: timeout, MaxHeaderBytes: 64 << 10}, o.Upstream)
		}
	}
	for _, tc := range []struct {
		name     string
		upstream string
		want     problem
	}{
		{"away", away, problemUnreachable},
		{"no such host", "http://nowhere.invalid", problemUnreachable},
		{"hangs", hangs, problemTimeout},
		{"closes", says(t, "", true), problemBroken},
		{"half a head", says(t, "HTTP/1.1 200 OK\r\nContent-", true), problemBroken},
		{"not HTTP", says(t, "SSH-2.0-OpenSSH_9.2\r\n", true), problemBroken},
		{"HTTP/0.9", says(t, "<html>", true), problemBroken},
		{"two lengths", says(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", true), problemBroken},
		{"a bad length", says(t, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", true), problemBroken},
		{"a switch that nobody asked for", says(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", true), problemBroken},
		{"a head of many megabytes", says(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 8<<20)+"\r\n\r\n", true), problemBroken},
		{"no end of interim answers", says(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 100_000), true), problemBroken},
	} {
		for _, mode := range allModes() {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				r := newRig(t, mode, tc.upstream, waits(tc.want))
				got := r.do("GET", "/api/me?secret=1", "")
				got.wantProblem(t, tc.want)
				got.wantHeader(t, "Crossfade-Mode", string(mode), "X-Request-Id", "made-id")
				host := strings.TrimPrefix(tc.upstream, "http://")
				if strings.Contains(got.body, host) || strings.Contains(got.body, "secret") {
					t.Errorf("too much is told: %s", got.body)
				}
				if rec := r.observed.last(t, 1); rec.err == nil || rec.Outcome != Refused || rec.Problem != string(tc.want) {
					t.Errorf("record %+v", rec)
				}
			})
		}
	}
}

// TestProblemDocument pins the whole text.
func TestProblemDocument(t *testing.T) {
	got := newRig(t, FlowOnly, answers(t, 200, jsonHead(), "nonsense")).do("GET", "/api/me?x=1", "", "X-Request-ID", "their-id")
	got.want(t, 502, `{"type":"urn:crossfade:problem:unmappable","title":"The backend's answer has no flow shape","status":502,`+
		`"detail":"The backend answered with something that cannot be given in the flow shape.",`+
		`"instance":"/api/me","request_id":"their-id","endpoint":"me"}`)
	if got.Header.Get("Date") == "" {
		t.Error("an answer of ours has no date")
	}
	got = newRig(t, FlowOnly, answers(t, 200, jsonHead(), "nonsense")).do("HEAD", "/api/groups/7/sessions", "")
	if got.StatusCode != http.StatusGone || got.body != "" || got.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d %q %v", got.StatusCode, got.body, got.Header)
	}
}

// TestRecovery: the upstream comes back, and so do the answers.
func TestRecovery(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	r := newRig(t, Dual, "http://"+address)
	r.do("GET", "/api/me", "").wantProblem(t, problemUnreachable)
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatalf("somebody else took the port: %v", err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "back") })}
	t.Cleanup(func() { _ = s.Close() })
	go func() { _ = s.Serve(l) }()
	r.do("GET", "/api/other", "").want(t, 200, "back")
}

// TestRefusedMethods: CONNECT and TRACE go nowhere, and their connection carries nothing more.
func TestRefusedMethods(t *testing.T) {
	r := newRig(t, Passthrough, serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the upstream was asked") }))
	for _, line := range []string{"CONNECT h:80 HTTP/1.1", "CONNECT /api/me HTTP/1.1", "TRACE /api/me HTTP/1.1"} {
		got := r.raw(line + "\r\nHost: h\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
		got.wantProblem(t, problemMethod)
		got.wantHeader(t, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		if !got.Close {
			t.Errorf("%s: the connection stays open", line)
		}
	}
}

// TestPanic: a fault of our own is a problem where nothing was sent yet, and a cut where something was.
func TestPanic(t *testing.T) {
	for name, tc := range map[string]struct {
		decider Decider
		want    Outcome
	}{
		"before": {deciderFunc(func(*http.Request, string) Decision { panic("secret") }), Refused},
		"fine":   {Fixed{Default: Dual}, Answered},
	} {
		r := newRig(t, Dual, answers(t, 200, jsonHead(), sessionMe), func(o *Options) { o.Decider = tc.decider })
		got := r.do("GET", "/api/me", "")
		if rec := r.observed.last(t, 1); rec.Outcome != tc.want {
			t.Errorf("%s: record %+v", name, rec)
		}
		if tc.want == Refused {
			got.wantProblem(t, problemInternal)
			if strings.Contains(got.body, "secret") {
				t.Error("the cause is told")
			}
		}
	}
	r := newRig(t, Dual, "http://upstream.invalid", func(o *Options) {
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: 9, Body: io.NopCloser(panics{})}, nil
		})
	})
	got, err := r.try("GET", "/api/other", "")
	if err == nil && got.err == nil {
		t.Errorf("a whole answer: %d %q", got.StatusCode, got.body)
	}
	if rec := r.observed.last(t, 1); rec.Outcome != Cut || rec.err == nil || rec.err.Error() != "panic: in the middle" {
		t.Errorf("record %+v", rec)
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("in the middle") }

type deciderFunc func(*http.Request, string) Decision

func (f deciderFunc) Decide(r *http.Request, endpoint string) Decision { return f(r, endpoint) }

// TestClientLeaves: the upstream's request ends with the client's, and nobody is blamed.
func TestClientLeaves(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		select {
		case <-r.Context().Done():
		case <-time.After(patience):
			t.Error("the upstream's request goes on")
		}
		close(ended)
	})
	r := newRig(t, Dual, upstream)
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-asked
		leave()
	}()
	if res, err := r.client.Do(req); err == nil {
		res.Body.Close()
		t.Error("an answer")
	}
	<-ended
	if rec := r.observed.last(t, 1); rec.Outcome != ClientGone || rec.Status != 499 || rec.err != nil {
		t.Errorf("record %+v", rec)
	}
}

// TestServerTimeout: a deadline that a handler around crossfade sets is the upstream's delay.
func TestServerTimeout(t *testing.T) {
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for err, want := range map[error]problem{
		context.DeadlineExceeded:                                               problemTimeout,
		fmt.Errorf("around: %w", timeout):                                      problemTimeout,
		&upstream.Error{Kind: upstream.Unreachable, Err: timeout}:              problemUnreachable,
		fmt.Errorf("x: %w", &upstream.Error{Kind: upstream.Late, Err: io.EOF}): problemTimeout,
		&upstream.Error{Kind: upstream.Broken, Err: io.EOF}:                    problemBroken,
		&upstream.Error{Kind: upstream.Suspended, Err: io.EOF}:                 problemSuspended,
		io.ErrUnexpectedEOF:                                                    problemBroken,
		fmt.Errorf("x: %w", &refusal{problemGone, io.EOF}):                     problemGone,
	} {
		if got := classify(err); got != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}

// TestProblemTable compares docs/errors.md with the table.
func TestProblemTable(t *testing.T) {
	text, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, d := range descriptions() {
		want = append(want, fmt.Sprintf("| `%s%s` | %d | %s | %s |", problemTypePrefix, d.problem, d.status, d.title, d.detail))
	}
	ours, _, _ := strings.Cut(string(text), "\n## On the admin listener\n") // those there are package admin's
	var got []string
	for line := range strings.Lines(ours) {
		if strings.HasPrefix(line, "| `urn:") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("docs/errors.md has\n%s\nwant\n%s", g, w)
	}
}
