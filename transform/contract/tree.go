package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

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
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	t, err := readTree(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return t, nil
}

func readTree(d *json.Decoder) (*tree, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Delim:
		t := &tree{kind: byte(tok)}
		for d.More() {
			m := treeMember{}
			if t.kind == '{' {
				key, err := d.Token()
				if err != nil {
					return nil, err
				}
				m.name, _ = key.(string) // the decoder lets nothing else be a key
			}
			if m.tree, err = readTree(d); err != nil {
				return nil, err
			}
			if t.kind == '{' {
				t.members = append(t.members, m)
			} else {
				t.items = append(t.items, m.tree)
			}
		}
		_, err := d.Token() // the closing bracket
		return t, err
	case string:
		var b bytes.Buffer
		writeString(&b, tok)
		return &tree{kind: 'v', text: b.String()}, nil
	case nil:
		return &tree{kind: 'v', text: "null"}, nil
	default: // bool, json.Number
		return &tree{kind: 'v', text: fmt.Sprint(tok)}, nil
	}
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
