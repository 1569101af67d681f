package direct

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/crossfade-proxy/crossfade/internal/rawio"
)

// supported: without a way to look whether anything is to be read, no connection can be used twice.
const supported = rawio.Supported

// socket reads and writes one socket of package net's with package rawio.
type socket struct {
	raw     syscall.RawConn
	asking  func(fd uintptr) bool // these four are made once
	reading func(fd uintptr) bool
	writing func(fd uintptr) bool
	peeking func(fd uintptr)
	out, in []byte // what is written; what is read into
	n       int    // how much was
	errno   syscall.Errno
}

var (
	errNoSocket = errors.New("a connection without a file descriptor")
	errFull     = errors.New("the kernel takes no more")
)

func (s *socket) open(c net.Conn) error {
	has, ok := c.(syscall.Conn)
	if !ok {
		return errNoSocket
	}
	var err error
	s.raw, err = has.SyscallConn()
	s.asking, s.reading, s.writing, s.peeking = s.askNow, s.readNow, s.writeNow, s.peekNow
	return err
}

// ask writes out, and waits until there is something to read. It is all in one use of the poller: what comes
// between the two is not missed, and a read that would find nothing is not tried. It is errFull where the kernel
// does not take all of it at once; then nothing is waited for. written is how much it took, with an error too.
func (s *socket) ask(out []byte) (written int, err error) {
	s.out, s.n, s.errno = out, 0, 0
	err = s.raw.Read(s.asking)
	s.out = nil
	switch s.errno {
	case 0:
	case syscall.EAGAIN:
		err = errFull
	default:
		err = os.NewSyscallError("write", s.errno)
	}
	return s.n, err
}

// askNow writes when it is called first, and is called again when there is something to read.
func (s *socket) askNow(fd uintptr) bool {
	if len(s.out) == 0 {
		return true
	}
	if !s.writeNow(fd) {
		s.errno = syscall.EAGAIN
		return true
	}
	return s.errno != 0
}

func (s *socket) read(b []byte) (int, error) {
	s.in, s.n, s.errno = b, 0, 0
	err := s.raw.Read(s.reading)
	s.in = nil
	switch {
	case err != nil:
		return 0, err
	case s.errno != 0:
		return 0, os.NewSyscallError("read", s.errno)
	case s.n == 0:
		return 0, io.EOF
	}
	return s.n, nil
}

// readNow is false where it has to be called again when there is something to read.
func (s *socket) readNow(fd uintptr) bool {
	s.n, s.errno = rawio.Read(fd, s.in)
	return s.errno != syscall.EAGAIN
}

func (s *socket) write(b []byte) (int, error) {
	s.out, s.n, s.errno = b, 0, 0
	err := s.raw.Write(s.writing)
	s.out = nil
	if err == nil && s.errno != 0 {
		err = os.NewSyscallError("write", s.errno)
	}
	return s.n, err
}

// writeNow is false where it has to be called again when the kernel takes more.
func (s *socket) writeNow(fd uintptr) bool {
	n, errno := rawio.Write(fd, s.out)
	s.n += n
	s.out = s.out[n:]
	if errno == syscall.EAGAIN {
		return false
	}
	s.errno = errno
	return true
}

// peek looks at what there is to read and leaves it there; none, and quiet, where the socket is open and has nothing.
func (s *socket) peek(b []byte) (n int, quiet bool) {
	s.in, s.n, s.errno = b, 0, 0
	err := s.raw.Control(s.peeking)
	s.in = nil
	return s.n, err == nil && s.errno == syscall.EAGAIN
}

func (s *socket) peekNow(fd uintptr) { s.n, s.errno = rawio.Peek(fd, s.in) }
