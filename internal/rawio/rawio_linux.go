//go:build linux && !386

// Package rawio reads and writes sockets by system calls of which the scheduler is not told. They never wait, since the sockets
// are those of package net, which waits in its poller. Telling costs more than such a call: it wakes the monitor that
// looks after calls that do wait.
//
// They are for the functions that a syscall.RawConn is given. Buffers are not empty.
package rawio

import (
	"syscall"
	"unsafe"
)

// Supported says whether this is a system on which it can be done.
const Supported = true

// Read reads what is there; syscall.EAGAIN says that nothing is. Nothing and no error is the end.
func Read(fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// Write writes b until the kernel takes no more (syscall.EAGAIN), and says how much it took.
func Write(fd uintptr, b []byte) (written int, errno syscall.Errno) {
	for written < len(b) {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b[written])), uintptr(len(b)-written))
		switch errno {
		case 0:
			written += int(n)
		case syscall.EINTR:
		default:
			return written, errno
		}
	}
	return written, 0
}

// MaxBuffers is how many buffers go out in one call.
const MaxBuffers = 4

// WriteBuffers writes the first MaxBuffers of some buffers, as if they were one, in one call, and says how much of them the kernel took. What it
// has not taken it has no room for: syscall.EAGAIN says that it has none at all. Empty ones are left out.
func WriteBuffers(fd uintptr, buffers [][]byte) (written int, errno syscall.Errno) {
	var pieces [MaxBuffers]syscall.Iovec
	n := 0
	for _, b := range buffers[:min(len(buffers), MaxBuffers)] {
		if len(b) > 0 {
			pieces[n].Base = &b[0]
			pieces[n].SetLen(len(b))
			n++
		}
	}
	for n > 0 {
		took, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&pieces[0])), uintptr(n))
		switch errno {
		case 0:
			return int(took), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
	return 0, 0
}

// Peek looks at what there is to read and leaves it there. As Read, but for that.
func Peek(fd uintptr, b []byte) (int, syscall.Errno) {
	const flags = syscall.MSG_PEEK | syscall.MSG_DONTWAIT
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
