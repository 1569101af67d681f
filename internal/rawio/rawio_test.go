//go:build linux && !386

package rawio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sockets are the two ends of a connection.
func sockets(t *testing.T) (ours, theirs *net.UnixConn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a.(*net.UnixConn), b.(*net.UnixConn)
}

// with calls f with the descriptor of a socket.
func with(t *testing.T, c syscall.Conn, f func(fd uintptr)) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(f)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// result is what a call gave.
type result struct {
	n     int
	errno syscall.Errno
}

func want(t *testing.T, what string, got, want result) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d bytes and %v, want %d and %v", what, got.n, got.errno, want.n, want.errno)
	}
}

// TestReading: what is there is read, and looked at without that; nothing is EAGAIN, and the end is nothing.
func TestReading(t *testing.T) {
	ours, theirs := sockets(t)
	var r result
	b := make([]byte, 8)
	with(t, ours, func(fd uintptr) {
		r.n, r.errno = Read(fd, b)
		want(t, "read of nothing", r, result{0, syscall.EAGAIN})
		r.n, r.errno = Peek(fd, b)
		want(t, "look at nothing", r, result{0, syscall.EAGAIN})
	})
	if _, err := io.WriteString(theirs, "some text"); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	with(t, ours, func(fd uintptr) {
		r.n, r.errno = Peek(fd, b[:4])
		want(t, "look", r, result{4, 0})
		r.n, r.errno = Read(fd, b)
		want(t, "read", r, result{8, 0})
		if string(b) != "some tex" {
			t.Errorf("%q was read", b)
		}
		r.n, r.errno = Read(fd, b)
		want(t, "read of the rest", r, result{1, 0})
		r.n, r.errno = Read(fd, b)
		want(t, "read of the end", r, result{})
		r.n, r.errno = Peek(fd, b)
		want(t, "look at the end", r, result{})
		r.n, r.errno = Write(fd, b)
		want(t, "write to nobody", r, result{0, syscall.EPIPE})
		r.n, r.errno = WriteBuffers(fd, [][]byte{b})
		want(t, "write of buffers to nobody", r, result{0, syscall.EPIPE})
	})
}

// TestWriting: all that there is room for is written, as one, in order, and it is said how much that was.
func TestWriting(t *testing.T) {
	text := func(n int) []byte { return bytes.Repeat([]byte("0123456789"), (n+9)/10)[:n] }
	for name, row := range map[string]struct {
		write func(fd uintptr) (int, syscall.Errno)
		whole string // "" for more than there is room for
	}{
		"one":            {func(fd uintptr) (int, syscall.Errno) { return Write(fd, []byte("text")) }, "text"},
		"more than room": {func(fd uintptr) (int, syscall.Errno) { return Write(fd, text(32<<20)) }, ""},
		"a buffer":       {func(fd uintptr) (int, syscall.Errno) { return WriteBuffers(fd, [][]byte{[]byte("text")}) }, "text"},
		"no buffer":      {func(fd uintptr) (int, syscall.Errno) { return WriteBuffers(fd, nil) }, ""},
		"empty buffers":  {func(fd uintptr) (int, syscall.Errno) { return WriteBuffers(fd, [][]byte{nil, {}}) }, ""},
		"buffers among empty": {func(fd uintptr) (int, syscall.Errno) {
			return WriteBuffers(fd, [][]byte{nil, []byte("a"), nil, []byte("b")})
		}, "ab"},
		"more buffers than go": {func(fd uintptr) (int, syscall.Errno) {
			return WriteBuffers(fd, [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("d"), []byte("e")})
		}, "abcd"},
		"buffers with more than room": {func(fd uintptr) (int, syscall.Errno) {
			all := text(32 << 20)
			return WriteBuffers(fd, [][]byte{all[:1000], all[1000:1001], all[1001 : 16<<20], all[16<<20:]})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := sockets(t)
			var r result
			with(t, ours, func(fd uintptr) { r.n, r.errno = row.write(fd) })
			full := strings.Contains(name, "room")
			switch {
			case full && r.errno == syscall.EAGAIN != strings.HasPrefix(name, "more"), full && (r.n == 0 || r.n >= 32<<20):
				t.Errorf("%d bytes and %v, want as many as there is room for", r.n, r.errno)
			case !full:
				want(t, "written", r, result{len(row.whole), 0})
			}
			if full {
				with(t, ours, func(fd uintptr) {
					var more result
					more.n, more.errno = WriteBuffers(fd, [][]byte{text(1 << 20)})
					want(t, "when there is no room", more, result{0, syscall.EAGAIN})
				})
			}
			_ = ours.Close()
			got, err := io.ReadAll(theirs)
			if err != nil || !full && string(got) != row.whole || full && !bytes.Equal(got, text(r.n)) {
				t.Errorf("%d bytes came (%v), want the %d that were written", len(got), err, r.n)
			}
		})
	}
}

// TestClosed: a socket that is closed is not read.
func TestClosed(t *testing.T) {
	ours, _ := sockets(t)
	raw, err := ours.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = ours.Close()
	if err := raw.Control(func(uintptr) { t.Error("there is a descriptor") }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want %v", err, net.ErrClosed)
	}
}
