package conformance

import (
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// What the tests need of HTTP/2, byte by byte (RFC 9113 section 6, RFC 7541 appendix A).
const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	frameHeaders, frameReset, frameSettings, frameContinuation = 1, 3, 4, 9

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
