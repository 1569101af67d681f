package proxy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/framing"
	"github.com/crossfade-proxy/crossfade/transform"
)

// cutter is what the cutters of package framing have in common.
type cutter interface {
	Feed(p []byte)
	Next() (framing.Frame, bool)
	End() (framing.Frame, bool)
	Append(dst, data []byte) []byte
}

// messages maps the messages of one direction of a stream, one by one, as it was decided when
// the stream began.
type messages struct {
	lens   *transform.Lens
	job    transform.Job
	events []string // only those of these names; empty: all
	pass   []string // but none that says exactly this
	// open: what cannot be mapped passes as it came. Else it ends the stream.
	open    bool
	limit   int
	now     func() time.Time
	memory  reservation // for the message that is being read
	full    bool        // which found none
	scratch []byte
	tally   tally
}

// tally counts what happened to messages.
type tally struct {
	messages, passed  int // given to the lens; passed although they should have been mapped
	native            int
	unmapped, unknown int
	changed           bool
	took              time.Duration
	reason            Fallback // of the first that was not mapped
	err               error
}

// fault is a message that ends its stream.
type fault struct {
	reason Fallback
	cause  error
}

func (f *fault) Error() string { return fmt.Sprintf("%s: %v", f.reason, f.cause) }

func (f *fault) Unwrap() error { return f.cause }

// append appends a frame that c has cut as it goes out. An error is a *fault, and nothing of the frame
// may go out.
func (m *messages) append(dst []byte, c cutter, f framing.Frame) ([]byte, error) {
	switch f.Kind {
	case framing.Message:
		dst, err := m.message(dst, c, f)
		m.memory.release(false)
		return dst, err
	case framing.TooLarge:
		m.tally.messages++
		m.memory.release(false)
		if m.full {
			m.full = false
			return m.unmapped(dst, f, FallbackMemory, errNoMemory)
		}
		return m.unmapped(dst, f, FallbackSize, fmt.Errorf("the message has more than the %d bytes that are mapped", m.limit))
	case framing.Unread:
		m.tally.messages++
		return m.unmapped(dst, f, FallbackCoding, errors.New("the message is compressed although nobody agreed to that, or its frames are out of order"))
	case framing.Other, framing.Rest:
	}
	return append(dst, f.Raw...), nil
}

const (
	// uncounted is how many bytes of a message are not worth counting: nearly all messages have fewer.
	uncounted = 4 << 10
	// countedBy is how many bytes are counted at once.
	countedBy = 16 << 10
)

// room implements framing.Room: it takes memory for a message of which so many bytes are there.
func (m *messages) room(bytes int) bool {
	if bytes <= uncounted {
		return true
	}
	steps := int64((bytes + countedBy - 1) / countedBy)
	m.full = m.memory.reach(steps*countedBy*perByte) != nil
	return !m.full
}

func (m *messages) message(dst []byte, c cutter, f framing.Frame) ([]byte, error) {
	if !m.wants(f) {
		return append(dst, f.Raw...), nil
	}
	m.tally.messages++
	began := m.now()
	result, err := m.lens.Map(m.scratch[:0], f.Data, m.job)
	m.tally.took += m.now().Sub(began)
	if err != nil {
		return m.unmapped(dst, f, FallbackUnmappable, err)
	}
	if result.Native {
		m.tally.native++
	}
	m.tally.unmapped += result.Unmapped
	m.tally.unknown += result.Unknown
	if !result.Changed {
		return append(dst, f.Raw...), nil
	}
	m.tally.changed = true
	m.scratch = keepSmall(result.Body)
	return c.Append(dst, result.Body), nil
}

// wants says whether a message is for the lens.
func (m *messages) wants(f framing.Frame) bool {
	if len(m.events) > 0 {
		name := string(f.Event)
		if name == "" {
			name = "message"
		}
		if !slices.Contains(m.events, name) {
			return false
		}
	}
	return !slices.Contains(m.pass, string(f.Data))
}

// unmapped decides about a message that should be mapped and cannot be.
func (m *messages) unmapped(dst []byte, f framing.Frame, reason Fallback, cause error) ([]byte, error) {
	if m.tally.err == nil {
		m.tally.reason, m.tally.err = reason, fmt.Errorf("message %d: %w", m.tally.messages, cause)
	}
	if m.ends(reason, cause) {
		return dst, &fault{reason, cause}
	}
	m.tally.passed++
	return append(dst, f.Raw...), nil
}

// ends says whether a message that is not mapped ends the stream. For those of a client it is as
// with the bodies of requests: the upstream has its own answer to what it does not understand.
func (m *messages) ends(reason Fallback, cause error) bool {
	if m.job.Direction == transform.ToSession && reason == FallbackUnmappable {
		return errors.Is(cause, transform.ErrConflict)
	}
	return !m.open
}

// keptForMessages is how much memory, in bytes, a stream keeps from message to message. Most
// messages are far smaller, and there may be thousands of streams.
const keptForMessages = 64 << 10

// keepSmall gives back a buffer that may be used again, for the memory that it has.
func keepSmall(b []byte) []byte {
	if cap(b) > keptForMessages {
		return nil
	}
	return b
}
