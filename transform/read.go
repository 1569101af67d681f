package transform

import "fmt"

// readObject finds the members of the object at i that a closed shape is made of.
func (r *run) readObject(i int, op Op, o *object, depth int) int {
	b := r.body
	if depth == 0 {
		return r.syntax(i)
	}
	r.seen[o.id] = 0
	for _, id := range o.nested {
		r.seen[id] = 0
	}
	if i++; o.layout < 0 {
		return r.readOn(i, op, o, course{}, 0, depth)
	}
	l := &r.layouts[o.layout]
	l.fits = false
	i, next, seen := r.readKnown(i, o, l.known, 0, 0, depth)
	if next > 0 && next == len(l.known) && i < len(b) && b[i] == '}' {
		r.seen[o.id] = seen
		l.read(true)
		return i + 1
	}
	return r.readOn(i, op, o, course{layout: l, known: l.known, members: next, next: next}, seen, depth)
}

// readOn reads on in an object, behind its brace or a value.
func (r *run) readOn(i int, op Op, o *object, c course, seen uint64, depth int) int {
	b := r.body
	for {
		from := i
		if i = skipSpace(b, i); i < len(b) && b[i] == '}' {
			r.seen[o.id] = seen
			c.end()
			return i + 1
		}
		if c.members > 0 {
			if i >= len(b) || b[i] != ',' {
				return r.syntax(i)
			}
			i = skipSpace(b, i+1)
		}
		k0, k1, v0 := r.memberName(i)
		if k1 < 0 {
			return -1
		}
		n := o.names.find(b[k0+1 : k1-1])
		c.other(b[from:v0], k0-from, k1-from, n)
		if i = r.readMember(k0, v0, n, op, o, seen, depth); i < 0 {
			return i
		}
		if n >= 0 {
			seen |= 1 << n
		}
		if next := c.next; next < len(c.known) {
			i, c.next, seen = r.readKnown(i, o, c.known, next, seen, depth)
			c.members += c.next - next
		}
	}
}

// readKnown reads members as long as they are spelled like those of the last object of the kind (layout.go), from known[k] on, so
// that only the values need be scanned. It stops before a member where anything is odd, and gives the place, the known
// one whose turn it is, and the fields seen.
func (r *run) readKnown(i int, o *object, known []literal, k int, seen uint64, depth int) (int, int, uint64) {
	b := r.body
	slots := r.slots[o.base : o.base+len(o.fields)]
scan:
	for ; k < len(known) && i >= 0; k++ {
		lit := &known[k]
		p := r.padding[:]
		if i+literalBytes <= len(b) {
			p = b[i : i+literalBytes : len(b)]
		} else {
			r.pad(i)
		}
		v0 := i + int(lit.size)
		if v0 >= len(b) || !lit.begins(p) {
			break
		}
		var end int
		if b[v0] == '"' {
			end = scanString(b, v0+1)
		} else {
			end = scanValue(b, v0, depth-1)
		}
		if end < 0 {
			break
		}
		at := slot{int32(i + int(lit.quote)), int32(v0), int32(end)}
		switch n := lit.field; {
		case n >= 0:
			if seen&(1<<n) != 0 {
				break scan
			}
			seen |= 1 << n
			slots[n] = at
		case o.spare:
			r.spare = append(r.spare, at)
		default:
			r.result.Unmapped++
		}
		i = end
	}
	return i, k, seen
}

// readMember scans the value of the member that begins at k0, field n of the object or none.
func (r *run) readMember(k0, v0, n int, op Op, o *object, seen uint64, depth int) int {
	var end int
	if n >= 0 && o.fields[n].node != nil {
		if end = r.readNested(v0, op, o.fields[n].node.object, depth-1); end < 0 {
			return r.within(o.fields[n].name, end)
		}
	} else if end = scanValue(r.body, v0, depth-1); end < 0 {
		return r.syntax(^end)
	}
	at := slot{int32(k0), int32(v0), int32(end)}
	switch {
	case n >= 0:
		if seen&(1<<n) != 0 {
			return r.within(o.fields[n].name, r.fail(op, k0, ErrDuplicate))
		}
		r.slots[o.base+n] = at
	case o.spare:
		r.spare = append(r.spare, at)
	case o.nest != nil && o.nest.Unmapped == UnmappedRefuse:
		return r.unmapped(op, at, o.nest)
	default:
		r.result.Unmapped++
	}
	return end
}

// readNested reads, on the way back, an object that a shape made of the session's members.
func (r *run) readNested(i int, op Op, o *object, depth int) int {
	if i < len(r.body) && r.body[i] == '{' {
		return r.readObject(i, op, o, depth)
	}
	end := scanValue(r.body, i, depth)
	if end < 0 {
		return r.syntax(^end)
	}
	if c := r.body[i]; c != 'n' {
		return r.fail(op, i, fmt.Errorf("%w: want an object or null, got %s", ErrType, kindOf(c)))
	}
	return end
}
