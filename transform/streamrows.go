package transform

// streamRows is a list of which each element is mapped when it is there.
type streamRows struct {
	use   *shapeUse
	index int // of the element
	at    int // where it begins
	again int // index in redos, where elements are kept to be mapped once more; -1: they are not
}

// redo is what has fallen back on a member of the root that was not there yet. If that comes, it is mapped
// once more, with that member known.
type redo struct {
	field int // of the root
	from  int // of what is kept: the value; of a list the first such element, and what is behind it
	list  bool
	index int // of a list: of that element
	rows  int // of a list: how many were written before
	aside int // of a list: where in run.aside those end
}

// beginRows begins a list at pos.
func (s *streamParser) beginRows(f *field) {
	r, u := s.run, f.uses[0]
	if f.source {
		r.sources++
	}
	if f.native {
		r.natives++
	}
	r.asides[u.aside] = aside{from: len(r.aside), keysFrom: len(r.keys), keysTo: len(r.keys), isList: true}
	s.rows = streamRows{use: u, again: -1}
	s.start = -1
	s.phase = phaseFirstRow
	s.pos++
}

// row maps the element at i. whole: it is there up to its end or to a fault in it; else that shows.
func (s *streamParser) row(i int, whole bool) bool {
	r, u := s.run, s.rows.use
	out := &r.asides[u.aside]
	s.seal(out)
	before, was := r.checkpoint(), *out
	r.wanted = 0
	s.inside(i, 2)
	r.trial = !whole
	end := r.row(i, u, s.rows.index, r.maxDepth-2)
	r.trial = false
	if end < 0 && whole {
		r.within(s.root.fields[s.field].name, end)
		return false
	}
	if end < 0 || r.wanted != 0 && s.rows.again < 0 {
		r.rewind(before)
		*out = was
		if s.rows.again < 0 {
			s.start = i
		}
		if end < 0 {
			s.rows.at, s.phase = i, phaseRow
			s.push.begin(r.maxDepth - 2)
			return true
		}
		// From here on what the list has stays.
		s.shift(i)
		s.rows.again = len(s.redos)
		s.redos = append(s.redos, redo{
			field: s.field, from: s.start, list: true, index: s.rows.index, rows: was.rows, aside: before.aside,
		})
		return s.row(s.start, whole)
	}
	s.wanted |= r.wanted
	s.rows.index++
	if s.rows.again < 0 {
		s.start = -1
		if len(r.keys) > before.keys {
			s.keepKey()
		}
	}
	if s.pos, s.phase = end, phaseCommaRow; end < len(r.body) && r.body[end] == ',' {
		s.pos, s.phase = end+1, phaseGapRow // one step less
	}
	return true
}

// keepKey keeps the key that tells the last element apart. What stands where it goes has been read.
func (s *streamParser) keepKey() {
	r := s.run
	key := &r.keys[len(r.keys)-1]
	n := copy(r.body[s.kept:], r.body[key.v0:key.v1])
	*key = slot{v0: int32(s.kept), v1: int32(s.kept + n)}
	s.kept += n
}

// endRows ends the list at its bracket.
func (s *streamParser) endRows() bool {
	r := s.run
	out := &r.asides[s.rows.use.aside]
	s.unseal(out)
	out.to = len(r.aside)
	r.slots[s.root.base+s.field] = slot{}
	end := s.pos + 1
	if s.rows.again >= 0 {
		s.kept, s.start = end, -1
	}
	s.member(end)
	return true
}

// redo maps what fell back on members that came later, now that all are known. It is false after a failure.
func (s *streamParser) redo() bool {
	r := s.run
	counted := r.result
	r.settled = true
	for i := range s.redos {
		d := &s.redos[i]
		uses := s.root.fields[d.field].uses
		if d.list {
			if !s.redoRows(d, uses[0]) {
				return false
			}
			continue
		}
		for _, u := range uses {
			r.asides[u.aside] = aside{}
			if r.use(d.from, u, r.maxDepth-1) < 0 {
				return false
			}
		}
	}
	r.result = counted
	return true
}

func (s *streamParser) redoRows(d *redo, u *shapeUse) bool {
	r := s.run
	out := &r.asides[u.aside]
	listed, from := out.listed, len(r.aside)
	r.aside = append(r.aside, r.aside[out.from:d.aside]...)
	out.from, out.rows = from, d.rows
	out.listed = true // so that keys are not noted twice
	for i, index := d.from, d.index; ; index++ {
		if i = r.row(i, u, index, r.maxDepth-2); i < 0 {
			return false
		}
		if i = skipSpace(r.body, i); r.body[i] == ']' {
			break
		}
		i = skipSpace(r.body, i+1)
	}
	out.to, out.listed = len(r.aside), listed
	return true
}
