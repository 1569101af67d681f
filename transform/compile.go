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
	err    error
}

// building is an object program while fields are still added to it.
type building struct {
	object *object
	order  map[string]int
}

func compileProgram(ops []Op, dir Direction, union bool) (*program, error) {
	b := &builder{dir: dir, union: union, prog: &program{strict: dir == ToSession}, shapes: map[*Shape]*shape{}}
	b.ops(&b.prog.root, ops, union)
	for _, o := range b.list {
		if len(o.object.fields) > maxFields {
			return nil, fmt.Errorf("an object has %d members that matter; at most %d can", len(o.object.fields), maxFields)
		}
		o.object.base = b.prog.slots
		b.prog.slots += len(o.object.fields)
		keys := make([]string, len(o.object.fields))
		for i, f := range o.object.fields {
			keys[i] = f.name
			for _, u := range f.uses {
				o.object.asides = append(o.object.asides, u.aside)
			}
		}
		o.object.names = makeNames(keys)
		o.object.guess = b.prog.guesses
		if o.object.spare {
			b.prog.guesses += guessMembers
		}
		b.prog.objects = append(b.prog.objects, o.object)
	}
	if len(b.prog.globals) > 64 {
		return nil, fmt.Errorf("%d members of the root are fallen back on; at most 64 can be", len(b.prog.globals))
	}
	return b.prog, b.err
}

func (b *builder) newObject(union bool) *building {
	o := &building{object: &object{id: len(b.list), union: union}, order: map[string]int{}}
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
	if n.object == nil {
		if n.each != nil || n.text != nil {
			b.fail("%s is used both as an object and as something else", path)
		}
		n.object = b.newObject(union).object
	}
	return b.of(n.object)
}

// nodeAt gives the node that path leads to, made with all above it.
func (b *builder) nodeAt(root *node, path Path, must Op, union bool) *node {
	n := root
	for i, name := range path {
		if n.op == nil {
			n.op = must
		}
		if name == Each {
			if n.object != nil {
				b.fail("%s is used both as a list and as an object", path[:i])
			}
			if n.each == nil {
				n.each = &node{}
			}
			n = n.each
			continue
		}
		if n.object == nil {
			if n.each != nil {
				b.fail("%s is used both as a list and as an object", path[:i])
			}
			n.object = b.newObject(union).object
		}
		o := b.of(n.object)
		k := o.field(name)
		f := &o.object.fields[k]
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

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

// ops compiles a list of operations below root.
func (b *builder) ops(root *node, ops []Op, union bool) {
	names := renames(ops)
	for i, op := range ops {
		if b.dir == ToFlow {
			b.toFlow(root, i, op, union)
		} else {
			b.toSession(root, i, ops, names)
		}
	}
	b.firsts(root, ops, union)
	b.filters(root, ops, union)
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
		o.object.fields[target].native = true
		if len(op.Else) == 0 && !op.Optional {
			o.object.fields[n].op, o.object.fields[n].must = op, true
			o.object.fields[n].target = target
		}
		o.object.last = append(o.object.last, addition{op: op, lit: lit(op.To), target: target, from: n, first: -1, else_: b.sources(op.Else)})
	case Words:
		b.text(root, op, op.At, wordMap(op.Table, ToFlow), op.Optional, union)
	case Prefixes:
		b.text(root, op, op.At, prefixMap(op.Table, ToFlow), op.Optional, union)
	case Text:
		b.text(root, op, op.At, exactMap(op.Session, op.Flow, ToFlow), op.Optional, union)
	case Route:
		b.text(root, op, op.At, routeMap(ToFlow), op.Optional, union)
	case Drop:
		o, n := b.at(root, op.At, unless(op.Optional, op), union)
		f := &o.object.fields[n]
		f.op, f.remove, f.must, f.source = op, true, !op.Optional, true
	case Wrap:
		b.wrap(root, op, false)
	case Filter: // belongs to the list that it filters: see filters
	}
}

func (b *builder) toSession(root *node, i int, ops []Op, names map[string]string) {
	// Nothing is taken away or added above a path that operations go below, so only its last name differs.
	flow := func(p Path) Path {
		if to, ok := names[p.String()]; ok {
			return append(slices.Clone(p[:len(p)-1]), to)
		}
		return p
	}
	sibling := func(p Path, name string) Path { return append(slices.Clone(p[:len(p)-1]), name) }
	switch op := ops[i].(type) {
	case Rename:
		o, n := b.at(root, flow(op.At), unless(op.Optional, op), false)
		_, name := op.At.parent()
		b.rename(o, n, op, name, op.Optional)
	case Project:
		b.back(root, i, ops, sibling(op.At, op.To), op.At, op.Shape, false, op.Optional)
	case Collect:
		b.back(root, i, ops, sibling(op.At, op.To), op.At, op.Shape, true, op.Optional)
	case Add:
		b.remove(root, op, append(slices.Clone(op.In), op.Member))
	case Copy:
		b.remove(root, op, sibling(op.At, op.To))
	case Words:
		b.text(root, op, flow(op.At), wordMap(op.Table, ToSession), op.Optional, false)
	case Prefixes:
		b.text(root, op, flow(op.At), prefixMap(op.Table, ToSession), op.Optional, false)
	case Text:
		b.text(root, op, flow(op.At), exactMap(op.Session, op.Flow, ToSession), op.Optional, false)
	case Route:
		b.text(root, op, flow(op.At), routeMap(ToSession), op.Optional, false)
	case Wrap:
		b.wrap(root, op, true)
	case Drop, Filter: // lost, and nothing to take back
	}
}

// renames gives the new last name of each renamed path, by its notation.
func renames(ops []Op) map[string]string {
	m := map[string]string{}
	for _, op := range ops {
		if r, ok := op.(Rename); ok {
			m[r.At.String()] = r.To
		}
	}
	return m
}

func (b *builder) rename(o *building, n int, op Op, to string, optional bool) {
	target := o.field(to)
	f, t := &o.object.fields[n], &o.object.fields[target]
	f.op, f.target, f.quoted = op, target, string(quote(nil, to))
	f.must, f.source, t.native = !optional, true, true
}

// back compiles the inverse of a Project or Collect. Where a session member was projected
// twice, the first one leads back and the others are taken away.
func (b *builder) back(root *node, i int, ops []Op, from, to Path, s *Shape, list, optional bool) {
	op := ops[i]
	for _, other := range ops[:i] {
		if at, ok := shaped(other); ok && at.String() == to.String() {
			b.remove(root, op, from)
			return
		}
	}
	o, n := b.at(root, from, unless(optional, op), false)
	_, name := to.parent()
	b.use(o, n, i, op, s, list, name, optional, false)
}

// shaped gives the path of a Project or Collect.
func shaped(op Op) (Path, bool) {
	switch op := op.(type) {
	case Project:
		return op.At, true
	case Collect:
		return op.At, true
	}
	return nil, false
}

func (b *builder) use(o *building, n, index int, op Op, s *Shape, list bool, to string, optional, union bool) {
	target := o.field(to)
	u := &shapeUse{op: op, index: index, shape: b.shape(s), list: list, aside: b.prog.asides, key: -1}
	b.prog.asides++
	f, t := &o.object.fields[n], &o.object.fields[target]
	f.op, f.source, t.native = op, true, true
	f.uses = append(f.uses, u)
	f.must = f.must || !optional
	if f.target < 0 {
		f.target = target
	}
	f.remove = !union
	t.want, t.wantOp = '{', op
	if list {
		t.want = '['
	}
	o.object.last = append(o.object.last, addition{op: op, lit: lit(to), target: target, use: u, from: n, first: -1})
}

func (b *builder) add(root *node, op Add, union bool) {
	o := b.objectAt(root, op.In, unless(op.Optional, op), union)
	target := o.field(op.Member)
	o.object.fields[target].native = true
	a := addition{op: op, lit: lit(op.Member), target: target, from: -1, first: -1, else_: b.sources(op.Sources)}
	if op.After == "" {
		o.object.last = append(o.object.last, a)
		return
	}
	n := o.field(op.After)
	o.object.fields[n].behind = append(o.object.fields[n].behind, a)
}

func (b *builder) remove(root *node, op Op, path Path) {
	o, n := b.at(root, path, nil, false)
	f := &o.object.fields[n]
	f.op, f.remove, f.source = op, true, true
}

func (b *builder) text(root *node, op Op, path Path, m *textMap, optional, union bool) {
	if path[len(path)-1] == Each {
		n := b.nodeAt(root, path, unless(optional, op), union)
		if n.text != nil {
			b.fail("%s: two operations map the strings of %s", op, path)
		}
		if !union {
			n.text = m
		}
		return
	}
	o, n := b.at(root, path, unless(optional, op), union)
	f := &o.object.fields[n]
	f.text = m
	f.must = f.must || !optional
	if f.op == nil {
		f.op = op
	}
}

func (b *builder) wrap(root *node, op Wrap, session bool) {
	u := &shapeUse{op: op, shape: b.shape(op.Shape), list: true, aside: b.prog.asides, key: -1}
	b.prog.asides++
	u.lit = "{" + lit(op.List) + "["
	o := b.newObject(false)
	n := o.field(op.List)
	f := &o.object.fields[n]
	f.op, f.want, f.wantOp, f.must = op, '[', op, true
	f.native = !session
	if session {
		f.uses = []*shapeUse{u}
	}
	p := &wrapPlan{op: op, use: u, object: o.object, session: session}
	if !session {
		p.steps = b.steps(op.Members, nil, nil)
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
			if slices.Contains(s.Path, Each) {
				b.fail("fallback %s: goes through a list; a fallback is one member of the body's root", s.Path)
			}
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
	o.object.global = true
	b.prog.globals = append(b.prog.globals, global{o.object, n})
	return len(b.prog.globals) - 1
}

func lit(name string) string { return string(quote(nil, name)) + ":" }
