package framing

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// cutter is what the three have in common.
type cutter interface {
	Feed(p []byte)
	Next() (Frame, bool)
	End() (Frame, bool)
	Append(dst, data []byte) []byte
}

// cut feeds a stream in pieces of the given sizes, over and over, and tells of each frame.
func cut(c cutter, stream string, sizes []int, tell func(Frame)) {
	for i := 0; len(stream) > 0; i++ {
		size := min(max(sizes[i%len(sizes)], 1), len(stream))
		piece := []byte(stream[:size])
		stream = stream[size:]
		c.Feed(piece)
		for f, ok := c.Next(); ok; f, ok = c.Next() {
			tell(f)
		}
		for i := range piece { // what a frame still needs must have been copied
			piece[i] = '#'
		}
	}
	for f, ok := c.End(); ok; f, ok = c.End() {
		tell(f)
	}
}

// told is what a stream came to.
type told struct {
	frames   []string // as text: kind, event and data, or the raw piece
	messages []string // event and data alone
	joined   string   // all pieces
}

func cutAll(c cutter, stream string, sizes ...int) (t told) {
	cut(c, stream, sizes, func(f Frame) {
		t.joined += string(f.Raw)
		if f.Kind == Message {
			t.frames = append(t.frames, fmt.Sprintf("message %s %q", f.Event, f.Data))
			t.messages = append(t.messages, fmt.Sprintf("%s %q", f.Event, f.Data))
			return
		}
		if f.Data != nil {
			t.frames = append(t.frames, "data in a frame that is no message")
		}
		t.frames = append(t.frames, fmt.Sprintf("%s %q", f.Kind, f.Raw))
	})
	return t
}

// want compares lists of lines.
func want(t *testing.T, what string, got, want []string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", what, g, w)
	}
}

// replaced is a stream in which every message says something else.
func replaced(c cutter, stream string, data func(old []byte) []byte, sizes ...int) string {
	var out []byte
	cut(c, stream, sizes, func(f Frame) {
		if f.Kind != Message {
			out = append(out, f.Raw...)
			return
		}
		out = c.Append(out, data(bytes.Clone(f.Data)))
	})
	return string(out)
}

func TestKindsHaveNames(t *testing.T) {
	for kind, name := range map[Kind]string{
		Other: "other", Message: "message", TooLarge: "too large", Unread: "unread", Rest: "rest", 9: "unknown",
	} {
		if kind.String() != name {
			t.Errorf("%d: %s", kind, kind)
		}
	}
}

// A message that finds no room is given in pieces, and the next one may find it again.
func TestRoom(t *testing.T) {
	frame := string(appendFrame(nil, opText, true, [4]byte{1, 2, 3, 4}, []byte(strings.Repeat("1", 40))))
	binaryFrame := string(appendFrame(nil, 2, false, [4]byte{}, []byte(strings.Repeat("2", 40))))
	for _, tc := range []struct {
		name, stream string
		cutter       func(Room) cutter
		messages     int // that need no room, or little
	}{
		{"sse", "data: 1\n\n: " + strings.Repeat("c", 40) + "\ndata: " + strings.Repeat("1", 40) + "\n\ndata: 2\n\n", func(r Room) cutter { return NewSSE(1000, r) }, 2},
		{"ndjson", "1\n" + strings.Repeat("1", 40) + "\n2\n", func(r Room) cutter { return NewNDJSON(1000, r) }, 2},
		{"websocket", frame[:1] + "\x83" + frame[2:6] + "abc" + frame + binaryFrame + frame[:1] + "\x82" + frame[2:6] + "ab", func(r Room) cutter { return NewWebSocket(1000, r) }, 2},
		{"websocket, in fragments", "\x01\x14" + frame[:20] + "\x00\x14" + frame[:20] + "\x80\x00\x81\x01a", func(r Room) cutter { return NewWebSocket(1000, r) }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			most := 0
			room := func(bytes int) bool {
				most = max(most, bytes)
				return bytes <= 20
			}
			got := cutAll(tc.cutter(room), tc.stream, 7)
			if got.joined != tc.stream || len(got.messages) != tc.messages || most <= 20 {
				t.Errorf("%q; asked for %d", got.frames, most)
			}
			large := 0
			for _, f := range got.frames {
				if strings.HasPrefix(f, "too large") {
					large++
				}
			}
			if large != 1 {
				t.Errorf("%d messages are too large: %q", large, got.frames)
			}
		})
	}
}

// A cutter that has cut a large message does not keep its memory, and cutting allocates nothing.
func TestMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		cutter cutter
		held   func(cutter) int
		text   func(n int) string
	}{
		"sse": {NewSSE(1<<20, nil), func(c cutter) int { return cap(c.(*SSE).held) }, func(n int) string {
			return "id: 1\ndata: " + strings.Repeat("x", n) + "\n\n"
		}},
		"ndjson": {NewNDJSON(1<<20, nil), func(c cutter) int { return cap(c.(*NDJSON).held) }, func(n int) string {
			return strings.Repeat("x", n) + "\n"
		}},
		"websocket": {NewWebSocket(1<<20, nil), func(c cutter) int { return cap(c.(*WebSocket).held) + cap(c.(*WebSocket).data) }, func(n int) string {
			return string(appendFrame(nil, opText, true, [4]byte{1, 2, 3, 4}, []byte(strings.Repeat("x", n))))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := tc.cutter
			if got := cutAll(c, tc.text(900_000), 1000); len(got.messages) != 1 {
				t.Fatalf("%d messages", len(got.messages))
			}
			c.Feed(nil)
			c.Next()
			if held := tc.held(c); held > 2*keep {
				t.Errorf("%d bytes are kept", held)
			}
			stream := []byte(tc.text(500) + tc.text(2000))
			if n := testing.AllocsPerRun(100, func() {
				for _, piece := range [][]byte{stream[:100], stream[100:600], stream[600:]} {
					c.Feed(piece)
					for _, ok := c.Next(); ok; _, ok = c.Next() {
					}
				}
			}); n > 0 {
				t.Errorf("%v allocations for two messages", n)
			}
		})
	}
}
