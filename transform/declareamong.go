package transform

import "slices"

// place gives the session path that an operation is at. What it adds has no name in the
// session, so an Add is at a nameless member of its object.
func place(op Op) (Path, bool) {
	switch op := op.(type) {
	case Rename:
		return op.At, true
	case Project:
		return op.At, true
	case Collect:
		return op.At, true
	case Copy:
		return op.At, true
	case Drop:
		return op.At, true
	case Add:
		return op.In.with(""), true
	case Words:
		return op.At, true
	case Prefixes:
		return op.At, true
	case Text:
		return op.At, true
	case Route:
		return op.At, true
	case URL:
		return op.At, true
	default: // the other operations have no part in this
	}
	return nil, false
}

// textual says whether an operation maps a text in place.
func textual(op Op) bool {
	switch op.(type) {
	case Words, Prefixes, Text, Route, URL:
		return true
	default: // the other operations have no part in this
	}
	return false
}

// taken gives the path of a member that an operation takes away or renames.
func taken(op Op) (Path, bool) {
	switch op.(type) {
	case Rename, Project, Collect, Drop:
		return place(op)
	default: // the other operations have no part in this
	}
	return nil, false
}

// made gives the path of the member that an operation makes.
func made(op Op) (Path, bool) {
	at, _ := place(op)
	if len(at) == 0 {
		return nil, false
	}
	switch op := op.(type) {
	case Rename:
		return at.sibling(op.To), true
	case Project:
		return at.sibling(op.To), true
	case Collect:
		return at.sibling(op.To), true
	case Copy:
		return at.sibling(op.To), true
	case Add:
		return at.sibling(op.Member), true
	default: // the other operations have no part in this
	}
	return nil, false
}

// among checks an operation against the others of its list.
func (c *checker) among(op Op, ops []Op) {
	at, ok := place(op)
	for j, other := range ops {
		if j == c.index {
			continue
		}
		if j < c.index {
			c.twice(op, other)
		}
		if ok && len(at) > 0 {
			c.reachable(op, at, other)
		}
	}
	switch op := op.(type) {
	case Add:
		c.after(op, ops)
	case Copy:
		c.copied(op, ops)
	case Project:
		c.leads(op, at, ops)
	case Collect:
		c.leads(op, at, ops)
		c.first(op, ops)
	case Filter:
		c.filter(op, ops)
	case Wrap:
		for _, other := range ops {
			switch other.(type) {
			case Wrap, Filter:
			default:
				c.fail(op, "the body is a list, so %s can match nothing; use an operation of the shape", other)
			}
		}
	default: // the other operations have no part in this
	}
}

// twice finds two operations that do the same to one member.
func (c *checker) twice(op, earlier Op) {
	at, _ := place(op)
	before, _ := place(earlier)
	same := slices.Equal(at, before)
	_, takes := taken(op)
	_, took := taken(earlier)
	makes, ok := made(op)
	maker, made := made(earlier)
	switch {
	case same && textual(op) && textual(earlier):
		c.fail(op, "its text is mapped already, by %s", earlier)
	case same && takes && took && (op.Name() != earlier.Name() || shapeOf(op) == nil):
		c.fail(op, "%s is taken already, by %s", at, earlier)
	case ok && made && slices.Equal(makes, maker):
		c.fail(op, "%s is written already, by %s", makes[len(makes)-1], earlier)
	}
	if f, ok := op.(Filter); ok {
		if before, ok := earlier.(Filter); ok && slices.Equal(f.List, before.List) {
			c.fail(op, "that list is filtered already; put all conditions into one filter")
		}
	}
	if _, wraps := op.(Wrap); wraps {
		if _, wrapped := earlier.(Wrap); wrapped {
			c.fail(op, "the body is wrapped already, by %s", earlier)
		}
	}
}

// leads checks, where a member is given two shapes, that the first, which leads back, has all
// that the other is made of.
func (c *checker) leads(op Op, at Path, ops []Op) {
	i := slices.IndexFunc(ops, func(other Op) bool {
		p, _ := place(other)
		return other.Name() == op.Name() && slices.Equal(p, at)
	})
	s, lead := shapeOf(op), shapeOf(ops[i])
	if i == c.index || s == nil || lead == nil || lead.keeps() {
		return
	}
	missing := s.keeps()
	for _, name := range reads(s.Members) {
		missing = missing || !read(lead.Members, name)
	}
	if missing {
		c.fail(op, "%s leads back, and shape %s has not all that shape %s is made of; put the fuller one first", ops[i], lead.Name, s.Name)
	}
}

// reachable finds an operation that can match nothing, because its path is below a member
// that another one takes away, or one that would find what another one made.
func (c *checker) reachable(op Op, at Path, other Op) {
	if above, ok := taken(other); ok {
		_, renames := other.(Rename)
		switch {
		case len(at) > len(above) && at.under(above):
			c.fail(op, "can match nothing: it is below %s, and %s takes that away; use an operation of the shape there", above, other)
		case textual(op) && !renames && slices.Equal(at, above):
			c.fail(op, "can match nothing: %s takes %s away", other, above)
		}
	}
	// A new name that is an old one as well: the two would be taken for each other.
	if to, ok := made(other); ok && at.under(to) {
		if len(at) == len(to) {
			c.fail(op, "%s is also the new name that %s gives", at, other)
		} else {
			c.fail(op, "it is below %s, which is also the new name that %s gives", to, other)
		}
	}
}

// after checks what an added member stands behind.
func (c *checker) after(op Add, ops []Op) {
	if op.After == "" {
		return
	}
	behind := op.In.with(op.After)
	for _, other := range ops {
		at, takes := taken(other)
		_, renames := other.(Rename)
		to, makes := made(other)
		switch {
		case takes && !renames && slices.Equal(at, behind):
			c.fail(op, "after: %s takes %s away, so nothing can stand behind it", other, op.After)
		case makes && other.String() != op.String() && slices.Equal(to, behind):
			c.fail(op, "after: %s is the new name that %s gives; want a name of the session", op.After, other)
		}
	}
}

// copied finds operations that change the member that is copied: the copy is made of what the session says.
func (c *checker) copied(op Copy, ops []Op) {
	for _, other := range ops {
		at, ok := place(other)
		if !ok || len(op.At) == 0 || !at.under(op.At) {
			continue
		}
		if len(at) > len(op.At) || textual(other) {
			c.fail(op, "%s changes %s, and the copy would still have the session's", other, op.At)
		}
	}
}

// first checks the object that goes first in a list.
func (c *checker) first(op Collect, ops []Op) {
	if op.First == "" || len(op.At) == 0 || op.Shape == nil {
		return
	}
	if op.Shape.Edit != nil {
		c.fail(op, "first: shape %s edits objects where they are; only a closed shape has keys", op.Shape.Name)
	} else if i := slices.IndexFunc(op.Shape.Members, func(m Member) bool { return m.From == op.Key }); op.Key != "" && i < 0 {
		c.fail(op, "key: no member of shape %s is made of %s", op.Shape.Name, op.Key)
	} else if op.Key != "" && !op.Shape.Members[i].Required {
		c.fail(op, "key: %s.%s has to be required: elements without it cannot be told apart", op.Shape.Name, op.Shape.Members[i].Name)
	}
	first := op.At.sibling(op.First)
	for _, other := range ops {
		if p, ok := other.(Project); ok && slices.Equal(p.At, first) && p.Shape == op.Shape {
			return
		}
	}
	c.fail(op, "first: no project of %s in the same shape", first)
}

// filter checks that there is a list to filter and something to filter it by.
func (c *checker) filter(op Filter, ops []Op) {
	for _, other := range ops {
		switch other := other.(type) {
		case Collect:
			if to, ok := made(other); ok && slices.Equal(op.List, to) {
				c.conditions(op, other.Shape)
				c.count(op, ops)
				return
			}
		case Wrap:
			if len(op.List) == 1 && op.List[0] == other.List {
				c.conditions(op, other.Shape)
				if op.Count != "" {
					c.fail(op, "count: a wrapped list has its length in total")
				}
				return
			}
		default: // the other operations have no part in this
		}
	}
	c.fail(op, "can match nothing: no collect or wrap makes the list %s", op.List)
}

// conditions checks that elements of a shape can have the members that a filter compares.
func (c *checker) conditions(op Filter, s *Shape) {
	if s == nil {
		return
	}
	for _, by := range op.By {
		if s.Edit == nil {
			named := slices.ContainsFunc(s.Members, func(m Member) bool { return m.Name == by.Member })
			if !named && s.Unmapped != UnmappedKeep {
				c.fail(op, "by: shape %s has no %s", s.Name, by.Member)
			}
		}
		for _, edit := range s.Edit {
			if at, ok := taken(edit); ok && slices.Equal(at, Path{by.Member}) {
				c.fail(op, "by: shape %s has no %s: %s takes it away", s.Name, by.Member, edit)
			}
		}
	}
}

// count checks the member that tells a filtered list's length.
func (c *checker) count(op Filter, ops []Op) {
	if op.Count == "" {
		return
	}
	path := op.List.sibling(op.Count)
	for _, other := range ops {
		at, _ := place(other)
		to, makes := made(other)
		_, renames := other.(Rename)
		switch {
		case renames && slices.Equal(at, path):
			c.fail(op, "count: %s is a name of the session; want what %s gives", op.Count, other)
		case len(at) > 0 && at.under(path):
			c.fail(op, "count: %s changes %s already", other, op.Count)
		case makes && !renames && slices.Equal(to, path):
			c.fail(op, "count: %s makes %s, which so tells no length of the session's", other, op.Count)
		}
	}
}
