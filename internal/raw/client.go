package raw

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// Client is the asking end of a connection.
type Client struct {
	tb   testing.TB
	conn *Conn
}

// Dial connects to host:port. The connection ends with the test.
func Dial(tb testing.TB, address string) *Client {
	tb.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	return NewClient(tb, c)
}

// NewClient talks over a connection that there is already, say one with TLS.
func NewClient(tb testing.TB, c net.Conn) *Client {
	tb.Helper()
	tb.Cleanup(func() { c.Close() })
	return &Client{tb, &Conn{net: c, in: newReader(c), ctx: tb.Context(), keep: func(Request) {}}}
}

// Do runs steps. What fails because the other side has closed is found when reading: a server
// that refuses a request may well close before it has read it.
func (c *Client) Do(steps ...Step) {
	c.wait()
	_ = c.conn.run(steps)
}

// wait gives the other side time for the next thing.
func (c *Client) wait() {
	_ = c.conn.net.SetDeadline(time.Now().Add(patience)) // it fails when the connection is closed, as what follows does
}

// Send writes texts as they are.
func (c *Client) Send(texts ...string) { c.Do(Send(texts...)) }

// Answer reads the answer to a request with that method; [Message.Err] says what is wrong with it.
func (c *Client) Answer(method string) Answer {
	c.wait()
	return c.conn.in.answer(method)
}

// AnswerHead reads the head of an answer and leaves its body to be read by Read. Interim
// answers are answers to it.
func (c *Client) AnswerHead() Answer {
	c.wait()
	return c.conn.in.oneAnswer("HEAD")
}

// Read reads some bytes, as they come.
func (c *Client) Read(b []byte) (int, error) {
	c.wait()
	return c.conn.in.in.Read(b)
}

// Rest reads until the other side closes. It fails the test if that does not happen; a reset is
// an end as well.
func (c *Client) Rest() []byte {
	c.tb.Helper()
	c.wait()
	rest, err := io.ReadAll(c.conn.in.in)
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		c.tb.Fatalf("the connection stays open; it brought %.200q", rest)
	}
	return rest
}

// Parse reads a request as strictly as an Upstream does, and gives what is behind it.
func Parse(text []byte) (r Request, rest []byte) {
	in := newReader(bytes.NewReader(text))
	r, err := in.request()
	if err == nil {
		_ = in.requestBody(&r) // what is wrong with it is in r.Err
	}
	rest, _ = io.ReadAll(in.in) // memory has no errors
	return r, rest
}

// Ask sends a request and reads the answer, on a connection of its own.
func Ask(tb testing.TB, address, method, request string) Answer {
	tb.Helper()
	c := Dial(tb, address)
	defer c.Do(Close())
	c.Send(request)
	return c.Answer(method)
}
