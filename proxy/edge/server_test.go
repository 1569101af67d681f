package edge

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A panic is told once, in our words, and cuts the connection; net/http says nothing.
func TestPanics(t *testing.T) {
	for name, tt := range map[string]struct {
		fault any
		told  int
	}{
		"of a handler":            {"planted", 1},
		"an error":                {errors.New("planted"), 1},
		"the wish to cut is none": {http.ErrAbortHandler, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(tt.fault) })})
			c := s.dial(t)
			write(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
				t.Errorf("%q, %v, want nothing", got, err)
			}
			eventually(t, "the connection is gone", func() bool { return s.connections.count() == 0 })
			told := s.log.FilterMessage("panic outside the data path")
			if told.Len() != tt.told || s.log.Len() != tt.told {
				t.Errorf("the log has %v, want %d lines of ours and no other", s.log.All(), tt.told)
			}
			if s.running.Load() != 0 {
				t.Error("the request is still counted")
			}
		})
	}
}

// failing is a listener that is broken once, and then closed.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left == 0 {
		return nil, errors.New("broken for good")
	}
	f.left--
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept", syscall.EMFILE)}
}

func TestAcceptErrorsAreTold(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, &failing{l, 1}, Options{Handler: text("ok")})
	if err := <-s.ended; err == nil || err.Error() != "broken for good" {
		t.Errorf("Serve: %v, want the second error: the first one may pass", err)
	}
	lines := s.log.FilterMessage("no connection can be accepted").All()
	if len(lines) != 2 || lines[0].ContextMap()["error"] != "accept tcp: accept: too many open files" {
		t.Errorf("the log has %v", s.log.All())
	}
}

func TestListenOnASocketInTheFileSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	l, err := Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, l, Options{Handler: text("ok")})
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	if got := get(t, client, "http://a").body; got != "ok" {
		t.Errorf("%q", got)
	}
	client.CloseIdleConnections()
	if _, err := Listen("unix:" + path); err == nil || !strings.HasSuffix(err.Error(), "address already in use: a process serves "+path) {
		t.Errorf("a socket that is served: %v", err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}

	// What a process that was killed leaves.
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	again, err := Listen("unix:" + path)
	if err != nil {
		t.Fatalf("a socket that nobody serves: %v", err)
	}
	again.Close()

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix:" + path); err == nil || !strings.HasSuffix(err.Error(), path+" is there and is no socket; choose another path") {
		t.Errorf("a file: %v", err)
	}
	if got, err := os.ReadFile(path); string(got) != "precious" || err != nil {
		t.Errorf("the file is %q, %v", got, err)
	}
}
