package framing

import (
	"encoding/binary"
	"math"
)

// WebSocket cuts one direction of a WebSocket (RFC 6455) into frames and messages. Text messages
// are put together from their fragments and unmasked; control frames and binary messages pass.
//
// It judges nothing: what is no WebSocket, or a faulty one, passes for the other end to judge.
type WebSocket struct {
	limit int
	room  Room
	chunk []byte // fed and not cut yet

	head  [maxHeader]byte // of the frame that begins
	known int             // bytes of it
	frame frameHeader     // the current one
	left  int64           // bytes of its payload that are still to come
	take  treatment

	message messageState
	first   frameHeader // of the message being put together
	held    []byte      // the message as it came, so far
	data    []byte      // and what it says
	given   bool        // held was given out, in a frame
	closed  bool
}

// messageState says what the last data frame began or went on with.
type messageState int

const (
	noMessage   messageState = iota
	textMessage              // being put together
	otherMessage
	restMessage // of one that was too large or could not be read
)

// treatment says what becomes of a frame's payload.
type treatment int

const (
	passes   treatment = iota // as Other
	follows                   // as Rest
	gathered                  // into the message
)

// The opcodes that matter here.
const (
	opContinuation = 0x0
	opText         = 0x1
	opControl      = 0x8 // this bit is set in all control frames
	opClose        = 0x8
)

// maxHeader is the length of the longest frame header: two bytes, eight of length, four of mask.
const maxHeader = 2 + 8 + 4

// frameHeader is the head of a frame.
type frameHeader struct {
	final    bool
	reserved bool // a bit that only an extension may set
	opcode   byte
	masked   bool
	mask     [4]byte
	length   int64
}

// NewWebSocket makes a cutter; limit is the largest text message in bytes, its framing included.
// With a limit of 0 no message is given: all of it passes.
func NewWebSocket(limit int, room Room) *WebSocket { return &WebSocket{limit: limit, room: room} }

// Feed gives the cutter more of the stream. Call it when Next has nothing more; p must not
// change before then.
func (w *WebSocket) Feed(p []byte) { w.chunk = p }

// Between says that everything given so far ends with a whole frame, so that a control frame may
// be put in behind.
func (w *WebSocket) Between() bool { return w.left == 0 || w.take == gathered }

// Closed says that a close frame was given.
func (w *WebSocket) Closed() bool { return w.closed }

// Next gives the next frame; ok is false when there is none before more is fed.
func (w *WebSocket) Next() (f Frame, ok bool) {
	if w.given {
		w.held, w.data, w.given = emptied(w.held), emptied(w.data), false
	}
	for len(w.chunk) > 0 {
		if w.left == 0 {
			if !w.header() {
				break
			}
			if f, ok := w.begin(); ok {
				return f, true
			}
			continue
		}
		piece := w.chunk[:min(int64(len(w.chunk)), w.left)]
		w.chunk = w.chunk[len(piece):]
		w.left -= int64(len(piece))
		switch w.take {
		case passes:
			return Frame{Raw: piece}, true
		case follows:
			return Frame{Kind: Rest, Raw: piece}, true
		case gathered:
			if !w.room.has(len(w.held) + len(piece)) {
				return w.leaveOff(piece), true
			}
			w.gather(piece)
			if w.left == 0 && w.frame.final {
				return w.whole(), true
			}
		}
	}
	return Frame{}, false
}

// End gives what is left when the stream has ended: nothing, since no message of which a part is
// missing can be read by anyone.
func (w *WebSocket) End() (f Frame, ok bool) { return Frame{}, false }

// header reads a frame's header; it is false while a part of it is missing.
func (w *WebSocket) header() bool {
	for {
		want := w.headerLength()
		if n := copy(w.head[w.known:want], w.chunk); n > 0 {
			w.known += n
			w.chunk = w.chunk[n:]
		}
		if w.known < want {
			return false
		}
		if want == w.headerLength() { // the first two bytes may ask for more
			break
		}
	}
	h := frameHeader{
		final: w.head[0]&0x80 != 0, reserved: w.head[0]&0x70 != 0, opcode: w.head[0] & 0x0f,
		masked: w.head[1]&0x80 != 0, length: int64(w.head[1] & 0x7f),
	}
	switch h.length {
	case 126:
		h.length = int64(binary.BigEndian.Uint16(w.head[2:]))
	case 127:
		h.length = int64(min(binary.BigEndian.Uint64(w.head[2:]), math.MaxInt64))
	}
	if h.masked {
		copy(h.mask[:], w.head[w.known-4:w.known])
	}
	w.frame, w.left = h, h.length
	return true
}

// headerLength is how long the header is, as far as its bytes tell.
func (w *WebSocket) headerLength() int {
	if w.known < 2 {
		return 2
	}
	n := 2
	switch w.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if w.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// begin decides about the frame whose header was read, and gives what can be given of it: its
// header, or a message that is complete with it.
func (w *WebSocket) begin() (Frame, bool) {
	h, raw := w.frame, w.head[:w.known]
	w.known = 0
	if h.opcode&opControl != 0 {
		w.take, w.closed = passes, w.closed || h.opcode == opClose
		return Frame{Raw: raw}, true
	}
	before, now := w.message, w.next(h)
	tooLarge := now == textMessage && int64(w.limit-len(w.held)-len(raw)) < h.length
	if tooLarge {
		now = restMessage
	}
	if w.message = now; h.final && now != textMessage {
		w.message = noMessage
	}
	switch now {
	case textMessage:
		if before != textMessage {
			w.first = h
		}
		w.take, w.held = gathered, append(w.held, raw...)
		if h.length == 0 && h.final {
			return w.whole(), true
		}
		return Frame{}, false
	case restMessage:
		w.take = follows
		if before == restMessage && h.opcode == opContinuation {
			return Frame{Kind: Rest, Raw: raw}, true
		}
		f := Frame{Kind: Unread, Raw: append(w.held, raw...)}
		if tooLarge {
			f.Kind = TooLarge
		}
		w.held, w.given = f.Raw, true
		return f, true
	case noMessage, otherMessage:
	}
	w.take = passes
	return Frame{Raw: raw}, true
}

// next says what a data frame goes on with or begins.
func (w *WebSocket) next(h frameHeader) messageState {
	switch {
	case w.limit == 0:
		return otherMessage
	case h.opcode == opContinuation && w.message != noMessage && !h.reserved:
		return w.message
	case h.opcode == opText && w.message == noMessage && !h.reserved:
		return textMessage
	case h.opcode == opContinuation, h.opcode == opText, w.message == textMessage:
		return restMessage // compressed, or out of order
	}
	return otherMessage
}

// leaveOff gives what is held of a message, and the piece behind it, when there is no room for more.
func (w *WebSocket) leaveOff(piece []byte) Frame {
	w.take, w.message = follows, restMessage
	if w.frame.final {
		w.message = noMessage
	}
	w.held, w.given = append(w.held, piece...), true
	return Frame{Kind: TooLarge, Raw: w.held}
}

// gather adds a piece of payload to the message.
func (w *WebSocket) gather(piece []byte) {
	w.held = append(w.held, piece...)
	from := len(w.data)
	w.data = append(w.data, piece...)
	if w.frame.masked {
		done := w.frame.length - w.left - int64(len(piece))
		mask(w.data[from:], w.frame.mask, int(done&3))
	}
}

// whole gives the message when its last frame is complete.
func (w *WebSocket) whole() Frame {
	w.message, w.given = noMessage, true
	f := Frame{Raw: w.held}
	if len(w.data) > 0 {
		f.Kind, f.Data = Message, w.data
	}
	return f
}

// Append appends the last message with other data, in one frame, masked with the key that it came with.
func (w *WebSocket) Append(dst, data []byte) []byte {
	return appendFrame(dst, opText, w.first.masked, w.first.mask, data)
}

// AppendClose appends a close frame with a code and a reason of at most 123 bytes. What goes to a
// server is masked, with a key that nobody can foretell; mask is nil for what goes to a client.
func AppendClose(dst []byte, code int, reason string, key *[4]byte) []byte {
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	payload = append(payload, reason...)
	if key == nil {
		return appendFrame(dst, opClose, false, [4]byte{}, payload)
	}
	return appendFrame(dst, opClose, true, *key, payload)
}

// appendFrame appends a frame that is a message of its own.
func appendFrame(dst []byte, opcode byte, masked bool, key [4]byte, payload []byte) []byte {
	const final = 0x80
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	dst = append(dst, final|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, bit|byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, bit|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, bit|127), uint64(n))
	}
	if !masked {
		return append(dst, payload...)
	}
	dst = append(dst, key[:]...)
	from := len(dst)
	dst = append(dst, payload...)
	mask(dst[from:], key, 0)
	return dst
}

// mask masks or unmasks b, which stands at a position of the payload that has the given rest by four.
func mask(b []byte, key [4]byte, at int) {
	for i := range b {
		b[i] ^= key[(at+i)&3]
	}
}
