// Package framing cuts streams of messages into messages, so that each can be mapped by itself:
// server-sent events ([SSE]), lines of JSON ([NDJSON]) and WebSocket frames ([WebSocket]).
//
// A cutter is fed with bytes as they come, in pieces of any size, and gives frames:
//
//	c.Feed(piece)
//	for f, ok := c.Next(); ok; f, ok = c.Next() {
//		if f.Kind == framing.Message {
//			out = c.Append(out, mapped(f.Data)) // the same message with other data, or
//		}
//		out = append(out, f.Raw...) // as it came
//	}
//
// and at the end of the stream End gives what is left. Written one behind the other, the Raws of
// all frames are the stream, byte for byte, so whatever nobody maps passes as it came. (Only
// WebSocket control frames overtake the message that they came in the middle of.)
//
// A message is given as soon as its last byte is there, and what carries no message at once. Memory is
// bounded: at most a limit's worth of an unfinished message is held; a larger one, and one for which
// there is no [Room], is given in pieces.
//
// A cutter is for one stream and one goroutine. It knows no JSON: what the data of a message is, is
// for its caller to say.
package framing

// Kind says what a frame is.
type Kind int

const (
	// Other carries no message, or none that is text: comments, ids, blank lines, control frames.
	Other Kind = iota
	// Message is a whole message.
	Message
	// TooLarge is the first piece of a message that is larger than the limit, or finds no Room.
	TooLarge
	// Unread is the first piece of a message that cannot be read: a WebSocket message that is
	// compressed, or whose frames are out of order.
	Unread
	// Rest is a further piece of a message that was TooLarge or Unread.
	Rest
)

func (k Kind) String() string {
	switch k {
	case Other:
		return "other"
	case Message:
		return "message"
	case TooLarge:
		return "too large"
	case Unread:
		return "unread"
	case Rest:
		return "rest"
	}
	return "unknown"
}

// Frame is a piece of a stream. Its slices are valid until the next call of a method.
type Frame struct {
	Kind Kind
	// Raw is the piece as it came.
	Raw []byte
	// Data is what a Message says, without its framing. It is never empty there, and nil elsewhere.
	Data []byte
	// Event is the name of a server-sent event; empty where it has none, which means "message".
	Event []byte
}

// Room says whether a message of which so many bytes are there may be held: it is asked before each piece,
// and where it says no, the message is TooLarge. A nil Room always says yes.
type Room func(bytes int) bool

func (r Room) has(bytes int) bool { return r == nil || r(bytes) }

// keep is how much memory, in bytes, a buffer may have and be used again for the next message.
// Most messages are far smaller; what a rare large one took goes back.
const keep = 64 << 10

// emptied gives a buffer back for the next message.
func emptied(b []byte) []byte {
	if cap(b) > keep {
		return nil
	}
	return b[:0]
}
