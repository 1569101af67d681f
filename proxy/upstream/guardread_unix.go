//go:build unix

package upstream

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// reader reads from a socket as net does, and knows when it found nothing: that a Read has begun
// does not say so, since what it is about to bring may have come already.
type reader struct {
	conn *watchedConn
	raw  syscall.RawConn // nil for what is no socket
	look func(fd uintptr) bool

	// Of the Read that runs; there is one at a time.
	into []byte
	n    int
	err  error
}

func (r *reader) open(c *watchedConn) {
	r.conn, r.look = c, r.lookOnce
	if socket, ok := c.Conn.(syscall.Conn); ok {
		r.raw, _ = socket.SyscallConn() // an error: it is closed, and Conn says so
	}
}

func (r *reader) read(b []byte) (int, error) {
	if r.raw == nil || len(b) == 0 {
		return r.conn.readBlindly(b)
	}
	r.into, r.n, r.err = b, 0, nil
	err := r.raw.Read(r.look)
	r.into = nil
	if err == nil {
		err = r.err
	}
	return r.n, err
}

// lookOnce takes what there is. It is false where that is nothing: net calls it again when there is more.
func (r *reader) lookOnce(fd uintptr) bool {
	r.conn.empty.Store(false)
	for {
		n, err := syscall.Read(int(fd), r.into)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			r.conn.empty.Store(true)
			return false
		case err != nil:
			r.err = &net.OpError{
				Op: "read", Net: r.conn.LocalAddr().Network(), Source: r.conn.LocalAddr(), Addr: r.conn.RemoteAddr(),
				Err: os.NewSyscallError("read", err),
			}
		case n == 0:
			r.err = io.EOF
		default:
			r.n = n
		}
		return true
	}
}
