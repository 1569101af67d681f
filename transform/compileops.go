package transform

import "slices"

// unless gives the operation that needs a member, or nil if it forgives that it is absent.
func unless(optional bool, op Op) Op {
	if optional {
		return nil
	}
	return op
}

// toFlow compiles an operation below root.
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

// toSession compiles the inverse of operation i below root.
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
