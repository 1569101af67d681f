package conformance

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// What the tests need of HTTP/2, byte by byte (RFC 9113 section 6, RFC 7541 appendix A).
const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	frameData, frameHeaders, frameReset, frameSettings, frameGoAway, frameContinuation = 0, 1, 3, 4, 7, 9

	endStream, endHeaders = 1, 4

	settingMaxStreams = 3
)

// frame is the bytes of a frame.
func frame(kind, flags byte, stream uint32, payload string) string {
	head := []byte{0, 0, 0, kind, flags, 0, 0, 0, 0}
	head[0], head[1], head[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
	binary.BigEndian.PutUint32(head[5:], stream)
	return string(head) + payload
}

// getContext is the field section of a GET for the context: method, scheme, path, authority.
func getContext() string {
	return "\x82\x86\x04" + string(rune(len(me))) + me + "\x01\x01h"
}

// fields is a field section of names and values as they are (RFC 7541 section 6.2.2).
func fields(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString("\x00" + string(rune(len(pairs[i]))) + pairs[i] + string(rune(len(pairs[i+1]))) + pairs[i+1])
	}
	return b.String()
}

// http2IsNoWayAround: what HTTP/1.1 cannot say is not said to the upstream, which reads strictly.
func http2IsNoWayAround(t *testing.T, mode string) {
	h := before(t, mode, raw.Serve(t, echo()).Forgive(), "CROSSFADE_SERVER_H2C=true") // forgiving: what was begun is cut
	head := func(method, path, authority string, more ...string) string {
		return fields(append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", authority}, more...)...)
	}
	for name, tc := range map[string]struct{ head, body string }{
		"a blank in the path":        {head("GET", me+" HTTP/1.1", "h"), ""},
		"a line end in the path":     {head("GET", me+" HTTP/1.1\r\nX: y", "h"), ""},
		"a blank in the query":       {head("GET", other+"?a b", "h"), ""},
		"no slash":                   {head("GET", "x"+me, "h"), ""},
		"a blank in the host":        {head("GET", me, "h h"), ""},
		"a path in the host":         {head("GET", me, "h/x?y"), ""},
		"a line end in the method":   {head("GET / HTTP/1.1\r\nX: y", me, "h"), ""},
		"a line end in a value":      {head("GET", me, "h", "x-a", "b\r\nX-B: c"), ""},
		"NUL in a value":             {head("GET", me, "h", "x-a", "\x00"), ""},
		"a colon in a name":          {head("GET", me, "h", "x:a", "b"), ""},
		"a capital letter in a name": {head("GET", me, "h", "X-a", "b"), ""},
		"Transfer-Encoding":          {head("POST", other, "h", "transfer-encoding", "chunked"), raw.Chunks("x")},
		"Connection":                 {head("GET", me, "h", "connection", "x-forwarded-for"), ""},
		"a length that is too short": {head("POST", other, "h", "content-length", "2"), "hello"},
		"a length that is too long":  {head("POST", other, "h", "content-length", "20"), "hello"},
		"a tunnel":                   {fields(":method", "CONNECT", ":authority", "h:443"), ""},
		"a tunnel for a WebSocket":   {head("CONNECT", other, "h", ":protocol", "websocket"), ""},
		"a path, twice":              {head("GET", me, "h", ":path", other), ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := raw.Dial(t, h.Address)
			text := preface + frame(frameSettings, 0, 0, "")
			if tc.body == "" {
				text += frame(frameHeaders, endStream|endHeaders, 1, tc.head)
			} else {
				text += frame(frameHeaders, endHeaders, 1, tc.head) + frame(frameData, endStream, 1, tc.body)
			}
			c.Send(text)
			if status := outcome(t, c); status != "refused" {
				t.Errorf("got %s, want a refusal", status)
			}
		})
	}
	h.Stop()
	for _, r := range h.upstream.Requests() {
		if r.Method != http.MethodPost || r.Err == nil { // those with a body may have begun
			t.Errorf("the upstream got %q", r.Raw)
		}
	}
	// Of two lengths the one that is right goes on.
	h = before(t, mode, raw.Serve(t, echo()), "CROSSFADE_SERVER_H2C=true")
	c := raw.Dial(t, h.Address)
	c.Send(preface + frame(frameSettings, 0, 0, "") + frame(frameHeaders, endHeaders, 1, head("POST", other, "h", "content-length", "5", "content-length", "6")) + frame(frameData, endStream, 1, "hello"))
	if outcome(t, c) != "refused" {
		if r := h.upstream.Request(1); r.Err != nil || string(r.Body) != "hello" {
			t.Errorf("the upstream got %q (%v)", r.Raw, r.Err)
		}
	}
}

// outcome reads frames up to the answer of stream 1: "refused" is a 4xx, a reset, or the connection's end.
func outcome(t *testing.T, c *raw.Client) string {
	t.Helper()
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(c, head); err != nil {
			return "refused"
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return "refused"
		}
		switch head[3] {
		case frameReset, frameGoAway:
			return "refused"
		case frameHeaders:
			// Of the static table 12 is 400, and 8 to 14 the name :status; then come three digits, of which
			// the first is a 4 as it is or in Huffman's code.
			if payload[0] == 0x8c || payload[0]&0xf0 == 0x40 && (payload[1] == 3 && payload[2] == '4' || payload[1] == 0x83 && payload[2]>>2 == 0x1a) {
				return "refused"
			}
			return fmt.Sprintf("an answer, %x", payload[:5])
		}
	}
}

// settings reads frames up to the server's settings, and gives them.
func settings(t *testing.T, c *raw.Client) map[uint16]uint32 {
	t.Helper()
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatalf("no settings: %v", err)
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			t.Fatalf("no settings: %v", err)
		}
		if head[3] != frameSettings {
			continue
		}
		all := map[uint16]uint32{}
		for ; len(payload) >= 6; payload = payload[6:] {
			all[binary.BigEndian.Uint16(payload)] = binary.BigEndian.Uint32(payload[2:])
		}
		return all
	}
}

// http2IsBounded: rapid resets and endless header sections take neither memory nor other callers' time.
func http2IsBounded(t *testing.T, mode string) {
	h := before(t, mode, raw.Serve(t, answering(raw.JSON(context))).Forgive(), "CROSSFADE_SERVER_H2C=true")
	begin := preface + frame(frameSettings, 0, 0, "")
	c := raw.Dial(t, h.Address)
	c.Send(begin)
	if got := settings(t, c)[settingMaxStreams]; got == 0 || got > 100 {
		t.Errorf("%d streams at once are allowed, want at most 100", got)
	}
	var attacks sync.WaitGroup
	for range 4 {
		attacks.Go(func() {
			c := raw.Dial(t, h.Address)
			var b strings.Builder
			for stream := uint32(1); stream < 20_000; stream += 2 {
				b.WriteString(frame(frameHeaders, endStream|endHeaders, stream, getContext()))
				b.WriteString(frame(frameReset, 0, stream, "\x00\x00\x00\x08"))
			}
			c.Do(raw.Send(begin, b.String()), raw.Close())
		})
		attacks.Go(func() {
			c := raw.Dial(t, h.Address)
			// Field lines that are not kept (0x10: never indexed), without an end.
			piece := frame(frameContinuation, 0, 1, strings.Repeat("\x10\x01x\x7f\x01"+strings.Repeat("x", 128), 64))
			c.Do(raw.Send(begin, frame(frameHeaders, endStream, 1, getContext())), raw.Flood(piece, 10_000))
			c.Rest() // it is closed, and did not take all
		})
	}
	for range 100 {
		whole(t, h.ask("GET", me), 200, shaped(mode))
	}
	attacks.Wait()
	whole(t, h.ask("GET", me), 200, shaped(mode))
	if peak := h.PeakMemory(); peak > 150<<20 {
		t.Errorf("crossfade took %d MiB", peak>>20)
	}
}
