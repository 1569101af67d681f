package contract

import (
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// Bounds of shapes, so that a small file cannot declare an endless one.
const (
	maxLike  = 16     // shapes that one is like, and those like others in turn
	maxParts = 10_000 // members and operations of a shape, with those of the shapes it uses
)

// shape is a resolved shape.
type shape struct {
	*transform.Shape
	at     []value  // where each edit stands
	age    int      // the newest file that any part of it comes from
	parts  int      // how many members and operations it has, all the way down
	like   int      // how many shapes it is like, all the way down
	vars   []string // variables that it reads
	broken bool     // a fault of it was reported; whoever uses it is not compiled
}

// shapeOf resolves a shape. It returns nil for one that is being resolved: it uses itself.
func (r *resolver) shapeOf(by value, d *declared[*shape]) *shape {
	switch d.state {
	case stateDone:
		return d.resolved
	case stateOpen:
		i := slices.Index(r.open, d.name)
		by.fail("shape %q uses itself (%s)", d.name, strings.Join(append(slices.Clone(r.open[max(i, 0):]), d.name), ", "))
		return nil
	case stateNew:
	}
	d.state = stateOpen
	r.open = append(r.open, d.name)
	before := len(d.problems.list)
	s := r.readShape(d)
	r.open = r.open[:len(r.open)-1]
	d.state, d.resolved = stateDone, s

	s.broken = s.broken || len(d.problems.list) > before
	if s.parts > maxParts && !s.broken {
		d.fail("the shape grows to more than %d members and operations", maxParts)
		s.broken = true
	}
	if s.broken {
		return s
	}
	// As with tables: the engine is asked for the shape alone, so that its faults are told
	// once and where they stand.
	if s.Edit != nil {
		s.broken = !compiles(d.value, d.name, s.Edit, s.at)
	} else {
		op := transform.Project{At: transform.Path{"session"}, To: "flow", Shape: s.Shape}
		s.broken = !compiles(d.value, d.name, []transform.Op{op}, nil)
	}
	return s
}

func (r *resolver) readShape(d *declared[*shape]) *shape {
	s := &shape{Shape: &transform.Shape{Name: d.name}, age: d.file}
	o, ok := d.object()
	if !ok {
		return s
	}
	o.get("replace") // read when the files were put together
	if v, ok := o.get("like"); ok {
		r.startLike(s, v, d)
	}
	o.one("members", "edit")
	read := &reader{resolver: r}
	if v, ok := o.get("members"); ok {
		if s.Edit != nil {
			v.fail("an open shape has edit, no members")
		}
		for _, m := range read.members(v) {
			// A member of the same name takes the place of the old one.
			if i := slices.IndexFunc(s.Members, func(old transform.Member) bool { return old.Name == m.Name }); i >= 0 {
				s.Members[i] = m
				continue
			}
			s.Members = append(s.Members, m)
		}
	}
	if v, ok := o.get("edit"); ok {
		if s.Members != nil {
			v.fail("a closed shape has members, no edit")
		}
		ops, at := read.operations(v.list())
		s.Edit, s.at = append(s.Edit, ops...), append(s.at, at...)
		if len(s.Edit) == 0 {
			v.fail("no operations")
		}
	}
	if !o.has("members") && !o.has("edit") && !o.has("like") {
		o.fail("a shape has members or edit")
	}
	if v, ok := o.get("unmapped"); ok {
		readUnmapped(s, v)
		s.Loss = "" // of what the shape it is like did
	}
	if v, ok := o.get("loss"); ok {
		s.Loss = v.str()
	}
	if v, ok := o.get("lost"); ok {
		s.Lost = nil
		for _, e := range v.entries() {
			s.Lost = append(s.Lost, transform.Lost{Name: e.key, Loss: e.str()})
		}
	}
	o.done()

	s.age = max(s.age, read.age)
	s.parts += read.parts
	s.broken = s.broken || read.broken
	for _, used := range read.vars {
		s.vars = append(s.vars, used.name)
	}
	return s
}

// startLike starts a shape from another one: of its own name, the declaration it replaces.
func (r *resolver) startLike(s *shape, v value, d *declared[*shape]) {
	base := d.replaces
	if name := v.str(); name != d.name || base == nil {
		base = r.shapes.find(v, name)
	}
	if base == nil {
		s.broken = true
		return
	}
	old := r.shapeOf(v, base)
	if old == nil {
		s.broken = true
		return
	}
	if old.like+1 > maxLike {
		v.fail("more than %d shapes like one another", maxLike)
		s.broken = true
		return
	}
	copied := *old.Shape
	copied.Name = d.name
	copied.Members = slices.Clone(old.Members)
	copied.Edit = slices.Clone(old.Edit)
	*s = shape{
		Shape: &copied, at: slices.Clone(old.at), age: max(s.age, old.age),
		parts: old.parts, like: old.like + 1, vars: slices.Clone(old.vars), broken: old.broken,
	}
}

func readUnmapped(s *shape, v value) {
	s.Under = nil
	if v.kind == kindMap {
		if o, ok := v.object(); ok {
			s.Unmapped, s.Under = transform.UnmappedUnder, o.needPath("under")
			o.done()
		}
		return
	}
	words := []string{"refuse", "drop", "keep"}
	switch word := v.str(); word {
	case "refuse":
		s.Unmapped = transform.UnmappedRefuse
	case "drop":
		s.Unmapped = transform.UnmappedDrop
	case "keep":
		s.Unmapped = transform.UnmappedKeep
	default:
		v.fail("unknown word %q%s", word, hint(word, append(words, "{under: …}")))
	}
}

// members reads the members of a closed shape, or those that wrap adds.
func (r *reader) members(v value) []transform.Member {
	var out []transform.Member
	for _, item := range v.list() {
		m, ok := r.member(item)
		if !ok {
			continue
		}
		if slices.ContainsFunc(out, func(o transform.Member) bool { return o.Name == m.Name }) {
			item.fail("member %q is there twice", m.Name)
			continue
		}
		r.parts++
		out = append(out, m)
	}
	if out == nil && v.kind == kindList && len(v.items) == 0 {
		v.fail("no members")
	}
	return out
}

// member reads a name, or a name with attributes.
func (r *reader) member(v value) (transform.Member, bool) {
	if v.kind == kindString {
		name := v.str()
		return transform.Member{Name: name, From: name}, name != ""
	}
	if v.kind != kindMap || len(v.pairs) != 1 {
		v.fail("want a name, or one name with its attributes")
		return transform.Member{}, false
	}
	e := v.entries()
	if len(e) == 0 {
		return transform.Member{}, false
	}
	o, ok := e[0].object()
	if !ok {
		return transform.Member{}, false
	}
	m := transform.Member{Name: e[0].key, From: e[0].key}
	o.one("value", "from", "nest")
	o.one("value", "else")
	o.one("value", "default")
	o.one("value", "required")
	o.one("nest", "else")
	o.one("nest", "default")
	o.one("nest", "words", "prefixes", "url")
	o.one("words", "prefixes", "url")
	m.Required = o.flag("required")
	m.Loss = o.str("loss")
	if from, ok := o.get("from"); ok {
		r.memberFrom(&m, from)
	}
	if name, ok := o.get("words"); ok {
		m.Words = r.wordTable(name)
	}
	if name, ok := o.get("prefixes"); ok {
		m.Prefixes = r.prefixTable(name)
	}
	m.URL = o.flag("url")
	if list, ok := o.get("else"); ok {
		m.Else = append(m.Else, r.sources(list)...)
	}
	if text, ok := o.get("default"); ok {
		m.Else = append(m.Else, transform.Source{Value: text.json()})
	}
	if text, ok := o.get("value"); ok {
		m.From, m.Else = "", []transform.Source{{Value: text.json()}}
	}
	if list, ok := o.get("nest"); ok {
		m.From, m.Nest = "", r.members(list)
	}
	o.done()
	return m, true
}

// memberFrom reads where a member comes from: another name in the session, or variables
// (then it has no counterpart there).
func (r *reader) memberFrom(m *transform.Member, v value) {
	if v.kind == kindString && !strings.HasPrefix(v.text, "$") {
		m.From = v.str()
		return
	}
	m.From, m.Else = "", r.sources(v)
	for _, s := range m.Else {
		if s.Var == "" {
			v.fail("want a name of the session or variables ($path.…); put other paths into else")
			return
		}
	}
}
