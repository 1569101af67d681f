package framing

import "bytes"

// SSE cuts an event stream as the HTML standard parses one: lines end with CRLF, LF or CR, a byte
// order mark may stand before the first, a blank line ends an event, of which the data lines are the
// message. What stands before an event's first data line (its id, its name, comments, retry) is
// given line by line, at once; from there on the event is held until it ends.
//
// An event without data carries no message. The standard has clients forget an event that the
// stream's end breaks off; many do not, so End gives it as a message all the same.
type SSE struct {
	limit int
	room  Room
	chunk []byte // fed and not cut yet
	lf    int    // where in chunk the next LF is, its length if there is none; -1: not looked for

	held  []byte // a line that has not ended, or an event from its first data line on
	line  int    // where in held the current line begins
	given bool   // held was given out, in a frame
	begun bool   // the first line was read
	cr    bool   // what was cut last ends with CR: an LF behind belongs to it

	large bool // in an event that was too large
	first bool // and no piece of it was given yet
	bare  bool // and there is nothing yet in its current line

	name   []byte // of the current event
	data   []dataLine
	joined []byte // the data of several lines
}

// dataLine is a data line in held: "data:" begins at start, its value at value; it ends at end.
type dataLine struct{ start, value, end int }

// NewSSE makes a cutter; limit is the largest message in bytes, from the event's first data line to its end.
func NewSSE(limit int, room Room) *SSE { return &SSE{limit: limit, room: room, lf: -1} }

// Feed gives the cutter more of the stream. Call it when Next has nothing more; p must not
// change before then.
func (s *SSE) Feed(p []byte) { s.chunk, s.lf = p, -1 }

// Next gives the next frame; ok is false when there is none before more is fed.
func (s *SSE) Next() (f Frame, ok bool) {
	s.forget()
	for len(s.chunk) > 0 {
		if s.cr {
			s.cr = false
			if s.chunk[0] == '\n' {
				if f, ok := s.lateLF(); ok {
					return f, true
				}
				continue
			}
		}
		size, ending := s.lineEnd()
		if !s.large && s.isTooLarge(size, ending) {
			s.large, s.first = true, true
			if s.bare = len(s.held) == s.line; len(s.held) > 0 { // the chunk's part follows
				s.given, s.first = true, false
				return Frame{Kind: TooLarge, Raw: s.held}, true
			}
		}
		piece := s.take(size)
		switch {
		case s.large:
			return s.largePiece(piece, ending), true
		case ending == 0:
			s.held = append(s.held, piece...)
		case len(s.held) > 0:
			s.held = append(s.held, piece...)
			if f, ok := s.heldLine(ending); ok {
				return f, true
			}
		default:
			if f, ok := s.freshLine(piece, ending); ok {
				return f, true
			}
		}
	}
	return Frame{}, false
}

// End gives what is left when the stream has ended.
func (s *SSE) End() (f Frame, ok bool) {
	if s.forget(); len(s.held) == 0 {
		return Frame{}, false
	}
	s.note(s.line, len(s.held))
	return s.event(), true
}

// forget empties held after it was given out.
func (s *SSE) forget() {
	if s.given {
		s.held, s.line, s.given, s.data = emptied(s.held), 0, false, s.data[:0]
		s.joined = emptied(s.joined)
	}
}

// take cuts n bytes off the chunk.
func (s *SSE) take(n int) []byte {
	piece := s.chunk[:n]
	s.chunk, s.lf = s.chunk[n:], max(s.lf-n, -1)
	return piece
}

// lineEnd finds the end of the line that the chunk begins with or goes on with: size bytes, of
// which ending end it; 0 if it does not end here.
func (s *SSE) lineEnd() (size, ending int) {
	if s.lf < 0 {
		if s.lf = bytes.IndexByte(s.chunk, '\n'); s.lf < 0 {
			s.lf = len(s.chunk)
		}
	}
	cr := bytes.IndexByte(s.chunk[:s.lf], '\r')
	switch {
	case cr >= 0 && cr+1 == s.lf && s.lf < len(s.chunk):
		return cr + 2, 2
	case cr >= 0:
		s.cr = cr+1 == len(s.chunk)
		return cr + 1, 1
	case s.lf < len(s.chunk):
		return s.lf + 1, 1
	}
	return len(s.chunk), 0
}

// isTooLarge says whether more would have to be held with size bytes more than may be. A whole line
// that is no data is held by nobody.
func (s *SSE) isTooLarge(size, ending int) bool {
	if len(s.held) == 0 && ending > 0 && !s.isData(s.chunk[:size-ending]) {
		return false
	}
	size += len(s.held)
	return size > s.limit || !s.room.has(size)
}

// lateLF takes the LF of a CRLF that came in two chunks.
func (s *SSE) lateLF() (Frame, bool) {
	lf := s.take(1)
	switch {
	case s.large:
		return Frame{Kind: Rest, Raw: lf}, true
	case len(s.held) == 0:
		return Frame{Raw: lf}, true
	}
	s.held = append(s.held, lf...)
	s.line = len(s.held)
	return Frame{}, false
}

// largePiece gives a piece of an event that is too large, and sees its end.
func (s *SSE) largePiece(piece []byte, ending int) Frame {
	kind := Rest
	if s.first {
		kind, s.first = TooLarge, false
	}
	blank := s.bare && ending > 0 && len(piece) == ending
	if s.bare = ending > 0; blank {
		s.large, s.name = false, s.name[:0]
	}
	return Frame{Kind: kind, Raw: piece}
}

// freshLine takes a whole line while nothing is held.
func (s *SSE) freshLine(raw []byte, ending int) (Frame, bool) {
	line := raw[:len(raw)-ending]
	switch {
	case len(line) == 0:
		s.name, s.begun = s.name[:0], true
	case s.isData(line):
		s.held = append(s.held, raw...)
		s.line = len(s.held)
		s.note(0, len(line))
		return Frame{}, false
	default:
		s.read(line)
	}
	return Frame{Raw: raw}, true
}

// heldLine takes the line at the end of held, which has just ended.
func (s *SSE) heldLine(ending int) (Frame, bool) {
	start, end := s.line, len(s.held)-ending
	s.line = len(s.held)
	if start == end {
		return s.event(), true
	}
	if s.note(start, end); len(s.data) > 0 {
		return Frame{}, false
	}
	s.given = true // a line that came in pieces, and no data: nothing has to wait for it
	return Frame{Raw: s.held}, true
}

// note reads the line from start to end of held.
func (s *SSE) note(start, end int) {
	line := s.held[start:end]
	mark := len(line) - len(s.unmarked(line))
	if s.isData(line) {
		_, value := field(line[mark:])
		s.data = append(s.data, dataLine{start + mark, start + mark + value, end})
	}
	s.read(line)
}

// read notes what a line says that matters later.
func (s *SSE) read(line []byte) {
	line = s.unmarked(line)
	s.begun = true
	if name, value := field(line); string(name) == "event" {
		s.name = append(s.name[:0], line[value:]...)
	}
}

func (s *SSE) isData(line []byte) bool {
	name, _ := field(s.unmarked(line))
	return string(name) == "data"
}

// unmarked leaves the stream's byte order mark out of its first line.
func (s *SSE) unmarked(line []byte) []byte {
	if s.begun {
		return line
	}
	return bytes.TrimPrefix(line, []byte("\ufeff"))
}

// field gives the name of a line's field and where its value begins: behind the colon and one
// space. A line without a colon is all name.
func field(line []byte) (name []byte, value int) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, len(line)
	}
	value = colon + 1
	if value < len(line) && line[value] == ' ' {
		value++
	}
	return line[:colon], value
}

// event gives what is held when the event has ended.
func (s *SSE) event() Frame {
	s.given = true
	f := Frame{Raw: s.held}
	if data := s.message(); len(data) > 0 {
		f.Kind, f.Data, f.Event = Message, data, s.name
	}
	s.name = s.name[:0]
	return f
}

// message joins the data of the held event.
func (s *SSE) message() []byte {
	if len(s.data) == 1 {
		return s.held[s.data[0].value:s.data[0].end]
	}
	for i, d := range s.data {
		if i > 0 {
			s.joined = append(s.joined, '\n')
		}
		s.joined = append(s.joined, s.held[d.value:d.end]...)
	}
	if len(bytes.Trim(s.joined, "\n")) == 0 {
		return nil
	}
	return s.joined
}

// Append appends the last message with other data: its n-th line stands where the n-th was, further
// ones behind the last, and all else where it is. Data may hold line ends of any kind; they come out as LF.
func (s *SSE) Append(dst, data []byte) []byte {
	from, more := 0, true
	for i, d := range s.data {
		dst = append(dst, s.held[from:d.start]...)
		ending := s.lineEnding(d)
		if from = d.end; !more {
			from += len(ending) // fewer lines than there were: this one goes
			continue
		}
		prefix := s.held[d.start:d.value]
		for {
			var line []byte
			line, data, more = cutLine(data)
			dst = appendData(dst, prefix, line)
			if !more || i < len(s.data)-1 {
				break
			}
			if len(ending) == 0 { // broken off by the stream's end
				ending = []byte{'\n'}
			}
			dst = append(dst, ending...)
		}
	}
	return append(dst, s.held[from:]...)
}

// lineEnding is what ends a data line; nothing where the stream ended in it.
func (s *SSE) lineEnding(d dataLine) []byte {
	behind := s.held[d.end:]
	switch {
	case len(behind) > 1 && behind[0] == '\r' && behind[1] == '\n':
		return behind[:2]
	case len(behind) > 0:
		return behind[:1]
	}
	return nil
}

// cutLine takes the first line off data; more says whether there is another one.
func cutLine(data []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	line, rest = data[:i], data[i+1:]
	if data[i] == '\r' {
		rest = bytes.TrimPrefix(rest, []byte{'\n'})
	}
	return line, rest, true
}

// appendData appends a data line that says line, begun as prefix has it.
func appendData(dst, prefix, line []byte) []byte {
	dst = append(dst, prefix...)
	switch last := prefix[len(prefix)-1]; {
	case len(line) == 0 || last == ' ':
	case last != ':':
		dst = append(dst, ": "...)
	case line[0] == ' ':
		dst = append(dst, ' ') // the first one does not count
	}
	return append(dst, line...)
}
