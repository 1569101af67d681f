package transform_test

import (
	"slices"
	"strings"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// sketch is a body of the session shape as far as operations tell it.
type sketch struct {
	names  []string // of an object's members, in order of their mention
	member map[string]*sketch
	each   *sketch  // of a list's elements
	texts  []string // that a member may have
	flow   []string // names of the flow shape in this object
}

func (s *sketch) at(p Path) *sketch {
	for _, name := range p {
		if name == Each {
			if s.each == nil {
				s.each = &sketch{}
			}
			s = s.each
			continue
		}
		if s.member == nil {
			s.member = map[string]*sketch{}
		}
		if s.member[name] == nil {
			s.member[name] = &sketch{}
			s.names = append(s.names, name)
		}
		s = s.member[name]
	}
	return s
}

// sketchOf draws the body that operations are about.
func sketchOf(ops []Op) *sketch {
	root := &sketch{}
	root.ops(ops)
	for _, p := range watched(ops) {
		root.at(p)
	}
	return root
}

func (s *sketch) ops(ops []Op) {
	to := func(at Path, name string) {
		parent := s.at(at[:len(at)-1])
		parent.flow = append(parent.flow, name)
		parent.at(at[len(at)-1:])
	}
	for _, op := range ops {
		switch op := op.(type) {
		case Rename:
			to(op.At, op.To)
		case Project:
			to(op.At, op.To)
			s.at(op.At).shape(op.Shape)
		case Collect:
			to(op.At, op.To)
			s.at(op.At).at(Path{Each}).shape(op.Shape)
		case Copy:
			to(op.At, op.To)
		case Add:
			in := s.at(op.In)
			in.flow = append(in.flow, op.Member)
			if op.After != "" {
				in.at(Path{op.After})
			}
		case Words:
			s.at(op.At).texts = []string{"running", "waiting_for_user", "active", "in_progress", "unheard of", "initialized"}
		case Prefixes:
			s.at(op.At).texts = []string{"Demo Session", "Admin Session - A/\"B\"", "Default Session - é", "Demo Session 2", "Discovery Flow - x"}
		case Text:
			s.at(op.At).texts = []string{op.Session, "session_id.", "a"}
		case Route:
			s.at(op.At).texts = []string{"/api/session", "/api/session/", "/api/sessions"}
		case URL:
			s.at(op.At).texts = []string{"https://a.example/session/1?x=\"", "/session/", "/sessions"}
		case Drop:
			s.at(op.At)
		case Wrap:
			s.at(Path{Each}).shape(op.Shape)
		case Filter:
			if op.Count != "" {
				s.at(session(ops, sibling(op.List, op.Count))).texts = []string{"7"}
			}
		}
	}
}

// session gives the path of a member in the session shape.
func session(ops []Op, p Path) Path {
	for _, op := range ops {
		if r, ok := op.(Rename); ok && slices.Equal(sibling(r.At, r.To), p) {
			return r.At
		}
	}
	return p
}

func (s *sketch) shape(shape *Shape) {
	s.ops(shape.Edit)
	s.members(shape.Members)
	for _, lost := range shape.Lost {
		s.at(Path{lost.Name})
	}
}

func (s *sketch) members(list []Member) {
	for _, m := range list {
		s.flow = append(s.flow, m.Name)
		s.members(m.Nest)
		switch {
		case m.From == "":
		case m.Words != nil:
			s.ops([]Op{Words{At: Path{m.From}}})
		case m.Prefixes != nil:
			s.ops([]Op{Prefixes{At: Path{m.From}}})
		case m.URL:
			s.ops([]Op{URL{At: Path{m.From}}})
		default:
			s.at(Path{m.From})
		}
	}
}

// bodyDice makes bodies.
type bodyDice struct {
	dice
	airy   bool // white space everywhere
	escape bool // escapes where none are needed
}

func newBodyDice(d dice) *bodyDice { return &bodyDice{d, oneIn(d, 3), oneIn(d, 3)} }

// values are what members may have that nothing is known about: numbers that a float would
// change, texts that are no UTF-8, and objects that look like what lenses are about.
func values() []string {
	return []string{
		`null`, `true`, `false`, `0`, `-0`, `1.10`, `1e400`, `-12345678901234567890.5E-7`, `""`, `"1"`, `"a"`,
		`"\ud800"`, `"\uD83D\ude00"`, "\"\xff\xfe\"", `"Admin Session - é"`, `"\u0041dmin Session - \/"`, `{}`, `[]`, `[[],{}]`,
		`{"session":{"id":"1","session_id":null},"legacy":{"id":1}}`, `{"legacy":"x","a":1}`, `{ "id" : [ 1 , 2 ] }`,
		`[{"id":"1","name":"n","status":"running"}]`, `"/api/flow"`,
	}
}

// session makes a body of the session shape.
func (d *bodyDice) session(s *sketch) *tree {
	switch {
	case s.each != nil:
		out := &tree{kind: '['}
		for range d.roll(4) {
			out.items = append(out.items, d.session(s.each))
		}
		return out
	case len(s.names) > 0:
		out := &tree{kind: '{'}
		for _, name := range s.names {
			if oneIn(d, 6) {
				continue
			}
			value := d.session(s.member[name])
			if oneIn(d, 12) {
				value = mustParse("null")
			}
			out.members = append(out.members, treeMember{name, d.key(name), value})
		}
		for i := range d.roll(3) {
			name := []string{"description", "", "session.id", "SESSION"}[d.roll(4)] + string(rune('0'+i))
			out.members = append(out.members, treeMember{name, d.key(name), mustParse(oneOf(d, values()...))})
		}
		out.members = shuffled(d, out.members)
		return out
	case s.texts != nil:
		text := oneOf(d, s.texts...)
		if text == "7" {
			return mustParse(text)
		}
		return mustParse(d.key(text))
	}
	return mustParse(oneOf(d, values()...))
}

// key spells a text as a JSON string.
func (d *bodyDice) key(text string) string {
	token := quoted(text)
	if !d.escape || len(text) == 0 || text[0] < ' ' || text[0] >= 0x7F || strings.ContainsRune(`"\`, rune(text[0])) {
		return token
	}
	const hex = "0123456789abcdefABCDEF"
	return `"\u00` + hex[text[0]>>4:][:1] + oneOf(d, strings.ToUpper(hex[text[0]&15:][:1]), hex[text[0]&15:][:1]) + token[2:]
}

// spoil makes a few changes that a session shape would not have: members of the flow shape,
// members twice, values of other kinds.
func (d *bodyDice) spoil(t *tree, s *sketch) *tree {
	for range d.roll(4) {
		d.spoilOne(t, s)
	}
	return t
}

func (d *bodyDice) spoilOne(t *tree, s *sketch) {
	t.raw = ""
	if s == nil {
		s = &sketch{}
	}
	if len(t.items) > 0 {
		i := d.roll(len(t.items))
		if item := t.items[i]; item.kind == '{' || item.kind == '[' && !oneIn(d, 4) {
			d.spoilOne(item, s.each)
			return
		}
		t.items[i] = mustParse(oneOf(d, values()...))
		return
	}
	if t.kind != '{' || len(t.members) == 0 {
		return
	}
	m := &t.members[d.roll(len(t.members))]
	if (m.kind == '{' || m.kind == '[') && d.roll(3) > 0 {
		d.spoilOne(m.tree, s.member[m.name])
		return
	}
	names := append(append([]string{"id", "session"}, s.names...), s.flow...)
	switch d.roll(5) {
	case 0:
		*m = treeMember{m.name, m.key, mustParse(oneOf(d, values()...))}
	case 1:
		t.members = append(t.members, *m)
	case 2:
		name := oneOf(d, names...)
		*m = treeMember{name, d.key(name), m.tree}
	case 3:
		name := oneOf(d, names...)
		t.members = append(t.members, treeMember{name, d.key(name), m.tree})
	case 4:
		name := oneOf(d, names...)
		t.members = append([]treeMember{{name, d.key(name), mustParse(oneOf(d, values()...))}}, t.members...)
	}
}

// write writes a tree as a body, airy or compact.
func (d *bodyDice) write(t *tree) string {
	space := func() string {
		if !d.airy {
			return ""
		}
		return oneOf(d, "", " ", "\n\t", " \r\n")
	}
	var b strings.Builder
	var value func(t *tree)
	value = func(t *tree) {
		b.WriteString(space())
		switch {
		case t.raw != "":
			b.WriteString(t.raw)
		case t.kind == '[':
			b.WriteByte('[')
			for i, item := range t.items {
				if i > 0 {
					b.WriteByte(',')
				}
				value(item)
			}
			b.WriteString(space() + "]")
		default:
			b.WriteByte('{')
			for i, m := range t.members {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(space() + m.key + space() + ":")
				value(m.tree)
			}
			b.WriteString(space() + "}")
		}
		b.WriteString(space())
	}
	value(t)
	return b.String()
}
