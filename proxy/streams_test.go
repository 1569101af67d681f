package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// closeStreams closes all that is open, within the time that tests have.
func closeStreams(t *testing.T, s *Streams) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	done := make(chan error, 1)
	go func() { done <- s.Close(ctx) }()
	return done
}

// TestStreamsEndBetweenMessages: an event stream ends behind its last whole event, in every mode, as a
// stream that was complete; what goes on has ended when the call is back.
func TestStreamsEndBetweenMessages(t *testing.T) {
	for _, mode := range allModes() {
		t.Run(string(mode), func(t *testing.T) {
			s := newSource(t, http.Header{"Content-Type": {"text/event-stream"}})
			var all Streams
			r := newRig(t, mode, s.url, streams, func(o *Options) { o.Streams = &all })
			silent, _ := r.listen("/api/other")
			busy, _ := r.listen("/api/other")
			s.send(t, "data: 1\n\ndata: 2\n") // to one of the two
			got := make(chan string)
			for _, res := range []*stream{silent, busy} {
				go func() {
					body, err := io.ReadAll(res)
					if err != nil {
						t.Errorf("%q, %v", body, err)
					}
					got <- string(body)
				}()
			}
			waitFor(t, func() bool { return atEvent(&all) == 1 })
			done := closeStreams(t, &all)
			if first := <-got; first != "" {
				t.Errorf("the silent one: %q", first)
			}
			<-s.gone // the silent one's request: it takes no more pieces
			select {
			case err := <-done:
				t.Fatalf("closed although an event is not complete (%v)", err)
			default:
			}
			s.send(t, ": not yet\n")
			s.send(t, "\n")
			if second := <-got; second != "data: 1\n\ndata: 2\n: not yet\n\n" {
				t.Errorf("the busy one: %q", second)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			for i := range 2 {
				if rec := r.observed.last(t, i+1); rec.Outcome != Answered {
					t.Errorf("%+v", rec)
				}
			}
			late, _ := r.listen("/api/other") // what begins now ends at once
			if body, err := io.ReadAll(late); len(body) > 0 || err != nil {
				t.Errorf("a late one: %q, %v", body, err)
			}
		})
	}
}

// atEvent counts the event streams that are in the middle of an event.
func atEvent(s *Streams) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.open {
		b := e.(*eventBody)
		b.mu.Lock()
		if !b.between() {
			n++
		}
		b.mu.Unlock()
	}
	return n
}

func waitFor(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !what(); {
		if time.Now().After(deadline) {
			t.Fatal("it never happens")
		}
		<-time.After(time.Millisecond)
	}
}

// TestBetweenEvents: where an event stream may end.
func TestBetweenEvents(t *testing.T) {
	for stream, want := range map[string]bool{
		"": true, "\n": true, "\r\n": true, "d": false, "d\n": false, "d\r\n": false, "d\r": false,
		"d\n\n": true, "d\r\n\r\n": true, "d\r\r": true, "d\n\r\n": true, "d\r\n\n": true, "data: 1\n\ndata: 2\n": false, "data: 1\n\n:\n\n": true,
	} {
		for _, size := range []int{1, 100} {
			b := eventBody{ReadCloser: io.NopCloser(strings.NewReader(stream))}
			for buf := make([]byte, size); ; {
				if _, err := b.Read(buf); err != nil {
					break
				}
			}
			if b.between() != want {
				t.Errorf("%q in pieces of %d: %t", stream, size, !want)
			}
		}
	}
}

// TestSocketsCloseWith1001: when the process stops, clients and upstreams hear of it in a close frame,
// mapped or not, and between two frames.
func TestSocketsCloseWith1001(t *testing.T) {
	for _, mode := range allModes() {
		for _, path := range []string{"/api/sessions/socket", "/api/other"} {
			s := newSockets(t, websocket.AcceptOptions{})
			var all Streams
			r := newRig(t, mode, s.url, streams, func(o *Options) { o.Streams = &all })
			client, upstream := r.connect(s, path)
			upstream.say(`{"session_id":1}`)
			_ = readText(client) // the tunnel is open in any case
			done := closeStreams(t, &all)
			heard := make(chan error, 1)
			go func() { heard <- upstream.closed(websocket.StatusGoingAway, "") }()
			client.hearClose(websocket.StatusGoingAway, "")
			if err := <-heard; err != nil {
				t.Errorf("%s%s: the upstream: %v", mode, path, err)
			}
			if err := <-done; err != nil {
				t.Errorf("%s%s: %v", mode, path, err)
			}
		}
	}
}

// rawSocket opens a WebSocket to an upstream that says text and then what the test sends; it gives
// what the client reads.
func rawSocket(t *testing.T, mode Mode, path, text string, change ...func(*Options)) (client net.Conn, in *bufio.Reader, more chan<- string, r *rig) {
	t.Helper()
	says := make(chan string)
	upstream := tcp(t, func(c net.Conn, next func() (string, bool)) {
		if _, ok := next(); !ok {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"+text)
		for text := range says {
			_, _ = io.WriteString(c, text)
		}
	})
	r = newRig(t, mode, upstream, append([]func(*Options){streams}, change...)...)
	client, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_ = client.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { client.Close() })
	_, _ = io.WriteString(client, "GET "+path+" HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in = bufio.NewReader(client)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return client, in, says, r
}

// TestSocketCloseWaitsForTheFrame: the close frame does not go into the middle of another one.
func TestSocketCloseWaitsForTheFrame(t *testing.T) {
	for _, path := range []string{"/api/sessions/socket", "/api/other"} {
		var all Streams
		client, in, more, _ := rawSocket(t, Dual, path, "\x82\x04ab", func(o *Options) { o.Streams = &all })
		wantNext(t, in, "\x82\x04ab")
		done := closeStreams(t, &all)
		waitFor(t, func() bool { return leaving(&all) == 1 })
		more <- "cd\x82\x01x"
		wantNext(t, in, "cd\x88\x02\x03\xe9")
		more <- "\x82\x01y" // nobody hears that any more
		close(more)
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("%s: behind it: %q, %v", path, rest, err)
		}
		client.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestSocketCloseOnce: where the upstream has said goodbye itself, crossfade adds nothing.
func TestSocketCloseOnce(t *testing.T) {
	for _, path := range []string{"/api/sessions/socket", "/api/other"} {
		var all Streams
		client, in, more, _ := rawSocket(t, Dual, path, "\x88\x00", func(o *Options) { o.Streams = &all })
		wantNext(t, in, "\x88\x00")
		done := closeStreams(t, &all)
		close(more)
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("%s: behind it: %q, %v", path, rest, err)
		}
		client.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// leaving counts the tunnels with a close frame that waits.
func leaving(s *Streams) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.open {
		d := &e.(*tunnel).down
		d.mu.Lock()
		if d.leave != nil {
			n++
		}
		d.mu.Unlock()
	}
	return n
}

// TestStreamsThatDoNotEnd are cut when the time is over.
func TestStreamsThatDoNotEnd(t *testing.T) {
	s := newSource(t, http.Header{"Content-Type": {"text/event-stream"}})
	var all Streams
	r := newRig(t, Dual, s.url, streams, func(o *Options) { o.Streams = &all })
	res, _ := r.listen("/api/other")
	s.send(t, "data: 1\n")
	wantNext(t, res, "data: 1\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := all.Close(ctx); !errors.Is(err, ErrStreamsCut) {
		t.Errorf("got %v", err)
	}
	if rest, err := io.ReadAll(res); len(rest) > 0 || err == nil {
		t.Errorf("%q, %v", rest, err)
	}
	if rec := r.observed.last(t, 1); rec.Outcome != Cut {
		t.Errorf("%+v", rec)
	}
	waitFor(t, func() bool { all.mu.Lock(); defer all.mu.Unlock(); return len(all.open) == 0 })
	if err := all.Close(ctx); err != nil {
		t.Errorf("with nothing open: %v", err)
	}
}

// TestSocketNobodyAnswers: a tunnel whose ends ignore the close frame is cut.
func TestSocketNobodyAnswers(t *testing.T) {
	t.Parallel() // it has to wait
	_, in, more, r := rawSocket(t, FlowOnly, "/api/flows/socket", "\x81\x04oops")
	defer close(more)
	began := time.Now()
	const closing = "\x88\x1d\x03\xf6a message has no flow shape"
	if rest, err := io.ReadAll(in); string(rest) != closing {
		t.Errorf("%q, %v", rest, err)
	}
	if took := time.Since(began); took > closePatience+5*time.Second {
		t.Errorf("it took %v", took)
	}
	if rec := r.observed.last(t, 1); rec.Outcome != Cut || rec.Fallback != FallbackUnmappable {
		t.Errorf("%+v", rec)
	}
}
