package loop

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dial connects, and gives up on everything after a while.
func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// wantAnswer reads an answer.
func wantAnswer(t *testing.T, r *bufio.Reader, status int, body string) {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status || string(b) != body {
		t.Fatalf("%d %q (%v), want %d %q", res.StatusCode, b, err, status, body)
	}
}

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

// TestClientsThatLeaveAreNoticed: a handler is told, whether the request had a body or not.
func TestClientsThatLeaveAreNoticed(t *testing.T) {
	for name, request := range map[string]string{
		"no body": get,
		"a body":  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
		"chunks":  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			begun, told := make(chan struct{}), make(chan struct{})
			c, _ := dial(t, serve(t, Options{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				close(begun)
				<-r.Context().Done()
				close(told)
			})}))
			send(t, c, request)
			<-begun
			c.Close()
			select {
			case <-told:
			case <-time.After(20 * time.Second):
				t.Error("the handler is not told")
			}
		})
	}
}

// TestSlowAnswersKeepTheConnection: that somebody has looked whether the client leaves does not disturb the next request,
// nor does one that comes meanwhile.
func TestSlowAnswersKeepTheConnection(t *testing.T) {
	c, r := dial(t, serve(t, Options{IdleTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(3 * patience):
			io.WriteString(w, "slow")
		case <-r.Context().Done():
			t.Error("the client is said to have left")
		}
	})}))
	for range 3 {
		send(t, c, get)
		wantAnswer(t, r, http.StatusOK, "slow")
		send(t, c, get+get)
		wantAnswer(t, r, http.StatusOK, "slow")
		wantAnswer(t, r, http.StatusOK, "slow")
	}
}

// TestBodiesAreAskedFor: a client that waits to be asked for its body is asked when the handler reads it, and only then.
func TestBodiesAreAskedFor(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
	address := serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Refuse") != "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})})
	c, r := dial(t, address)
	send(t, c, head+"\r\n")
	const asked = "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(asked))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != asked {
		t.Fatalf("%q (%v), want %q", got, err, asked)
	}
	send(t, c, "{}"+get)
	wantAnswer(t, r, http.StatusOK, "{}")
	wantAnswer(t, r, http.StatusOK, "")

	c, r = dial(t, address)
	send(t, c, head+"X-Refuse: 1\r\n\r\n")
	wantAnswer(t, r, http.StatusForbidden, "")
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("behind the refusal came %q (%v), want the end: nobody knows whether a body comes", rest, err)
	}
}

// TestTakenOver: who takes a connection over has what the client sent behind its request, and all that comes later.
func TestTakenOver(t *testing.T) {
	c, r := dial(t, serve(t, Options{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(2 * patience) // somebody looks whether the client leaves
		nc, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("an answer can still be written")
		}
		n := both.Reader.Buffered()
		go func() {
			defer nc.Close()
			early, _ := both.Reader.Peek(n)
			_, _ = both.WriteString(string(early) + "|")
			_ = both.Flush()
			line, _ := both.ReadString('\n')
			_, _ = both.WriteString(line)
			_ = both.Flush()
		}()
	})}))
	send(t, c, get+"early")
	if got, err := r.ReadString('|'); err != nil || got != "early|" {
		t.Fatalf("%q (%v)", got, err)
	}
	send(t, c, " late\n")
	if got, err := io.ReadAll(r); err != nil || string(got) != "early late\n" {
		t.Fatalf("%q (%v)", got, err)
	}
}

// TestWhoWaitsHoldsNoMemory: connections without a request have no buffer, and neither has a request whose head and body were read.
func TestWhoWaitsHoldsNoMemory(t *testing.T) {
	during := make(chan *input, 1)
	c, r := dial(t, serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		during <- w.(*answer).conn.in
	})}))
	send(t, c, get)
	wantAnswer(t, r, http.StatusOK, "")
	if <-during != nil {
		t.Error("the buffer of the head is held while the handler runs")
	}
}

// TestALargeHeadHoldsNoMore: the memory of a head that comes slowly ends where the head is refused.
func TestALargeHeadHoldsNoMore(t *testing.T) {
	s := New(Options{MaxHeaderBytes: 64 << 10, Handler: http.NotFoundHandler()})
	c := &conn{server: s}
	for len(c.unread()) < s.maxHead {
		room := len(c.room())
		c.in.to += room
	}
	if got := len(c.in.bytes); got != s.maxHead {
		t.Errorf("%d bytes for a head of at most %d", got, s.maxHead)
	}
}

// TestLargeAnswersInOrder: pieces of all sizes arrive as they were written, with a length and without.
func TestLargeAnswersInOrder(t *testing.T) {
	var want strings.Builder
	sizes := []int{1, 7000, 9000, 20_000, 3, 16_000, 100_000, 16<<10 - 32, 5}
	for i, n := range sizes {
		want.WriteString(strings.Repeat(string(rune('a'+i)), n))
	}
	for _, length := range []string{"", "168361"} {
		c, r := dial(t, serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header()["Content-Length"] = []string{length}
			}
			for i, n := range sizes {
				io.WriteString(w, strings.Repeat(string(rune('a'+i)), n))
			}
		})}))
		for range 2 {
			send(t, c, get)
			wantAnswer(t, r, http.StatusOK, want.String())
		}
	}
}

// TestBodiesThatNeverCome: an answer does not wait for a body that its client waits with, also while somebody reads it.
func TestBodiesThatNeverCome(t *testing.T) {
	reading := make(chan struct{})
	c, r := dial(t, serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		go func() {
			close(reading)
			_, _ = r.Body.Read(make([]byte, 1))
		}()
		<-reading
		w.Header()["Content-Length"] = []string{"2"}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, "no")
	})}))
	send(t, c, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
	res, err := http.ReadResponse(r, nil)
	for err == nil && res.StatusCode == http.StatusContinue {
		res, err = http.ReadResponse(r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(r); res.StatusCode != http.StatusRequestEntityTooLarge || string(b) != "no" || err != nil {
		t.Errorf("%d %q (%v)", res.StatusCode, b, err)
	}
}

// TestWhoWaitsHasItsAnswer: a connection is not said to wait, which may have it closed at once, before its client has been sent all of the
// last answer.
func TestWhoWaitsHasItsAnswer(t *testing.T) {
	for name, text := range map[string]string{"one": get, "behind another": get + get} {
		t.Run(name, func(t *testing.T) {
			there := make(chan error)
			client := make(chan *bufio.Reader, 1)
			address := serve(t, Options{
				Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all of it") }),
				State: func(_ net.Conn, state http.ConnState, _ time.Time) {
					if state != http.StateIdle {
						return
					}
					in, first := <-client
					if !first {
						return
					}
					for range strings.Count(text, get) {
						res, err := http.ReadResponse(in, nil)
						if err == nil {
							_, err = io.Copy(io.Discard, res.Body)
							err = errors.Join(err, res.Body.Close())
						}
						if err != nil {
							there <- err
							return
						}
					}
					there <- nil
				},
			})
			c, in := dial(t, address)
			client <- in
			close(client)
			if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			send(t, c, text)
			if err := <-there; err != nil {
				t.Error(err)
			}
			c.Close()
		})
	}
}
