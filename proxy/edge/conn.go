package edge

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a client's connection. Of each write, piece bytes have to be taken within writeIdle, or a quarter more:
// without that, a client which reads nothing would hold a request for ever.
type conn struct {
	net.Conn
	all *connections
	joined
	early     []byte // was read before it came here
	writeIdle time.Duration
	until     atomic.Int64 // the deadline of writing that is set, in Unix nanoseconds; 0 for none
	// waiting is since when (in Unix nanoseconds) it waits for the client to say something: headers,
	// or the next request. 0 while it has a request to work on, or was taken over.
	waiting atomic.Int64
	taken   atomic.Bool // over by a handler, for good
	// ownDeadline: who took the connection over sets deadlines of its own.
	ownDeadline atomic.Bool
}

// piece is how much of a write, in bytes, a client has to take in each writeIdle.
const piece = 64 << 10

func (c *conn) Write(b []byte) (int, error) {
	held, holds := c.hold(b, &c.all.buffers)
	if holds {
		return len(b), nil
	}
	if held == nil {
		return c.inTime(func(sent int) (int, error) { return c.Conn.Write(b[sent:]) })
	}
	defer c.all.buffers.pool.Put(held)
	both := net.Buffers{held[:], b}
	n, err := c.inTime(func(int) (int, error) {
		n, err := both.WriteTo(c.Conn)
		return int(n), err
	})
	return max(0, n-len(held)), err
}

// inTime does a write that goes on behind what was sent, and gives it its time for each piece.
func (c *conn) inTime(write func(sent int) (int, error)) (sent int, err error) {
	for c.writeIdle > 0 && !c.ownDeadline.Load() {
		if err := c.putOff(); err != nil {
			return sent, err
		}
		n, err := write(sent)
		sent += n
		if n < piece || !errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, err
		}
		// It took a piece of a larger write, and has its time for the next one.
	}
	n, err := write(sent)
	return sent + n, err
}

// putOff puts the deadline of writing off. Setting one costs more than all the rest here, so that
// it is set for a quarter longer, and for most writes there is enough of it left.
func (c *conn) putOff() error {
	now := time.Now()
	if now.Add(c.writeIdle).UnixNano() <= c.until.Load() {
		return nil
	}
	until := now.Add(c.writeIdle + c.writeIdle/4)
	c.until.Store(until.UnixNano())
	return c.Conn.SetWriteDeadline(until)
}

// WriteBuffers is for package loop: what it writes, and what there is behind it.
func (c *conn) WriteBuffers(all net.Buffers) error {
	_, err := c.inTime(func(int) (int, error) {
		n, err := all.WriteTo(c.Conn)
		return int(n), err
	})
	return err
}

// Read gives what was read by somebody else before.
func (c *conn) Read(b []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.early)
	c.early = c.early[n:]
	return n, nil
}

// SyscallConn is for package loop.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if has, ok := c.Conn.(syscall.Conn); ok {
		return has.SyscallConn()
	}
	return nil, errNoDescriptor
}

var errNoDescriptor = errors.New("a connection without a file descriptor")

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.owned(t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) SetDeadline(t time.Time) error {
	c.owned(t)
	return c.Conn.SetDeadline(t)
}

// owned notes that somebody else has set a deadline, or taken it back.
func (c *conn) owned(t time.Time) {
	c.until.Store(0)
	c.ownDeadline.Store(!t.IsZero())
}

func (c *conn) Close() error {
	c.all.remove(c)
	return c.Conn.Close()
}

// CloseWrite lets a client know that there is no more, and still hears it: net/http does so before
// it closes a connection on which it has refused something.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// connState is told by net/http what becomes of a connection.
func connState(nc net.Conn, state http.ConnState) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if c, ok := nc.(*conn); ok {
		c.is(state, time.Now())
	}
}

// is notes what has become of it.
func (c *conn) is(state http.ConnState, now time.Time) {
	switch state {
	case http.StateNew, http.StateIdle:
		c.waiting.Store(now.UnixNano())
	case http.StateActive, http.StateClosed:
		c.waiting.Store(0)
	case http.StateHijacked:
		c.taken.Store(true)
		c.waiting.Store(0)
	}
}
