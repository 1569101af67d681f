package transform_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// The reference maps a body as docs/contract.md and the comments of the operations say, on a
// tree and one member at a time. It shares nothing with the engine: no scanner, no program,
// no edits. It is slow, and says only that a body is refused, not where.

// errRefused is a body that the operations cannot map.
var errRefused = errors.New("refused")

// reference is one body on its way.
type reference struct {
	vars    Vars
	links   Links
	root    *tree // the body, for what is fallen back on
	union   bool
	back    bool // to-session
	sources int  // names of the shape that is read
	natives int  // names of the shape that is wanted
}

// outcome is what the reference makes of a body.
type outcome struct {
	*tree
	native bool
}

// refer maps a body by the reference.
func refer(ops []Op, body string, job Job) (outcome, error) {
	depth := job.MaxDepth
	if depth == 0 {
		depth = DefaultMaxDepth
	}
	root, err := parse(body, depth)
	if err != nil {
		return outcome{}, err
	}
	r := &reference{
		vars: job.Vars, links: job.Links, root: root,
		back: job.Direction == ToSession, union: job.Direction == ToFlow && job.Form == Union,
	}
	v, err := r.body(root, ops)
	return outcome{v, r.natives > 0 && r.sources == 0}, err
}

func (r *reference) body(v *tree, ops []Op) (*tree, error) {
	for _, op := range ops {
		if w, ok := op.(Wrap); ok {
			return r.wrap(v, w, ops)
		}
	}
	if r.back {
		return r.edit(v, r.acts(ops), nil, false)
	}
	return r.edit(v, r.acts(ops), watched(ops), r.union)
}

// act is what one operation does in one direction, seen from the value that is being edited.
type act struct {
	op       Op
	rest     Path   // to the member that is read, or to a nameless one
	from     string // the name that is read; "" for none
	to       string // the name that is made; "" for none
	takes    bool   // from goes
	optional bool
}

// acts gives what operations do. On the way back, taking something away is what Drop does.
func (r *reference) acts(ops []Op) (out []act) {
	member := func(op Op, at Path, to string, optional bool) {
		a := act{op: op, rest: at, from: at[len(at)-1], to: to, takes: true, optional: optional}
		if r.back {
			a.rest, a.from, a.to = sibling(at, to), to, a.from
		}
		out = append(out, a)
	}
	add := func(op Op, at Path, to string, optional bool) {
		switch {
		case r.back:
			out = append(out, act{op: Drop{}, rest: sibling(at, to), from: to, takes: true, optional: true})
		default:
			out = append(out, act{op: op, rest: at, from: at[len(at)-1], to: to, optional: optional})
		}
	}
	text := func(op Op, at Path, optional bool) {
		for _, other := range ops {
			if o, ok := other.(Rename); ok && r.back && slices.Equal(o.At, at) {
				at = sibling(at, o.To)
			}
		}
		out = append(out, act{op: op, rest: at, from: at[len(at)-1], optional: optional})
	}
	leads := map[string]bool{} // of two that read one member, the first leads back
	shaped := func(op Op, at Path, to string, optional bool) {
		key := strings.Join(at, "\x00")
		if r.back && leads[key] {
			add(op, at, to, true)
			return
		}
		leads[key] = true
		member(op, at, to, optional)
	}
	for _, op := range ops {
		switch op := op.(type) {
		case Rename:
			member(op, op.At, op.To, op.Optional)
		case Project:
			shaped(op, op.At, op.To, op.Optional)
		case Collect:
			shaped(op, op.At, op.To, op.Optional)
		case Copy:
			add(op, op.At, op.To, op.Optional)
		case Add:
			add(op, append(slices.Clone(op.In), ""), op.Member, op.Optional)
		case Words:
			text(op, op.At, op.Optional)
		case Prefixes:
			text(op, op.At, op.Optional)
		case Text:
			text(op, op.At, op.Optional)
		case Route:
			text(op, op.At, op.Optional)
		case URL:
			text(op, op.At, op.Optional)
		case Drop:
			if !r.back {
				member(op, op.At, "", true)
			}
		case Filter:
			if !r.back {
				out = append(out, act{op: op, rest: op.List, optional: true})
			}
		}
	}
	return out
}

// sibling is a path with another last name.
func sibling(p Path, name string) Path {
	return append(slices.Clone(p[:len(p)-1]), name)
}

// watched are the paths of the root's members that operations and shapes fall back on.
func watched(ops []Op) (out []Path) {
	var members func([]Member)
	from := func(list []Source) {
		for _, s := range list {
			if s.Path != nil {
				out = append(out, s.Path)
			}
		}
	}
	members = func(list []Member) {
		for _, m := range list {
			from(m.Else)
			members(m.Nest)
		}
	}
	shape := func(s *Shape) {
		members(s.Members)
		out = append(out, watched(s.Edit)...)
	}
	for _, op := range ops {
		switch op := op.(type) {
		case Project:
			shape(op.Shape)
		case Collect:
			shape(op.Shape)
		case Add:
			from(op.Sources)
		case Copy:
			from(op.Else)
		}
	}
	return out
}

// edit changes a value in place. watch are paths below it that something falls back on.
func (r *reference) edit(v *tree, acts []act, watch []Path, union bool) (*tree, error) {
	kind, mandatory := byte(0), false
	if len(watch) > 0 {
		kind = '{'
	}
	for _, a := range acts {
		mandatory = mandatory || !a.optional
		switch {
		case len(a.rest) == 0 && union:
			return v, nil
		case len(a.rest) == 0:
			return r.mapText(v, a.op)
		case a.rest[0] == Each:
			kind = '['
		default:
			kind = '{'
		}
	}
	switch {
	case kind == 0:
		return v, nil
	case v.kind != kind:
		if mandatory {
			return nil, errRefused
		}
		return v, nil
	case kind == '{':
		return r.object(v, acts, watch, union)
	}
	out := &tree{kind: '['}
	for _, item := range v.items {
		item, err := r.edit(item, below(acts, Each), nil, union)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, item)
	}
	return same(v, out), nil
}

// same keeps a list or object as it stood if nothing in it was changed.
func same(v, out *tree) *tree {
	for i, item := range out.items {
		if i >= len(v.items) || item != v.items[i] {
			return out
		}
	}
	for i, m := range out.members {
		if i >= len(v.members) || m != v.members[i] {
			return out
		}
	}
	if len(out.items) == len(v.items) && len(out.members) == len(v.members) {
		return v
	}
	return out
}

// below gives the acts below a member or element.
func below(acts []act, name string) (out []act) {
	for _, a := range acts {
		if a.rest[0] == name && (len(a.rest) > 1 || name == Each) {
			a.rest = a.rest[1:]
			out = append(out, a)
		}
	}
	return out
}

// source gives the value of the first source that holds, nil if none does.
func (r *reference) source(list []Source) *tree {
	for _, s := range list {
		switch {
		case s.Value != "":
			return mustParse(s.Value)
		case s.Var != "":
			if text, ok := r.variable(s.Var); ok {
				return text
			}
		default:
			v := r.root
			for _, name := range s.Path {
				if v != nil {
					v = v.find(name)
				}
			}
			if v != nil {
				return v
			}
		}
	}
	return nil
}

func (r *reference) variable(name string) (*tree, bool) {
	if r.vars == nil {
		return nil, false
	}
	text, ok := r.vars(name)
	return &tree{kind: '"', raw: quoted(text)}, ok
}

// wrap makes an object of a body that is a list, or the reverse.
func (r *reference) wrap(v *tree, op Wrap, ops []Op) (*tree, error) {
	switch {
	case r.union:
		return v, nil
	case v.kind == '[' && r.back:
		r.natives++
		return v, nil
	case v.kind == '[':
		r.sources++
		list, err := r.elements(v, op.Shape)
		if err != nil {
			return nil, err
		}
		for _, other := range ops {
			if f, ok := other.(Filter); ok {
				list.items, _ = r.filter(list.items, f)
			}
		}
		out := &tree{kind: '{'}
		out.add(op.List, list)
		if op.Total != "" {
			out.add(op.Total, &tree{kind: '0', raw: strconv.Itoa(len(list.items))})
		}
		for _, m := range op.Members {
			if value := r.source(m.Else); value != nil {
				out.add(m.Name, value)
			} else if m.Required {
				return nil, errRefused
			}
		}
		return out, nil
	case v.kind != '{' || v.count(op.List) != 1:
		return nil, errRefused
	}
	list := v.find(op.List)
	if !r.back {
		r.natives++
		if list.kind != '[' && list.kind != 'n' {
			return nil, errRefused
		}
		return v, nil
	}
	if list.kind != '[' {
		return nil, errRefused
	}
	r.sources++
	return r.elements(list, op.Shape)
}

func (t *tree) add(name string, v *tree) { t.members = append(t.members, treeMember{name, "", v}) }

func (t *tree) count(name string) (n int) {
	for _, m := range t.members {
		if m.name == name {
			n++
		}
	}
	return n
}

// elements maps each element of a list by a shape.
func (r *reference) elements(v *tree, s *Shape) (*tree, error) {
	out := &tree{kind: '['}
	for _, item := range v.items {
		if item.kind != '{' {
			return nil, errRefused
		}
		item, err := r.shape(item, s)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, item)
	}
	return out, nil
}

// filter keeps the elements that have what the request asks for. shorter: some had not.
func (r *reference) filter(items []*tree, f Filter) (kept []*tree, shorter bool) {
	for _, item := range items {
		if r.passes(item, f) {
			kept = append(kept, item)
		}
	}
	return kept, len(kept) < len(items)
}

func (r *reference) passes(item *tree, f Filter) bool {
	for _, c := range f.By {
		want, ok := r.variable(c.Var)
		if !ok {
			continue
		}
		got := item.find(c.Member)
		if got == nil || got.kind == 'n' || got.kind == '{' || got.kind == '[' {
			return false
		}
		text := got.raw
		if got.kind == '"' {
			text = meaning(got.raw)
		}
		if !strings.EqualFold(text, meaning(want.raw)) {
			return false
		}
	}
	return true
}
