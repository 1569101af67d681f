package conformance

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// streamPromises are about what comes in pieces.
func streamPromises() []promise {
	return []promise{
		{"server-sent events, NDJSON, slow bodies", "flushed at once, never buffered, on mapped routes as well", piecesPassAtOnce},
		{"WebSocket: first bytes behind 101, both ways, closes", "a tunnel in every mode", webSocketsPass},
		{"early hints, 102, trailers", "passed or dropped, and the final answer is right", interimAnswersPass},
		{"a request in pieces, 100-continue", "it streams where nobody maps it", requestsStream},
	}
}

func piecesPassAtOnce(t *testing.T, mode string) {
	h := open(t, mode)
	for _, tc := range []struct{ name, target, media, framing string }{
		{"events on a mapped route", me, "text/event-stream", "Cache-Control: no-cache"},
		{"events in chunks", me, "text/event-stream; charset=utf-8", "Transfer-Encoding: chunked"},
		{"events elsewhere", other, "text/event-stream", "Transfer-Encoding: chunked"},
		{"NDJSON on a mapped route", me, "application/x-ndjson", "Transfer-Encoding: chunked"},
		{"JSON where nobody maps", other, "application/json", "Transfer-Encoding: chunked"},
		{"a known length where nobody maps", other, "application/json", "Content-Length: 48"},
		{"binary", other, "application/octet-stream", "Connection: close"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			chunked := strings.HasPrefix(tc.framing, "Transfer")
			more := make(chan struct{})
			script := []raw.Step{raw.Take(), raw.Send(raw.Head("HTTP/1.1 200 OK", "Content-Type: "+tc.media, tc.framing))}
			pieces := []string{": hello\n\nid: 1\n", "data: {\"x\":1}\n\n\n", "data: {\"y\":2}\n\n\n"}
			for _, piece := range pieces {
				text := piece
				if chunked {
					text = raw.Begun(piece)
				}
				script = append(script, raw.Send(text), raw.Await(more)) // goes on when the client has it
			}
			if chunked {
				script = append(script, raw.Send("0\r\n\r\n"))
			}
			h.upstream.Script(script...)
			c := raw.Dial(t, h.Address)
			c.Send(request("GET", tc.target, "Accept: "+tc.media))
			if head := c.AnswerHead(); head.Status != 200 || head.Fields.Get("Content-Type") != tc.media {
				t.Fatalf("got %d %v (%v)", head.Status, head.Fields, head.Err)
			}
			var got []byte
			for i := range pieces {
				for want := strings.Join(pieces[:i+1], ""); !strings.Contains(unchunked(got), want); {
					piece := make([]byte, 256)
					n, err := c.Read(piece)
					if got = append(got, piece[:n]...); err != nil {
						t.Fatalf("piece %d: %v; there is %q", i, err, got)
					}
				}
				more <- struct{}{}
			}
		})
	}
}

// unchunked is the data of as many chunks as have come, or the text itself if it is in none.
func unchunked(text []byte) string {
	var b strings.Builder
	rest := string(text)
	for i := 0; ; i++ {
		size, tail, ok := strings.Cut(rest, "\r\n")
		if !ok || strings.Trim(size, "0123456789abcdef") != "" {
			if i == 0 {
				return rest
			}
			return b.String()
		}
		data, more, _ := strings.Cut(tail, "\r\n")
		b.WriteString(data)
		rest = more
	}
}

func webSocketsPass(t *testing.T, mode string) {
	h := open(t, mode, raw.Take(),
		raw.Send(raw.Head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: x", "Sec-WebSocket-Protocol: chat"), "first bytes"),
		raw.Pick(func(raw.Request) []raw.Step {
			return []raw.Step{raw.Send(" then more"), raw.HalfClose(), raw.UntilGone()}
		}))
	for _, target := range []string{other, me} {
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", target, "Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat"))
		head := c.AnswerHead()
		if head.Status != 101 || head.Fields.Get("Sec-WebSocket-Accept") != "x" || !strings.EqualFold(head.Fields.Get("Upgrade"), "websocket") || head.Fields.Get("Sec-WebSocket-Protocol") != "chat" {
			t.Fatalf("got %d %v (%v)", head.Status, head.Fields, head.Err)
		}
		got := make([]byte, len("first bytes then more"))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "first bytes then more" {
			t.Errorf("got %q, %v", got, err)
		}
		c.Do(raw.Close())
		h.upstream.AwaitIdle()
	}
	// And the other way, bytes as they are.
	told := make(chan raw.Request, 1)
	h = open(t, mode, raw.TakeHead(), raw.Send(raw.Head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")), raw.Take(), raw.Tell(told), raw.Close())
	c := raw.Dial(t, h.Address)
	c.Send(request("GET", other, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"))
	if head := c.AnswerHead(); head.Status != 101 {
		t.Fatalf("got %d", head.Status)
	}
	inner := "POST /any-bytes HTTP/1.1\r\nhOST: x\r\nContent-Length: 3\r\n\r\nabc"
	c.Send(inner)
	if r := <-told; string(r.Raw) != inner {
		t.Errorf("the upstream got %q", r.Raw)
	}
	c.Rest() // the upstream's close arrives
}

func interimAnswersPass(t *testing.T, mode string) {
	hints := raw.Head("HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload") + raw.Head("HTTP/1.1 102 Processing")
	h := open(t, mode)
	a := h.gets(hints + raw.JSON(context, "X-Final: yes"))
	whole(t, a, 200, shaped(mode))
	field(t, a, "X-Final", "yes")
	field(t, a, "Link", "")
	for _, i := range a.Interim {
		if !slices.Contains([]int{102, 103}, i.Status) || i.Status == 103 && i.Fields.Get("Link") != "</style.css>; rel=preload" {
			t.Errorf("an interim answer %q", i.Raw)
		}
	}
	trailers := raw.Head("HTTP/1.1 200 OK", "Content-Type: text/plain", "Transfer-Encoding: chunked", "Trailer: X-Sum") + raw.Begun("text") + "0\r\nX-Sum: 42\r\n\r\n"
	a = h.gets(trailers, "TE: trailers")
	whole(t, a, 200, "text")
	if got := a.Trailers.Get("X-Sum"); got != "42" {
		t.Errorf("trailers %v", a.Trailers)
	}
	// On a mapped body there are none, and nothing is missed.
	a = h.gets(raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked", "Trailer: X-Sum") + raw.Begun(context) + "0\r\nX-Sum: 42\r\n\r\n")
	whole(t, a, 200, shaped(mode))
}

func requestsStream(t *testing.T, mode string) {
	begun := make(chan struct{})
	got := make(chan raw.Request, 1)
	h := open(t, mode, raw.TakeHead(), raw.Pick(func(raw.Request) []raw.Step { close(begun); return nil }), raw.TakeBody(), raw.Tell(got), raw.Send(raw.JSON("{}")))
	c := raw.Dial(t, h.Address)
	c.Send(request("POST", other, "Transfer-Encoding: chunked", "Trailer: X-Sum"), raw.Begun("first"))
	<-begun // while the client has not said all yet
	c.Send(raw.Begun("second"), "0\r\nX-Sum: 42\r\n\r\n")
	whole(t, c.Answer("POST"), 200, "{}")
	if r := <-got; string(r.Body) != "firstsecond" || r.Trailers.Get("X-Sum") != "42" {
		t.Errorf("the upstream got %q", r.Raw)
	}
	// A client that asks first is told to go on, and what it sends then arrives.
	for _, target := range []string{other, route(mode, switchTo)} {
		h = before(t, mode, raw.Serve(t, echo()), withoutMemory)
		c = raw.Dial(t, h.Address)
		c.Send(raw.Head("POST "+target+" HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 20", "Content-Type: text/plain"))
		if a := c.AnswerHead(); a.Status != 100 {
			t.Fatalf("got %d (%v), want 100", a.Status, a.Err)
		}
		c.Send("twenty bytes of text")
		whole(t, c.Answer("POST"), 200, "twenty bytes of text")
	}
	// An upstream that says no at once is heard, although the client waits with its body.
	h = open(t, mode, raw.TakeHead(), raw.Send(raw.Text("HTTP/1.1 413 Content Too Large", "no")), raw.Close())
	c = raw.Dial(t, h.Address)
	c.Send(raw.Head("POST "+other+" HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 20"))
	a := c.Answer("POST")
	if a.Status != 413 || string(a.Body) != "no" {
		t.Errorf("got %d %q (%v)", a.Status, a.Body, a.Err)
	}
}
