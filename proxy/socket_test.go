package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// peer is one end of a WebSocket in a test, spoken by a library that has nothing to do with ours.
type peer struct {
	*websocket.Conn
	t   *testing.T
	ctx context.Context
}

// say sends a text message.
func (p *peer) say(text string) {
	p.t.Helper()
	if err := p.Write(p.ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// hear wants a text message.
func (p *peer) hear(want string) {
	p.t.Helper()
	kind, got, err := p.Read(p.ctx)
	if err != nil || kind != websocket.MessageText || string(got) != want {
		p.t.Fatalf("got %v %q (%v), want %q", kind, got, err, want)
	}
}

// hearClose wants the end of the connection: with a code and a reason, or -1 for none.
func (p *peer) hearClose(code websocket.StatusCode, reason string) {
	p.t.Helper()
	if err := p.closed(code, reason); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) closed(code websocket.StatusCode, reason string) error {
	_, got, err := p.Read(p.ctx)
	var closed websocket.CloseError
	errors.As(err, &closed)
	if err == nil || websocket.CloseStatus(err) != code || closed.Reason != reason {
		return fmt.Errorf("got %q, %w; want a close with %d %q", got, err, code, reason)
	}
	return nil
}

// sockets is an upstream that accepts WebSockets and hands them to the test.
type sockets struct {
	url      string
	accepted chan *peer
	heads    chan http.Header
}

func newSockets(t *testing.T, o websocket.AcceptOptions) *sockets {
	t.Helper()
	s := &sockets{accepted: make(chan *peer, 10), heads: make(chan http.Header, 10)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	o.InsecureSkipVerify = true
	s.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		s.heads <- r.Header
		w.Header().Set("X-Session", "kept")
		c, err := websocket.Accept(w, r, &o)
		if err != nil {
			return
		}
		c.SetReadLimit(-1)
		s.accepted <- &peer{c, t, ctx}
		<-ctx.Done() // the test has it
	})
	t.Cleanup(cancel)
	return s
}

// dial opens a WebSocket through the proxy.
func (r *rig) dial(path string, o websocket.DialOptions) (*peer, http.Header) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c, res, err := websocket.Dial(ctx, r.url+path, &o) //nolint:bodyclose // it has none
	if err != nil {
		cancel()
		r.t.Fatal(err)
	}
	c.SetReadLimit(-1)
	r.t.Cleanup(func() {
		_ = c.CloseNow() // it may be closed
		cancel()
	})
	return &peer{c, r.t.(*testing.T), ctx}, res.Header
}

// connect opens a WebSocket and gives both its ends.
func (r *rig) connect(s *sockets, path string) (client, upstream *peer) {
	r.t.Helper()
	client, _ = r.dial(path, websocket.DialOptions{})
	return client, <-s.accepted
}

// TestSocketMessages: text messages are mapped in both directions, each by itself; binary ones and those
// that the contract lets pass are not.
func TestSocketMessages(t *testing.T) {
	long := strings.Repeat("l", 70_000)
	for _, tc := range []struct {
		mode       Mode
		path       string
		down, up   string // what becomes of {"session_id":1} on its way down, and of {"flow_id":2} on its way up
		downMapped bool
	}{
		{Passthrough, "/api/sessions/socket", `{"session_id":1}`, `{"flow_id":2}`, false},
		{Dual, "/api/sessions/socket", `{"session_id":1,"flow_id":1}`, `{"session_id":2}`, true},
		{Dual, "/api/flows/socket", `{"session_id":1,"flow_id":1}`, `{"session_id":2}`, true},
		{FlowOnly, "/api/flows/socket", `{"flow_id":1}`, `{"session_id":2}`, true},
		{FlowOnly, "/api/downward", `{"flow_id":1}`, `{"flow_id":2}`, true},
	} {
		t.Run(string(tc.mode)+tc.path, func(t *testing.T) {
			s := newSockets(t, websocket.AcceptOptions{})
			r := newRig(t, tc.mode, s.url, streams)
			client, head := r.dial(tc.path, websocket.DialOptions{})
			upstream := <-s.accepted
			answer{Response: &http.Response{Header: head}}.wantHeader(t, "Crossfade-Mode", string(tc.mode), "X-Session", "kept")
			for range 3 {
				upstream.say(`{"session_id":1}`)
				client.hear(tc.down)
				client.say(`{"flow_id":2}`)
				upstream.hear(tc.up)
				client.say(`{"session_id":3}`) // in dual the old shape is as good
				upstream.hear(`{"session_id":3}`)
			}
			upstream.say(`{"session_id":1,"pad":"` + long + `"}`)
			if got, want := len(readText(client)), len(tc.down)+len(`,"pad":""`)+len(long); got != want {
				t.Errorf("a long one: %d bytes, want %d", got, want)
			}
			if tc.path != "/api/downward" {
				upstream.say("ping")
				client.hear("ping")
			}
			for _, pair := range [][2]*peer{{upstream, client}, {client, upstream}} {
				if err := pair[0].Write(pair[0].ctx, websocket.MessageBinary, []byte(`{"session_id":1}`)); err != nil {
					t.Fatal(err)
				}
				if kind, got, err := pair[1].Read(pair[1].ctx); kind != websocket.MessageBinary || string(got) != `{"session_id":1}` || err != nil {
					t.Errorf("binary: %v %q %v", kind, got, err)
				}
			}
			w, err := upstream.Writer(upstream.ctx, websocket.MessageText)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{`{"sess`, `ion_id"`, `:1}`} { // each is a fragment
				_, _ = io.WriteString(w, part)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			client.hear(tc.down)
			closeBoth(t, client, upstream)
			if rec := r.observed.last(t, 1); rec.Status != http.StatusSwitchingProtocols || rec.Outcome != Answered || rec.Mapped != tc.downMapped || rec.MessagesPassed != 0 || rec.Bytes < int64(len(long)) {
				t.Errorf("%+v", rec)
			}
		})
	}
}

func readText(p *peer) string {
	p.t.Helper()
	_, got, err := p.Read(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(got)
}

// closeBoth closes from one end and wants the other one to hear it.
func closeBoth(t *testing.T, from, to *peer) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- from.Close(websocket.StatusNormalClosure, "bye") }()
	to.hearClose(websocket.StatusNormalClosure, "bye")
	if err := <-done; err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestSocketHandshake: subprotocols are between client and upstream; compression of messages only where
// nobody has to read them.
func TestSocketHandshake(t *testing.T) {
	for _, tc := range []struct {
		mode       Mode
		path       string
		compressed bool
	}{
		{Passthrough, "/api/sessions/socket", true}, {Dual, "/api/other", true},
		{Dual, "/api/sessions/socket", false}, {FlowOnly, "/api/flows/socket", false},
	} {
		s := newSockets(t, websocket.AcceptOptions{Subprotocols: []string{"b", "a"}, CompressionMode: websocket.CompressionContextTakeover})
		r := newRig(t, tc.mode, s.url, streams)
		client, answered := r.dial(tc.path, websocket.DialOptions{
			Subprotocols: []string{"a", "b"}, CompressionMode: websocket.CompressionContextTakeover,
			HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}, "Cookie": {"c=1"}},
		})
		upstream := <-s.accepted
		if client.Subprotocol() != "b" || upstream.Subprotocol() != "b" {
			t.Errorf("%s%s: subprotocols %q and %q", tc.mode, tc.path, client.Subprotocol(), upstream.Subprotocol())
		}
		head := <-s.heads
		if head.Get("Origin") != "https://elsewhere.example" || head.Get("Cookie") != "c=1" {
			t.Errorf("%s%s: the upstream got %v", tc.mode, tc.path, head)
		}
		if compressed := answered.Get("Sec-Websocket-Extensions") != ""; compressed != tc.compressed {
			t.Errorf("%s%s: compressed %t", tc.mode, tc.path, compressed)
		}
		upstream.say(`{"session_id":1,"pad":"` + strings.Repeat("x", 1000) + `"}`)
		if got := readText(client); !strings.Contains(got, strings.Repeat("x", 1000)) {
			t.Errorf("%s%s: got %.100q", tc.mode, tc.path, got)
		}
		closeBoth(t, upstream, client)
	}
}

// TestSocketRefused: an upstream that does not want a WebSocket answers as to any other request.
func TestSocketRefused(t *testing.T) {
	r := newRig(t, FlowOnly, answers(t, 403, jsonHead(), `{"session_error":"no"}`), streams)
	_, res, err := websocket.Dial(t.Context(), r.url+"/api/flows/socket", nil) //nolint:bodyclose // newStream closes it
	if err == nil || res.StatusCode != http.StatusForbidden {
		t.Fatalf("%v, %v", res, err)
	}
	if body, err := io.ReadAll(newStream(t, res)); string(body) != `{"flow_error":"no"}` || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	// An extension that nobody asked for would hide the messages.
	odd := says(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", false)
	const ask = " HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	newRig(t, Dual, odd, streams).raw("GET /api/sessions/socket"+ask).wantProblem(t, problemBroken)
	if got := newRig(t, Passthrough, odd, streams).raw("GET /api/sessions/socket" + ask); got.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("passthrough: %d", got.StatusCode)
	}
	// And what is no WebSocket at all is not the endpoint's stream.
	got := newRig(t, FlowOnly, answers(t, 200, jsonHead(), `{"session_id":1}`), streams).do("GET", "/api/flows/socket", "")
	got.want(t, 200, `{"session_id":1}`)
	got.wantHeader(t, "Crossfade-Fallback", "media-type")
}

// TestSocketClose: the code and the reason of a close frame are those of who closes, and an end without
// one is an end without one.
func TestSocketClose(t *testing.T) {
	for _, path := range []string{"/api/sessions/socket", "/api/other"} {
		for _, mode := range []Mode{Passthrough, Dual} {
			s := newSockets(t, websocket.AcceptOptions{})
			r := newRig(t, mode, s.url, streams)
			for _, upstreamFirst := range []bool{true, false} {
				from, to := r.connect(s, path)
				if upstreamFirst {
					from, to = to, from
				}
				for _, say := range []struct {
					code   websocket.StatusCode
					reason string
				}{{4321, "because"}, {websocket.StatusNoStatusRcvd, ""}} {
					done := make(chan error, 1)
					go func() { done <- from.Close(say.code, say.reason) }()
					to.hearClose(say.code, say.reason)
					if err := <-done; err != nil {
						t.Errorf("close: %v", err)
					}
					from, to = r.connect(s, path)
					if upstreamFirst {
						from, to = to, from
					}
				}
				_ = from.CloseNow()
				to.hearClose(-1, "")
			}
		}
	}
}

// TestSocketPings go from end to end, also in the middle of a message.
func TestSocketPings(t *testing.T) {
	for _, mode := range allModes() {
		pinged := make(chan string, 10)
		s := newSockets(t, websocket.AcceptOptions{OnPingReceived: func(_ context.Context, payload []byte) bool {
			pinged <- string(payload)
			return true
		}})
		r := newRig(t, mode, s.url, streams)
		client, upstream := r.connect(s, "/api/flows/socket")
		go func() { _, _, _ = upstream.Read(upstream.ctx) }() // the library answers pings while it reads
		client.CloseRead(client.ctx)
		w, err := client.Writer(client.ctx, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, `{"flow_id"`)
		if err := client.Ping(client.ctx); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		if got := <-pinged; got != "1" {
			t.Errorf("%s: %q", mode, got)
		}
	}
}

// TestSocketMessagesThatCannotBeMapped: dual lets them pass, flow_only closes the socket and says why.
func TestSocketMessagesThatCannotBeMapped(t *testing.T) {
	long := `{"session_id":"` + strings.Repeat("x", 200) + `"}`
	for _, tc := range []struct {
		name     string
		mode     Mode
		change   func(*Options)
		up       bool
		message  string
		heard    string // by the other end; empty: it is closed
		code     websocket.StatusCode
		reason   string
		fallback Fallback
		err      string
	}{
		{"no JSON from the upstream, dual", Dual, nil, false, "oops", "oops", 0, "", FallbackUnmappable, "message 1: socket down to-flow: not JSON (byte 0)"},
		{"no JSON from the upstream, flow_only", FlowOnly, nil, false, "oops", "", 1014, "a message has no flow shape", FallbackUnmappable, "message 1: socket down to-flow: not JSON (byte 0)"},
		{"no JSON from the upstream, original", FlowOnly, original, false, "oops", "oops", 0, "", FallbackUnmappable, "message 1: socket down to-flow: not JSON (byte 0)"},
		{"too large from the upstream, dual", Dual, nil, false, long, long, 0, "", FallbackSize, "message 1: the message has more than the 100 bytes that are mapped"},
		{"too large from the upstream, flow_only", FlowOnly, nil, false, long, "", 1009, "the message is too large", FallbackSize, "message 1: the message has more than the 100 bytes that are mapped"},
		{"no JSON from the client, dual", Dual, nil, true, "oops", "oops", 0, "", FallbackRequest, "message 1: socket up to-session: not JSON (byte 0)"},
		{"no JSON from the client, flow_only", FlowOnly, nil, true, "oops", "oops", 0, "", FallbackRequest, "message 1: socket up to-session: not JSON (byte 0)"},
		{"too large from the client, dual", Dual, nil, true, long, long, 0, "", FallbackRequest, "message 1: the message has more than the 100 bytes that are mapped"},
		{"too large from the client, flow_only", FlowOnly, nil, true, long, "", 1009, "the message is too large", FallbackRequest, "message 1: the message has more than the 100 bytes that are mapped"},
		{"both shapes from the client, dual", Dual, nil, true, `{"session_id":1,"flow_id":2}`, "", 1008, `both shapes are there and differ: "session_id" and "flow_id"`, FallbackRequest,
			`message 1: socket up to-session: rename session_id to flow_id: at flow_id: both shapes are there and differ: "session_id" and "flow_id" (byte 16)`},
		{"both shapes from the client, flow_only", FlowOnly, nil, true, `{"session_id":1,"flow_id":2}`, "", 1008, `both shapes are there and differ: "session_id" and "flow_id"`, FallbackRequest,
			`message 1: socket up to-session: rename session_id to flow_id: at flow_id: both shapes are there and differ: "session_id" and "flow_id" (byte 16)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.change == nil {
				tc.change = func(*Options) {}
			}
			s := newSockets(t, websocket.AcceptOptions{})
			r := newRig(t, tc.mode, s.url, streams, smallMessages, tc.change)
			client, upstream := r.connect(s, "/api/flows/socket")
			from, to := upstream, client
			if tc.up {
				from, to = client, upstream
			}
			from.say(tc.message)
			if tc.heard != "" {
				to.hear(tc.heard)
				closeBoth(t, client, upstream)
			} else {
				heard := make(chan error, 1)
				go func() { heard <- upstream.closed(websocket.StatusGoingAway, "") }()
				client.hearClose(tc.code, tc.reason)
				if err := <-heard; err != nil {
					t.Errorf("the upstream: %v", err)
				}
			}
			rec := r.observed.last(t, 1)
			got, outcome := rec.Fallback, Answered
			if tc.up {
				got = rec.RequestFallback
			}
			if tc.heard == "" {
				outcome = Cut
			}
			if got != tc.fallback || fmt.Sprint(rec.err) != tc.err || rec.Outcome != outcome || rec.Messages != 1 || rec.MessagesPassed != map[bool]int{true: 1}[tc.heard != ""] {
				t.Errorf("%+v %v", rec, rec.err)
			}
		})
	}
}

// TestSocketFlip: a WebSocket keeps the mode that it began with.
func TestSocketFlip(t *testing.T) {
	flag := &switchable{}
	flag.mode.Store(FlowOnly)
	s := newSockets(t, websocket.AcceptOptions{})
	r := newRig(t, Dual, s.url, streams, func(o *Options) { o.Decider = flag })
	client, upstream := r.connect(s, "/api/flows/socket")
	for _, mode := range allModes() {
		flag.mode.Store(mode)
		upstream.say(`{"session_id":1}`)
		client.hear(`{"flow_id":1}`)
	}
}

// TestSocketEnds: when one end vanishes, the other one hears of it.
func TestSocketEnds(t *testing.T) {
	for _, mode := range allModes() {
		s := newSockets(t, websocket.AcceptOptions{})
		r := newRig(t, mode, s.url, streams)
		for _, upstreamFirst := range []bool{true, false} {
			gone, left := r.connect(s, "/api/flows/socket")
			if upstreamFirst {
				gone, left = left, gone
			}
			began := time.Now()
			_ = gone.CloseNow()
			left.hearClose(-1, "")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s: it took %v", mode, took)
			}
		}
	}
}

// TestSocketEarlyBytes: what a client sends behind its handshake, without waiting for the answer, is not lost.
func TestSocketEarlyBytes(t *testing.T) {
	upstream := tcp(t, func(c net.Conn, next func() (string, bool)) {
		if _, ok := next(); !ok {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.CopyN(c, c, 2+4+2)
	})
	for _, path := range []string{"/api/sessions/socket", "/api/other"} {
		r := newRig(t, Dual, upstream, streams)
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		const frame = "\x82\x82\x00\x00\x00\x00hi"
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"+frame)
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if rest, err := io.ReadAll(in); string(rest) != frame || err != nil {
			t.Errorf("%s: %q, %v", path, rest, err)
		}
		c.Close()
	}
}

// TestSocketPanic: a fault in crossfade ends the socket, and not the process.
func TestSocketPanic(t *testing.T) {
	s := newSockets(t, websocket.AcceptOptions{})
	var armed atomic.Bool
	r := newRig(t, Dual, s.url, streams, func(o *Options) {
		o.Now = func() time.Time {
			if armed.CompareAndSwap(true, false) {
				panic("planted")
			}
			return time.Now()
		}
	})
	client, upstream := r.connect(s, "/api/flows/socket")
	armed.Store(true)
	upstream.say(`{"session_id":1}`)
	client.hearClose(-1, "")
	if rec := r.observed.last(t, 1); rec.Outcome != Cut || fmt.Sprint(rec.err) != "panic: planted" {
		t.Errorf("%+v %v", rec, rec.err)
	}
	again, upstream := r.connect(s, "/api/flows/socket")
	upstream.say(`{"session_id":1}`)
	again.hear(`{"session_id":1,"flow_id":1}`)
}
