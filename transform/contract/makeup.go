package contract

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// maxMadeUp bounds the bodies made up for one lens: a word table may have thousands of words.
const maxMadeUp = 2000

// The variables of made-up requests. A route that a body repeats is the one that the
// upstream saw.
func madeUpVars(name string) (string, bool) {
	switch {
	case name == "upstream.path":
		return "/session/route", true
	case name == "client.path":
		return "/flow/route", true
	case strings.HasPrefix(name, "path."):
		return "made up", true
	}
	// Parameters that filter are not set: what a filter leaves out does not come back.
	return "", false
}

// madeUpLinks leads from the route of a made-up request to its counterpart.
func madeUpLinks(dir transform.Direction) transform.Links {
	from, _ := madeUpVars("upstream.path")
	to, _ := madeUpVars("client.path")
	if dir == transform.ToSession {
		from, to = to, from
	}
	return func(url string) (string, bool) { return to, url == from }
}

// sketch is a body in the session shape as far as a lens tells it.
type sketch struct {
	object []sketchMember
	each   *sketch  // of a list
	values []string // of anything else, as JSON text; the first is the usual one
}

type sketchMember struct {
	name string
	*sketch
}

// sketchOf draws the body that operations are about.
func sketchOf(ops []transform.Op) *sketch {
	root := &sketch{}
	root.ops(root, ops)
	if root.each == nil {
		// What no operation names has to come through as it is.
		root.member("made up").values = []string{`{"n":1.10,"big":12345678901234567890,"text":"Admin Session - \u00e9\/😀","none":[]}`}
	}
	return root
}

// member gives the sketch of a member, made if need be.
func (s *sketch) member(name string) *sketch {
	for _, m := range s.object {
		if m.name == name {
			return m.sketch
		}
	}
	m := &sketch{}
	s.object = append(s.object, sketchMember{name, m})
	return m
}

// at gives the sketch that a path leads to, made if need be.
func (s *sketch) at(p transform.Path) *sketch {
	for _, name := range p {
		if name == transform.Each {
			if s.each == nil {
				s.each = &sketch{}
			}
			s = s.each
			continue
		}
		s = s.member(name)
	}
	return s
}

// may adds values that a member can have.
func (s *sketch) may(values ...string) {
	for _, v := range values {
		var b bytes.Buffer
		writeString(&b, v)
		s.values = append(s.values, b.String())
	}
}

func (s *sketch) ops(root *sketch, ops []transform.Op) {
	for _, op := range ops {
		switch op := op.(type) {
		case transform.Rename:
			s.at(op.At)
		case transform.Project:
			s.at(op.At).shape(root, op.Shape)
		case transform.Collect:
			s.at(below(op.At, transform.Path{transform.Each})).shape(root, op.Shape)
		case transform.Add:
			in := s.at(op.In)
			if op.After != "" {
				in.member(op.After)
			}
			root.sources(op.Sources)
		case transform.Copy:
			s.at(op.At)
			root.sources(op.Else)
		case transform.Words:
			s.at(op.At).words(op.Table)
		case transform.Prefixes:
			s.at(op.At).prefixes(op.Table)
		case transform.Text:
			s.at(op.At).may(op.Session, "another text")
		case transform.Route:
			route, _ := madeUpVars("upstream.path")
			s.at(op.At).may(route, "/another/route")
		case transform.URL:
			s.at(op.At).urls()
		case transform.Drop:
			s.at(op.At)
		case transform.Wrap:
			s.at(transform.Path{transform.Each}).shape(root, op.Shape)
		case transform.Filter: // only leaves elements out
		}
	}
}

func (s *sketch) sources(list []transform.Source) {
	for _, source := range list {
		if source.Path != nil {
			s.at(source.Path)
		}
	}
}

func (s *sketch) shape(root *sketch, shape *transform.Shape) {
	if shape.Edit != nil {
		s.ops(root, shape.Edit)
		return
	}
	s.members(root, shape.Members)
	if shape.Unmapped != transform.UnmappedRefuse {
		s.member("made up").values = []string{`[{"session":null},-0.0]`}
	}
}

func (s *sketch) members(root *sketch, members []transform.Member) {
	for _, m := range members {
		root.sources(m.Else)
		s.members(root, m.Nest)
		if m.From == "" {
			continue
		}
		from := s.member(m.From)
		if m.Words != nil {
			from.words(m.Words)
		}
		if m.Prefixes != nil {
			from.prefixes(m.Prefixes)
		}
		if m.URL {
			from.urls()
		}
	}
}

func (s *sketch) urls() {
	route, _ := madeUpVars("upstream.path")
	s.may(route, "https://elsewhere.example.com/route")
}

func (s *sketch) words(t *transform.WordTable) {
	for _, e := range t.Entries {
		s.may(e.Session)
	}
	s.may(t.Same...)
	s.may("a word that no table knows")
}

func (s *sketch) prefixes(t *transform.PrefixTable) {
	for _, e := range t.Entries {
		s.may(e.Session)
		s.may(e.Session + " and more")
	}
	s.may("no beginning that a table knows")
}

// change is what a variant of a made-up body has another way: one value, everywhere.
type change struct {
	at    *sketch
	path  string
	value string // JSON text; "" takes the member away
}

func (c change) String() string {
	switch {
	case c.at == nil:
		return "a made-up body"
	case c.value == "":
		return fmt.Sprintf("a made-up body without %s", c.path)
	}
	return fmt.Sprintf("a made-up body with %s = %s", orRoot(c.path), c.value)
}

// changes lists the variants: each member absent, null, and with each value that it may have.
func (s *sketch) changes() []change {
	out := []change{{}}
	s.addChanges(&out, "")
	return out[:min(len(out), maxMadeUp)]
}

func (s *sketch) addChanges(out *[]change, path string) {
	for i, v := range s.values {
		if i > 0 {
			*out = append(*out, change{s, path, v})
		}
	}
	if s.each != nil {
		*out = append(*out, change{s, path, "[]"})
		s.each.addChanges(out, path+"[]")
	}
	for _, m := range s.object {
		at := join(path, m.name)
		*out = append(*out, change{m.sketch, at, ""}, change{m.sketch, at, "null"})
		m.addChanges(out, at)
	}
}

// body renders the sketch with a change.
func (s *sketch) body(c change) []byte {
	var b bytes.Buffer
	s.write(&b, c, 1)
	return b.Bytes()
}

// write renders s. n tells the elements of a list apart.
func (s *sketch) write(b *bytes.Buffer, c change, n int) {
	switch {
	case c.at == s:
		b.WriteString(c.value)
	case s.each != nil:
		b.WriteByte('[')
		s.each.write(b, c, 1)
		b.WriteString(" , ")
		s.each.write(b, c, 2)
		b.WriteByte(']')
	case s.object != nil:
		comma := "{"
		for _, m := range s.object {
			if c.at == m.sketch && c.value == "" {
				continue
			}
			b.WriteString(comma)
			writeString(b, m.name)
			b.WriteString(": ")
			m.write(b, c, n)
			comma = ","
		}
		if comma == "{" {
			b.WriteString(comma)
		}
		b.WriteByte('}')
	case s.values != nil:
		b.WriteString(s.values[0])
	default:
		b.WriteString(`"made up ` + strconv.Itoa(n) + `"`)
	}
}
