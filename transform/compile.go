package transform

import "fmt"

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
	if len(o.object.nested) == 0 && o.object.nest == nil {
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

// lit is how a member of that name begins.
func lit(name string) string { return string(quote(nil, name)) + ":" }
