package direct

import (
	"errors"
	"io"
	"net"
	"time"
)

// conn is a connection to the upstream, used by one goroutine at a time; others may close it.
type conn struct {
	net.Conn
	socket socket
	used   bool          // it has carried a request
	since  time.Time     // nobody uses it
	rested time.Duration // was when it was taken
	limit  time.Time     // of reading, as the socket knows it; zero for none
	abort  func()        // closes it
	peeked [12]byte
}

func newConn(c net.Conn) (*conn, error) {
	n := &conn{Conn: c}
	n.abort = n.close
	if err := n.socket.open(c); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// idle is for how long nobody used the connection.
func (c *conn) idle() time.Duration {
	if c.since.IsZero() {
		return 0
	}
	return time.Since(c.since)
}

func (c *conn) isFresh(patience time.Duration) bool {
	c.rested = c.idle()
	return c.rested < patience
}

// look says whether the connection is open with nothing to be read from it, and whether there is something that nobody
// asked for. A 408 is no such thing: some servers say goodbye with it.
func (c *conn) look() (quiet, stray bool) {
	const goodbye = "HTTP/1.1 408"
	n, quiet := c.socket.peek(c.peeked[:])
	return quiet, n > 0 && string(c.peeked[:n]) != goodbye
}

func (c *conn) isQuiet() bool {
	quiet, _ := c.look()
	return quiet
}

// read waits until there is something, and gives it.
func (c *conn) read(b []byte) (int, error) {
	n, err := c.socket.read(b)
	return n, c.fault("read", err)
}

// shortWrite is how many bytes are written without a limit: the kernel's buffers are empty and take them
// at once, and a limit costs more than the write.
const shortWrite = 4 << 10

// ask writes all of a short b and waits until there is something to read; errFull says that the kernel
// did not take all of it. It says how much it took, also with an error.
func (c *conn) ask(b []byte) (int, error) {
	n, err := c.socket.ask(b)
	return n, c.fault("write", err)
}

// write writes all of b in patience, or says how much of it. The limit stays behind; ask does not heed it.
func (c *conn) write(b []byte, patience time.Duration) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := c.socket.write(b)
	return n, c.fault("write", err)
}

// await has reads fail in patience from now, or up to slack(patience) later: a limit that is
// there already is moved only when it would come too early, since moving it costs.
func (c *conn) await(patience time.Duration) error {
	now := time.Now()
	if c.limit.Sub(now) >= patience {
		return nil
	}
	c.limit = now.Add(patience + slack(patience))
	return c.SetReadDeadline(c.limit)
}

// slack is how much later a limit may come.
func slack(patience time.Duration) time.Duration { return min(patience/8, time.Second) }

// awaitForever takes the limit off.
func (c *conn) awaitForever() error {
	c.limit = time.Time{}
	return c.SetReadDeadline(c.limit)
}

func (c *conn) close() { _ = c.Close() } // it is of no use any more, whatever that says

// fault puts an error of the socket's in the words of package net.
func (c *conn) fault(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, errFull) {
		return err
	}
	var raw *net.OpError
	if errors.As(err, &raw) {
		err = raw.Err
	}
	return &net.OpError{Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
