package loop

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/rawio"
)

// conn is a connection. All of it belongs to the goroutine that serves it, but for what is locked.
type conn struct {
	Conn
	server  *Server
	raw     syscall.RawConn
	nexting func(fd uintptr) bool // made once, as the others
	in      *input                // nil for none
	out     *output               // nil for none
	errno   syscall.Errno
	ended   bool // nothing more comes

	sendsNow func(fd uintptr)
	sending  net.Buffers
	sent     int
	pieces   [rawio.MaxBuffers][]byte

	ctx      context.Context // of all requests
	remote   string
	answered time.Time // when the last request was, until it is told that the connection waits; else zero
	lastPost bool      // the last request was a POST
	taken    bool      // over by a handler

	limits  sync.Mutex
	limit   time.Time // of reading, as the socket knows it; zero for none
	foreign bool      // it is the handler's
	// foreignWrites: the handler has set a deadline for writing, which a write by rawio would not heed.
	foreignWrites bool

	watch watch
}

const (
	// parting is how long a client that was refused may take to see why, before the connection is reset because of what
	// it still sends.
	parting = 500 * time.Millisecond
	// maxParting is how much of that is read, in bytes.
	maxParting = 1 << 20
)

func (c *conn) open() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	c.raw, c.nexting, c.sendsNow, c.remote = raw, c.nextNow, c.sendNow, c.RemoteAddr().String()
	c.watch.conn = c
	c.ctx = context.WithValue(context.Background(), http.LocalAddrContextKey, c.LocalAddr())
	return nil
}

func (c *conn) end() {
	if c.in != nil {
		c.use(len(c.unread()))
	}
	c.dropOutput()
	c.Close()
	c.server.options.State(c.Conn, http.StateClosed, time.Time{})
}

// serve serves one request behind the other.
func (c *conn) serve() {
	defer func() {
		c.watch.stop()
		if !c.taken {
			c.end()
		}
	}()
	o := &c.server.options
	if c.await(o.ReadHeaderTimeout, time.Now()) != nil {
		return
	}
	for first := true; ; first = false {
		if len(c.unread()) == 0 || c.out != nil {
			if c.fillNext() != nil {
				return
			}
		}
		o.State(c.Conn, http.StateActive, time.Time{})
		if first && c.isHTTP2() {
			c.taken = true
			b := append([]byte(nil), c.unread()...)
			c.use(len(b))
			_ = c.await(0, time.Time{})
			o.HTTP2(c.Conn, b)
			return
		}
		head, err := c.head(first)
		if err != nil {
			c.refuse(err)
			return
		}
		t, err := c.request(head)
		if err != nil {
			c.refuse(err)
			return
		}
		if !c.answer(t) {
			return
		}
		c.answered = time.Now() // read once for each request
		if c.await(o.IdleTimeout, c.answered) != nil {
			return
		}
	}
}

// fillNext gets something of the next request, behind the answer to the last one.
func (c *conn) fillNext() error {
	if len(c.unread()) > 0 { // it is here: the client does not wait
		return c.send()
	}
	return c.next()
}

// head reads up to the empty line behind a head. The bytes are good until the next read.
func (c *conn) head(first bool) ([]byte, error) {
	if c.lastPost {
		c.skipLineEnds()
	}
	var lines lineEnds
	limited := first
	for {
		unread := c.unread()
		n := lines.End(unread)
		switch {
		case n > c.server.maxHead, n == 0 && len(unread) >= c.server.maxHead:
			return nil, errLargeHead
		case n > 0:
			c.in.from += n // not use: the bytes are still needed
			return unread[:n], nil
		}
		if !limited {
			limited = true
			if err := c.await(c.server.options.ReadHeaderTimeout, time.Now()); err != nil {
				return nil, errGone
			}
		}
		if c.fill() != nil {
			return nil, errGone
		}
	}
}

// fill reads more into the input.
func (c *conn) fill() error {
	n, err := c.read(c.room())
	c.in.to += n
	return err
}

// skipLineEnds leaves line ends out that some old clients send behind a body.
func (c *conn) skipLineEnds() {
	const most = 4
	for range most {
		b := c.unread()
		if len(b) == 0 && c.fill() != nil {
			return
		}
		if b = c.unread(); b[0] != '\r' && b[0] != '\n' {
			return
		}
		c.in.from++
	}
}

// isHTTP2 says whether the client begins with HTTP/2 and somebody is there for it.
func (c *conn) isHTTP2() bool {
	const preface = "PRI * HTTP/2.0\r\n"
	if c.server.options.HTTP2 == nil {
		return false
	}
	for {
		b := c.unread()
		n := min(len(b), len(preface))
		if string(b[:n]) != preface[:n] {
			return false
		}
		if n == len(preface) {
			return true
		}
		if c.fill() != nil {
			return false
		}
	}
}

// answer has the handler answer a request, and says whether the connection may have another one.
func (c *conn) answer(t *turn) (again bool) {
	a := &t.answer
	c.lastPost = a.request.Method == http.MethodPost
	c.foreignWrites = false
	c.watch.begin(a)
	whole := false
	defer func() {
		if whole {
			return
		}
		// The handler has panicked, which cuts the connection.
		_ = recover() // see Options.Handler
		a.cancel()
		c.watch.end()
		if !c.taken {
			a.cut()
		}
		again = false
	}()
	c.server.options.Handler.ServeHTTP(a, a.request)
	whole = true
	if c.taken {
		a.cancel()
		return false
	}
	if !a.done {
		a.finish()
	}
	again = a.again
	quiet := t.life.end()
	c.watch.end()
	if !again {
		sent := c.send()
		if sent == nil && (a.body != nil && !a.body.isWhole() || c.hasMore()) {
			c.part()
		}
	}
	if c.foreignWrites {
		_ = c.SetWriteDeadline(time.Time{})
	}
	if again && quiet && a.isReusable() {
		c.server.giveBack(t)
	}
	return again
}

// hasMore says whether the client has sent what nobody will read: a connection that is closed on it is reset, and what was
// answered may be lost.
func (c *conn) hasMore() bool {
	var b [1]byte
	var n int
	err := c.raw.Control(func(fd uintptr) { n, _ = rawio.Peek(fd, b[:]) })
	return err == nil && n > 0
}

// part lets a client see what it was told before the connection is closed on what it still sends.
func (c *conn) part() {
	if c.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(parting)) != nil {
		return
	}
	if c.in == nil {
		c.in = c.server.getInput()
	}
	for n := 0; n < maxParting; {
		got, err := c.read(c.in.bytes)
		if err != nil {
			return
		}
		n += got
	}
}

// output is what is to be written.
type output struct{ bytes []byte }

// outputSize takes most answers whole, in bytes.
const outputSize = 16 << 10

// output gives the memory for what is to be written.
func (c *conn) output() *output {
	if c.out == nil {
		var ok bool
		if c.out, ok = c.server.outputs.Get().(*output); !ok {
			c.out = &output{make([]byte, 0, outputSize)}
		}
	}
	return c.out
}

func (c *conn) dropOutput() {
	if c.out == nil {
		return
	}
	if cap(c.out.bytes) == outputSize {
		c.out.bytes = c.out.bytes[:0]
		c.server.outputs.Put(c.out)
	}
	c.out = nil
}

// send writes what is to be written, and what is behind it. As much of it as there is room for goes out at once, the rest as the client takes it.
func (c *conn) send(behind ...[]byte) error {
	all := append(c.pieces[:0], nil)
	if c.out != nil {
		all[0] = c.out.bytes
		defer c.dropOutput()
	}
	all = append(all, behind...)
	size := 0
	for _, b := range all {
		size += len(b)
	}
	if size == 0 {
		return nil
	}
	defer clear(all)
	if !c.foreignWrites {
		c.sending = all
		if err := c.raw.Control(c.sendsNow); err != nil {
			return err
		}
		c.sending = nil
		if c.errno != 0 && c.errno != syscall.EAGAIN {
			return os.NewSyscallError("writev", c.errno)
		}
		if c.sent == size {
			return nil
		}
		all = without(all, c.sent)
	}
	return c.WriteBuffers(all)
}

// sendNow is for send.
func (c *conn) sendNow(fd uintptr) { c.sent, c.errno = rawio.WriteBuffers(fd, c.sending) }

// without takes the first bytes off some buffers.
func without(all net.Buffers, n int) net.Buffers {
	for len(all) > 0 && n >= len(all[0]) {
		n -= len(all[0])
		all = all[1:]
	}
	if n > 0 {
		all[0] = all[0][n:]
	}
	return all
}
