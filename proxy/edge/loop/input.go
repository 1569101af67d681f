package loop

import (
	"io"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/rawio"
)

// inputSize takes most requests in one read, bodies included; in bytes.
const inputSize = 8 << 10

// input is what was read of a connection and is not used yet.
type input struct {
	bytes    []byte
	from, to int
}

func (s *Server) getInput() *input {
	if in, ok := s.inputs.Get().(*input); ok {
		in.from, in.to = 0, 0
		return in
	}
	return &input{bytes: make([]byte, inputSize)}
}

// unread is what there is to be used, nil for nothing.
func (c *conn) unread() []byte {
	if c.in == nil {
		return nil
	}
	return c.in.bytes[c.in.from:c.in.to]
}

// use takes n bytes out of the input, and gives an empty one back.
func (c *conn) use(n int) {
	if c.in == nil {
		return
	}
	c.in.from += n
	if c.in.from < c.in.to {
		return
	}
	if len(c.in.bytes) == inputSize {
		c.server.inputs.Put(c.in)
	}
	c.in = nil
}

// putBack makes bytes the first that are unread.
func (c *conn) putBack(b []byte) {
	if len(b) == 0 {
		return
	}
	both := append(append(make([]byte, 0, inputSize), b...), c.unread()...)
	c.in = &input{bytes: both[:cap(both)], to: len(both)}
}

// room makes some behind what is unread.
func (c *conn) room() []byte {
	in := c.in
	switch {
	case in == nil:
		in = c.server.getInput()
		c.in = in
	case in.to == len(in.bytes) && in.from > 0:
		in.to = copy(in.bytes, in.bytes[in.from:in.to])
		in.from = 0
	case in.to == len(in.bytes):
		// Only a head comes here, which is refused when it has maxHead: a client that is slow with one holds no more.
		larger := make([]byte, min(2*len(in.bytes), max(c.server.maxHead, len(in.bytes)+1)))
		copy(larger, in.bytes)
		in.bytes = larger
	}
	return in.bytes[in.to:]
}

// next writes what is to be written, and reads something of the next request.
func (c *conn) next() error {
	for {
		c.errno, c.ended = 0, false
		err := c.raw.Read(c.nexting)
		switch {
		case err != nil:
			return err
		case c.errno == syscall.EAGAIN:
			// The client is slow to take its answer.
			if err := c.send(); err != nil {
				return err
			}
		case c.errno != 0:
			return os.NewSyscallError("read", c.errno)
		case c.ended:
			return io.EOF
		default:
			return nil
		}
	}
}

// nextNow is called first at once, and then again when there is something to read: what comes between the two is not
// missed.
func (c *conn) nextNow(fd uintptr) bool {
	if c.out != nil {
		n, errno := rawio.Write(fd, c.out.bytes)
		if errno != 0 {
			c.out.bytes = c.out.bytes[:copy(c.out.bytes, c.out.bytes[n:])]
			c.errno = errno
			return true
		}
		c.dropOutput()
	}
	if c.rests() {
		c.ended = true
		return true
	}
	n, errno := rawio.Read(fd, c.room())
	c.in.to += n
	if c.in.from == c.in.to {
		c.use(0) // who waits holds no memory
	}
	if errno == syscall.EAGAIN {
		return false
	}
	c.errno, c.ended = errno, n == 0
	return true
}

// rests tells that the connection waits for its next request, and says whether it is to end instead. Nothing of an answer is held any more:
// who knows of a connection that it waits may close it.
func (c *conn) rests() (ends bool) {
	if c.answered.IsZero() {
		return false
	}
	c.server.options.State(c.Conn, http.StateIdle, c.answered)
	c.answered = time.Time{}
	// In this order: whoever closes those that wait looks at the state behind it.
	return c.server.closing.Load()
}

// read reads into p, and waits for something.
func (c *conn) read(p []byte) (n int, err error) {
	var errno syscall.Errno
	err = c.raw.Read(func(fd uintptr) bool {
		n, errno = rawio.Read(fd, p)
		return errno != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, os.NewSyscallError("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// await has reads fail in patience from now on, or up to slack later: a limit that is there already is moved
// only when it does not fit, since moving it costs. 0 is no limit.
func (c *conn) await(patience time.Duration, now time.Time) error {
	c.limits.Lock()
	defer c.limits.Unlock()
	if patience <= 0 {
		if c.limit.IsZero() && !c.foreign {
			return nil
		}
		c.limit, c.foreign = time.Time{}, false
		return c.Conn.SetReadDeadline(time.Time{})
	}
	if left := c.limit.Sub(now); c.limit.IsZero() || c.foreign || left < patience || left > patience+slack(patience) {
		c.limit, c.foreign = now.Add(patience+slack(patience)), false
		return c.Conn.SetReadDeadline(c.limit)
	}
	return nil
}

// slack is how much later a limit may come.
func slack(patience time.Duration) time.Duration { return min(patience/8, time.Second) }

// unlimited takes the limit off, but for one that the handler has set. It is called with limits locked.
func (c *conn) unlimited() error {
	if c.limit.IsZero() || c.foreign {
		return nil
	}
	c.limit = time.Time{}
	return c.Conn.SetReadDeadline(time.Time{})
}

// setReadDeadline is for handlers, until the next request.
func (c *conn) setReadDeadline(t time.Time) error {
	c.limits.Lock()
	defer c.limits.Unlock()
	c.limit, c.foreign = t, true
	return c.Conn.SetReadDeadline(t)
}
