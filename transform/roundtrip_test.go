package transform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

func TestRoundTrip(t *testing.T) {
	law(t, func(t *trial) {
		t.vars = unfiltered
		flow, ok := t.try(t.body, ToFlow, Replace)
		if !ok {
			return
		}
		back := t.must(string(flow.Body), ToSession, Replace)
		declared := lossesOf(t.lens)
		if d := declared.between(nil, mustParse(t.body), mustParse(string(back.Body))); d != "" {
			t.fail("to-session(to-flow(x)) is not x%s\nflow %s\nback %s", d, flow.Body, back.Body)
		}
		again := t.must(string(back.Body), ToFlow, Replace)
		others := &losses{members: aliases(nil, t.lens.Ops())}
		if d := others.between(nil, mustParse(string(flow.Body)), mustParse(string(again.Body))); d != "" {
			t.fail("to-flow(to-session(to-flow(x))) is not to-flow(x)%s\nflow %s\nback %s\nagain %s", d, flow.Body, back.Body, again.Body)
		}
	})
}

// unfiltered are the variables of a request that does not filter: what is left out does not come back.
func unfiltered(name string) (string, bool) {
	if strings.HasPrefix(name, "query.") {
		return "", false
	}
	return testVars(name)
}

// aliases lists the second shapes of one member, in flow names: they show what the first shape,
// which leads back, may have lost.
func aliases(base Path, ops []Op) map[string]bool {
	out, known := map[string]bool{}, map[string]bool{}
	into := func(s *Shape, at ...string) {
		for key := range aliases(slices.Concat(base, at), s.Edit) {
			out[key] = true
		}
	}
	for _, op := range ops {
		switch op := op.(type) {
		case Project:
			to := sibling(op.At, op.To)
			if known[keyOf(op.At)] {
				out[keyOf(slices.Concat(base, to))] = true
			}
			known[keyOf(op.At)] = true
			into(op.Shape, to...)
		case Collect:
			into(op.Shape, append(sibling(op.At, op.To), Each)...)
		case Wrap:
			into(op.Shape, op.List, Each)
		}
	}
	return out
}

// A client may send back a whole dual answer.
func TestUnionIsASessionAgain(t *testing.T) {
	law(t, func(t *trial) {
		t.vars = unfiltered
		union, ok := t.try(t.body, ToFlow, Union)
		if !ok || !t.lens.HasUnion() {
			return
		}
		res, err := t.lens.Map(nil, union.Body, Job{Direction: ToSession, Vars: t.vars, Links: testLinks(ToSession)})
		if err != nil {
			return // a lossy table: both shapes do not say the same any more
		}
		if d := lossesOf(t.lens).between(nil, mustParse(t.body), mustParse(string(res.Body))); d != "" {
			t.fail("to-session(union(x)) is not x%s\nunion %s\nback %s", d, union.Body, res.Body)
		}
	})
}

// losses are the differences that a lens declares.
type losses struct {
	members  map[string]bool // these may come back as something else, or not at all
	unmapped map[string]bool // what these objects have no place for may not come back
	lists    map[string]bool // these may come back with one more element in front
}

func lossesOf(l *Lens) *losses {
	out := &losses{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	lists := listsWithFirst(nil, l.Ops())
	for _, loss := range l.Losses() {
		key := keyOf(loss.Path)
		switch {
		case loss.Path[len(loss.Path)-1] == "*":
			out.unmapped[keyOf(loss.Path[:len(loss.Path)-1])] = true
		case lists[key]:
			out.lists[key] = true
		default:
			out.members[key] = true
		}
	}
	return out
}

func keyOf(p Path) string { return strings.Join(p, "\x00") }

func listsWithFirst(base Path, ops []Op) map[string]bool {
	out := map[string]bool{}
	for _, op := range ops {
		switch op := op.(type) {
		case Collect:
			at := slices.Concat(base, op.At)
			out[keyOf(at)] = op.First != ""
			for key := range listsWithFirst(slices.Concat(at, Path{Each}), op.Shape.Edit) {
				out[key] = true
			}
		case Project:
			for key := range listsWithFirst(slices.Concat(base, op.At), op.Shape.Edit) {
				out[key] = true
			}
		}
	}
	return out
}

// between tells the first difference of two values that is not declared. The order of members
// and the escapes of strings do not count; how numbers are spelled does.
func (l *losses) between(at Path, want, got *tree) string {
	key := keyOf(at)
	if len(at) > 0 && l.members[key] {
		return ""
	}
	if l.lists[key] && got.kind == '[' {
		switch {
		case want.kind == 'n' && len(got.items) == 1:
			return ""
		case want.kind == '[' && len(got.items) == len(want.items)+1:
			got = &tree{kind: '[', items: got.items[1:]}
		}
	}
	switch {
	case want.kind != got.kind || len(want.items) != len(got.items):
		return fmt.Sprintf(" at %s: want %s, got %s", at, want.text(), got.text())
	case want.kind == '"' && meaning(want.raw) == meaning(got.raw): // a text that was mapped has lost its escapes
	case want.kind != '{' && want.kind != '[' && want.raw != got.raw:
		return fmt.Sprintf(" at %s: want %s, got %s", at, want.text(), got.text())
	}
	for i := range want.items {
		if d := l.between(slices.Concat(at, Path{Each}), want.items[i], got.items[i]); d != "" {
			return d
		}
	}
	seen := map[string]int{}
	for _, m := range want.members {
		p := slices.Concat(at, Path{m.name})
		i := slices.IndexFunc(got.members, func(g treeMember) bool { return g.name == m.name })
		for n := seen[m.name]; n > 0 && i >= 0; n-- {
			j := slices.IndexFunc(got.members[i+1:], func(g treeMember) bool { return g.name == m.name })
			if i += 1 + j; j < 0 {
				i = -1
			}
		}
		seen[m.name]++
		switch {
		case i >= 0:
			if d := l.between(p, m.tree, got.members[i].tree); d != "" {
				return d
			}
		case !l.members[keyOf(p)] && !l.unmapped[key]:
			return fmt.Sprintf(" at %s: it is gone", p)
		}
	}
	for _, m := range got.members {
		p := slices.Concat(at, Path{m.name})
		if seen[m.name] == 0 && !l.members[keyOf(p)] && !(l.lists[keyOf(p)] && len(m.items) == 1) {
			return fmt.Sprintf(" at %s: it was not there", p)
		}
	}
	return ""
}
