package transform_test

import (
	"strconv"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// level is one object of the reference while its members are edited.
type level struct {
	*reference
	v     *tree
	acts  []act // at members of this object
	union bool
	out   *tree
	made  []*tree // by act: what a Project or Collect made of its member
	late  []Add   // behind a member that went because its new name was there
}

// object edits the members of an object.
func (r *reference) object(v *tree, acts []act, watch []Path, union bool) (*tree, error) {
	l := &level{reference: r, v: v, union: union, out: &tree{kind: '{'}}
	for _, a := range acts {
		if len(a.rest) == 1 {
			l.acts = append(l.acts, a)
		}
	}
	l.made = make([]*tree, len(l.acts))
	if l.twice(acts, watch) || l.missing(acts) {
		return nil, errRefused
	}
	l.tell()
	for _, m := range v.members {
		var deeper []Path
		for _, p := range watch {
			if p[0] == m.name && len(p) > 1 {
				deeper = append(deeper, p[1:])
			}
		}
		value, err := r.edit(m.tree, below(acts, m.name), deeper, union)
		if err != nil {
			return nil, err
		}
		if err := l.member(treeMember{m.name, m.key, value}); err != nil {
			return nil, err
		}
	}
	if err := l.end(); err != nil {
		return nil, err
	}
	return same(v, l.out), nil
}

func (l *level) has(name string) bool { return name != "" && l.v.find(name) != nil }

// twice says whether a member that matters is there twice.
func (l *level) twice(acts []act, watch []Path) bool {
	names := map[string]bool{}
	for _, p := range watch {
		names[p[0]] = true
	}
	for _, a := range acts {
		if len(a.rest) > 1 {
			names[a.rest[0]] = true
		}
	}
	for _, a := range l.acts {
		names[a.from], names[a.to] = true, true
		switch op := a.op.(type) {
		case Add:
			names[op.After] = true
		case Collect:
			names[op.First] = !l.back || names[op.First]
		case Filter:
			names[op.Count] = !l.union || names[op.Count]
		}
	}
	delete(names, "") // none
	for name, matters := range names {
		if matters && l.v.count(name) > 1 {
			return true
		}
	}
	return false
}

// missing says whether something is not there that an operation needs.
func (l *level) missing(acts []act) bool {
	for _, a := range acts {
		_, copies := a.op.(Copy)
		_, adds := a.op.(Add)
		switch {
		case a.optional:
		case len(a.rest) > 1:
			if !l.has(a.rest[0]) {
				return true
			}
		case adds || copies: // a copy may fall back: see end
		case !l.has(a.from) && !l.has(a.to) && !l.has(l.renamed(a.from)):
			return true
		}
	}
	return false
}

// renamed gives the new name of a member, or "".
func (l *level) renamed(name string) string {
	for _, a := range l.acts {
		if _, ok := a.op.(Rename); ok && a.from == name {
			return a.to
		}
	}
	return ""
}

// tell counts the names of each shape.
func (l *level) tell() {
	for _, m := range l.v.members {
		source, native := false, false
		for _, a := range l.acts {
			source = source || a.takes && a.from == m.name
			native = native || a.to != "" && a.to == m.name
		}
		if source {
			l.sources++
		}
		if native {
			l.natives++
		}
	}
}

// member writes a member, or what becomes of it in its place.
func (l *level) member(m treeMember) error {
	stays, mapped, to := true, m.tree, l.renamed(m.name)
	for i, a := range l.acts {
		var err error
		switch op := a.op.(type) {
		case Project:
			err = l.shaped(i, m, '{')
		case Collect:
			err = l.shaped(i, m, '[')
		case Words, Prefixes, Text, Route, URL:
			if a.from == m.name && (!l.union || to != "") {
				mapped, err = l.mapText(m.tree, op)
			}
		}
		if err != nil {
			return err
		}
		stays = stays && !(a.takes && a.from == m.name)
	}
	wins := l.has(to)
	switch {
	case l.union:
		l.out.members = append(l.out.members, m)
		if to != "" && !wins {
			l.out.add(to, mapped)
		}
	case stays:
		l.out.members = append(l.out.members, treeMember{m.name, m.key, mapped})
	case to != "" && !wins:
		l.out.add(to, mapped)
	case wins && l.back && !alike(mapped, l.v.find(to)):
		return errRefused
	}
	for _, a := range l.acts {
		if add, ok := a.op.(Add); ok && add.After == m.name {
			if wins && !l.union {
				l.late = append(l.late, add)
			} else {
				l.add(add)
			}
		}
	}
	return nil
}

// shaped makes a shape of the member that act i reads, and refuses one of another kind that
// has the name of what it makes.
func (l *level) shaped(i int, m treeMember, kind byte) error {
	a := l.acts[i]
	if m.name != a.from && m.name != a.to {
		return nil
	}
	if m.kind != kind && m.kind != 'n' {
		return errRefused
	}
	if m.name == a.to || m.kind == 'n' {
		if m.name == a.from {
			l.made[i] = m.tree
		}
		return nil
	}
	var err error
	switch op := a.op.(type) {
	case Project:
		l.made[i], err = l.shape(m.tree, op.Shape)
	case Collect:
		l.made[i], err = l.elements(m.tree, op.Shape)
	}
	return err
}

func (l *level) add(op Add) {
	if value := l.source(op.Sources); value != nil && !l.has(op.Member) {
		l.out.add(op.Member, value)
	}
}

// end writes what stands at the object's end.
func (l *level) end() error {
	for _, op := range l.late {
		l.add(op)
	}
	for i, a := range l.acts {
		made, levels := l.made[i], 1
		switch op := a.op.(type) {
		case Project:
		case Collect:
			levels = 2
			if !l.back && !l.has(a.to) {
				made = l.list(op, made)
			}
		case Copy:
			if made = l.v.find(a.from); made == nil {
				made = l.source(op.Else)
			}
			if made == nil && !a.optional && !l.has(a.to) {
				return errRefused
			}
		case Add:
			if op.After == "" {
				l.add(op)
			}
			continue
		default:
			continue
		}
		switch {
		case made == nil:
		case !l.has(a.to):
			l.out.add(a.to, made)
		case l.back && !says(made, l.v.find(a.to), levels):
			return errRefused
		}
	}
	return nil
}

// list puts the object that goes first into a list and filters it. made is nil where no list is there.
func (l *level) list(op Collect, made *tree) *tree {
	out := &tree{kind: '['}
	if first := l.first(op); first != nil {
		out.items = append(out.items, first)
	} else if made == nil || made.kind == 'n' {
		return made
	}
	if made != nil {
		out.items = append(out.items, made.items...)
	}
	for _, a := range l.acts {
		f, ok := a.op.(Filter)
		if !ok || a.rest[0] != op.To {
			continue
		}
		kept, shorter := l.filter(out.items, f)
		out.items = kept
		for i := range l.out.members {
			if m := &l.out.members[i]; shorter && !l.union && m.name == f.Count {
				m.tree = &tree{kind: '0', raw: strconv.Itoa(len(kept))}
			}
		}
	}
	return out
}

// first gives, in its shape, the object that goes first in a list; nil if none does.
func (l *level) first(op Collect) *tree {
	first := l.v.find(op.First)
	if op.First == "" || first == nil || first.kind != '{' {
		return nil
	}
	if list := l.v.find(op.At[len(op.At)-1]); list != nil && first.find(op.Key) != nil {
		for _, item := range list.items {
			if key := item.find(op.Key); key != nil && alike(key, first.find(op.Key)) {
				return nil
			}
		}
	}
	for i, a := range l.acts {
		if p, ok := a.op.(Project); ok && a.from == op.First && p.Shape == op.Shape {
			return l.made[i]
		}
	}
	return nil
}

// alike says whether two values are the same but for white space and for how strings are escaped.
func alike(a, b *tree) bool {
	if a.kind != b.kind || len(a.items) != len(b.items) || len(a.members) != len(b.members) {
		return false
	}
	for i := range a.items {
		if !alike(a.items[i], b.items[i]) {
			return false
		}
	}
	for i := range a.members {
		if a.members[i].name != b.members[i].name || !alike(a.members[i].tree, b.members[i].tree) {
			return false
		}
	}
	switch a.kind {
	case '{', '[':
		return true
	case '"':
		return meaning(a.raw) == meaning(b.raw)
	}
	return a.raw == b.raw
}

// says tells whether a fuller value has all that another one says.
func says(v, full *tree, levels int) bool {
	switch {
	case levels > 0 && v.kind == '{' && full.kind == '{':
		for _, m := range v.members {
			other := full.find(m.name)
			if other == nil || !says(m.tree, other, levels-1) {
				return false
			}
		}
		return true
	case levels > 0 && v.kind == '[' && full.kind == '[':
		if len(v.items) != len(full.items) {
			return false
		}
		for i, item := range v.items {
			if !says(item, full.items[i], levels-1) {
				return false
			}
		}
		return true
	}
	return alike(v, full)
}
