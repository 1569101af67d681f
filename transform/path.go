package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Path leads from the root of a body to a member, as a list of names: never a joined
// string made from data, so a key with a dot in it is a key with a dot in it.
// The element Each stands for every element of a list.
type Path []string

// Each is the path element for every element of a list. It cannot be a member's name in
// the dotted notation; in a list notation a member called "[]" cannot be told from it.
const Each = "[]"

// ParsePath reads the dotted notation of the contract: names joined by dots, with [] behind
// the name of a list for each of its elements ("items[].total_sessions", "[].id" for a body that is a list).
func ParsePath(s string) (Path, error) {
	if s == "" {
		return nil, errors.New("empty path")
	}
	var p Path
	for i, part := range strings.Split(s, ".") {
		name := strings.TrimRight(part, "[]")
		brackets := part[len(name):]
		if name == "" && (i > 0 || brackets == "") || strings.ContainsAny(name, "[]") || strings.ReplaceAll(brackets, Each, "") != "" {
			return nil, fmt.Errorf("bad path %q: want names joined by dots, with [] for each element of a list", s)
		}
		if name != "" {
			p = append(p, name)
		}
		for range len(brackets) / 2 {
			p = append(p, Each)
		}
	}
	return p, nil
}

// String gives the dotted notation.
func (p Path) String() string {
	var b strings.Builder
	for i, n := range p {
		if n != Each && i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(n)
	}
	return b.String()
}

// parent splits the last name off.
func (p Path) parent() (Path, string) { return p[:len(p)-1], p[len(p)-1] }

// sibling is the path with another last name.
func (p Path) sibling(name string) Path { return p[:len(p)-1].with(name) }

// with is the path to a member of what p leads to. It shares no memory with p.
func (p Path) with(name string) Path { return append(slices.Clone(p), name) }

// under says whether p leads to above or below it.
func (p Path) under(above Path) bool {
	return len(p) >= len(above) && slices.Equal(p[:len(above)], above)
}
