package transform

import "slices"

// shape compiles a shape for the builder's direction; the same shape is compiled once.
func (b *builder) shape(s *Shape) *shape {
	if c := b.shapes[s]; c != nil {
		return c
	}
	c := &shape{decl: s}
	b.shapes[s] = c
	if s.Edit != nil {
		n := &node{}
		// A shape is written aside: what it edits is a copy, so that even in dual names are replaced in it.
		b.ops(n, s.Edit, false)
		if n.object == nil {
			n.object = b.newObject(false).object
		}
		c.open = n.object
		return c
	}
	c.lift = s.Unmapped == UnmappedUnder && b.dir == ToSession
	read := b.newObject(false)
	read.object.spare = true
	c.read = read.object
	if b.dir == ToFlow {
		c.steps = b.steps(s.Members, read, s)
		for _, lost := range s.Lost {
			if s.loses() {
				read.field(lost.Name) // read, so that it is not taken for unmapped, and not written
			}
		}
	} else {
		c.steps = b.stepsBack(s.Members, read, s)
	}
	return c
}

// steps compiles members for ToFlow. read is the object that they are read from; nil: none.
func (b *builder) steps(members []Member, read *building, s *Shape) []step {
	out := make([]step, 0, len(members))
	for i := range members {
		m := &members[i]
		st := step{member: m, lit: lit(m.Name), text: m.table(b.dir), else_: b.sources(m.Else), must: m.Required}
		if m.From != "" && read != nil {
			st.object, st.field = read.object, read.field(m.From)
		}
		if m.Nest != nil {
			st.nest = b.steps(m.Nest, read, s)
		}
		if s != nil && s.Unmapped == UnmappedUnder && m.Name == s.Under[0] {
			st.under, st.keep = true, s.Under[1]
		}
		if len(st.else_) > 0 && st.nest == nil && !st.under {
			if c := st.else_[0].lit; c != "" {
				st.constant = st.lit + c
			}
		}
		st.plain = m.From == m.Name && st.text == nil && !st.under
		out = append(out, st)
	}
	return out
}

// stepsBack compiles members for ToSession: what steps reads is written, and the reverse.
func (b *builder) stepsBack(members []Member, read *building, s *Shape) []step {
	var out []step
	for i := range members {
		m := &members[i]
		n := read.field(m.Name) // read even if it does not come back, so that it is not unmapped
		if m.Nest != nil {
			inner := b.newObject(false)
			read.object.fields[n].node = &node{object: inner.object}
			out = append(out, b.stepsBack(m.Nest, inner, s)...)
			continue
		}
		if m.From == "" {
			continue
		}
		st := step{member: m, lit: lit(m.From), object: read.object, field: n, text: m.table(b.dir), must: m.Required}
		for _, e := range m.Else {
			if e.Value != "" { // a default: it was most likely not there
				st.omit = e.Value
			}
		}
		if s.Unmapped == UnmappedUnder && m.Name == s.Under[0] {
			st.under, st.lift, st.keep = true, true, s.Under[1]
		}
		st.plain = m.From == m.Name && st.text == nil && !st.under
		out = append(out, st)
	}
	return out
}

func (m *Member) table(dir Direction) *textMap {
	switch {
	case m.Words != nil:
		return wordMap(m.Words, dir)
	case m.Prefixes != nil:
		return prefixMap(m.Prefixes, dir)
	}
	return nil
}

// firsts ties each Collect to the Project of the object that goes first in it.
func (b *builder) firsts(root *node, ops []Op, union bool) {
	if b.dir == ToSession {
		return
	}
	for i, op := range ops {
		c, ok := op.(Collect)
		if !ok || c.First == "" {
			continue
		}
		o, n := b.at(root, c.At, nil, union)
		first := o.field(c.First)
		list := useOf(&o.object.fields[n], i)
		list.first = nil
		for _, u := range o.object.fields[first].uses {
			if u.shape == list.shape && !u.list {
				list.first = u
			}
		}
		if list.first == nil || list.shape.read == nil {
			b.fail("%s: first: %s is not a sibling that is projected by the same closed shape", op, c.First)
			return
		}
		key := b.of(list.shape.read).field(c.Key)
		list.key, list.first.key = key, key
		for i := range o.object.last {
			if o.object.last[i].use == list {
				o.object.last[i].first = first
			}
		}
	}
}

func useOf(f *field, index int) *shapeUse {
	for _, u := range f.uses {
		if u.index == index {
			return u
		}
	}
	return nil
}

// filters ties each Filter to the list that it filters.
func (b *builder) filters(root *node, ops []Op, union bool) {
	if b.dir == ToSession {
		return
	}
	for _, op := range ops {
		f, ok := op.(Filter)
		if !ok {
			continue
		}
		if root.wrap != nil {
			root.wrap.use.filter = &f
			continue
		}
		for i, other := range ops {
			c, ok := other.(Collect)
			if !ok || !slices.Equal(f.List, append(slices.Clone(c.At[:len(c.At)-1]), c.To)) {
				continue
			}
			o, n := b.at(root, c.At, nil, union)
			u := useOf(&o.object.fields[n], i)
			u.filter = &f
			if f.Count != "" && !union {
				k := o.field(f.Count)
				o.object.fields[k].counts = u
			}
		}
	}
}
