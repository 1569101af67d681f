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
		c.open = b.objectOf(n, nil, false).object
		return c
	}
	c.lift = s.Unmapped == UnmappedUnder && b.dir == ToSession
	read := b.newObject(false)
	read.object.spare = s.Unmapped != UnmappedDrop
	c.read = read.object
	m := &members{b: b, shape: s, read: read}
	if b.dir == ToFlow {
		c.steps = m.toFlow(s.Members, true)
		for _, lost := range s.Lost {
			if s.loses() {
				read.field(lost.Name) // read, so that it is not taken for unmapped, and not written
			}
		}
	} else {
		c.steps = m.toSession(s.Members, read)
	}
	return c
}

// members compiles the members of a closed shape.
type members struct {
	b     *builder
	shape *Shape
	read  *building // the object that they are read from
}

// toFlow compiles members of the flow. top: they are a shape's own, not those of a nest or of a Wrap.
func (c *members) toFlow(list []Member, top bool) []step {
	out := make([]step, 0, len(list))
	for i := range list {
		m := &list[i]
		st := step{member: m, lit: lit(m.Name), text: m.table(ToFlow), else_: c.b.sources(m.Else), must: m.Required}
		if m.From != "" {
			st.object, st.field = c.read.object, c.read.field(m.From)
		}
		if m.Nest != nil {
			st.nest = c.toFlow(m.Nest, false)
		}
		if top {
			st.under = c.under(m)
			c.own(&st, m.Name, read(c.shape.Members, m.Name))
		}
		if len(st.else_) > 0 && st.owner == nil {
			if c := st.else_[0].lit; c != "" {
				st.constant = st.lit + c
			}
		}
		st.plain = m.From == m.Name && st.text == nil && st.under == nil
		out = append(out, st)
	}
	return out
}

// toSession compiles members for the way back: what toFlow reads is written, and the
// reverse. from is the object that they are read from: the flow, or one below it.
func (c *members) toSession(list []Member, from *building) []step {
	var out []step
	for i := range list {
		m := &list[i]
		n := from.field(m.Name) // read even if it does not come back, so that it is not unmapped
		if m.Nest != nil {
			inner := c.b.newObject(false)
			inner.object.nest = c.shape
			from.object.fields[n].node = &node{object: inner.object}
			out = append(out, c.toSession(m.Nest, inner)...)
			from.object.nested = append(append(from.object.nested, inner.object.id), inner.object.nested...)
			continue
		}
		if m.From == "" {
			continue
		}
		st := step{member: m, lit: lit(m.From), object: from.object, field: n, text: m.table(ToSession), must: m.Required}
		if len(m.Else) == 1 { // a default: it was most likely not there
			st.omit = m.Else[0].Value
		}
		if from == c.read {
			st.under, st.lift = c.under(m), true
		}
		c.own(&st, m.From, slices.ContainsFunc(c.shape.Members, func(other Member) bool { return other.Name == m.From }))
		st.plain = m.From == m.Name && st.owner == nil && st.text == nil && st.under == nil
		out = append(out, st)
	}
	return out
}

// own watches for a member of the name that a step writes, unless another step reads it. Only a
// shape that keeps members would have it twice then; the others drop, refuse or move it.
func (c *members) own(st *step, name string, taken bool) {
	if c.shape.Unmapped == UnmappedKeep && !taken {
		st.owner, st.own = c.read.object, c.read.field(name)
	}
}

// reads lists the session's members that members of the flow are made of.
func reads(list []Member) (names []string) {
	for _, m := range list {
		if m.From != "" {
			names = append(names, m.From)
		}
		names = append(names, reads(m.Nest)...)
	}
	return names
}

// read says whether one of the members is made of the session's member of that name.
func read(list []Member, name string) bool { return slices.Contains(reads(list), name) }

// under gives the shape if its unmapped members go below m.
func (c *members) under(m *Member) *Shape {
	if c.shape.Unmapped == UnmappedUnder && m.Name == c.shape.Under[0] {
		return c.shape
	}
	return nil
}

func (m *Member) table(dir Direction) *textMap {
	switch {
	case m.Words != nil:
		return wordMap(m.Words, dir)
	case m.Prefixes != nil:
		return prefixMap(m.Prefixes, dir)
	case m.URL:
		return urlMap()
	}
	return nil
}

// firsts ties each Collect to the Project of the object that goes first in it.
func (b *builder) firsts(root *node, ops []Op, union bool) {
	for i, op := range ops {
		c, ok := op.(Collect)
		if !ok || c.First == "" {
			continue
		}
		o, n := b.at(root, c.At, nil, union)
		first := o.field(c.First)
		list := useOf(&o.object.fields[n], i)
		for _, u := range o.object.fields[first].uses {
			if u.shape == list.shape && !u.list {
				list.first = u
			}
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
			if !ok || !slices.Equal(f.List, c.At.sibling(c.To)) {
				continue
			}
			o, n := b.at(root, c.At, nil, union)
			u := useOf(&o.object.fields[n], i)
			u.filter = &f
			if f.Count == "" || union {
				continue
			}
			u.counts = append(u.counts, o.field(f.Count))
			for k := range o.object.fields { // or what becomes it
				if to := o.object.fields[k].target; to == u.counts[0] {
					u.counts = append(u.counts, k)
				}
			}
		}
	}
}
