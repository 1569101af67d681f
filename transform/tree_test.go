package transform_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// tree is a JSON value that keeps what encoding/json forgets: the order of members, members
// that are there twice, and how everything is spelled.
type tree struct {
	kind    byte   // '{', '[', '"', '0' for numbers, 't' for truth values, 'n'
	raw     string // as it stands in the body; "" for an object or list that was made or changed
	members []treeMember
	items   []*tree
}

type treeMember struct {
	name string // what the key means
	key  string // how it is spelled, with its quotes; "" for a member that was made
	*tree
}

var errNotJSON = errors.New("not JSON")

// parse reads a body by the grammar of RFC 8259; strings may hold any byte from 0x20 up.
func parse(body string, maxDepth int) (*tree, error) {
	p := &parser{text: body}
	v := p.value(maxDepth)
	p.space()
	if p.bad || p.at < len(p.text) {
		return nil, errNotJSON
	}
	return v, nil
}

// mustParse is parse for what the tests themselves made.
func mustParse(body string) *tree {
	v, err := parse(body, 1<<20)
	if err != nil {
		panic(fmt.Sprintf("%v: %q", err, body))
	}
	return v
}

// parser is a recursive descent that never goes back: a fault sets bad, and what comes then does not matter.
type parser struct {
	text string
	at   int
	bad  bool
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take reads the text, if it is next.
func (p *parser) take(text string) bool {
	if p.bad || !strings.HasPrefix(p.text[p.at:], text) {
		return false
	}
	p.at += len(text)
	return true
}

func (p *parser) want(text string) {
	if !p.take(text) {
		p.bad = true
	}
}

func (p *parser) value(depth int) *tree {
	p.space()
	start := p.at
	v := &tree{}
	switch {
	case p.bad || p.at == len(p.text):
		p.bad = true
		return v
	case p.take("null"):
		v.kind = 'n'
	case p.take("true"), p.take("false"):
		v.kind = 't'
	case p.text[p.at] == '"':
		v.kind = '"'
		p.str()
	case depth > 0 && p.take("{"):
		v.kind = '{'
		for p.space(); !p.bad && !p.take("}"); p.space() {
			if len(v.members) > 0 {
				p.want(",")
				p.space()
			}
			key := p.str()
			p.space()
			p.want(":")
			v.members = append(v.members, treeMember{meaning(key), key, p.value(depth - 1)})
		}
	case depth > 0 && p.take("["):
		v.kind = '['
		for p.space(); !p.bad && !p.take("]"); p.space() {
			if len(v.items) > 0 {
				p.want(",")
			}
			v.items = append(v.items, p.value(depth-1))
		}
	default:
		v.kind = '0'
		p.number()
	}
	if !p.bad {
		v.raw = p.text[start:p.at]
	}
	return v
}

func (p *parser) str() string {
	start := p.at
	p.want(`"`)
	for !p.bad && !p.take(`"`) {
		switch {
		case p.at == len(p.text) || p.text[p.at] < 0x20:
			p.bad = true
		case p.take(`\u`):
			if p.at+4 > len(p.text) || strings.Trim(p.text[p.at:p.at+4], "0123456789abcdefABCDEF") != "" {
				p.bad = true
				return ""
			}
			p.at += 4
		case p.take(`\`):
			if p.at == len(p.text) || strings.IndexByte(`"\/bfnrt`, p.text[p.at]) < 0 {
				p.bad = true
				return ""
			}
			p.at++
		default:
			p.at++
		}
	}
	if p.bad {
		return ""
	}
	return p.text[start:p.at]
}

func (p *parser) digits() {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	p.bad = p.bad || p.at == start
}

func (p *parser) number() {
	p.take("-")
	if !p.take("0") {
		p.digits()
	}
	if p.take(".") {
		p.digits()
	}
	if p.take("e") || p.take("E") {
		if !p.take("+") {
			p.take("-")
		}
		p.digits()
	}
}

// meaning is what a string token says. A lone surrogate has no UTF-8 and becomes the three
// bytes that it would have.
func meaning(token string) string {
	if len(token) < 2 {
		return ""
	}
	var out []byte
	for s := token[1 : len(token)-1]; s != ""; {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if s[1] != 'u' {
			escapes := map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '/': '/'}
			out, s = append(out, escapes[s[1]]), s[2:]
			continue
		}
		c := unit(s)
		s = s[6:]
		if strings.HasPrefix(s, `\u`) {
			if pair := utf16.DecodeRune(c, unit(s)); pair != utf8.RuneError {
				out, s = utf8.AppendRune(out, pair), s[6:]
				continue
			}
		}
		if utf16.IsSurrogate(c) {
			out = append(out, byte(0xE0|c>>12), byte(0x80|c>>6&0x3F), byte(0x80|c&0x3F))
		} else {
			out = utf8.AppendRune(out, c)
		}
	}
	return string(out)
}

// unit is the UTF-16 code unit of an escape \uXXXX.
func unit(escape string) rune {
	n, err := strconv.ParseUint(escape[2:6], 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// text writes a tree: what was not changed as it stood, all else compact.
func (t *tree) text() string {
	if t.raw != "" {
		return t.raw
	}
	var b strings.Builder
	if t.kind == '[' {
		b.WriteByte('[')
		for i, item := range t.items {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(item.text())
		}
		b.WriteByte(']')
		return b.String()
	}
	b.WriteByte('{')
	for i, m := range t.members {
		if i > 0 {
			b.WriteByte(',')
		}
		key := m.key
		if key == "" {
			key = quoted(m.name)
		}
		b.WriteString(key + ":" + m.text())
	}
	b.WriteByte('}')
	return b.String()
}

// quoted spells a text as a JSON string with no more escapes than it needs.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(rune(c)))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// find gives the first member of a name, nil if there is none.
func (t *tree) find(name string) *tree {
	for _, m := range t.members {
		if m.name == name {
			return m.tree
		}
	}
	return nil
}

// at gives all values that a path leads to.
func (t *tree) at(p Path) []*tree {
	if len(p) == 0 {
		return []*tree{t}
	}
	var out []*tree
	if p[0] == Each {
		for _, item := range t.items {
			out = append(out, item.at(p[1:])...)
		}
	}
	for _, m := range t.members {
		if m.name == p[0] && p[0] != Each {
			out = append(out, m.at(p[1:])...)
		}
	}
	return out
}

// difference tells where got is not what is wanted; "" if nowhere. What is wanted with its
// bytes has to have just these bytes, white space and spelling as well.
func difference(want, got *tree) string {
	switch {
	case want.kind != got.kind:
		return fmt.Sprintf(": want %s, got %s", want.text(), got.text())
	case want.raw != "" && want.raw != got.raw:
		return fmt.Sprintf(": want the bytes %s, got %s", want.raw, got.raw)
	case want.raw != "":
		return ""
	case len(want.items) != len(got.items):
		return fmt.Sprintf(": want %d elements, got %d: %s", len(want.items), len(got.items), got.text())
	}
	for i, item := range want.items {
		if d := difference(item, got.items[i]); d != "" {
			return fmt.Sprintf("[%d]%s", i, d)
		}
	}
	for i, m := range want.members {
		if i == len(got.members) {
			return fmt.Sprintf(": want member %q, got no more", m.name)
		}
		other := got.members[i]
		if m.name != other.name || m.key != "" && m.key != other.key {
			return fmt.Sprintf(": want member %q (%s), got %q (%s)", m.name, m.key, other.name, other.key)
		}
		if d := difference(m.tree, other.tree); d != "" {
			return "." + m.name + d
		}
	}
	if len(got.members) > len(want.members) {
		return fmt.Sprintf(": got one member more, %q", got.members[len(want.members)].name)
	}
	return ""
}
