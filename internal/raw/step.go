package raw

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// Step is one thing that a peer does on its connection. What a step cannot do any more, since the
// other side is gone, ends the script.
type Step func(*Conn) error

// Conn is a connection that a script runs on.
type Conn struct {
	net    net.Conn
	in     *reader
	ctx    context.Context // the connection's life, and every step's
	number int
	last   Request // the last that was read
	keep   func(Request)
}

func (c *Conn) run(steps []Step) error {
	for _, step := range steps {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := step(c); err != nil {
			return err
		}
	}
	return nil
}

// errDone ends a script that has closed its connection.
var errDone = errors.New("the script closed the connection")

// TakeHead reads the head of a request.
func TakeHead() Step {
	return func(c *Conn) error {
		var err error
		c.last, err = c.in.request()
		c.last.Conn = c.number
		if err != nil && (!errors.Is(err, io.EOF) || len(c.last.Raw) > 0) {
			c.keep(c.last)
		}
		return err
	}
}

// TakeBody reads the body of the request whose head was read.
func TakeBody() Step {
	return func(c *Conn) error {
		err := c.in.requestBody(&c.last)
		c.keep(c.last)
		return err
	}
}

// Take reads a request whole.
func Take() Step { return steps(TakeHead(), TakeBody()) }

// Drain reads the body of the request whose head was read and keeps nothing of it, for bodies
// that are too large to be kept.
func Drain() Step {
	return func(c *Conn) error {
		c.in.forget = true
		err := c.in.requestBody(&c.last)
		c.in.forget = false
		c.keep(c.last)
		return err
	}
}

// Send writes texts as they are.
func Send(texts ...string) Step {
	return func(c *Conn) error {
		_, err := io.WriteString(c.net, strings.Join(texts, ""))
		return err
	}
}

// Anyway does a step, and lets the script go on when the other side takes no more.
func Anyway(step Step) Step {
	return func(c *Conn) error {
		_ = step(c) // that it was cut short is what the test is about
		return c.ctx.Err()
	}
}

// Reply writes what a function makes of the last request.
func Reply(text func(Request) string) Step {
	return func(c *Conn) error { return Send(text(c.last))(c) }
}

// Pick does what a function makes of the last request.
func Pick(choose func(Request) []Step) Step {
	return func(c *Conn) error { return c.run(choose(c.last)) }
}

// Flood writes a text n times; fewer when the other side takes no more.
func Flood(text string, n int) Step {
	return func(c *Conn) error {
		const piece = 64 << 10
		many := max(1, min(n, piece/max(1, len(text))))
		block := strings.Repeat(text, many)
		for ; n > 0; n -= many {
			if n < many {
				block = block[:n*len(text)]
			}
			if err := Send(block)(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// Dribble writes a text in pieces of n bytes, with a pause behind each.
func Dribble(text string, n int, pause time.Duration) Step {
	return func(c *Conn) error {
		for len(text) > 0 {
			piece := text[:min(n, len(text))]
			text = text[len(piece):]
			if err := c.run([]Step{Send(piece), Pause(pause)}); err != nil {
				return err
			}
		}
		return nil
	}
}

// Pause does nothing for a while.
func Pause(d time.Duration) Step {
	return func(c *Conn) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// Await does nothing until a channel is closed or has something.
func Await(when <-chan struct{}) Step {
	return func(c *Conn) error {
		select {
		case <-when:
			return nil
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// Tell puts the last request into a channel.
func Tell(to chan<- Request) Step {
	return func(c *Conn) error {
		select {
		case to <- c.last:
			return nil
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// UntilGone reads and drops whatever comes, until the other side has closed.
func UntilGone() Step {
	return func(c *Conn) error {
		_, _ = io.Copy(io.Discard, c.in.in) // how it ended is no matter
		return nil
	}
}

// HalfClose says that nothing more will be written, and leaves the other direction open.
func HalfClose() Step {
	return func(c *Conn) error {
		if half, ok := c.net.(interface{ CloseWrite() error }); ok {
			return half.CloseWrite()
		}
		return errors.New("half close: the connection has one end only")
	}
}

// Close closes the connection. Bytes that were written still arrive.
func Close() Step {
	return func(c *Conn) error {
		_ = c.net.Close()
		return errDone
	}
}

// Reset breaks the connection: the other side gets an RST, and may lose what it had not read.
func Reset() Step {
	return func(c *Conn) error {
		if tcp, ok := c.net.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.net.Close()
		return errDone
	}
}

// Loop does steps again and again, until the other side is gone or one of them closes.
func Loop(again ...Step) Step {
	return func(c *Conn) error {
		for {
			if err := c.run(again); err != nil {
				return err
			}
		}
	}
}

func steps(list ...Step) Step { return func(c *Conn) error { return c.run(list) } }
