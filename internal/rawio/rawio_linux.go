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
