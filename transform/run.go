package transform

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// run is one body on its way through a program. Runs are pooled; of one body nothing outlives it but how its
// members were named and spaced (layout.go), with which those of the next one are compared.
type run struct {
	body     []byte
	prog     *program
	vars     Vars
	links    Links
	maxDepth int
	seen     []uint64 // per object of the program: which of its fields were there
	slots    []slot   // per field: where it was, valid when seen
	asides   []aside  // per shapeUse: what it wrote
	aside    []byte   // shapes and texts, written while the body is scanned
	edits    []edit   // in order of position
	layouts  []layout // per object read for a shape
	learnt   *program // whose they are
	padding  [literalBytes]byte
	spare    []slot // members without a field, of the object being read
	keys     []slot // keys of elements, for a first object that comes later
	result   Result

	sources, natives int
	wanted           uint64 // globals that were wanted before they were seen
	settled          bool   // the second time over the body: globals are known
	from, around     int    // where in the body a value begins that has open brackets around it, and how many
	trial            bool   // Stream: the value may not have come whole, so why it fails is not told
	err              *Error
}

// aside is what one shapeUse wrote.
type aside struct {
	from, to         int  // in run.aside; a list without its brackets
	rows             int  // elements kept
	keysFrom, keysTo int  // in run.keys: elements read before the object that may go first
	key              slot // of an object: the member that tells it apart
	null             bool // the value is null
	isList           bool // the value is a list
	listed           bool // the object that may go first is among the elements
	filtered         bool // a filter took elements out
}

// edit replaces body[pos:end] by a text.
type edit struct {
	pos, end int32
	from, to int32 // of the body or of run.aside
	lit      string
	kind     editKind
}

type editKind uint8

const (
	editCut editKind = iota
	editLit
	editBody
	editAside
)

// keepBytes is how much memory a pooled run may hold on to: what bigger bodies took goes back.
const keepBytes = 4 << 20

func (r *run) start(p *program, body []byte, job Job) {
	r.body, r.prog, r.vars, r.links, r.maxDepth = body, p, job.Vars, job.Links, job.MaxDepth
	r.seen = resize(r.seen, len(p.objects))
	r.slots = resize(r.slots, p.slots)
	r.asides = resize(r.asides, p.asides)
	if r.learnt != p {
		r.learnt, r.layouts = p, resize(r.layouts, p.layouts)
		for i := range r.layouts {
			r.layouts[i].forget()
		}
	}
	clear(r.seen)
	clear(r.asides)
	r.result, r.err = Result{}, nil
	r.wanted, r.settled, r.trial = 0, false, false
	r.from, r.around = 0, 0
	r.rewind(checkpoint{})
	if p.asides > 0 && cap(r.aside) < len(body) {
		// Shapes are about as long as what they are made of: one allocation instead of many.
		r.aside = make([]byte, 0, len(body)+len(body)/8)
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (r *run) release(pool *sync.Pool) {
	r.reset()
	pool.Put(r)
}

// reset lets go of the body, and of memory that bigger ones than usual took.
func (r *run) reset() {
	if cap(r.aside) > keepBytes {
		r.aside = nil
	}
	if cap(r.edits) > keepBytes/32 {
		r.edits = nil
	}
	if cap(r.spare)+cap(r.keys) > keepBytes/16 {
		r.spare, r.keys = nil, nil
	}
	r.body, r.prog, r.vars, r.links, r.err, r.result = nil, nil, nil, nil, nil, Result{}
}

// checkpoint is how far a run is, to come back to.
type checkpoint struct {
	edits, aside, keys, spare, unmapped, unknown, sources, natives int
}

func (r *run) checkpoint() checkpoint {
	return checkpoint{len(r.edits), len(r.aside), len(r.keys), len(r.spare), r.result.Unmapped, r.result.Unknown, r.sources, r.natives}
}

func (r *run) rewind(c checkpoint) {
	r.edits, r.aside, r.keys, r.spare = r.edits[:c.edits], r.aside[:c.aside], r.keys[:c.keys], r.spare[:c.spare]
	r.result.Unmapped, r.result.Unknown, r.sources, r.natives = c.unmapped, c.unknown, c.sources, c.natives
}

// whole runs the program over the body and fills edits.
func (r *run) whole() bool {
	i := skipSpace(r.body, 0)
	if i == len(r.body) {
		r.fail(nil, i, ErrEmpty)
		return false
	}
	end := r.value(i, &r.prog.root, r.maxDepth)
	if end >= 0 && r.wanted != 0 && !r.settled && r.haveWanted() {
		// A shape fell back on a member of the root that came behind it: once more, knowing it.
		r.settled = true
		r.rewind(checkpoint{})
		end = r.value(i, &r.prog.root, r.maxDepth)
	}
	if end < 0 {
		return false
	}
	if end = skipSpace(r.body, end); end != len(r.body) {
		r.syntax(end)
		return false
	}
	return true
}

// native says whether the body has names of the wanted shape and none of the other.
func (r *run) native() bool { return r.natives > 0 && r.sources == 0 }

func (r *run) haveWanted() bool {
	for i, g := range r.prog.globals {
		if r.wanted&(1<<i) != 0 && r.seen[g.object.id]&(1<<g.field) != 0 {
			return true
		}
	}
	return false
}

// value does what n says with the value at i and returns the index behind it, or a
// negative number after fail.
func (r *run) value(i int, n *node, depth int) int {
	if i >= len(r.body) {
		return r.syntax(i)
	}
	c := r.body[i]
	switch {
	case n.wrap != nil:
		return r.wrap(i, n.wrap, depth)
	case n.object != nil && c == '{':
		return r.editObject(i, n.object, depth, 0)
	case n.each != nil && c == '[':
		return r.editList(i, n.each, depth)
	}
	end := scanValue(r.body, i, depth)
	switch {
	case end < 0:
		return r.syntax(^end)
	case n.text != nil:
		at := r.fieldText(i, end, n.text, n.textOp)
		if at < 0 {
			return at
		}
		if at > 0 {
			r.edits = append(r.edits, edit{pos: int32(i), end: int32(end), kind: editAside, from: int32(at - 1), to: int32(len(r.aside))})
		}
	case n.op == nil || n.object == nil && n.each == nil:
	case n.object != nil:
		return r.wants(n.op, i, "an object", c)
	case n.each != nil:
		return r.wants(n.op, i, "a list", c)
	}
	return end
}

// wants fails because there is another kind of value at i, which begins with c.
func (r *run) wants(op Op, i int, kind string, c byte) int {
	if c == 'n' {
		return r.fail(op, i, ErrMissing)
	}
	return r.fail(op, i, fmt.Errorf("%w: want %s, got %s", ErrType, kind, kindOf(c)))
}

func (r *run) editList(i int, n *node, depth int) int {
	b := r.body
	if depth == 0 {
		return r.syntax(i)
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for index := 0; ; index++ {
		if i = r.value(i, n, depth-1); i < 0 {
			return r.element(index, i)
		}
		if i = skipSpace(b, i); i >= len(b) {
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

// insertLit puts lit in at pos.
func (r *run) insertLit(pos int, lit string) {
	r.edits = append(r.edits, edit{pos: int32(pos), end: int32(pos), kind: editLit, lit: lit})
}

// insertName puts the name of an addition in at pos, behind a comma if there is something before it.
func (r *run) insertName(pos int, a *addition, comma bool) {
	if comma {
		r.insertLit(pos, a.lit)
	} else {
		r.insertLit(pos, a.lit[1:])
	}
}

// insertSpan puts body[from:to] or aside[from:to] in at pos.
func (r *run) insertSpan(pos int, kind editKind, from, to int) {
	r.edits = append(r.edits, edit{pos: int32(pos), end: int32(pos), kind: kind, from: int32(from), to: int32(to)})
}

// apply appends body[from:to], edited, to dst.
func (r *run) apply(dst []byte, from, to int, edits []edit) []byte {
	pos := from
	for i := range edits {
		e := &edits[i]
		dst = append(dst, r.body[pos:e.pos]...)
		switch e.kind {
		case editCut:
		case editLit:
			dst = append(dst, e.lit...)
		case editBody:
			dst = append(dst, r.body[e.from:e.to]...)
		case editAside:
			dst = append(dst, r.aside[e.from:e.to]...)
		}
		pos = int(e.end)
	}
	return append(dst, r.body[pos:to]...)
}

// size is how long the edited body will be.
func (r *run) size() int {
	n := len(r.body)
	for i := range r.edits {
		e := &r.edits[i]
		n += len(e.lit) + int(e.to-e.from) - int(e.end-e.pos)
	}
	return n
}

func (r *run) variable(name string) (string, bool) {
	if r.vars == nil {
		return "", false
	}
	return r.vars(name)
}

// writeSource appends the value of the first source that holds, and says whether one did.
func (r *run) writeSource(list []source) bool {
	for i := range list {
		s := &list[i]
		if s.lit != "" {
			r.aside = append(r.aside, s.lit...)
			return true
		}
		if s.name != "" {
			if text, ok := r.variable(s.name); ok {
				r.aside = quote(r.aside, text)
				return true
			}
			continue
		}
		g := &r.prog.globals[s.global]
		if r.seen[g.object.id]&(1<<g.field) != 0 {
			at := r.slots[g.object.base+g.field]
			r.aside = append(r.aside, r.body[at.v0:at.v1]...)
			return true
		}
		r.wanted |= 1 << s.global
	}
	return false
}

// fail records what is wrong and returns a negative number. The places above add
// themselves to the path on the way up.
func (r *run) fail(op Op, offset int, err error) int {
	if r.trial {
		return -1
	}
	r.err = &Error{Offset: offset, Err: err}
	if op != nil {
		r.err.Op = op.String()
	}
	return -1
}

// syntax records bad JSON at offset, told apart from nesting that went too deep.
func (r *run) syntax(offset int) int {
	if r.trial {
		return -1
	}
	err := ErrSyntax
	switch {
	case offset >= len(r.body):
		err = errCut
	case r.tooDeep(offset):
		err = ErrDepth
	}
	return r.fail(nil, offset, err)
}

// within adds a name or an index to the path of the error and returns failed.
func (r *run) within(name string, failed int) int {
	if r.trial {
		return failed
	}
	if r.err.Path == "" || strings.HasPrefix(r.err.Path, "[") {
		r.err.Path = name + r.err.Path
	} else {
		r.err.Path = name + "." + r.err.Path
	}
	return failed
}

// element is within for an element of a list.
func (r *run) element(index, failed int) int {
	if r.trial {
		return failed
	}
	return r.within("["+strconv.Itoa(index)+"]", failed)
}

// tooDeep says whether the fault at offset is a bracket that opened one level too many.
func (r *run) tooDeep(offset int) bool {
	if c := r.body[offset]; c != '{' && c != '[' {
		return false
	}
	open := r.around
	for i := r.from; i < offset; i++ {
		switch r.body[i] {
		case '{', '[':
			open++
		case '}', ']':
			open--
		case '"':
			if i = scanString(r.body, i+1) - 1; i < 0 {
				return false
			}
		}
	}
	return open >= r.maxDepth
}
