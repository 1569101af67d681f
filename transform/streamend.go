package transform

// finish is called behind the last byte. It is false if that is no end, which run.err tells.
func (s *streamParser) finish() bool {
	r := s.run
	at := len(r.body)
	switch {
	case s.phase == phaseEnd:
		return true
	case s.phase == phaseRoot:
		r.fail(nil, at, ErrEmpty)
	case s.phase == phaseOther:
		if s.push.ended() {
			return s.noObject()
		}
		s.syntaxAt(s.push.broken(at))
	case s.phase == phaseSkip:
		s.syntaxAt(s.push.broken(at))
	case s.phase == phaseName:
		r.memberName(s.start)
	case s.phase == phaseValue:
		s.noValue()
	case s.phase == phaseKeep:
		if s.whole() { // it may have been, up to the very end
			s.syntax()
		}
	case s.phase == phaseRow:
		s.row(s.rows.at, true)
	default:
		s.syntax()
	}
	return false
}

// noValue is a member without a value.
func (s *streamParser) noValue() {
	r := s.run
	k0, k1, _ := r.memberName(s.start)
	n := s.root.names.find(r.body[k0+1 : k1-1])
	switch {
	case n < 0:
		r.syntax(len(r.body))
	case s.seen&(1<<n) != 0:
		r.within(s.root.fields[n].name, r.fail(s.root.fields[n].op, k0, ErrDuplicate))
	default:
		r.within(s.root.fields[n].name, r.syntax(len(r.body)))
	}
}

// inside tells the run that what begins at from has so many open brackets around it.
func (s *streamParser) inside(from, open int) { s.run.from, s.run.around = from, open }

// fail refuses the body for a reason from outside.
func (s *streamParser) fail(err error) { s.run.fail(nil, len(s.run.body), err) }

// bad refuses the byte at i.
func (s *streamParser) bad(i int, deep bool) bool {
	err := ErrSyntax
	if deep {
		err = ErrDepth
	}
	s.run.fail(nil, i, err)
	return false
}

// syntax refuses the byte at pos, or that there is none.
func (s *streamParser) syntax() bool {
	switch {
	case s.phase == phaseFirstRow, s.phase == phaseGapRow, s.phase == phaseCommaRow:
		s.inside(s.pos, 2)
		s.run.within(s.root.fields[s.field].name, s.run.syntax(s.pos))
	case s.phase == phaseEnd:
		s.inside(s.pos, 0)
		s.run.syntax(s.pos)
	default:
		s.inside(s.pos, 1)
		s.run.syntax(s.pos)
	}
	return false
}

// syntaxAt refuses a body that ends in a value that began before: at i its last token does.
func (s *streamParser) syntaxAt(i int) {
	if i < len(s.run.body) {
		s.bad(i, false)
		return
	}
	s.run.syntax(i)
}
