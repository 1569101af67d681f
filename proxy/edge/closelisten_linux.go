package edge

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// closeListener closes a listener, and gives the connections that were in its queue. The kernel
// would reset them, and with them requests whose clients think that they were taken.
func closeListener(l net.Listener) (queued []net.Conn, err error) {
	accepted := acceptQueued(l)
	err = l.Close() // at once: what comes between these two lines is lost
	for _, fd := range accepted {
		f := os.NewFile(uintptr(fd), "")
		if c, err := net.FileConn(f); err == nil { // a duplicate
			queued = append(queued, c)
		}
		_ = f.Close()
	}
	return queued, err
}

// acceptQueued accepts what there is, and does not wait for more.
func acceptQueued(l net.Listener) (accepted []int) {
	socket, ok := l.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) { // fails when it is closed already, and then there is nothing in it
		for {
			n, _, err := syscall.Accept4(int(fd), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			switch {
			case err == nil:
				accepted = append(accepted, n)
			case !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.ECONNABORTED):
				return
			}
		}
	})
	return accepted
}
