package transform

// streamParser follows a body of which a part is there at a time. It does at the root what editObject does with a
// whole body, and leaves each value to the run as soon as that is there: a member as a whole, and the elements of a
// list that gets another shape one by one.
//
// run.body is a window on the body. At its front are the bytes that the end needs; behind them what has come
// and was not yet read to an end. Indexes are into the window; base makes them offsets in the body, but for
// what is kept.
type streamParser struct {
	run    *run
	root   *object
	push   push   // follows what has not come whole
	buffer []byte // memory for the window
	phase  phase
	kept   int // bytes at the front that stay
	pos    int // where reading goes on
	start  int // where that begins which has to be whole before it can be mapped; -1: nothing
	base   int // offset of the window
	end    int // offset behind the last member of the root, where new ones go
	seen   uint64
	count  int // members of the root
	other  int // of a body that is no object: its offset
	kind   byte
	field  int // that is being read, of the root
	name   slot
	rows   streamRows
	lists  []blocks
	sealed int      // bytes in them
	spare  [][]byte // blocks to be used again
	redos  []redo
	wanted uint64 // what those were not given
}

// phase is what comes next.
type phase uint8

const (
	phaseRoot     phase = iota // the body's value
	phaseOther                 // the rest of it, where that is no object
	phaseFirst                 // the first member, or the root's end
	phaseGap                   // a member behind a comma
	phaseName                  // the rest of a member's name, and the colon
	phaseValue                 // a member's value
	phaseSkip                  // the rest of a value that nobody names
	phaseKeep                  // the rest of a value that has to be whole
	phaseFirstRow              // the first element, or the list's end
	phaseGapRow                // an element behind a comma
	phaseRow                   // the rest of an element
	phaseComma                 // what follows a member
	phaseCommaRow              // what follows an element
	phaseEnd                   // the end of the body
)

// ready makes it ready for a body.
func (s *streamParser) ready(l *Lens, job Job) {
	if s.run == nil {
		s.run = &run{}
	}
	*s = streamParser{
		run: s.run, root: l.union.root.object, buffer: s.buffer, start: -1,
		push: push{open: s.push.open}, redos: s.redos[:0], lists: s.lists, spare: s.spare,
	}
	s.run.start(l.union, s.buffer, job)
	if cap(s.run.aside) < blockBytes {
		s.run.aside = s.memory()
	}
}

// release gives up what the body took.
func (s *streamParser) release() {
	if s.buffer = s.run.body[:0]; cap(s.buffer) > keepBytes {
		s.buffer = nil
	}
	s.clear()
	s.run.reset()
}

// hold is how many of the last bytes may not go out yet.
func (s *streamParser) hold() int {
	if s.other > 0 {
		return 0
	}
	switch {
	case s.phase == phaseFirst, s.phase == phaseComma, s.phase == phaseEnd:
		return s.base + len(s.run.body) - s.end
	default:
		return 0
	}
}

// held is how many bytes are in memory, and will be.
func (s *streamParser) held() int {
	n := len(s.run.body) + len(s.run.aside) + s.sealed
	if len(s.redos) > 0 {
		n += len(s.run.aside)
	}
	return n
}

// feed reads as far as can be with what has come. It is false after a failure, which run.err tells.
func (s *streamParser) feed(p []byte) bool {
	r := s.run
	if s.phase == phaseSkip && s.pos == len(r.body) {
		// Nobody needs these bytes, so they are not copied.
		i := s.push.run(p, 0)
		if s.push.state == pushFault {
			return s.bad(s.pos+s.push.fault, s.push.deep)
		}
		s.base += i
		if p = p[i:]; s.push.state == pushDone {
			s.member(s.pos)
		}
	}
	if len(p) == 0 {
		return true
	}
	from := s.pos
	if s.start >= 0 {
		from = s.start
	}
	s.shift(from)
	r.body = append(r.body, p...)
	for s.step() {
	}
	return r.err == nil
}

// shift moves the window so that what begins at from is right behind what is kept.
func (s *streamParser) shift(from int) {
	by := from - s.kept
	if by == 0 {
		return
	}
	r := s.run
	r.body = append(r.body[:s.kept], r.body[from:]...)
	s.base += by
	s.pos -= by
	s.start -= by // it means nothing where it becomes negative
	s.rows.at -= by
}

// step reads one piece. It is false where more bytes are needed, at the end, and after a failure.
func (s *streamParser) step() bool {
	r := s.run
	b := r.body
	switch {
	case s.phase == phaseName:
		return s.readName()
	case s.phase == phaseOther, s.phase == phaseSkip:
		return s.readRest()
	case s.phase == phaseKeep:
		if s.pos = s.push.run(b, s.pos); s.push.state < pushDone {
			return false
		}
		return s.whole()
	case s.phase == phaseRow:
		if s.pos = s.push.run(b, s.pos); s.push.state < pushDone {
			return false
		}
		return s.row(s.rows.at, true)
	default:
	}
	if s.pos = skipSpace(b, s.pos); s.pos == len(b) {
		return false
	}
	c := b[s.pos]
	switch {
	case s.phase == phaseRoot:
		s.begin(c)
	case s.phase == phaseValue:
		return s.value(c)
	case s.phase == phaseFirst && c == '}', s.phase == phaseComma && c == '}':
		return s.close()
	case s.phase == phaseFirst, s.phase == phaseGap:
		s.beginName(c)
	case s.phase == phaseComma && c == ',':
		s.phase = phaseGap
		s.pos++
	case s.phase == phaseFirstRow && c == ']', s.phase == phaseCommaRow && c == ']':
		return s.endRows()
	case s.phase == phaseFirstRow, s.phase == phaseGapRow:
		return s.row(s.pos, false)
	case s.phase == phaseCommaRow && c == ',':
		s.phase = phaseGapRow
		s.pos++
	default:
		return s.syntax()
	}
	return true
}

// begin reads the first byte of the body's value.
func (s *streamParser) begin(c byte) {
	if c == '{' {
		s.phase = phaseFirst
		s.pos++
		s.end = s.base + s.pos
		return
	}
	s.phase, s.kind, s.other = phaseOther, c, s.base+s.pos+1
	s.push.begin(s.run.maxDepth)
}

// readRest reads what is only checked.
func (s *streamParser) readRest() bool {
	s.pos = s.push.run(s.run.body, s.pos)
	switch {
	case s.push.state == pushFault:
		return s.bad(s.push.fault, s.push.deep)
	case s.push.state == pushDone:
		if s.phase == phaseSkip {
			s.member(s.pos)
			return true
		}
		return s.noObject()
	default:
		return false
	}
}

// noObject is behind a body's value that is no object. There is nothing to add to it.
func (s *streamParser) noObject() bool {
	s.phase = phaseEnd
	if op := s.run.prog.root.op; op != nil {
		s.run.wants(op, s.other-1-s.base, "an object", s.kind)
		return false
	}
	return true
}

// beginName reads a member's name and colon, or begins to where they have not come whole.
func (s *streamParser) beginName(c byte) {
	b := s.run.body
	s.start = s.pos
	if c == '"' {
		if end := scanString(b, s.pos+1); end >= 0 && end < len(b) && b[end] == ':' {
			s.phase, s.pos = phaseValue, end+1
			return
		}
	}
	s.phase = phaseName
	s.push.beginName()
}

// readName reads the rest of a member's name and colon.
func (s *streamParser) readName() bool {
	s.pos = s.push.run(s.run.body, s.pos)
	switch {
	case s.push.state == pushFault:
		s.inside(s.start, 1)
		s.run.memberName(s.start)
		return false
	case s.push.state == pushDone:
		s.phase = phaseValue
		return true
	default:
		return false
	}
}

// value reads a member's value, which begins with c, or begins to.
func (s *streamParser) value(c byte) bool {
	r, i := s.run, s.pos
	k0, k1, _ := r.memberName(s.start)
	n := s.root.names.find(r.body[k0+1 : k1-1])
	if n < 0 {
		s.start = -1
		if end := scanValue(r.body, i, r.maxDepth-1); end >= 0 && end < len(r.body) {
			s.member(end)
			return true
		}
		s.push.begin(r.maxDepth - 1)
		s.phase = phaseSkip
		return true
	}
	f := &s.root.fields[n]
	if s.seen&(1<<n) != 0 {
		r.within(f.name, r.fail(f.op, k0, ErrDuplicate))
		return false
	}
	s.seen |= 1 << n
	r.seen[s.root.id] = s.seen
	s.field = n
	if c == '[' && f.rows && r.maxDepth > 1 {
		s.beginRows(f)
		return true
	}
	s.shift(s.start)
	s.push.begin(r.maxDepth - 1)
	s.phase = phaseKeep
	s.name = slot{int32(s.start), int32(s.pos), int32(k1 - k0 + s.start)}
	return s.try()
}

// try maps the member that begins at start, if all of it is there already.
func (s *streamParser) try() bool {
	r, before := s.run, s.run.checkpoint()
	r.trial = true
	end := s.mapMember()
	r.trial = false
	if end >= 0 && end < len(r.body) {
		return s.mapped(end)
	}
	r.rewind(before)
	for _, u := range s.root.fields[s.field].uses {
		r.asides[u.aside] = aside{}
	}
	return true
}

// whole maps the member that begins at start, and is there up to its end or to a fault in it.
func (s *streamParser) whole() bool {
	end := s.mapMember()
	if end < 0 {
		s.run.within(s.root.fields[s.field].name, end)
		return false
	}
	return s.mapped(end)
}

// mapMember is what editObject does with a member.
func (s *streamParser) mapMember() int {
	r := s.run
	s.inside(int(s.name.v0), 1)
	r.wanted = 0
	return r.member(slot{s.name.k0, s.name.v0, 0}, int(s.name.v1), s.root, s.field, false, r.maxDepth)
}

// mapped keeps the member: shapes are made of it, or others fall back on it.
func (s *streamParser) mapped(end int) bool {
	if s.run.wanted != 0 {
		s.wanted |= s.run.wanted
		s.redos = append(s.redos, redo{field: s.field, from: int(s.name.v0)})
	}
	s.kept, s.start = end, -1
	s.member(end)
	return true
}

// member is behind a member of the root, which ends at end.
func (s *streamParser) member(end int) {
	s.pos, s.end = end, s.base+end
	s.count++
	s.phase = phaseComma
}

// close is at the root's brace. What goes before it is settled here, and goes out when nothing follows.
func (s *streamParser) close() bool {
	r := s.run
	if r.wanted = s.wanted; r.haveWanted() && !s.redo() {
		return false
	}
	if r.endObject(s.pos, s.end-s.base, s.root, s.seen, s.count) < 0 {
		return false
	}
	s.phase = phaseEnd
	s.pos++
	return true
}
