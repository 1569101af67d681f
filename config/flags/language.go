package flags

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

// ParseFlag reads a flag as people write it, in JSON or YAML (docs/flags.md), strictly. endpoint is the flag's when the text
// names none; a text that names another one is refused. The error joins an *Invalid for everything that is wrong with the text.
func ParseFlag(text []byte, endpoint string) (Flag, error) {
	f := Flag{Endpoint: endpoint}
	err := read(text, func(d *reader, n *node) {
		d.flag(n, "", &f)
		if endpoint != "" && f.Endpoint != endpoint {
			d.fail(n, "endpoint", "is %s, and the flag of %s is to be written", quote(f.Endpoint), quote(endpoint))
		}
		if f.Endpoint == "" {
			d.fail(n, "endpoint", "missing: whose flag is it?")
		}
		d.checked(func(k *checker) { k.flag("", &f) })
	})
	if err != nil {
		return Flag{}, err
	}
	return f, nil
}

// ParseRamp reads the rule and the steps of a ramp, as ParseFlag does.
func ParseRamp(text []byte) (Ramp, error) {
	var r Ramp
	err := read(text, func(d *reader, n *node) { d.ramp(n, "", &r) })
	if err != nil {
		return Ramp{}, err
	}
	return r, nil
}

// ParseWindow reads a window, as ParseFlag does. It may have no from: then it begins when it is set.
func ParseWindow(text []byte) (Window, error) {
	var w Window
	err := read(text, func(d *reader, n *node) {
		d.window(n, "", &w)
		d.checked(func(k *checker) {
			k.failed("stage", w.Stage.Check())
			k.cohort("cohort", &w.Cohort)
		})
	})
	if err != nil {
		return Window{}, err
	}
	return w, nil
}

// ParseRules reads the rules that stand in a file that somebody else has parsed: node is the list, path what its place is
// called in errors ("endpoints[1].rules"). It returns everything that is wrong, each with its line, and then no rules.
func ParseRules(list ast.Node, path string) ([]Rule, []*Invalid) {
	d := &reader{lines: map[string]int{}}
	var rules []Rule
	d.rules(fromYAML(list), path, &rules)
	d.checked(func(k *checker) { k.rules(path, rules) })
	if len(d.found) > 0 {
		return nil, d.found
	}
	return rules, nil
}

// read parses a text and lets take make something of it.
func read(text []byte, take func(*reader, *node)) error {
	n, wrong := parseText(text)
	if wrong != nil {
		return wrong
	}
	d := &reader{lines: map[string]int{}}
	take(d, n)
	return join(d.found)
}

// reader makes values of nodes and gathers what is wrong with them.
type reader struct {
	found []*Invalid
	lines map[string]int // by path
}

func (d *reader) fail(n *node, path, format string, args ...any) {
	d.found = append(d.found, &Invalid{Path: path, Line: n.line, Reason: fmt.Sprintf(format, args...)})
}

// checked adds what checks find, with the lines of what was read. What could not be read is not complained about again.
func (d *reader) checked(check func(*checker)) {
	unread := d.found
	k := &checker{}
	check(k)
	for _, wrong := range k.found {
		if slices.ContainsFunc(unread, func(u *Invalid) bool { return leadsTo(wrong.Path, u.Path) || leadsTo(u.Path, wrong.Path) }) {
			continue
		}
		for at := wrong.Path; wrong.Line == 0; at = parent(at) {
			wrong.Line = d.lines[at]
			if at == "" {
				break
			}
		}
		d.found = append(d.found, wrong)
	}
	slices.SortStableFunc(d.found, func(a, b *Invalid) int { return a.Line - b.Line })
}

// leadsTo says whether a path is another one, or leads into what is there.
func leadsTo(path, at string) bool {
	rest, ok := strings.CutPrefix(path, at)
	return ok && (rest == "" || at == "" || rest[0] == '.' || rest[0] == '[')
}

// parent is the path of what a path leads into.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// field is a member that an object may have.
type field struct {
	name string
	read func(n *node, path string)
}

// object reads an object that has these members and no others.
func (d *reader) object(n *node, path, what string, fields ...field) {
	d.lines[path] = n.line
	if n.kind != object {
		d.fail(n, path, "want %s, got %s", what, n.describe())
		return
	}
	first := map[string]int{}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	for _, m := range n.members {
		at := member(path, m.name)
		if line, twice := first[m.name]; twice {
			d.found = append(d.found, &Invalid{Path: at, Line: m.line, Reason: fmt.Sprintf("is there twice, first in line %d", line)})
			continue
		}
		first[m.name] = m.line
		i := slices.Index(names, m.name)
		if i < 0 {
			d.found = append(d.found, &Invalid{Path: at, Line: m.line, Reason: "unknown member" + near.Hint(m.name, names)})
			continue
		}
		d.lines[at] = m.value.line
		fields[i].read(m.value, at)
	}
}

// list reads a list that has at least one item.
func (d *reader) list(n *node, path, what string, read func(n *node, path string)) {
	d.lines[path] = n.line
	switch {
	case n.kind != listed:
		d.fail(n, path, "want a list of %s, got %s", what, n.describe())
	case len(n.items) == 0:
		d.fail(n, path, "want at least one of %s: leave it out where there is none", what)
	}
	for i, item := range n.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.lines[at] = item.line
		read(item, at)
	}
}

// into reads a text into a variable.
func into[T ~string](d *reader, to *T) func(n *node, path string) {
	return func(n *node, path string) {
		switch n.kind {
		case textual:
			*to = T(n.text)
		case numeric, boolean:
			d.fail(n, path, "want a text, got %s: put it in quotes", n.describe())
		case nothing, listed, object, foreign:
			d.fail(n, path, "want a text, got %s", n.describe())
		}
	}
}

func (d *reader) texts(to *[]string) func(n *node, path string) {
	return func(n *node, path string) {
		d.list(n, path, "texts", func(n *node, path string) {
			var t string
			into(d, &t)(n, path)
			*to = append(*to, t)
		})
	}
}

func (d *reader) number(to func(int64)) func(n *node, path string) {
	return func(n *node, path string) {
		i, err := strconv.ParseInt(n.text, 10, 64)
		if n.kind != numeric || err != nil || i < 0 {
			d.fail(n, path, "want a whole number, got %s", n.describe())
			return
		}
		to(i)
	}
}

func (d *reader) truth(to func(bool)) func(n *node, path string) {
	return func(n *node, path string) {
		if n.kind != boolean {
			d.fail(n, path, "want true or false, got %s", n.describe())
			return
		}
		to(n.text == "true")
	}
}

func (d *reader) time(to *time.Time) func(n *node, path string) {
	return func(n *node, path string) {
		t, err := time.Parse(time.RFC3339Nano, n.text)
		if n.kind != textual || err != nil {
			d.fail(n, path, "want a time with its zone, such as 2026-11-24T09:00:00Z, got %s", n.describe())
			return
		}
		*to = exact(t)
	}
}

func (d *reader) share(to func(Share)) func(n *node, path string) {
	return func(n *node, path string) {
		s, err := ParseShare(n.text)
		if n.kind != numeric && n.kind != textual || err != nil {
			if err == nil {
				_, err = ParseShare("")
			}
			d.fail(n, path, "%v, got %s", err, n.describe())
			return
		}
		to(s)
	}
}

func (d *reader) hold(to *Hold) func(n *node, path string) {
	return func(n *node, path string) {
		if n.kind != textual || to.UnmarshalText([]byte(n.text)) != nil {
			d.fail(n, path, "want a duration such as 30s, 20m or 1h30m, got %s", n.describe())
		}
	}
}

func (d *reader) network(n *node, path string, to *[]netip.Prefix) {
	p, err := netip.ParsePrefix(n.text)
	if addr, err2 := netip.ParseAddr(n.text); err != nil && err2 == nil {
		p, err = addr.Prefix(addr.BitLen())
	}
	if n.kind != textual || err != nil {
		d.fail(n, path, "want a network such as 10.0.0.0/8, got %s", n.describe())
	}
	*to = append(*to, p)
}
