package transform

import "slices"

// shape checks a shape where op uses it; each shape is checked once.
func (c *checker) shape(op Op, s *Shape) {
	switch {
	case s == nil:
		c.fail(op, "shape is missing")
		return
	case c.inside[s]:
		c.fail(op, "shape %s uses itself", s.Name)
		return
	case c.done[s]:
		return
	}
	c.inside[s] = true
	defer func() { c.inside[s], c.done[s] = false, true }()
	if s.Edit != nil {
		if s.Members != nil || s.Unmapped != UnmappedRefuse || s.Loss != "" || s.Lost != nil {
			c.fail(op, "shape %s: edit leaves everything in place; members, unmapped, lost and loss belong to closed shapes", s.Name)
		}
		inner := &checker{inside: c.inside, done: c.done}
		inner.list(s.Edit)
		for _, err := range inner.errs {
			c.fail(op, "shape %s: %w", s.Name, err)
		}
		for _, e := range s.Edit {
			if _, wraps := e.(Wrap); wraps {
				c.fail(op, "shape %s: %s: only a whole body can be wrapped", s.Name, e)
			}
			if at, _ := place(e); len(at) > 0 && at[0] == Each {
				c.fail(op, "shape %s: %s: a shape is made of an object, not of a list", s.Name, e)
			}
		}
		return
	}
	if len(s.Members) == 0 {
		c.fail(op, "shape %s is empty: want members or edit", s.Name)
	}
	written, read := map[string]bool{}, map[string]bool{}
	c.members(op, s, s.Members, written, read)
	for _, lost := range s.Lost {
		switch {
		case read[lost.Name]:
			c.fail(op, "shape %s: %s is lost and also mapped, or lost twice", s.Name, lost.Name)
		case lost.Loss == "":
			c.fail(op, "shape %s: %s is lost without a reason", s.Name, lost.Name)
		}
		read[lost.Name] = true
	}
	switch {
	case s.Unmapped == UnmappedDrop && s.Loss == "":
		c.fail(op, "shape %s: an undeclared loss: unmapped members are dropped; say so with loss: WHY", s.Name)
	case s.Unmapped != UnmappedDrop && s.Loss != "":
		c.fail(op, "shape %s: a loss is declared (%q) but nothing is dropped", s.Name, s.Loss)
	case s.Unmapped == UnmappedUnder && (len(s.Under) != 2 || s.Under[1] == "" || !slices.ContainsFunc(s.Members, func(m Member) bool {
		return m.Name == s.Under[0] && m.From == m.Name && m.table(ToFlow) == nil && len(m.Else) == 0
	})):
		c.fail(op, "shape %s: unmapped: under %s: want MEMBER.NAME, where MEMBER is a plain member of the shape", s.Name, s.Under)
	}
}

func (c *checker) members(op Op, s *Shape, members []Member, written, read map[string]bool) {
	for i := range members {
		m := &members[i]
		name := s.Name + "." + m.Name
		if m.Name == "" {
			c.fail(op, "shape %s: a member has no name", s.Name)
		}
		if written[m.Name] {
			c.fail(op, "%s is written twice", name)
		}
		written[m.Name] = true
		if m.Nest != nil {
			if m.From != "" || len(m.Else) > 0 || m.table(ToFlow) != nil || m.Required || m.Loss != "" {
				c.fail(op, "%s: nest makes an object; it has no other attribute", name)
			}
			if len(m.Nest) == 0 {
				c.fail(op, "%s: nest is empty", name)
			}
			c.members(op, s, m.Nest, map[string]bool{}, read)
			continue
		}
		if m.From != "" {
			if read[m.From] {
				c.fail(op, "%s: %s is read twice, so it could not come back", name, m.From)
			}
			read[m.From] = true
		}
		if m.From == "" && len(m.Else) == 0 {
			c.fail(op, "%s: there is nothing to make it of: want from, value, default or else", name)
		}
		if m.Words != nil && m.Prefixes != nil || m.URL && (m.Words != nil || m.Prefixes != nil) {
			c.fail(op, "%s: words, prefixes and url exclude each other", name)
		}
		if m.From == "" && m.table(ToFlow) != nil {
			c.fail(op, "%s: there is no text of the session to map", name)
		}
		c.sources(op, name+": ", m.Else)
		c.words(op, m.Words)
		c.prefixes(op, m.Prefixes)
		switch falls := m.From != "" && len(m.Else) > 0; {
		case falls && m.Loss == "":
			c.fail(op, "%s: an undeclared loss: a fallback cannot be told from a value that was there; say so with loss: WHY", name)
		case !falls && m.Loss != "":
			c.fail(op, "%s: a loss is declared (%q) but nothing can be lost here", name, m.Loss)
		}
	}
}
