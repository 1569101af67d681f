//go:build linux && !386

package direct

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestKeptConnectionsThatDie: a request goes out once more where nobody can have heeded it, and only there.
func TestKeptConnectionsThatDie(t *testing.T) {
	for name, tc := range map[string]struct {
		method, body string
		last         []raw.Step
		again        bool
		err          string
	}{
		"GET, closed":                 {http.MethodGet, "", []raw.Step{raw.Take(), raw.Close()}, true, ""},
		"HEAD, closed":                {http.MethodHead, "", []raw.Step{raw.Take(), raw.Close()}, true, ""},
		"OPTIONS, reset":              {http.MethodOptions, "", []raw.Step{raw.Take(), raw.Reset()}, true, ""},
		"GET with a body, closed":     {http.MethodGet, "x", []raw.Step{raw.Take(), raw.Close()}, false, "the upstream closed the connection in place of an answer: EOF"},
		"POST, closed":                {http.MethodPost, "x", []raw.Step{raw.Take(), raw.Close()}, false, "the upstream closed the connection in place of an answer: EOF"},
		"POST without body, closed":   {http.MethodPost, "", []raw.Step{raw.Take(), raw.Close()}, false, "the upstream closed the connection in place of an answer: EOF"},
		"DELETE, reset":               {http.MethodDelete, "", []raw.Step{raw.Take(), raw.Reset()}, false, "connection reset by peer"},
		"GET, half a head":            {http.MethodGet, "", []raw.Step{raw.Take(), raw.Send("HTTP/1.1 200"), raw.Close()}, false, "the head of the answer broke off: unexpected EOF"},
		"GET, hints alone":            {http.MethodGet, "", []raw.Step{raw.Take(), raw.Send(raw.Head("HTTP/1.1 103 Hints")), raw.Close()}, false, "the head of the answer broke off: unexpected EOF"},
		"GET, what is not understood": {http.MethodGet, "", []raw.Step{raw.Take(), raw.Send("HTTP/3"), raw.UntilGone()}, false, `malformed HTTP response "HTTP/3"`},
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, append([]raw.Step{raw.Take(), raw.Send(ok("first"))}, tc.last...)...)
			client := to(t, u.Address())
			get(t, client, "/")
			u.Script(raw.Take(), raw.Send(ok("second")), raw.UntilGone())
			o := ask(client, request(t, tc.method, "/", tc.body), 10)
			switch {
			case tc.again && (o.err != nil || tc.method != http.MethodHead && o.body != "second"):
				t.Errorf("got %q, %v", o.body, o.err)
			case !tc.again && (o.err == nil || !strings.HasSuffix(o.err.Error(), tc.err)):
				t.Errorf("got %v, want %s", o.err, tc.err)
			}
			if want := map[bool]int{true: 3, false: 2}[tc.again]; len(u.Requests()) != want {
				t.Errorf("%d requests, want %d", len(u.Requests()), want)
			}
		})
	}
}

// TestNothingWritten: a request that did not get out at all takes another connection, whatever it is, body and all.
func TestNothingWritten(t *testing.T) {
	u := raw.Serve(t, raw.Take(), raw.Send(ok("fine")), raw.Await(t.Context().Done()))
	client := to(t, u.Address())
	get(t, client, "/")
	kept := client.pool.list()[0]
	if err := kept.Conn.(*net.TCPConn).CloseWrite(); err != nil { // quiet, and takes nothing
		t.Fatal(err)
	}
	u.Script(raw.Loop(raw.Take(), raw.Send(ok("fine"))))
	o := ask(client, request(t, http.MethodPost, "/", "body"), 10)
	if again := client.pool.list()[0]; o.err != nil || o.body != "fine" || again == kept {
		t.Errorf("got %q, %v, on another connection: %v", o.body, o.err, again != kept)
	}
	if arrived := string(u.Request(2).Body); arrived != "body" {
		t.Errorf("the body arrived as %q", arrived)
	}
}

// TestTheCallersEnd: when the context ends, so does what waits, with its cause, and the upstream sees it.
func TestTheCallersEnd(t *testing.T) {
	mine := errors.New("enough")
	head := "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"
	for name, steps := range map[string][]raw.Step{
		"before an answer":   {},
		"in the head":        {raw.Send(head[:20])},
		"behind early hints": {raw.Send(raw.Head("HTTP/1.1 103 Early Hints"))},
		"in a body":          {raw.Send(head)},
		"in chunks":          {raw.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Begun("x"))},
		"before the end":     {raw.Send("HTTP/1.1 200 OK\r\n\r\nx")},
	} {
		for _, deadline := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				asked := make(chan raw.Request, 1)
				u := raw.Serve(t, append(append([]raw.Step{raw.Take()}, steps...), raw.Tell(asked), raw.UntilGone())...)
				client := to(t, u.Address())
				ctx, cancel := context.WithCancelCause(t.Context())
				want := mine
				if deadline {
					want = context.DeadlineExceeded
					var stop context.CancelFunc
					ctx, stop = context.WithTimeout(ctx, 20*time.Millisecond)
					defer stop()
				} else {
					go func() {
						<-asked
						cancel(mine)
					}()
				}
				o := ask(client, request(t, http.MethodGet, "/", "").WithContext(ctx), 10)
				err := o.err
				if err == nil {
					err = o.bodyErr
				}
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
				u.AwaitIdle()
				cancel(nil)
			})
		}
	}
	u := raw.Serve(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(mine)
	if o := ask(to(t, u.Address()), request(t, http.MethodGet, "/", "").WithContext(ctx), 10); !errors.Is(o.err, mine) || u.Connections() != 0 {
		t.Errorf("before it began: %v, %d connections", o.err, u.Connections())
	}
}

// TestAnEndTooLate: a context that ends behind the answer ends nobody else's request.
func TestAnEndTooLate(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("body"))))
	client := to(t, u.Address())
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		if o := ask(client, request(t, http.MethodGet, "/", "").WithContext(ctx), 10); o.err != nil || o.body != "body" {
			t.Fatalf("got %q, %v", o.body, o.err)
		}
		cancel()
	}
	if n := u.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestHeaderTimeout is for the head alone, each request anew, and says what it is.
func TestHeaderTimeout(t *testing.T) {
	const short = 100 * time.Millisecond
	brief := func(o *Options) { o.HeaderTimeout = short }
	for name, script := range map[string][]raw.Step{
		"nothing":        {raw.Take(), raw.UntilGone()},
		"half a head":    {raw.Take(), raw.Send("HTTP/1.1 200"), raw.UntilGone()},
		"hints, and on":  {raw.Take(), raw.Send(raw.Head("HTTP/1.1 103 Early Hints")), raw.UntilGone()},
		"on a kept one":  {raw.Take(), raw.Send(ok("")), raw.Take(), raw.UntilGone()},
		"hints for long": {raw.Take(), raw.Dribble(strings.Repeat(raw.Head("HTTP/1.1 103 Early Hints"), 1000), 28, short/20), raw.UntilGone()},
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, script...)
			client := to(t, u.Address(), brief)
			if name == "on a kept one" {
				get(t, client, "/")
			}
			o := ask(client, request(t, http.MethodGet, "/", ""), 10)
			var timeout net.Error
			if !errors.As(o.err, &timeout) || !timeout.Timeout() || o.err.Error() != "timeout awaiting response headers" {
				t.Errorf("got %v", o.err)
			}
			u.AwaitIdle()
		})
	}
	// A body may take longer than that, and so may a connection rest.
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), raw.Pause(2*short), raw.Send("body")))
	client := to(t, u.Address(), brief)
	for range 3 {
		if body := get(t, client, "/"); body != "body" {
			t.Errorf("got %q", body)
		}
	}
	if n := u.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestAwait: a limit never comes too early, is not moved without need, and not much too late.
func TestAwait(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok(""))))
	client := to(t, u.Address())
	get(t, client, "/")
	c := client.pool.list()[0]
	for _, patience := range []time.Duration{time.Minute, time.Second, time.Minute} {
		before := time.Now()
		if err := c.await(patience); err != nil {
			t.Fatal(err)
		}
		if c.limit.Before(before.Add(patience)) {
			t.Errorf("%v before it should be", before.Add(patience).Sub(c.limit))
		}
	}
	if over := time.Until(c.limit) - time.Minute; over > time.Second {
		t.Errorf("%v too late", over)
	}
	first := c.limit
	if err := c.await(time.Minute); err != nil || c.limit != first {
		t.Errorf("moved without need by %v, %v", c.limit.Sub(first), err)
	}
}

// TestInterimsAreBounded where nobody counts them, and their counter can stop them.
func TestInterimsAreBounded(t *testing.T) {
	u := raw.Serve(t, raw.Take(), raw.Flood(raw.Head("HTTP/1.1 103 Early Hints", "Link: </x>"), 100_000))
	client := to(t, u.Address(), func(o *Options) { o.MaxHeaderBytes = 10_000 })
	res, err := client.RoundTrip(request(t, http.MethodGet, "/", ""))
	if err == nil {
		res.Body.Close()
	}
	if err == nil || err.Error() != "the head of the answer exceeded 10000 bytes" {
		t.Errorf("got %v", err)
	}
}

// TestDialErrors come as they are, and the body of the request is closed.
func TestDialErrors(t *testing.T) {
	mine := errors.New("mine")
	client := to(t, "", func(o *Options) { o.Dial = func(context.Context) (net.Conn, error) { return nil, mine } })
	r := request(t, http.MethodPost, "/", "x")
	body := &watchedBody{ReadCloser: io.NopCloser(strings.NewReader("x"))}
	r.Body = body
	if o := ask(client, r, 10); !errors.Is(o.err, mine) || !body.closed {
		t.Errorf("got %v, closed: %v", o.err, body.closed)
	}
	near, far := net.Pipe()
	defer far.Close()
	client = to(t, "", func(o *Options) { o.Dial = func(context.Context) (net.Conn, error) { return near, nil } })
	if o := ask(client, request(t, http.MethodGet, "/", ""), 10); !errors.Is(o.err, errNoSocket) {
		t.Errorf("got %v", o.err)
	}
}

// TestAnsweredEarly: an answer that comes before the request was read is the answer, also where the upstream then closes.
func TestAnsweredEarly(t *testing.T) {
	u := raw.Serve(t, raw.TakeHead(), raw.Send(raw.Text("HTTP/1.1 413 Too Large", "no", "Connection: close")), raw.Close())
	client := to(t, u.Address())
	for _, size := range []int{1, 5 << 10, maxBody} {
		o := ask(client, request(t, http.MethodPost, "/", strings.Repeat("x", size)), 10)
		if o.err != nil || o.status != http.StatusRequestEntityTooLarge || o.body != "no" {
			t.Errorf("a body of %d bytes: got %d %q, %v %v", size, o.status, o.body, o.err, o.bodyErr)
		}
	}
}

// TestAfterALongRequest: the limit of a write holds for that one alone.
func TestAfterALongRequest(t *testing.T) {
	const short = 50 * time.Millisecond
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if r.Target == "/slow" {
			return []raw.Step{raw.Pause(2 * short), raw.Send(ok("slow"))}
		}
		return []raw.Step{raw.Send(ok("fine"))}
	})))
	client := to(t, u.Address(), func(o *Options) { o.SendTimeout = short })
	for _, size := range []int{5 << 10, 1, 5 << 10} {
		if o := ask(client, request(t, http.MethodPost, "/", strings.Repeat("x", size)), 10); o.err != nil || o.body != "fine" {
			t.Errorf("a body of %d bytes: %q, %v", size, o.body, o.err)
		}
		if body := get(t, client, "/slow"); body != "slow" {
			t.Errorf("behind it: %q", body)
		}
	}
	if n := u.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}
