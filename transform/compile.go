package transform

import (
	"fmt"
	"slices"
)

// builder compiles the operations of a lens for one direction and one form.
type builder struct {
	dir   Direction
	union bool
	prog  *program
	list  []*building // objects, in order of their numbers
	// shapes already compiled here, so that a Collect and the Project of its first object share one
	shapes map[*Shape]*shape
	op     Op // the operation of the lens that is being compiled, and its place in the list
	index  int
	err    error
}

// building is an object program while fields are still added to it.
type building struct {
	object *object
	order  map[string]int
	op     Op // what it was made for
	index  int
}

func compileProgram(ops []Op, dir Direction, union bool) (*program, error) {
	b := &builder{dir: dir, union: union, prog: &program{strict: dir == ToSession}, shapes: map[*Shape]*shape{}}
	b.ops(&b.prog.root, ops, union)
	for _, o := range b.list {
		b.finish(o)
	}
	return b.prog, b.err
}

// finish numbers what an object needs room for, and knows its fields by their names.
func (b *builder) finish(o *building) {
	fields := o.object.fields
	if len(fields) > maxFields {
		b.op, b.index = o.op, o.index
		b.fail("an object has %d members that matter; at most %d can", len(fields), maxFields)
		return
	}
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.name
		for _, u := range f.uses {
			o.object.asides = append(o.object.asides, u.aside)
		}
		if f.node != nil && f.node.op != nil {
			o.object.needs = append(o.object.needs, need{field: i, op: f.node.op})
		}
		if f.lit != "" && len(f.behind) > 0 && !o.object.union {
			o.object.late = append(o.object.late, i)
		}
	}
	for i := range o.object.needs {
		n := &o.object.needs[i]
		n.any |= 1 << n.field
		if to := fields[n.field].target; to >= 0 {
			n.any |= 1 << to
		}
	}
	o.object.names = makeNames(keys)
	o.object.base = b.prog.slots
	b.prog.slots += len(fields)
	if o.object.layout >= 0 {
		o.object.layout = b.prog.layouts
		b.prog.layouts++
	}
	b.prog.objects = append(b.prog.objects, o.object)
}

func (b *builder) newObject(union bool) *building {
	o := &building{object: &object{id: len(b.list), union: union, layout: -1}, order: map[string]int{}, op: b.op, index: b.index}
	b.list = append(b.list, o)
	return o
}

func (b *builder) of(o *object) *building { return b.list[o.id] }

// field gives the index of the object's field of that name, made if need be.
func (o *building) field(name string) int {
	n, ok := o.order[name]
	if !ok {
		n = len(o.object.fields)
		o.order[name] = n
		o.object.fields = append(o.object.fields, field{name: name, target: -1})
	}
	return n
}

// at gives the object and the field that path leads to, below root. must is the operation
// that needs it, or nil.
func (b *builder) at(root *node, path Path, must Op, union bool) (*building, int) {
	parent, name := path.parent()
	o := b.objectAt(root, parent, must, union)
	return o, o.field(name)
}

func (b *builder) objectAt(root *node, path Path, must Op, union bool) *building {
	n := b.nodeAt(root, path, must, union)
	return b.objectOf(n, path, union)
}

// nodeAt gives the node that path leads to, made with all above it.
func (b *builder) nodeAt(root *node, path Path, must Op, union bool) *node {
	n := root
	for i, name := range path {
		if n.op == nil {
			n.op = must
		}
		if name == Each {
			if n.object != nil || n.text != nil {
				b.clash(path[:i], "a list")
			}
			if n.each == nil {
				n.each = &node{}
			}
			n = n.each
			continue
		}
		o := b.objectOf(n, path[:i], union)
		f := &o.object.fields[o.field(name)]
		if f.text != nil {
			b.clash(path[:i+1], "an object or a list")
		}
		if f.node == nil {
			f.node = &node{}
		}
		n = f.node
	}
	if n.op == nil {
		n.op = must
	}
	return n
}

// objectOf gives the object that a node edits, made if need be.
func (b *builder) objectOf(n *node, path Path, union bool) *building {
	if n.each != nil || n.text != nil {
		b.clash(path, "an object")
	}
	if n.object == nil {
		n.object = b.newObject(union).object
	}
	return b.of(n.object)
}

// clash complains that what path leads to would have to be of two kinds.
func (b *builder) clash(path Path, kind string) {
	what := path.String()
	if len(path) == 0 {
		what = "the body"
	}
	b.fail("%s is used as %s here and as something else before", what, kind)
}

// fail keeps the first fault, as one of the operation that is being compiled.
func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = &DeclarationError{Op: b.op, Index: b.index, Err: fmt.Errorf(format, args...)}
	}
}

// ops compiles a list of operations below root.
func (b *builder) ops(root *node, ops []Op, union bool) {
	for i, op := range ops {
		if root == &b.prog.root {
			b.op, b.index = op, i
		}
		if b.dir == ToFlow {
			b.toFlow(root, i, op, union)
		} else {
			b.toSession(root, i, ops)
		}
	}
	if b.dir == ToFlow {
		b.firsts(root, ops, union)
		b.filters(root, ops, union)
	}
}

func unless(optional bool, op Op) Op {
	if optional {
		return nil
	}
	return op
}

func (b *builder) toFlow(root *node, i int, op Op, union bool) {
	switch op := op.(type) {
	case Rename:
		o, n := b.at(root, op.At, unless(op.Optional, op), union)
		b.rename(o, n, op, op.To, op.Optional)
	case Project:
		o, n := b.at(root, op.At, unless(op.Optional, op), union)
		b.use(o, n, i, op, op.Shape, false, op.To, op.Optional, union)
	case Collect:
		o, n := b.at(root, op.At, unless(op.Optional, op), union)
		b.use(o, n, i, op, op.Shape, true, op.To, op.Optional, union)
	case Add:
		b.add(root, op, union)
	case Copy:
		o, n := b.at(root, op.At, unless(op.Optional, op), union)
		target := o.field(op.To)
		o.object.fields[target].makes(op)
		o.object.last = append(o.object.last, addition{
			op: op, lit: "," + lit(op.To), target: target, from: n, first: -1, else_: b.sources(op.Else), must: !op.Optional,
		})
	case Words:
		b.text(root, op, op.At, wordMap(op.Table, ToFlow), op.Optional, union)
	case Prefixes:
		b.text(root, op, op.At, prefixMap(op.Table, ToFlow), op.Optional, union)
	case Text:
		b.text(root, op, op.At, exactMap(op.Session, op.Flow, ToFlow), op.Optional, union)
	case Route:
		b.text(root, op, op.At, routeMap(ToFlow), op.Optional, union)
	case URL:
		b.text(root, op, op.At, urlMap(), op.Optional, union)
	case Drop:
		b.remove(root, op, op.At, union)
	case Wrap:
		b.wrap(root, op, false)
	case Filter: // belongs to the list that it filters: see filters
	}
}

func (b *builder) toSession(root *node, i int, ops []Op) {
	// Nothing is taken away or added above a path that operations go below, so only its last name differs.
	flow := func(p Path) Path {
		for _, other := range ops {
			if r, ok := other.(Rename); ok && slices.Equal(r.At, p) {
				return p.sibling(r.To)
			}
		}
		return p
	}
	switch op := ops[i].(type) {
	case Rename:
		o, n := b.at(root, flow(op.At), unless(op.Optional, op), false)
		_, name := op.At.parent()
		b.rename(o, n, op, name, op.Optional)
	case Project:
		b.back(root, i, ops, op.At.sibling(op.To), op.At, op.Shape, false, op.Optional)
	case Collect:
		b.back(root, i, ops, op.At.sibling(op.To), op.At, op.Shape, true, op.Optional)
	case Add:
		b.remove(root, op, op.In.with(op.Member), false)
	case Copy:
		b.remove(root, op, op.At.sibling(op.To), false)
	case Words:
		b.text(root, op, flow(op.At), wordMap(op.Table, ToSession), op.Optional, false)
	case Prefixes:
		b.text(root, op, flow(op.At), prefixMap(op.Table, ToSession), op.Optional, false)
	case Text:
		b.text(root, op, flow(op.At), exactMap(op.Session, op.Flow, ToSession), op.Optional, false)
	case Route:
		b.text(root, op, flow(op.At), routeMap(ToSession), op.Optional, false)
	case URL:
		b.text(root, op, flow(op.At), urlMap(), op.Optional, false)
	case Wrap:
		b.wrap(root, op, true)
	case Drop, Filter: // lost, and nothing to take back
	}
}

// makes notes that the field is a name that op makes.
func (f *field) makes(op Op) {
	f.native = true
	if f.op == nil {
		f.op = op
	}
}

// need notes that the field has to be there, or one of those that it becomes.
func (o *building) need(n int, op Op, optional bool, becomes ...int) {
	if optional {
		return
	}
	one := uint64(0)
	for _, to := range becomes {
		one |= 1 << to
	}
	o.object.needs = append(o.object.needs, need{field: n, any: one, op: op})
}

func (b *builder) rename(o *building, n int, op Op, to string, optional bool) {
	target := o.field(to)
	f, t := &o.object.fields[n], &o.object.fields[target]
	f.op, f.target, f.lit = op, target, ","+lit(to)
	f.source = true
	t.makes(op)
	o.need(n, op, optional)
}

// back compiles the inverse of a Project or Collect. Where a session member was projected
// twice, the first one leads back and the others are taken away.
func (b *builder) back(root *node, i int, ops []Op, from, to Path, s *Shape, list, optional bool) {
	op := ops[i]
	for _, other := range ops[:i] {
		if at, ok := taken(other); ok && slices.Equal(at, to) {
			b.remove(root, op, from, false)
			return
		}
	}
	o, n := b.at(root, from, unless(optional, op), false)
	_, name := to.parent()
	b.use(o, n, i, op, s, list, name, optional, false)
}

func (b *builder) use(o *building, n, index int, op Op, s *Shape, list bool, to string, optional, union bool) {
	target := o.field(to)
	u := &shapeUse{op: op, index: index, shape: b.shape(s), list: list, aside: b.prog.asides, key: -1}
	b.prog.asides++
	f, t := &o.object.fields[n], &o.object.fields[target]
	f.op, f.source = op, true
	t.makes(op)
	f.uses = append(f.uses, u)
	f.remove = !union
	t.want = '{'
	if list {
		t.want = '['
	}
	o.need(n, op, optional, target)
	o.object.last = append(o.object.last, addition{op: op, lit: "," + lit(to), target: target, use: u, from: n, first: -1})
}

func (b *builder) add(root *node, op Add, union bool) {
	o := b.objectAt(root, op.In, unless(op.Optional, op), union)
	target := o.field(op.Member)
	o.object.fields[target].makes(op)
	a := addition{op: op, lit: "," + lit(op.Member), target: target, from: -1, first: -1, else_: b.sources(op.Sources)}
	if op.After == "" {
		o.object.last = append(o.object.last, a)
		return
	}
	n := o.field(op.After)
	o.object.fields[n].behind = append(o.object.fields[n].behind, a)
}

// remove takes a member away. If it is gone already, so is the shape that had it.
func (b *builder) remove(root *node, op Op, path Path, union bool) {
	o, n := b.at(root, path, nil, union)
	f := &o.object.fields[n]
	f.op, f.remove, f.source = op, true, true
}

func (b *builder) text(root *node, op Op, path Path, m *textMap, optional, union bool) {
	if path[len(path)-1] == Each {
		n := b.nodeAt(root, path, unless(optional, op), union)
		if n.object != nil || n.each != nil {
			b.clash(path, "a text")
		}
		if !union {
			n.text, n.textOp = m, op
		}
		return
	}
	o, n := b.at(root, path, unless(optional, op), union)
	f := &o.object.fields[n]
	if f.node != nil {
		b.clash(path, "a text")
	}
	f.text = m
	if f.op == nil {
		f.op = op
	}
	o.need(n, op, optional)
}

func (b *builder) wrap(root *node, op Wrap, session bool) {
	u := &shapeUse{op: op, shape: b.shape(op.Shape), list: true, aside: b.prog.asides, key: -1}
	b.prog.asides++
	u.lit = "{" + lit(op.List) + "["
	o := b.newObject(false)
	n := o.field(op.List)
	f := &o.object.fields[n]
	f.op, f.want = op, '['
	f.native = !session
	o.need(n, op, false)
	if session {
		f.uses = []*shapeUse{u}
	}
	p := &wrapPlan{op: op, use: u, object: o.object, session: session}
	if !session {
		p.steps = (&members{b: b}).toFlow(op.Members, false)
	}
	root.wrap = p
}

func (b *builder) sources(list []Source) []source {
	var out []source
	for _, s := range list {
		switch {
		case s.Value != "":
			out = append(out, source{lit: s.Value})
		case s.Var != "":
			out = append(out, source{name: s.Var})
		default:
			out = append(out, source{global: b.global(s.Path)})
		}
	}
	return out
}

func (b *builder) global(path Path) int {
	o, n := b.at(&b.prog.root, path, nil, b.union)
	for i, g := range b.prog.globals {
		if g.object == o.object && g.field == n {
			return i
		}
	}
	if len(b.prog.globals) == maxGlobals {
		b.fail("more than %d members of the root are fallen back on", maxGlobals)
		return 0
	}
	o.object.global = true
	b.prog.globals = append(b.prog.globals, global{o.object, n})
	return len(b.prog.globals) - 1
}

// lit is how a member of that name begins.
func lit(name string) string { return string(quote(nil, name)) + ":" }
