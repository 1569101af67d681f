//go:build linux && !386

package direct

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

const supported = true

// socket reads and writes by system calls of which the scheduler is not told. They never wait, since
// the socket is one of package net's, which waits in its poller. Telling costs more than such a call: it
// wakes the monitor that looks after calls that do wait.
type socket struct {
	raw     syscall.RawConn
	reading func(fd uintptr) bool // these three are made once
	writing func(fd uintptr) bool
	peeking func(fd uintptr)
	b       []byte // what is read into, or written
	n       int
	errno   syscall.Errno
}

var errNoSocket = errors.New("a connection without a file descriptor")

func (s *socket) open(c net.Conn) error {
	has, ok := c.(syscall.Conn)
	if !ok {
		return errNoSocket
	}
	var err error
	s.raw, err = has.SyscallConn()
	s.reading, s.writing, s.peeking = s.readNow, s.writeNow, s.peekNow
	return err
}

func (s *socket) read(b []byte) (int, error) {
	s.b, s.n, s.errno = b, 0, 0
	err := s.raw.Read(s.reading)
	s.b = nil
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
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&s.b[0])), uintptr(len(s.b)))
		switch errno {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		case 0:
			s.n = int(n)
			return true
		default:
			s.errno = errno
			return true
		}
	}
}

func (s *socket) write(b []byte) (int, error) {
	s.b, s.n, s.errno = b, 0, 0
	err := s.raw.Write(s.writing)
	s.b = nil
	if err == nil && s.errno != 0 {
		err = os.NewSyscallError("write", s.errno)
	}
	return s.n, err
}

// writeNow is false where it has to be called again when the kernel takes more.
func (s *socket) writeNow(fd uintptr) bool {
	for len(s.b) > 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&s.b[0])), uintptr(len(s.b)))
		switch errno {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		case 0:
			s.n += int(n)
			s.b = s.b[n:]
		default:
			s.errno = errno
			return true
		}
	}
	return true
}

// isQuiet says whether the socket is open and has nothing to read.
func (s *socket) isQuiet() bool {
	return s.raw.Control(s.peeking) == nil && s.errno == syscall.EAGAIN
}

func (s *socket) peekNow(fd uintptr) {
	const flags = syscall.MSG_PEEK | syscall.MSG_DONTWAIT
	var b [1]byte
	for s.errno = syscall.EINTR; s.errno == syscall.EINTR; {
		_, _, s.errno = syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), 1, flags, 0, 0)
	}
}
