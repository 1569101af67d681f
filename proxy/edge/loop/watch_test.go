package loop

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestWatchesForgetConnections: who left, or was taken over, is not looked at any more.
func TestWatchesForgetConnections(t *testing.T) {
	left := make(chan struct{}, 1)
	s := New(Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			<-r.Context().Done()
			left <- struct{}{}
		case "/take":
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(c, "taken")
			c.Close()
		}
	})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, path := range []string{"/", "/take", "/wait"} {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			s.Serve(testConn{server.(*net.TCPConn)})
			close(served)
		}()
		if _, err := io.WriteString(client, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if path != "/wait" {
			if _, err := bufio.NewReader(client).ReadByte(); err != nil {
				t.Error(path, err)
			}
		} else {
			<-time.After(patience / 2) // the request is there, and nobody looks yet
		}
		client.Close()
		if path == "/wait" {
			<-left
		}
		<-served
		kept := func() int {
			s.watches.mu.Lock()
			defer s.watches.mu.Unlock()
			return len(s.watches.listed)
		}
		for began := time.Now(); kept() != 0; <-time.After(patience) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: %d connections are kept", path, kept())
			}
		}
	}
}

// TestRounds: a connection is looked at in the second round that finds the same request, and not while it waits for one.
func TestRounds(t *testing.T) {
	s := New(Options{})
	c := &conn{server: s}
	w := &c.watch
	w.conn = c
	begin := func() { w.mu.Lock(); w.current, w.listed = &answer{}, true; w.count++; w.mu.Unlock() }
	for i, row := range []struct {
		step string
		do   func()
		want bool // another round
	}{
		{"it waits", func() {}, false},
		{"a request", begin, true},
		{"the next request", func() { w.end(); begin() }, true},
		{"no request", w.end, false},
		{"a request behind that", begin, true},
		{"a body that is read", func() { w.current.body = &body{} }, true},
		{"still", func() {}, true},
		{"somebody looks already", func() { w.ended = make(chan struct{}) }, false},
	} {
		row.do()
		if got := w.round(); got != row.want || w.listed != row.want {
			t.Errorf("%d, %s: another round %v, listed %v, want %v", i, row.step, got, w.listed, row.want)
		}
	}
}
