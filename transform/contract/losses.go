package contract

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// losses knows what a lens may lose on the way to the flow shape and back, because the
// contract says so. Keys are paths in session names, see keyOf.
type losses struct {
	value map[string]bool            // this member may come back as another one, or not
	first map[string]bool            // this list may come back with one more element in front, or with only that
	named map[string]map[string]bool // these members of this object come back, others need not
	flow  map[string]string          // this member is the flow shape's; it comes back under this name, or not if ""
}

// lossesOf collects the declared losses of operations.
func lossesOf(ops []transform.Op) *losses {
	l := &losses{map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}, map[string]string{}}
	l.ops(nil, ops)
	return l
}

func (l *losses) ops(base transform.Path, ops []transform.Op) {
	for _, op := range ops {
		switch op := op.(type) {
		case transform.Rename:
			at := below(base, op.At)
			l.flow[keyOf(append(at[:len(at)-1:len(at)-1], op.To))] = at[len(at)-1]
		case transform.Add:
			l.flow[keyOf(below(base, append(op.In[:len(op.In):len(op.In)], op.Member)))] = ""
		case transform.Words:
			l.table(below(base, op.At), op.Table.Loss)
		case transform.Prefixes:
			l.table(below(base, op.At), op.Table.Loss)
		case transform.Drop:
			l.value[keyOf(below(base, op.At))] = true
		case transform.Project:
			l.shape(below(base, op.At), op.Shape)
		case transform.Collect:
			at := below(base, op.At)
			if op.Loss != "" {
				l.first[keyOf(at)] = true
			}
			l.shape(below(at, transform.Path{transform.Each}), op.Shape)
		case transform.Wrap:
			l.shape(below(base, transform.Path{transform.Each}), op.Shape)
		case transform.Copy:
			at := below(base, op.At)
			l.flow[keyOf(append(at[:len(at)-1:len(at)-1], op.To))] = ""
		case transform.Text, transform.Route, transform.URL, transform.Filter: // each comes back as it was
		}
	}
}

func (l *losses) table(at transform.Path, loss string) {
	if loss != "" {
		l.value[keyOf(at)] = true
	}
}

func (l *losses) shape(at transform.Path, s *transform.Shape) {
	if s.Edit != nil {
		l.ops(at, s.Edit)
		return
	}
	named := map[string]bool{}
	l.members(at, s.Members, named)
	for _, lost := range s.Lost {
		l.value[keyOf(below(at, transform.Path{lost.Name}))] = true
	}
	if s.Unmapped == transform.UnmappedDrop && s.Loss != "" {
		l.named[keyOf(at)] = named
	}
}

func (l *losses) members(at transform.Path, members []transform.Member, named map[string]bool) {
	for _, m := range members {
		l.members(at, m.Nest, named)
		if m.From == "" {
			continue
		}
		named[m.From] = true
		from := below(at, transform.Path{m.From})
		l.table(from, m.Loss)
		if m.Words != nil {
			l.table(from, m.Words.Loss)
		}
		if m.Prefixes != nil {
			l.table(from, m.Prefixes.Loss)
		}
	}
}

func below(base, p transform.Path) transform.Path {
	return append(append(transform.Path(nil), base...), p...)
}

// keyOf makes a path a key of a map. Unlike its notation it tells "a.b" from a, b.
func keyOf(p transform.Path) string {
	if len(p) == 0 {
		return ""
	}
	return keyBelow("", strings.Join(p, "\x00"))
}

// keyBelow is the key of what stands below, under a name.
func keyBelow(key, name string) string { return key + "\x00" + name }

// difference tells the first difference between a body and what came back of it, up to the
// declared losses. The order of members does not count: a shape has an order of its own.
func (l *losses) difference(want, got *tree) string { return l.differenceAt("", "", want, got) }

func (l *losses) differenceAt(key, path string, want, got *tree) string {
	if l.value[key] && key != "" {
		return ""
	}
	if want.text == "null" && l.isFirst(key, got) {
		return ""
	}
	if want.kind != got.kind || want.text != got.text {
		return fmt.Sprintf("%swant %s, got %s", where(path), want, got)
	}
	if want.kind == '[' {
		return l.items(key, path, want, got)
	}
	named, unmapped := l.named[key]
	seen := map[string]int{}
	for _, m := range want.members {
		at := keyBelow(key, m.name)
		if old, ok := l.flow[at]; ok {
			if old == "" {
				continue
			}
			m.name = old
			at = keyBelow(key, old)
		}
		g := got.find(m.name, seen[m.name])
		seen[m.name]++
		switch {
		case g != nil:
			if d := l.differenceAt(at, join(path, m.name), m.tree, g); d != "" {
				return d
			}
		case l.value[at], unmapped && !named[m.name]:
		default:
			return fmt.Sprintf("%s%q did not come back", where(path), m.name)
		}
	}
	for _, m := range got.members {
		if seen[m.name] > 0 {
			continue
		}
		if at := keyBelow(key, m.name); !l.value[at] && !l.isFirst(at, m.tree) {
			return fmt.Sprintf("%s%q came back and was not there", where(path), m.name)
		}
	}
	return ""
}

// isFirst reports whether got is a list that came back where none was, with the one element
// that was put in front.
func (l *losses) isFirst(key string, got *tree) bool {
	return l.first[key] && got.kind == '[' && len(got.items) == 1
}

func (l *losses) items(key, path string, want, got *tree) string {
	extra := 0
	if l.first[key] && len(got.items) == len(want.items)+1 {
		extra = 1
	}
	if len(got.items) != len(want.items)+extra {
		return fmt.Sprintf("%swant %s, got %s", where(path), want, got)
	}
	at := keyBelow(key, transform.Each)
	for i, item := range want.items {
		if d := l.differenceAt(at, path+"["+strconv.Itoa(i)+"]", item, got.items[i+extra]); d != "" {
			return d
		}
	}
	return ""
}
