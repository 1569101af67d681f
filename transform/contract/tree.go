package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/crossfade-proxy/crossfade/transform"
)

// tree is a JSON value for comparing: numbers are their text, members keep their order and
// their duplicates.
type tree struct {
	kind    byte   // '{', '[', or 'v' for everything else
	text    string // 'v': as JSON, strings with the fewest escapes
	members []treeMember
	items   []*tree
}

type treeMember struct {
	name string
	*tree
}

// parseTree reads one JSON value.
func parseTree(data []byte) (*tree, error) {
	if !json.Valid(data) {
		var value json.RawMessage
		return nil, json.Unmarshal(data, &value) // it says what is wrong
	}
	r := treeReader{rest: string(data)}
	return r.value(), nil
}

// treeReader reads valid JSON. The laws are checked on many bodies when crossfade starts, so it is a plain walk: a decoder of tokens
// took most of the time of a start, and of what it allocates.
type treeReader struct {
	rest string // texts and names of the tree are pieces of it
	free []tree // allocated ahead
}

// value reads the next value.
func (r *treeReader) value() *tree {
	t := r.node()
	switch c := r.next(); c {
	case '{', '[':
		t.kind = c
		r.rest = r.rest[1:]
		for r.next() != c+2 { // the closing bracket stands two behind its opening one, for both kinds
			if r.rest[0] == ',' {
				r.rest = r.rest[1:]
				continue
			}
			if c == '[' {
				t.items = append(t.items, r.value())
				continue
			}
			r.next()
			name := plainText(r.text())
			r.next()
			r.rest = r.rest[1:] // the colon
			t.members = append(t.members, treeMember{name, r.value()})
		}
		r.rest = r.rest[1:]
	case '"':
		t.text = fewestEscapes(r.text())
	default:
		n := 1
		for n < len(r.rest) && r.rest[n] > ' ' && r.rest[n] != ',' && r.rest[n] != ']' && r.rest[n] != '}' {
			n++
		}
		t.text, r.rest = r.rest[:n], r.rest[n:]
	}
	return t
}

// node gives a tree of kind 'v'.
func (r *treeReader) node() *tree {
	if len(r.free) == 0 {
		r.free = make([]tree, 1+len(r.rest)/64) // a value for each 64 bytes is what bodies have
	}
	t := &r.free[0]
	r.free = r.free[1:]
	t.kind = 'v'
	return t
}

// next gives the byte that the next token begins with.
func (r *treeReader) next() byte {
	for r.rest[0] <= ' ' {
		r.rest = r.rest[1:]
	}
	return r.rest[0]
}

// text reads a string, with its quotes.
func (r *treeReader) text() string {
	n := 1
	for ; r.rest[n] != '"'; n++ {
		if r.rest[n] == '\\' {
			n++
		}
	}
	text := r.rest[:n+1]
	r.rest = r.rest[n+1:]
	return text
}

// isPlain reports whether a string of JSON stands for the bytes between its quotes, which need no escapes.
func isPlain(quoted string) bool {
	for i := range len(quoted) {
		if c := quoted[i]; c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// plainText gives what a string of JSON stands for.
func plainText(quoted string) string {
	if isPlain(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s) // it is valid
	return s
}

// fewestEscapes gives a string of JSON as writeString writes it.
func fewestEscapes(quoted string) string {
	if isPlain(quoted) {
		return quoted
	}
	var b bytes.Buffer
	writeString(&b, plainText(quoted))
	return b.String()
}

// find gives the nth member of a name (from 0), nil if there is none.
func (t *tree) find(name string, nth int) *tree {
	for _, m := range t.members {
		if m.name == name {
			if nth == 0 {
				return m.tree
			}
			nth--
		}
	}
	return nil
}

// has reports whether a path leads to a value, in any of the elements on its way.
func (t *tree) has(p transform.Path) bool {
	if len(p) == 0 {
		return true
	}
	if p[0] == transform.Each {
		return slices.ContainsFunc(t.items, func(item *tree) bool { return item.has(p[1:]) })
	}
	return slices.ContainsFunc(t.members, func(m treeMember) bool { return m.name == p[0] && m.has(p[1:]) })
}

// String tells a value in short.
func (t *tree) String() string {
	switch t.kind {
	case '{':
		return fmt.Sprintf("an object of %d", len(t.members))
	case '[':
		return fmt.Sprintf("a list of %d", len(t.items))
	}
	const long = 80
	if len(t.text) > long {
		return t.text[:long] + "…"
	}
	return t.text
}

// difference tells the first difference between two values, "" if there is none. The order
// of keys counts, also that of duplicates.
func difference(want, got *tree) string { return differenceAt("", want, got) }

func differenceAt(path string, want, got *tree) string {
	if want.kind != got.kind || want.text != got.text {
		return fmt.Sprintf("%swant %s, got %s", where(path), want, got)
	}
	for i, m := range want.members {
		if i >= len(got.members) {
			return fmt.Sprintf("%swant member %q, got the end", where(path), m.name)
		}
		if g := got.members[i]; g.name != m.name {
			return fmt.Sprintf("%swant member %q, got %q", where(path), m.name, g.name)
		}
		if d := differenceAt(join(path, m.name), m.tree, got.members[i].tree); d != "" {
			return d
		}
	}
	if n := len(want.members); len(got.members) > n {
		return fmt.Sprintf("%swant the end, got member %q", where(path), got.members[n].name)
	}
	if len(want.items) != len(got.items) {
		return fmt.Sprintf("%swant %s, got %s", where(path), want, got)
	}
	for i, item := range want.items {
		if d := differenceAt(path+"["+strconv.Itoa(i)+"]", item, got.items[i]); d != "" {
			return d
		}
	}
	return ""
}

func where(path string) string {
	if path == "" {
		return ""
	}
	return "at " + path + ": "
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
