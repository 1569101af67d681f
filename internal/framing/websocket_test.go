package framing

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// wsFrame writes a frame: bits are the first byte's.
func wsFrame(bits byte, masked bool, payload string) string {
	b := appendFrame(nil, 0, masked, [4]byte{0x11, 0x22, 0x33, 0x44}, []byte(payload))
	b[0] = bits
	return string(b)
}

const (
	fin  = 0x80
	rsv1 = 0x40
)

func TestWebSocketFrames(t *testing.T) {
	long := strings.Repeat("x", 200)
	huge := strings.Repeat("y", 70_000)
	raw := func(kind string, parts ...string) (out []string) {
		for _, p := range parts {
			out = append(out, fmt.Sprintf("%s %q", kind, p))
		}
		return out
	}
	for _, tc := range []struct {
		name, stream string
		want         []string
	}{
		{"a message to a client", wsFrame(fin|opText, false, "{}"), []string{`message  "{}"`}},
		{"a message to a server", wsFrame(fin|opText, true, "{}"), []string{`message  "{}"`}},
		{"in fragments", wsFrame(opText, true, `{"a"`) + wsFrame(0, true, `:`) + wsFrame(fin, true, `1}`), []string{`message  "{\"a\":1}"`}},
		{"an empty fragment at the end", wsFrame(opText, false, "{}") + wsFrame(fin, false, ""), []string{`message  "{}"`}},
		{"a message of each length", wsFrame(fin|opText, false, long) + wsFrame(fin|opText, true, huge),
			[]string{fmt.Sprintf("message  %q", long), fmt.Sprintf("message  %q", huge)}},
		{"an empty message", wsFrame(fin|opText, false, ""), raw("other", "\x81\x00")},
		{"a binary message", wsFrame(fin|0x2, false, "{}"), raw("other", "\x82\x02", "{}")},
		{"a binary message in fragments", wsFrame(0x2, false, "{") + wsFrame(fin, false, "}") + wsFrame(fin|opText, false, "1"),
			append(raw("other", "\x02\x01", "{", "\x80\x01", "}"), `message  "1"`)},
		{"a ping and a close", wsFrame(fin|0x9, false, "hi") + wsFrame(fin|opClose, false, "\x03\xe8bye"), raw("other", "\x89\x02", "hi", "\x88\x05", "\x03\xe8bye")},
		{"a ping overtakes the message it came in", wsFrame(opText, false, "{") + wsFrame(fin|0x9, false, "") + wsFrame(fin, false, "}"),
			append(raw("other", "\x89\x00"), `message  "{}"`)},
		{"a compressed message", wsFrame(fin|rsv1|opText, false, "zz") + wsFrame(fin|opText, false, "1"),
			append(append(raw("unread", "\xc1\x02"), raw("rest", "zz")...), `message  "1"`)},
		{"a compressed message in fragments", wsFrame(rsv1|opText, false, "z") + wsFrame(fin, false, "z") + wsFrame(fin|opText, false, "1"),
			append(append(raw("unread", "\x41\x01"), raw("rest", "z", "\x80\x01", "z")...), `message  "1"`)},
		{"a message within a message", wsFrame(opText, false, "1") + wsFrame(fin|opText, false, "2") + wsFrame(fin|opText, false, "3"),
			append(append(raw("unread", "\x01\x011\x81\x01"), raw("rest", "2")...), `message  "3"`)},
		{"a continuation of nothing", wsFrame(fin, false, "1") + wsFrame(fin|opText, false, "3"),
			append(append(raw("unread", "\x80\x01"), raw("rest", "1")...), `message  "3"`)},
		{"half a message at the end", wsFrame(opText, false, "1") + "\x80\x05{", nil},
		{"nothing", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := cutAll(NewWebSocket(100_000, nil), tc.stream, max(len(tc.stream), 1))
			want(t, "frames", got.frames, tc.want)
			for _, size := range []int{1, 2, 3} {
				if small := cutAll(NewWebSocket(100_000, nil), tc.stream, size); strings.Join(small.messages, "|") != strings.Join(got.messages, "|") || small.joined != got.joined {
					t.Errorf("in pieces of %d: %q", size, small.frames)
				}
			}
		})
	}
}

func TestWebSocketTooLarge(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		want         []string
	}{
		{"exactly the limit", wsFrame(fin|opText, false, "12345678"), []string{`message  "12345678"`}},
		{"one byte more", wsFrame(fin|opText, false, "123456789") + wsFrame(fin|opText, false, "1"),
			[]string{`too large "\x81\t"`, `rest "123456789"`, `message  "1"`}},
		{"one byte more in the last fragment", wsFrame(opText, false, "1234") + wsFrame(fin, false, "123") + wsFrame(fin|opText, false, "1"),
			[]string{`too large "\x01\x041234\x80\x03"`, `rest "123"`, `message  "1"`}},
		{"fragments behind, and a ping", wsFrame(opText, false, "123456789") + wsFrame(fin|0x9, false, "") + wsFrame(fin, false, "1") + wsFrame(fin|opText, false, "1"),
			[]string{`too large "\x01\t"`, `rest "123456789"`, `other "\x89\x00"`, `rest "\x80\x01"`, `rest "1"`, `message  "1"`}},
		{"a length of 2^64-1", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff1", []string{`too large "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"`, `rest "1"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := cutAll(NewWebSocket(10, nil), tc.stream, 100)
			want(t, "frames", got.frames, tc.want)
			if got.joined != tc.stream && !strings.Contains(tc.name, "ping") {
				t.Errorf("joined: %q", got.joined)
			}
		})
	}
}

// Without a limit nothing is a message, and nothing is held.
func TestWebSocketThatOnlyPasses(t *testing.T) {
	stream := wsFrame(opText, true, "1") + wsFrame(fin, true, "2") + wsFrame(fin|opClose, true, "")
	w := NewWebSocket(0, nil)
	got := cutAll(w, stream, 1)
	if got.joined != stream || len(got.messages) > 0 {
		t.Errorf("%q", got.frames)
	}
	if !w.Closed() || !w.Between() {
		t.Errorf("closed %t, between %t", w.Closed(), w.Between())
	}
}

func TestWebSocketBetween(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		limit        int
		between      bool
	}{
		{"at the start", "", 0, true},
		{"in a header that nobody has seen", "\x82", 0, true},
		{"in a payload", "\x82\x05ab", 0, false},
		{"behind a frame", "\x82\x02ab", 0, true},
		{"in a message that is held", "\x81\x05ab", 100, true},
		{"in a message that passes", "\x81\x05ab", 0, false},
		{"in a message that is too large", "\x81\x05ab", 3, false},
		{"between its fragments", "\x01\x02ab", 3, true},
	} {
		w := NewWebSocket(tc.limit, nil)
		cutAll(w, tc.stream, 1)
		if w.Between() != tc.between || w.Closed() {
			t.Errorf("%s: between %t, closed %t", tc.name, w.Between(), w.Closed())
		}
	}
}

func TestWebSocketAppend(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536} {
		for _, masked := range []bool{false, true} {
			data := strings.Repeat("n", n)
			in := wsFrame(opText, masked, "o") + wsFrame(fin, masked, "ld") + wsFrame(fin|0x9, masked, "")
			got := replaced(NewWebSocket(100, nil), in, func([]byte) []byte { return []byte(data) }, 1)
			if want := wsFrame(fin|opText, masked, data) + wsFrame(fin|0x9, masked, ""); got != want {
				t.Errorf("%d bytes, masked %t: %.40q, want %.40q", n, masked, got, want)
			}
		}
	}
	if got := string(AppendClose(nil, 1001, "bye", nil)); got != "\x88\x05\x03\xe9bye" {
		t.Errorf("%q", got)
	}
	if got := string(AppendClose([]byte("x"), 1001, "", &[4]byte{1, 2, 3, 4})); got != "x\x88\x82\x01\x02\x03\x04\x02\xeb" {
		t.Errorf("%q", got)
	}
}

// readWebSocket reads a stream as the standard says, in another way than the cutter: the messages
// and control frames, each in order. ok is false for what is no WebSocket without extensions.
func readWebSocket(stream string) (messages, control []string, ok bool) {
	text, open, binaryMessage := "", false, false
	for len(stream) >= 2 {
		first, second := stream[0], stream[1]
		length, at := uint64(second&0x7f), 2
		switch {
		case length == 126 && len(stream) >= 4:
			length, at = uint64(binary.BigEndian.Uint16([]byte(stream[2:]))), 4
		case length == 127 && len(stream) >= 10:
			length, at = binary.BigEndian.Uint64([]byte(stream[2:])), 10
		case length > 125:
			return messages, control, true
		}
		var key [4]byte
		if second&0x80 != 0 {
			if len(stream) < at+4 {
				return messages, control, true
			}
			copy(key[:], stream[at:])
			at += 4
		}
		if uint64(len(stream)-at) < length {
			return messages, control, true
		}
		payload := []byte(stream[at : at+int(length)])
		if second&0x80 != 0 {
			mask(payload, key, 0)
		}
		stream = stream[at+int(length):]
		switch opcode := first & 0x0f; {
		case opcode&opControl != 0:
			control = append(control, fmt.Sprintf("%x %q", first, payload))
		case first&0x70 != 0, (opcode == opContinuation) != open, opcode > 2:
			return nil, nil, false
		default:
			if opcode != opContinuation {
				text, binaryMessage = "", opcode == 2
			}
			text += string(payload)
			if open = first&fin == 0; !open && text != "" && !binaryMessage {
				messages = append(messages, fmt.Sprintf(" %q", text))
			}
		}
	}
	return messages, control, true
}

// Whatever the chunks, the messages and the control frames are the standard's, and messages with
// other data say that and nothing else.
func FuzzWebSocket(f *testing.F) {
	f.Add(wsFrame(opText, true, "{")+wsFrame(fin|0x9, true, "p")+wsFrame(fin, true, "}"), []byte{1, 9}, "data", 1000)
	f.Add(wsFrame(fin|2, false, "{}")+wsFrame(fin|opText, false, strings.Repeat("x", 130))+wsFrame(fin|opClose, false, "\x03\xe8"), []byte{200}, "", 100)
	f.Fuzz(func(t *testing.T, stream string, chunks []byte, data string, limit int) {
		sizes := []int{1}
		for _, c := range chunks {
			sizes = append(sizes, int(c))
		}
		cutAll(NewWebSocket(limit&0xff, nil), stream, sizes...)
		if got := cutAll(NewWebSocket(0, nil), stream, sizes...); !strings.HasPrefix(stream, got.joined) || len(stream)-len(got.joined) >= maxHeader {
			t.Fatalf("joined: %q", got.joined)
		}
		messages, control, ok := readWebSocket(stream)
		if !ok {
			return
		}
		got := cutAll(NewWebSocket(len(stream)+1, nil), stream, sizes...)
		want(t, "messages", got.messages, messages)
		// What is held of a message at the end, and half a frame, are nobody's.
		sameMessages, sameControl, _ := readWebSocket(got.joined)
		want(t, "messages behind", sameMessages, messages)
		want(t, "control frames behind", sameControl, control)
		if data == "" {
			return
		}
		changed, sameControl, _ := readWebSocket(replaced(NewWebSocket(len(stream)+1, nil), stream, func([]byte) []byte { return []byte(data) }, sizes...))
		for i := range messages {
			messages[i] = fmt.Sprintf(" %q", data)
		}
		want(t, "with other data", changed, messages)
		want(t, "control frames beside other data", sameControl, control)
	})
}
