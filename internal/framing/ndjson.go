package framing

import "bytes"

// NDJSON cuts lines of JSON (NDJSON, JSON Lines). Each line that has more than white space in it
// is a message; a line ends with LF, a CR in front of it belongs to the line's end.
type NDJSON struct {
	limit int
	room  Room
	chunk []byte // fed and not cut yet
	held  []byte // of a line that has not ended
	given bool   // held was given out, in a frame
	large bool   // in a line that was too large
	end   []byte // of the last message: its line end
}

// NewNDJSON makes a cutter; limit is the largest message in bytes, its line end included.
func NewNDJSON(limit int, room Room) *NDJSON { return &NDJSON{limit: limit, room: room} }

// Feed gives the cutter more of the stream. Call it when Next has nothing more; p must not
// change before then.
func (n *NDJSON) Feed(p []byte) { n.chunk = p }

// Next gives the next frame; ok is false when there is none before more is fed.
func (n *NDJSON) Next() (f Frame, ok bool) {
	if n.given {
		n.held, n.given = emptied(n.held), false
	}
	if len(n.chunk) == 0 {
		return Frame{}, false
	}
	size, ended := len(n.chunk), false
	if i := bytes.IndexByte(n.chunk, '\n'); i >= 0 {
		size, ended = i+1, true
	}
	kind := Rest
	if !n.large && n.isTooLarge(size, ended) {
		kind, n.large = TooLarge, true
		if len(n.held) > 0 { // the chunk's part follows
			n.given = true
			return Frame{Kind: kind, Raw: n.held}, true
		}
	}
	piece := n.chunk[:size]
	n.chunk = n.chunk[size:]
	switch {
	case n.large:
		n.large = !ended
		return Frame{Kind: kind, Raw: piece}, true
	case !ended:
		n.held = append(n.held, piece...)
		return Frame{}, false
	case len(n.held) > 0:
		n.held, n.given = append(n.held, piece...), true
		return n.line(n.held), true
	}
	return n.line(piece), true
}

// isTooLarge says whether the line with size bytes more is too large to be given whole.
func (n *NDJSON) isTooLarge(size int, ended bool) bool {
	if size += len(n.held); size > n.limit {
		return true
	}
	return (!ended || len(n.held) > 0) && !n.room.has(size)
}

// End gives what is left when the stream has ended: a last line without a line end.
func (n *NDJSON) End() (f Frame, ok bool) {
	if n.given || len(n.held) == 0 {
		return Frame{}, false
	}
	n.given = true
	return n.line(n.held), true
}

func (n *NDJSON) line(raw []byte) Frame {
	if len(bytes.Trim(raw, " \t\r\n")) == 0 {
		return Frame{Raw: raw}
	}
	data := bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
	n.end = raw[len(data):]
	return Frame{Kind: Message, Raw: raw, Data: data}
}

// Append appends the last message with other data. Data is JSON, so line feeds are white space
// there and become spaces.
func (n *NDJSON) Append(dst, data []byte) []byte {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return append(append(dst, data...), n.end...)
		}
		dst = append(append(dst, data[:i]...), ' ')
		data = data[i+1:]
	}
}
