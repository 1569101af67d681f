package transform

import (
	"fmt"
	"slices"
)

// editObject scans the object at i, which stays where it is, and records the edits of its
// members. known are the members found there by an earlier scan: an operation whose new
// name turns up behind the old one has the object scanned once more, knowing it.
func (r *run) editObject(i int, o *object, depth int, known uint64) int {
	b := r.body
	if depth == 0 {
		return r.syntax(i)
	}
	var (
		open         = i
		before       = r.checkpoint()
		seen, missed uint64  // fields found; targets that were looked for and not known yet
		kept         = 0     // members written so far
		cut          = -1    // the edit that takes the leading members away, while it may still grow
		end          = i + 1 // behind the last member
	)
	if r.settled && o.global {
		known |= r.seen[o.id] // found the first time over the body
	}
	r.seen[o.id] = known
	for _, n := range o.asides {
		r.asides[n] = aside{}
	}
	c := r.course(o)
	for i++; ; {
		var k0, k1, v0, n int
		if lit := c.literal(r, i); lit != nil {
			k0, k1, v0, n = i+int(lit.quote), i+int(lit.end), i+int(lit.size), int(lit.field)
		} else {
			from := i
			if i = skipSpace(b, i); i < len(b) && b[i] == '}' {
				break
			}
			if c.members > 0 {
				if i >= len(b) || b[i] != ',' {
					return r.syntax(i)
				}
				i = skipSpace(b, i+1)
			}
			if k0, k1, v0 = r.memberName(i); k1 < 0 {
				return -1
			}
			n = o.names.find(b[k0+1 : k1-1])
			c.other(b[from:v0], k0-from, k1-from, n)
		}
		if n < 0 {
			if i = scanValue(b, v0, depth-1); i < 0 {
				return r.syntax(^i)
			}
			if cut >= 0 {
				r.edits[cut].end = int32(k0)
				cut = -1
			}
			kept++
			end = i
		} else {
			f := &o.fields[n]
			bit := uint64(1) << n
			if seen&bit != 0 {
				return r.within(f.name, r.fail(f.op, k0, ErrDuplicate))
			}
			seen |= bit
			known |= bit
			r.seen[o.id] = known
			wins := f.target >= 0 && known&(1<<f.target) != 0
			if f.target >= 0 && !wins {
				missed |= 1 << f.target
			}
			for k := range f.behind {
				if t := f.behind[k].target; known&(1<<t) == 0 {
					missed |= 1 << t
				}
			}
			goes := !o.union && (f.remove || wins && f.lit != "")
			if goes && kept > 0 {
				r.edits = append(r.edits, edit{pos: int32(end)})
			} else if goes && cut < 0 {
				cut = len(r.edits)
				r.edits = append(r.edits, edit{pos: int32(k0)})
			} else if !goes {
				if cut >= 0 {
					r.edits[cut].end = int32(k0)
					cut = -1
				}
				kept++
			}
			at := len(r.edits)
			if i = r.member(slot{int32(k0), int32(v0), 0}, k1, o, n, wins, depth); i < 0 {
				return r.within(f.name, i)
			}
			if goes {
				// What was edited inside goes with it.
				r.edits = r.edits[:at]
				r.edits[at-1].end = int32(i)
			}
			end = i
		}
	}
	c.end()
	if missed&seen != 0 {
		r.rewind(before)
		return r.editObject(open, o, depth, seen)
	}
	return r.endObject(i, end, o, seen, kept)
}

// memberName scans a member's name and colon at i: from k0 (its quote) to k1, and where the
// value begins. k1 is negative after fail.
func (r *run) memberName(i int) (k0, k1, v0 int) {
	b := r.body
	if i >= len(b) || b[i] != '"' {
		return i, r.syntax(i), 0
	}
	k1 = scanString(b, i+1)
	if k1 < 0 {
		return i, r.syntax(^k1), 0
	}
	v0 = k1
	if v0 >= len(b) || b[v0] != ':' {
		if v0 = skipSpace(b, v0); v0 >= len(b) || b[v0] != ':' {
			return i, r.syntax(v0), 0
		}
	}
	v0++
	if v0 < len(b) && b[v0] <= ' ' {
		v0 = skipSpace(b, v0)
	}
	return i, k1, v0
}

// member scans the value of field n of o and records its edits. wins says that the field's new name is
// there as well: then the value is checked as ever, so that the order of the two does not
// matter, and nothing is made of it.
func (r *run) member(at slot, k1 int, o *object, n int, wins bool, depth int) int {
	f := &o.fields[n]
	b := r.body
	v0 := int(at.v0)
	if v0 >= len(b) {
		return r.syntax(v0)
	}
	if f.source {
		r.sources++
	}
	if f.native {
		r.natives++
	}
	if f.lit != "" && !wins && !o.union {
		r.edits = append(r.edits, edit{pos: at.k0, end: int32(k1), kind: editLit, lit: f.lit[1 : len(f.lit)-1]})
	}
	end := 0
	switch {
	case len(f.uses) > 0:
		for _, u := range f.uses {
			if end = r.use(v0, u, depth-1); end < 0 {
				return end
			}
		}
	case f.node != nil:
		if end = r.value(v0, f.node, depth-1); end < 0 {
			return end
		}
	default:
		if end = scanValue(b, v0, depth-1); end < 0 {
			return r.syntax(^end)
		}
	}
	if f.want != 0 && b[v0] != f.want && b[v0] != 'n' {
		return r.fail(f.op, v0, fmt.Errorf("%w: %s", ErrOccupied, kindOf(b[v0])))
	}
	at.v1 = int32(end)
	r.slots[o.base+n] = at
	mapped := -1
	if f.text != nil && (!o.union || f.lit != "") {
		m := r.fieldText(v0, end, f.text, f.op)
		if m < 0 {
			return m
		}
		mapped = m - 1
	}
	switch {
	case wins:
		if !r.sameAs(at, o, f, mapped) {
			return -1
		}
		if !o.union {
			return end // it goes; what belongs behind it comes last
		}
	case f.lit != "" && o.union:
		r.insertLit(end, f.lit)
		if mapped >= 0 {
			r.insertSpan(end, editAside, mapped, len(r.aside))
		} else {
			r.insertSpan(end, editBody, v0, end)
		}
	case mapped >= 0:
		r.edits = append(r.edits, edit{pos: at.v0, end: at.v1, kind: editAside, from: int32(mapped), to: int32(len(r.aside))})
	}
	for i := range f.behind {
		if !r.add(end, o, &f.behind[i], true) {
			return -1
		}
	}
	return end
}

// fieldText maps the value body[v0:end] by a table to the end of run.aside. It returns 0 for
// a value that is kept, 1 more than where the mapped one begins, or a negative number.
func (r *run) fieldText(v0, end int, m *textMap, op Op) int {
	c := r.body[v0]
	if c != '"' {
		if m.strict && c != 'n' {
			return r.fail(op, v0, fmt.Errorf("%w: want a string, got %s", ErrType, kindOf(c)))
		}
		return 0
	}
	at := len(r.aside)
	aside, changed := m.apply(r, r.aside, r.body[v0:end])
	r.aside = aside
	if !changed {
		return 0
	}
	return at + 1
}

// sameAs checks, in a request, that a member that is there under both names says the same. mapped is
// where run.aside has the value as the other name would say it, or negative. It is false after fail.
func (r *run) sameAs(at slot, o *object, f *field, mapped int) bool {
	if !r.prog.strict {
		return true
	}
	other := r.slots[o.base+f.target]
	mine := r.body[at.v0:at.v1]
	if mapped >= 0 {
		mine = r.aside[mapped:]
	}
	if sameValue(mine, r.body[other.v0:other.v1]) {
		return true
	}
	r.fail(f.op, int(at.k0), fmt.Errorf("%w: %q and %q", ErrConflict, o.fields[f.target].name, f.name))
	return false
}

// endObject puts in what belongs at the object's end (the bracket at i; the last member ends at end).
func (r *run) endObject(i, end int, o *object, seen uint64, kept int) int {
	for n := range o.needs {
		need := &o.needs[n]
		if seen&need.any == 0 {
			return r.within(o.fields[need.field].name, r.fail(need.op, i, ErrMissing))
		}
	}
	for _, n := range o.late {
		if f := &o.fields[n]; seen&(1<<n) != 0 && seen&(1<<f.target) != 0 {
			if !r.addAll(end, o, f.behind, &kept) {
				return -1
			}
		}
	}
	if !r.addAll(end, o, o.last, &kept) {
		return -1
	}
	return i + 1
}

// addAll puts members in at the object's end, behind the kept ones. It is false after fail.
func (r *run) addAll(end int, o *object, list []addition, kept *int) bool {
	for i := range list {
		before := len(r.edits)
		if !r.add(end, o, &list[i], *kept > 0) {
			return false
		}
		if len(r.edits) > before {
			*kept++
		}
	}
	return true
}

// add puts one member in at pos, unless its name is there already. It is false after fail.
func (r *run) add(pos int, o *object, a *addition, comma bool) bool {
	seen := r.seen[o.id]
	has := a.from >= 0 && seen&(1<<a.from) != 0
	if seen&(1<<a.target) != 0 {
		return a.use == nil || !has || !r.prog.strict || r.agree(o, a)
	}
	at := len(r.aside)
	kind, from := editAside, at
	var to int
	switch {
	case a.use != nil && a.use.list:
		r.insertList(pos, o, a, comma)
		return true
	case a.use != nil:
		if !has {
			return true
		}
		from, to = r.asides[a.use.aside].from, r.asides[a.use.aside].to
	case has:
		s := r.slots[o.base+a.from]
		kind, from, to = editBody, int(s.v0), int(s.v1)
	default:
		if !r.writeSource(a.else_) {
			if a.must {
				r.within(o.fields[a.from].name, r.fail(a.op, pos, ErrMissing))
			}
			return !a.must
		}
		to = len(r.aside)
	}
	r.insertName(pos, a, comma)
	r.insertSpan(pos, kind, from, to)
	return true
}

// agree checks, in a request, that a shape and what it is mapped to, when both are there, say the same.
func (r *run) agree(o *object, a *addition) bool {
	mine := &r.asides[a.use.aside]
	text, levels := r.aside[mine.from:mine.to], 1
	if a.use.list && mine.isList {
		text, levels = slices.Concat([]byte{'['}, text, []byte{']'}), 2
	}
	other := r.slots[o.base+a.target]
	if agrees(text, r.body[other.v0:other.v1], levels) {
		return true
	}
	r.within(o.fields[a.from].name, r.fail(a.op, int(r.slots[o.base+a.from].k0),
		fmt.Errorf("%w: %q and %q", ErrConflict, o.fields[a.target].name, o.fields[a.from].name)))
	return false
}
