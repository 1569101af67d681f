package transform_test

import (
	"slices"

	. "github.com/crossfade-proxy/crossfade/transform"

	"pgregory.net/rapid"
)

// dice decides what generators make: drawn by rapid, which shrinks, or read from the bytes of a fuzzer.
type dice interface {
	// roll gives a number from 0 up to n-1.
	roll(n int) int
}

type rapidDice struct{ *rapid.T }

func (d rapidDice) roll(n int) int { return rapid.IntRange(0, n-1).Draw(d.T, "roll") }

// byteDice rolls what its bytes say, and zeros behind their end.
type byteDice struct{ left []byte }

func (d *byteDice) roll(n int) int {
	if len(d.left) == 0 {
		return 0
	}
	b := d.left[0]
	d.left = d.left[1:]
	return int(b) % n
}

func oneOf[T any](d dice, list ...T) T { return list[d.roll(len(list))] }

// oneIn is true once in n times.
func oneIn(d dice, n int) bool { return d.roll(n) == n-1 }

// shuffled gives the elements in another order.
func shuffled[T any](d dice, list []T) []T {
	out := append([]T(nil), list...)
	for i := len(out) - 1; i > 0; i-- {
		j := d.roll(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// lensDice makes lists of operations that Compile has to accept: each member of each object
// gets at most one that takes it, and new names are names of no session member.
type lensDice struct {
	dice
	words    *WordTable
	prefixes *PrefixTable
	serial   int
	list     bool // the body is a list, so there is nothing to fall back on
}

func newLensDice(d dice) *lensDice {
	return &lensDice{dice: d, words: statusTable(), prefixes: nameTable()}
}

// sessionNames are names of a session: words, false friends, and what paths and queries would trip over.
func sessionNames() []string {
	return []string{
		"session", "id", "name", "status", "session_id", "a.b", "sess*", "@type", "#", "[0]", "données", "😀",
		"back\\slash", "quo\"te", "tab\t", "a_name_that_is_much_longer_than_eight_bytes",
	}
}

// made gives a name that no session has.
func (d *lensDice) made(name string) string {
	d.serial++
	return "flow_" + name + string(rune('a'+d.serial%26)) + string(rune('a'+d.serial/26%26))
}

// ops makes the operations of a body.
func (d *lensDice) ops() []Op {
	if oneIn(d, 12) {
		return d.wrap()
	}
	base := Path{}
	if d.list = oneIn(d, 10); d.list {
		base = Path{Each}
	}
	ops := d.object(base, 3)
	if len(ops) == 0 {
		ops = append(ops, Rename{At: append(base, "session"), To: "flow", Optional: true})
	}
	return ops
}

func (d *lensDice) wrap() []Op {
	op := Wrap{List: "flows", Shape: d.shape(1, false), Members: []Member{{Name: "engagement", Else: []Source{{Var: "path.engagement"}}}}}
	if oneIn(d, 2) {
		op.Total = "total"
	}
	if oneIn(d, 2) {
		return []Op{op, Filter{List: Path{"flows"}, By: []Condition{{Member: d.named(op.Shape), Var: "query.status"}}}}
	}
	return []Op{op}
}

// named gives a member that a shape has in the flow.
func (d *lensDice) named(s *Shape) string {
	if s.Edit != nil {
		return "nobody takes this away"
	}
	return s.Members[d.roll(len(s.Members))].Name
}

// object makes operations on the members of an object and below.
func (d *lensDice) object(base Path, depth int) (ops []Op) {
	names := shuffled(d, sessionNames())
	at := func() Path {
		p := append(append(Path{}, base...), names[0])
		names = names[1:]
		return p
	}
	groups := make([][]Op, d.roll(4)+1)
	for i := range groups {
		groups[i] = d.member(at, base, depth)
	}
	// Operations of one member keep their order: the first of two shapes leads back.
	return slices.Concat(shuffled(d, groups)...)
}

// member makes the operations on one member.
func (d *lensDice) member(at func() Path, base Path, depth int) []Op {
	optional := d.roll(4) > 0
	p := at()
	name := p[len(p)-1]
	to := d.made(name)
	switch d.roll(10) {
	case 0:
		return []Op{Rename{p, to, optional}}
	case 1:
		return []Op{Rename{p, to, optional}, d.text(p)}
	case 2:
		return []Op{d.text(p)}
	case 3:
		return d.projects(p, to, optional, depth)
	case 4:
		return d.collect(p, to, at, optional, depth)
	case 5:
		return []Op{Drop{p, optional, "it has no place"}}
	case 6:
		return []Op{Copy{p, to, d.sources(depth), optional}}
	case 7:
		add := Add{In: append(Path{}, base...), Member: to, Sources: d.sources(depth), Optional: optional}
		if add.Sources == nil {
			add.Sources = []Source{{Value: `"made"`}}
		}
		if oneIn(d, 2) {
			add.After = name
			if oneIn(d, 2) {
				return []Op{add, Rename{p, d.made(name), true}}
			}
		}
		return []Op{add}
	case 8:
		if depth > 0 {
			return d.object(p, depth-1)
		}
	case 9:
		list := append(append(Path{}, p...), Each)
		if oneIn(d, 3) {
			return []Op{d.text(list)}
		}
		if depth > 0 {
			return d.object(list, depth-1)
		}
	}
	return []Op{Rename{p, to, optional}}
}

func (d *lensDice) text(p Path) Op {
	optional := d.roll(4) > 0
	switch d.roll(5) {
	case 0:
		return Words{p, d.words, optional}
	case 1:
		return Prefixes{p, d.prefixes, optional}
	case 2:
		return Text{p, "session_id", "flow_id", optional}
	case 3:
		return URL{p, optional}
	}
	return Route{p, optional}
}

func (d *lensDice) projects(p Path, to string, optional bool, depth int) []Op {
	shape := d.shape(depth, true)
	ops := []Op{Project{p, to, shape, optional}}
	if oneIn(d, 3) { // an alias, of what the first one has
		alias := &Shape{Name: "alias", Unmapped: UnmappedDrop, Loss: "an alias is short", Members: []Member{{Name: "flow_id", From: "id"}}}
		if shape.Edit == nil {
			alias.Members = shape.Members[:1]
		}
		ops = append(ops, Project{p, d.made("alias"), alias, optional})
	}
	return ops
}

func (d *lensDice) collect(p Path, to string, at func() Path, optional bool, depth int) []Op {
	s := d.shape(depth, oneIn(d, 2))
	op := Collect{At: p, To: to, Shape: s, Optional: optional}
	ops := []Op{}
	if s.Edit == nil && oneIn(d, 2) {
		first := at()
		s.Members[0].Required = true
		op.First, op.Key, op.Loss = first[len(first)-1], s.Members[0].From, "where it stood"
		ops = append(ops, Project{first, d.made("current"), s, d.roll(2) == 0})
	}
	if oneIn(d, 2) {
		f := Filter{List: sibling(p, to), By: []Condition{{d.named(s), "query.status"}}}
		if oneIn(d, 2) {
			count := at()
			f.Count = count[len(count)-1]
			if oneIn(d, 2) {
				f.Count = d.made("count")
				ops = append(ops, Rename{count, f.Count, true})
			}
		}
		ops = append(ops, f)
	}
	return append(ops, op)
}

func (d *lensDice) sources(depth int) (out []Source) {
	if depth == 3 && !d.list && oneIn(d, 3) { // only one level has them, or they could lie below what another one takes away
		out = append(out, Source{Path: Path{"user", "id"}})
	}
	if oneIn(d, 3) {
		out = append(out, Source{Var: "path.engagement"})
	}
	if oneIn(d, 2) {
		out = append(out, Source{Value: oneOf(d, `"discovery"`, `null`, `1.10`, `{"a":[]}`)})
	}
	return out
}

// shape makes a shape of objects, open only where the body has one that can be edited.
func (d *lensDice) shape(depth int, open bool) *Shape {
	if open && depth > 0 && oneIn(d, 2) {
		s := &Shape{Name: "open", Edit: d.object(Path{}, depth-1)}
		if len(s.Edit) > 0 {
			return s
		}
	}
	s := &Shape{Name: "closed", Unmapped: oneOf(d, UnmappedDrop, UnmappedKeep, UnmappedUnder, UnmappedRefuse)}
	if s.Unmapped == UnmappedDrop {
		s.Loss = "they have no place"
	}
	names := shuffled(d, sessionNames())
	s.Members = d.members(&names, d.roll(4)+1, true)
	if oneIn(d, 3) {
		s.Lost = []Lost{{names[0], "nobody wants it"}}
	}
	if s.Unmapped == UnmappedUnder {
		s.Under = Path{"metadata", "legacy"}
		s.Members = append(s.Members, Member{Name: "metadata", From: "metadata"})
	}
	return s
}

func (d *lensDice) members(names *[]string, n int, nest bool) (out []Member) {
	for i := range n {
		name := (*names)[0]
		*names = (*names)[1:]
		m := Member{Name: name, From: name}
		if oneIn(d, 3) {
			m.Name = d.made(name)
		}
		if i == 0 {
			out = append(out, m) // what elements may be told apart by
			continue
		}
		switch d.roll(7) {
		case 6:
			m.URL = true
		case 0:
			m.Required = true
		case 1:
			m.Words = d.words
		case 2:
			m.Prefixes = d.prefixes
		case 3:
			if m.Else = d.sources(0); m.Else != nil {
				m.Loss = "a fallback"
			}
		case 4:
			m = Member{Name: d.made("constant"), Else: []Source{{Value: `"discovery"`}}}
		case 5:
			if nest {
				m = Member{Name: d.made("nest"), Nest: d.members(names, d.roll(2)+1, false)}
			}
		}
		out = append(out, m)
	}
	return out
}
