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
		if n := len(s.watches.all); n != 0 {
			t.Errorf("%s: %d connections are kept", path, n)
		}
	}
}
