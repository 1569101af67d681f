package transform

import (
	"errors"
	"io"
)

// Stream is a body on its way through a lens in the Union form: an io.Reader that gives the body's bytes as they
// come and puts the members that the union adds before the last brace, when the whole body is known to be one that
// the lens can map. If it is not, what has been read is the body and nothing else. What comes out is what Map
// would have made of the body in one piece, or the body where Map would have refused it.
//
// Held back are the last bytes of the body as long as they could be its end: white space and a brace. Held for the
// end is what the new members are made of: shapes as they will be written, members that others fall back on, and the
// one member or element that has not come whole.
//
// A Stream is for one body and one goroutine.
type Stream struct {
	lens *Lens
	job  Job
	src  io.Reader
	room func(bytes int) error

	parser           streamParser
	maps             bool   // it parses, or what it adds has not all been given out
	back             []byte // read, and not given out: what could be the end
	queue            []byte // to be given out before anything else is read
	granted          int    // bytes that room has been asked for
	ended            bool   // the body is
	edit, block, off int    // of the edits: how far they have been given out
	err              error  // what Read says when there is nothing left to give
	refused          error  // why nothing is added
	result           Result
}

// Streams says whether bodies can go through Stream: whether all that the union adds stands at the end of the
// body's root. A copy that goes behind its member, or a member of an inner object, would have to be written before
// it is known that the body is one that the lens can map.
func (l *Lens) Streams() bool { return l.streams }

// Stream maps the body that src gives, of a lens that Streams. Of the job, direction and form are
// ToFlow and Union whatever it says.
//
// room may be nil. It is asked, with all that is held by then, whenever more bytes have to be held than it
// was asked for before; its error refuses the body. Release has to be called in the end.
func (l *Lens) Stream(src io.Reader, job Job, room func(bytes int) error) *Stream {
	job.Direction, job.Form = ToFlow, Union
	if job.MaxDepth == 0 {
		job.MaxDepth = DefaultMaxDepth
	}
	s, ok := l.pool.Get().(*Stream)
	if !ok {
		s = &Stream{}
	}
	*s = Stream{lens: l, job: job, src: src, room: room, parser: s.parser, back: s.back[:0], queue: s.queue[:0]}
	s.parser.ready(l, job)
	s.maps = true
	return s
}

// Result tells, when Read has said io.EOF, what Map would have told: its Result without a Body, or the error
// for which nothing was added. An error of room is wrapped in an *Error. Before, and where src failed, all is zero.
func (s *Stream) Result() (Result, error) { return s.result, s.refused }

// Release gives the Stream's memory back. It must not be used any more.
func (s *Stream) Release() {
	s.stop()
	if cap(s.back)+cap(s.queue) > keepBytes {
		s.back, s.queue = nil, nil
	}
	pool := s.lens.pool
	s.lens, s.src, s.room, s.job = nil, nil, nil, Job{}
	pool.Put(s)
}

// stop gives up what mapping takes: nothing will be added, or all of it has been.
func (s *Stream) stop() {
	if s.maps {
		s.maps = false
		s.parser.release()
	}
}

// Read gives what of the body may go out, as soon as it has come.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if n := s.give(p); n > 0 {
			return n, nil
		}
		if s.err != nil {
			return 0, s.err
		}
		n, err := s.src.Read(p)
		n = s.take(p[:n])
		switch {
		case errors.Is(err, io.EOF):
			s.end()
		case err != nil:
			s.queue, s.back, s.err = append(s.queue, s.back...), s.back[:0], err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// give gives out what waits.
func (s *Stream) give(p []byte) int {
	if len(s.queue) > 0 {
		n := copy(p, s.queue)
		s.queue = s.queue[n:]
		return n
	}
	if !s.ended {
		return 0
	}
	n := s.added(p)
	if n < len(p) && len(s.back) > 0 {
		at := copy(p[n:], s.back)
		s.back = s.back[at:]
		n += at
	}
	return n
}

// take parses what has come, and says how many bytes of it go out now. What goes out, but behind bytes that
// were held back, is queued.
func (s *Stream) take(p []byte) int {
	hold := 0
	if s.maps {
		if !s.parser.feed(p) {
			s.refuse()
		} else if err := s.held(s.parser.held()); err != nil {
			s.parser.fail(err)
			s.refuse()
		}
		if s.maps {
			hold = s.parser.hold()
		}
	}
	if len(s.back) == 0 {
		goes := len(p) - hold
		s.back = append(s.back[:0], p[goes:]...)
		return goes
	}
	s.back = append(s.back, p...)
	goes := len(s.back) - hold
	if goes == 0 {
		return 0
	}
	s.queue = append(s.queue[:0], s.back[:goes]...)
	s.back = append(s.back[:0], s.back[goes:]...)
	return 0
}

// held asks for room where more is held than before.
func (s *Stream) held(bytes int) error {
	if bytes += len(s.back); s.room == nil || bytes <= s.granted {
		return nil
	}
	s.granted = bytes
	return s.room(bytes)
}

// refuse lets the rest go by.
func (s *Stream) refuse() {
	err := s.parser.run.err
	err.Offset += s.parser.base
	s.refused = s.lens.named(s.job, err)
	s.stop()
}

// end is the end of the body.
func (s *Stream) end() {
	s.err, s.ended = io.EOF, true
	if !s.maps {
		return
	}
	if !s.parser.finish() {
		s.refuse()
		return
	}
	r := s.parser.run
	s.result = r.result
	if s.result.Changed = len(r.edits) > 0; !s.result.Changed {
		s.result.Native = r.native()
		s.stop()
	}
}

// added gives out what the edits put in, all at one place.
func (s *Stream) added(p []byte) (n int) {
	if !s.maps {
		return 0
	}
	r := s.parser.run
	for n < len(p) && s.edit < len(r.edits) {
		e := &r.edits[s.edit]
		full := s.parser.before(e)
		var m, size int
		switch {
		case s.block < len(full):
			part := full[s.block].memory[full[s.block].from:]
			m, size = copy(p[n:], part[s.off:]), len(part)
		case e.kind == editBody:
			m, size = copy(p[n:], r.body[int(e.from)+s.off:e.to]), int(e.to-e.from)
		case e.kind == editAside:
			m, size = copy(p[n:], r.aside[int(e.from)+s.off:e.to]), int(e.to-e.from)
		default: // a union takes nothing away
			m, size = copy(p[n:], e.lit[s.off:]), len(e.lit)
		}
		n += m
		if s.off += m; s.off < size {
			break
		}
		s.off = 0
		if s.block++; s.block > len(full) {
			s.edit, s.block = s.edit+1, 0
		}
	}
	if s.edit == len(r.edits) {
		s.stop()
	}
	return n
}
