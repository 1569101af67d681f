package transform

import (
	"slices"
	"strings"
)

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
		if s.Members != nil || s.Unmapped != UnmappedRefuse || s.Loss != "" {
			c.fail(op, "shape %s: edit leaves everything in place; members, unmapped and loss belong to closed shapes", s.Name)
		}
		inner := &checker{writes: map[string]string{}, reads: map[string]string{}, inside: c.inside, done: c.done}
		inner.list(s.Edit)
		for _, err := range inner.errs {
			c.fail(op, "shape %s: %w", s.Name, err)
		}
		for _, e := range s.Edit {
			if _, wraps := e.(Wrap); wraps {
				c.fail(op, "shape %s: %s: only a whole body can be wrapped", s.Name, e)
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
	case s.Unmapped == UnmappedUnder && (len(s.Under) != 2 || !slices.ContainsFunc(s.Members, func(m Member) bool {
		return m.Name == s.Under[0] && m.From == m.Name && m.table(ToFlow) == nil && len(m.Else) == 0
	})):
		c.fail(op, "shape %s: unmapped: under %s: want MEMBER.NAME, where MEMBER is a plain member of the shape", s.Name, s.Under)
	}
}

func (c *checker) members(op Op, s *Shape, members []Member, written, read map[string]bool) {
	for i := range members {
		m := &members[i]
		name := s.Name + "." + m.Name
		if written[m.Name] {
			c.fail(op, "%s is written twice", name)
		}
		written[m.Name] = true
		if m.Nest != nil {
			if m.From != "" || len(m.Else) > 0 || m.table(ToFlow) != nil || m.Required || m.Loss != "" {
				c.fail(op, "%s: nest makes an object; it has no other attribute", name)
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
		if m.Words != nil && m.Prefixes != nil {
			c.fail(op, "%s: words and prefixes exclude each other", name)
		}
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

// words checks a word table: that every flow word comes back to itself, that no entry is
// behind one that matches first, and that its losses are declared.
func (c *checker) words(op Op, t *WordTable) {
	if t == nil {
		if w, ok := op.(Words); ok && w.Table == nil {
			c.fail(op, "table is missing")
		}
		return
	}
	if len(t.Entries) == 0 {
		c.fail(op, "table %s has no entries", t.Name)
	}
	to, back := wordMap(t, ToFlow), wordMap(t, ToSession)
	through := func(m *textMap, word string) string {
		r := run{}
		token := quote(nil, word)
		if mapped, changed := m.apply(&r, nil, token); changed {
			token = mapped
		}
		return string(unescape(nil, token))
	}
	lossy := t.Else != ""
	seen := map[string]bool{}
	for _, e := range t.Entries {
		if seen[e.Session] {
			c.fail(op, "table %s: %s is there twice; the second can match nothing", t.Name, e.Session)
		}
		seen[e.Session] = true
		if slices.Contains(t.Same, e.Session) {
			c.fail(op, "table %s: %s is mapped and also the same on both sides", t.Name, e.Session)
		}
		if strings.HasSuffix(e.Session, "*") || through(back, through(to, e.Session)) != e.Session {
			lossy = true
		}
	}
	for _, w := range slices.Concat(t.Same, flowWords(t.Entries), flowWords(t.Back), elseWord(t)) {
		if again := through(to, through(back, w)); again != w {
			c.fail(op, "table %s: the flow word %s goes back to %s and comes again as %s; mend back, or list it under same", t.Name, w, through(back, w), again)
			break
		}
		if through(back, through(to, w)) != w {
			lossy = true
		}
	}
	c.tableLoss(op, t.Name, lossy, t.Loss)
}

func flowWords(list []WordEntry) (words []string) {
	for _, e := range list {
		words = append(words, e.Flow)
	}
	return words
}

func elseWord(t *WordTable) []string {
	if t.Else == "" {
		return nil
	}
	return []string{t.Else}
}

// prefixes checks a prefix table. A text that begins like a result without having been
// mapped is always possible, so such a table always loses.
func (c *checker) prefixes(op Op, t *PrefixTable) {
	if t == nil {
		if p, ok := op.(Prefixes); ok && p.Table == nil {
			c.fail(op, "table is missing")
		}
		return
	}
	if len(t.Entries) == 0 {
		c.fail(op, "table %s has no entries", t.Name)
	}
	for i, e := range t.Entries {
		for _, earlier := range t.Entries[:i] {
			if earlier.Session == e.Session && (earlier.Whole == e.Whole || !earlier.Whole) || !earlier.Whole && strings.HasPrefix(e.Session, earlier.Session) {
				c.fail(op, "table %s: %q can match nothing: %q before it matches first", t.Name, e.Session, earlier.Session)
			}
		}
	}
	c.tableLoss(op, t.Name, true, t.Loss)
}

func (c *checker) tableLoss(op Op, name string, lossy bool, why string) {
	switch {
	case lossy && why == "":
		c.fail(op, "table %s: an undeclared loss: not every text comes back as it was; say so with loss: WHY", name)
	case !lossy && why != "":
		c.fail(op, "table %s: a loss is declared (%q) but every word comes back as it was", name, why)
	}
}
