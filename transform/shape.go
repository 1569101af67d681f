package transform

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// use writes the value at i aside, in the shape of u, and returns the index behind the value.
func (r *run) use(i int, u *shapeUse, depth int) int {
	out := &r.asides[u.aside]
	c := r.body[i]
	out.from = len(r.aside)
	if c == 'n' {
		end := scanWord(r.body, i, "null")
		if end < 0 {
			return r.syntax(^end)
		}
		out.null = true
		r.aside = append(r.aside, "null"...)
		out.to = len(r.aside)
		return end
	}
	want, kind := byte('{'), "an object"
	if u.list {
		want, kind = '[', "a list"
	}
	if c != want {
		if end := scanValue(r.body, i, depth); end < 0 {
			return r.syntax(^end)
		}
		return r.fail(u.op, i, fmt.Errorf("%w: want %s or null, got %s", ErrType, kind, kindOf(c)))
	}
	var end int
	if u.list {
		end = r.shapeList(i, u, depth)
	} else {
		end = r.shapeObject(i, u.op, u.shape, depth)
		if s := u.shape.read; s != nil && u.key >= 0 && r.seen[s.id]&(1<<u.key) != 0 {
			out.key = r.slots[s.base+u.key]
		}
	}
	out.to = len(r.aside)
	return end
}

// shapeList writes the elements of the list at i aside, without brackets.
func (r *run) shapeList(i int, u *shapeUse, depth int) int {
	b := r.body
	out := &r.asides[u.aside]
	out.keysFrom, out.keysTo, out.isList = len(r.keys), len(r.keys), true
	if depth == 0 {
		return r.syntax(i)
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for index := 0; ; index++ {
		if i = r.row(i, u, index, depth-1); i < 0 {
			return i
		}
		if i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if i >= len(b) {
			return r.syntax(i)
		}
		if b[i] == ']' {
			return i + 1
		}
		if b[i] != ',' {
			return r.syntax(i)
		}
		i = skipSpace(b, i+1)
	}
}

// row writes one element of a list aside, which is at i, behind the elements before it.
func (r *run) row(i int, u *shapeUse, index, depth int) int {
	b := r.body
	out := &r.asides[u.aside]
	at := len(r.aside)
	if out.rows > 0 {
		r.aside = append(r.aside, ',')
	}
	if i >= len(b) {
		return r.syntax(i)
	}
	if b[i] != '{' {
		if end := scanValue(b, i, depth); end < 0 {
			return r.syntax(^end)
		}
		return r.element(index, r.fail(u.op, i, fmt.Errorf("%w: want an object, got %s", ErrType, kindOf(b[i]))))
	}
	row := len(r.aside)
	if i = r.shapeObject(i, u.op, u.shape, depth); i < 0 {
		return r.element(index, i)
	}
	if u.first != nil {
		r.noteKey(u, out)
	}
	if u.filter == nil || r.matches(u.filter, r.aside[row:]) {
		out.rows++
	} else {
		r.aside = r.aside[:at]
		out.filtered = true
	}
	return i
}

// noteKey compares the element just read with the object that may go first, or keeps its
// key for when that one has been read.
func (r *run) noteKey(u *shapeUse, out *aside) {
	read := u.shape.read
	if out.listed || r.seen[read.id]&(1<<u.key) == 0 {
		return
	}
	key := r.slots[read.base+u.key]
	if first := r.asides[u.first.aside].key; first.v1 > 0 {
		out.listed = r.sameSlot(key, first)
		return
	}
	r.keys = append(r.keys, key)
	out.keysTo = len(r.keys)
}

func (r *run) sameSlot(a, b slot) bool {
	return sameValue(r.body[a.v0:a.v1], r.body[b.v0:b.v1])
}

// insertList puts the list of a Collect in at pos, the first object before its elements
// where it is not among them.
func (r *run) insertList(pos int, o *object, a *addition, comma bool) {
	out := &r.asides[a.use.aside]
	goesFirst := false
	var first *aside
	if a.first >= 0 && r.seen[o.id]&(1<<a.first) != 0 {
		first = &r.asides[a.use.first.aside]
		goesFirst = !first.null && !out.listed && !r.noted(out, first.key)
	}
	if !out.null && !out.isList && !goesFirst {
		return
	}
	r.insertName(pos, a, comma)
	if out.null && !goesFirst {
		r.insertLit(pos, "null")
		return
	}
	if goesFirst && a.use.filter != nil && !r.matches(a.use.filter, r.aside[first.from:first.to]) {
		goesFirst, out.filtered = false, true
	}
	rows := out.rows
	r.insertLit(pos, "[")
	if goesFirst {
		r.insertSpan(pos, editAside, first.from, first.to)
		if rows > 0 {
			r.insertLit(pos, ",")
		}
		rows++
	}
	if out.rows > 0 {
		r.insertSpan(pos, editAside, out.from, out.to)
	}
	r.insertLit(pos, "]")
	if out.filtered {
		r.recount(o, a.use.counts, rows)
	}
}

// noted says whether an element read before the object that may go first has its key.
func (r *run) noted(out *aside, key slot) bool {
	if key.v1 == 0 {
		return false
	}
	for _, k := range r.keys[out.keysFrom:out.keysTo] {
		if r.sameSlot(k, key) {
			return true
		}
	}
	return false
}

// recount puts the length of a filtered list in the place of the members that tell it.
func (r *run) recount(o *object, counts []int, rows int) {
	for _, n := range counts {
		if r.seen[o.id]&(1<<n) == 0 || o.fields[n].target >= 0 && r.seen[o.id]&(1<<o.fields[n].target) != 0 {
			continue
		}
		at := r.slots[o.base+n]
		k := len(r.edits)
		for k > 0 && r.edits[k-1].pos > at.v0 {
			k--
		}
		r.edits = slices.Insert(r.edits, k, edit{pos: at.v0, end: at.v1, kind: editLit, lit: strconv.Itoa(rows)})
	}
}

// matches says whether a row, as it was written, has what the request asked for.
func (r *run) matches(f *Filter, row []byte) bool {
	for _, c := range f.By {
		want, ok := r.variable(c.Var)
		if !ok {
			continue
		}
		value := member(row, c.Member)
		if value == nil {
			return false
		}
		switch value[0] {
		case 'n', '{', '[':
			return false
		case '"':
			value = unescape(nil, value)
		}
		if !bytes.EqualFold(value, []byte(want)) {
			return false
		}
	}
	return true
}

// member finds the value of a member of a valid object; nil when there is none.
func member(object []byte, name string) (value []byte) {
	eachMember(object, func(key, whole []byte) {
		if value == nil && spells(key, name) {
			value = valueOf(key, whole)
		}
	})
	return value
}

// valueOf gives the value of a member, from its name (in its quotes) and the whole of it.
func valueOf(name, whole []byte) []byte {
	return whole[skipSpace(whole, skipSpace(whole, len(name))+1):]
}

// eachMember calls f with the name (in its quotes) and the whole of each member of a valid object.
func eachMember(object []byte, f func(name, whole []byte)) {
	for i := skipSpace(object, 1); object[i] != '}'; {
		k1 := scanString(object, i+1)
		end := scanValue(object, skipSpace(object, skipSpace(object, k1)+1), len(object))
		f(object[i:k1], object[i:end])
		if i = skipSpace(object, end); object[i] == ',' {
			i = skipSpace(object, i+1)
		}
	}
}

// shapeObject writes the object at i aside in the shape s.
func (r *run) shapeObject(i int, op Op, s *shape, depth int) int {
	if s.open != nil {
		return r.editAside(i, s.open, depth)
	}
	spare := len(r.spare)
	end := r.readObject(i, op, s.read, depth)
	if end < 0 {
		return end
	}
	if !r.writeObject(op, i, s, spare) {
		return -1
	}
	if len(r.spare) > spare && !r.writeSpare(op, s, spare) {
		return -1
	}
	r.aside = append(r.aside, '}')
	r.spare = r.spare[:spare]
	return end
}

// editAside writes the object at i aside, edited.
func (r *run) editAside(i int, o *object, depth int) int {
	edits, at := len(r.edits), len(r.aside)
	end := r.editObject(i, o, depth, 0)
	if end < 0 {
		return end
	}
	row := len(r.aside)
	r.aside = r.apply(r.aside, i, end, r.edits[edits:])
	r.edits = r.edits[:edits]
	if row > at { // what the edits wrote aside is in the row now
		n := copy(r.aside[at:], r.aside[row:])
		r.aside = r.aside[:at+n]
	}
	return end
}
