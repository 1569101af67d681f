package edge

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// However many connections say nothing, who has something to say gets in.
func TestConnectionsThatWaitMakeRoom(t *testing.T) {
	const most = 16
	s := start(t, Options{Handler: text("ok"), MaxConnections: most, ReadHeaderTimeout: time.Hour})
	var silent []net.Conn
	for range most {
		silent = append(silent, s.dial(t))
	}
	eventually(t, "all places are taken", func() bool { return s.connections.count() == most })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 * most {
		if got := get(t, client, "http://"+s.address).body; got != "ok" {
			t.Fatalf("got %q", got)
		}
	}
	for range 3 * most {
		s.dial(t)
	}
	for _, c := range silent {
		wantClosed(t, c)
	}
	if n := s.connections.count(); n > most {
		t.Errorf("%d connections, want at most %d", n, most)
	}
	if told := s.log.FilterMessageSnippet("all connections are taken").Len(); told != 1 {
		t.Errorf("it is told %d times, want once a minute", told)
	}
}

// A connection with a request is never closed for another one.
func TestConnectionsAtWorkStay(t *testing.T) {
	const most = 16
	finish := make(chan struct{})
	s := start(t, Options{MaxConnections: most, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-finish
		io.WriteString(w, "done")
	})})
	var busy []net.Conn
	for range most {
		c := s.dial(t)
		write(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		busy = append(busy, c)
	}
	eventually(t, "all of them work", func() bool { return s.running.Load() == most })
	wantClosed(t, s.dial(t))
	close(finish)
	for _, c := range busy {
		if got := answer(t, bufio.NewReader(c)); got.body != "done" {
			t.Errorf("%q, want done", got.body)
		}
	}
	// Now they wait, and make room.
	c := s.dial(t)
	write(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := answer(t, bufio.NewReader(c)); got.body != "done" {
		t.Errorf("%q, want done", got.body)
	}
}

// Of those that are looked at, the longest waiting has to go.
func TestTheLongestWaitingGoes(t *testing.T) {
	all := &connections{open: map[*conn]struct{}{}}
	waits := func(since int64) *conn {
		c := &conn{all: all}
		c.waiting.Store(since)
		all.open[c] = struct{}{}
		return c
	}
	waits(0)
	waits(30)
	want := waits(10)
	waits(20)
	if got := all.longestWaiting(); got != want {
		t.Errorf("goes: %d, want 10", got.waiting.Load())
	}
	clear(all.open)
	for range looked + 10 {
		waits(0)
	}
	if got := all.longestWaiting(); got != nil {
		t.Error("one that works goes")
	}
}
