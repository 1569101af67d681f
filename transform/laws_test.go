package transform_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"

	"pgregory.net/rapid"
)

// Each law is tested with lenses made at random from all operations, and with the fixed ones.

// trial is a lens and a body of its session shape.
type trial struct {
	*rapid.T
	lens  *Lens
	dice  *bodyDice
	shape *sketch
	tree  *tree  // the body
	body  string // and how it is written
	vars  Vars
}

// law runs a test on many trials.
func law(t *testing.T, f func(t *trial)) {
	t.Helper()
	one := func(t *rapid.T, l *Lens) {
		s := sketchOf(l.Ops())
		b := newBodyDice(rapidDice{t})
		session := b.session(s)
		f(&trial{T: t, lens: l, dice: b, shape: s, tree: session, body: b.write(session), vars: testVars})
	}
	t.Run("any lens", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			ops := newLensDice(rapidDice{t}).ops()
			l, err := Compile("e", Response, ops)
			if err != nil {
				t.Fatalf("%v\n%s", err, describe(ops))
			}
			one(t, l)
		})
	})
	for _, fixed := range fixedOps() {
		t.Run(fixed.name, func(t *testing.T) {
			l := compile(t, fixed.ops)
			rapid.Check(t, func(t *rapid.T) { one(t, l) })
		})
	}
}

// try maps a body; ok is false if it is refused.
func (t *trial) try(body string, dir Direction, form Form) (res Result, ok bool) {
	res, err := t.lens.Map(nil, []byte(body), Job{Direction: dir, Form: form, Vars: t.vars, Links: testLinks(dir)})
	return res, err == nil
}

// must is try for a body that may not be refused.
func (t *trial) must(body string, dir Direction, form Form) Result {
	t.Helper()
	res, err := t.lens.Map(nil, []byte(body), Job{Direction: dir, Form: form, Vars: t.vars, Links: testLinks(dir)})
	if err != nil {
		t.Fatalf("%s is refused: %v\n%s", body, err, describe(t.lens.Ops()))
	}
	return res
}

func (t *trial) fail(format string, args ...any) {
	t.Helper()
	t.Fatalf("%s\nbody %s\n%s", fmt.Sprintf(format, args...), t.body, describe(t.lens.Ops()))
}

func TestUnionKeepsEveryByteInOrder(t *testing.T) {
	law(t, func(t *trial) {
		body := t.body
		if oneIn(t.dice, 2) {
			body = t.dice.write(t.dice.spoil(mustParse(body), t.shape))
		}
		res, ok := t.try(body, ToFlow, Union)
		if !ok {
			return
		}
		rest := body
		for i := 0; i < len(res.Body) && rest != ""; i++ {
			if res.Body[i] == rest[0] {
				rest = rest[1:]
			}
		}
		if rest != "" {
			t.fail("the union of %s lacks %s: %s", body, rest, res.Body)
		}
		if d := without(mustParse(body), mustParse(string(res.Body))); d != "" {
			t.fail("the union of %s%s: %s", body, d, res.Body)
		}
	})
}

// without tells what of a body is not in its union: all members and elements have to be there,
// in order, spelled as they were, and where nothing was put in, all bytes.
func without(body, union *tree) string {
	if body.kind != union.kind || len(body.items) != len(union.items) {
		return " has another kind of value"
	}
	if len(body.members)+len(body.items) == 0 || len(union.members) == 0 && body.raw == union.raw {
		if len(union.members) == 0 && body.raw != union.raw {
			return fmt.Sprintf(": %s became %s", body.raw, union.raw)
		}
		return ""
	}
	for i, item := range body.items {
		if d := without(item, union.items[i]); d != "" {
			return fmt.Sprintf("[%d]%s", i, d)
		}
	}
	left := union.members
	for _, m := range body.members {
		i := slices.IndexFunc(left, func(u treeMember) bool { return u.key == m.key })
		if i < 0 {
			return fmt.Sprintf(" has no member %s", m.key)
		}
		if d := without(m.tree, left[i].tree); d != "" {
			return "." + m.name + d
		}
		left = left[i+1:]
	}
	return ""
}

func TestUnionOfContextBeginsWithTheBody(t *testing.T) {
	l := compile(t, contextOps())
	rapid.Check(t, func(t *rapid.T) {
		s := sketchOf(l.Ops())
		b := newBodyDice(rapidDice{t})
		body := b.write(b.session(s))
		res, err := l.Map(nil, []byte(body), Job{Form: Union})
		if err != nil {
			return
		}
		upTo := strings.TrimRight(body, " \t\r\n")
		upTo = strings.TrimRight(strings.TrimSuffix(upTo, "}"), " \t\r\n")
		if !strings.HasPrefix(string(res.Body), upTo) || !strings.HasSuffix(string(res.Body), body[len(upTo):]) {
			t.Fatalf("the union of %s is %s", body, res.Body)
		}
	})
}

func TestFlowHasNoSessionName(t *testing.T) {
	law(t, func(t *trial) {
		res, ok := t.try(t.body, ToFlow, Replace)
		if !ok {
			return
		}
		flow := mustParse(string(res.Body))
		for _, p := range slices.Concat(t.lens.SessionNames(), leaks(nil, t.lens.Ops())) {
			if len(flow.at(p)) > 0 {
				t.fail("%s is in the flow: %s", p, res.Body)
			}
		}
	})
}

// leaks lists where in the flow names of the session would be, if they were left there.
func leaks(base Path, ops []Op) (out []Path) {
	shape := func(at Path, s *Shape) {
		out = append(out, leaks(at, s.Edit)...)
		if s.Unmapped == UnmappedKeep || s.Edit != nil {
			return // what is kept may have any name
		}
		for _, name := range froms(s.Members) {
			if !slices.Contains(tops(s.Members), name) {
				out = append(out, slices.Concat(at, Path{name}))
			}
		}
	}
	for _, op := range ops {
		switch op := op.(type) {
		case Rename:
			out = append(out, slices.Concat(base, op.At))
		case Project:
			out = append(out, slices.Concat(base, op.At))
			shape(slices.Concat(base, sibling(op.At, op.To)), op.Shape)
		case Collect:
			out = append(out, slices.Concat(base, op.At))
			shape(slices.Concat(base, sibling(op.At, op.To), Path{Each}), op.Shape)
		case Drop:
			out = append(out, slices.Concat(base, op.At))
		case Wrap:
			shape(Path{op.List, Each}, op.Shape)
		}
	}
	return out
}

func TestMemberNobodyNamesKeepsItsBytes(t *testing.T) {
	law(t, func(t *trial) {
		for _, job := range jobs() {
			res, ok := t.try(t.body, job.Direction, job.Form)
			if !ok || len(t.lens.Ops()) > 0 && t.lens.Ops()[0].Name() == "wrap" {
				continue
			}
			t.unnamed(mustParse(t.body), mustParse(string(res.Body)), t.shape)
		}
	})
}

// unnamed follows what is edited in place and compares what no operation names.
func (t *trial) unnamed(body, got *tree, s *sketch) {
	for i, item := range body.items {
		if s.each != nil && i < len(got.items) {
			t.unnamed(item, got.items[i], s.each)
		}
	}
	for _, m := range body.members {
		other := got.find(m.name)
		switch inner := s.member[m.name]; {
		case inner == nil && (other == nil || other.raw != m.raw):
			t.fail("member %q became %s", m.name, other.text())
		case inner != nil && other != nil:
			t.unnamed(m.tree, other, inner)
		}
	}
}

// Whatever a value is, and wherever a lens carries it: its text stays, in the flow, in the union,
// and on the way back. null, [], {} and absence stay apart.
func TestValuesKeepTheirText(t *testing.T) {
	shape := &Shape{
		Name: "s", Unmapped: UnmappedKeep,
		Members: []Member{{Name: "same", From: "same"}, {Name: "new", From: "old"}, {Name: "nest", Nest: []Member{{Name: "in", From: "below"}}}},
	}
	l := compile(t, []Op{
		Rename{At: Path{"renamed"}, To: "flow"}, Project{At: Path{"s"}, To: "f", Shape: shape}, Collect{At: Path{"list"}, To: "rows", Shape: shape},
		Copy{At: Path{"copied"}, To: "copy", Optional: true},
	})
	for _, value := range append(values(), "") {
		member := func(name string) string {
			if value == "" {
				return "" // absent
			}
			return `,"` + name + `":` + value
		}
		s := `{"id":0` + member("same") + member("old") + member("below") + member("kept") + `}`
		body := `{"renamed":` + cmp.Or(value, "0") + `,"s":` + s + `,"list":[` + s + `]` + member("unnamed") + member("copied") + `}`
		for _, form := range []Form{Replace, Union} {
			res, err := l.Map(nil, []byte(body), Job{Form: form})
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			got := mustParse(string(res.Body))
			for _, p := range []string{
				"unnamed", "copied", "copy", "f.same", "f.new", "f.nest.in", "f.kept", "rows[].same", "rows[].new", "rows[].nest.in", "rows[].kept",
			} {
				found := got.at(path(p))
				if len(found) > 1 || (len(found) == 0) != (value == "") || len(found) == 1 && found[0].raw != value {
					t.Errorf("%s is not %s at %s: %s", p, cmp.Or(value, "absent"), tell(Job{Form: form}), res.Body)
				}
			}
			if form == Union {
				continue
			}
			back, err := l.Map(nil, res.Body, Job{Direction: ToSession})
			if err != nil {
				t.Fatalf("%s: %v", res.Body, err)
			}
			if d := new(losses).between(nil, mustParse(body), mustParse(string(back.Body))); d != "" {
				t.Errorf("%s comes back as %s: %s", body, back.Body, d)
			}
		}
	}
}

func TestOnlyExactPathsAreTouched(t *testing.T) {
	law(t, func(t *trial) {
		if t.tree.kind != '{' {
			return
		}
		planted := t.body
		body := `{"Session":` + planted + `,"data.rows":` + planted + `,"text":` + quoted(planted)
		if rest := strings.TrimLeft(planted, " \t\r\n"); len(t.tree.members) > 0 {
			body += "," + rest[1:]
		} else {
			body += "}"
		}
		for _, job := range jobs() {
			res, ok := t.try(body, job.Direction, job.Form)
			if !ok {
				continue
			}
			got := mustParse(string(res.Body))
			for _, name := range []string{"Session", "data.rows"} {
				if raw := got.find(name).raw; raw != strings.Trim(planted, " \t\r\n") {
					t.fail("what is planted in %s became %s", name, raw)
				}
			}
			if raw := got.find("text").raw; raw != quoted(planted) {
				t.fail("a text became %s", raw)
			}
		}
	})
}

func TestMappingTwiceChangesNothing(t *testing.T) {
	law(t, func(t *trial) {
		for _, form := range []Form{Replace, Union} {
			res, ok := t.try(t.body, ToFlow, form)
			if !ok {
				continue
			}
			again := t.must(string(res.Body), ToFlow, form)
			if again.Changed || string(again.Body) != string(res.Body) {
				t.fail("%s became %s", res.Body, again.Body)
			}
		}
	})
}

func TestNativeBodyIsLeftAlone(t *testing.T) {
	law(t, func(t *trial) {
		res, ok := t.try(t.body, ToFlow, Replace)
		if !ok {
			return
		}
		flow := mustParse(string(res.Body))
		named := slices.ContainsFunc(t.lens.FlowNames(), func(p Path) bool { return len(flow.at(p)) > 0 })
		for _, form := range []Form{Replace, Union} {
			again := t.must(string(res.Body), ToFlow, form)
			if again.Changed || string(again.Body) != string(res.Body) {
				t.fail("%s became %s", res.Body, again.Body)
			}
			if again.Native != named && (form == Replace || t.lens.HasUnion()) {
				t.fail("native is %v for %s", again.Native, res.Body)
			}
		}
	})
}

func TestMixedBodyIsCompletedAndNeverDoubled(t *testing.T) {
	law(t, func(t *trial) {
		union, ok := t.try(t.body, ToFlow, Union)
		if !ok || !t.lens.HasUnion() {
			return
		}
		mixed := mustParse(string(union.Body))
		for range t.dice.roll(3) + 1 {
			t.cut(mixed)
		}
		body := t.dice.write(mixed)
		for _, form := range []Form{Union, Replace} {
			res, ok := t.try(body, ToFlow, form)
			if !ok {
				continue
			}
			if again := t.must(string(res.Body), ToFlow, form); again.Changed {
				t.fail("%s became %s and that %s", body, res.Body, again.Body)
			}
			if name := doubled(mustParse(string(res.Body))); name != "" {
				t.fail("%s is doubled in %s", name, res.Body)
			}
		}
	})
}

// cut takes a member away somewhere.
func (t *trial) cut(v *tree) {
	v.raw = ""
	if len(v.items) > 0 {
		t.cut(v.items[t.dice.roll(len(v.items))])
	}
	if len(v.members) == 0 {
		return
	}
	i := t.dice.roll(len(v.members))
	if m := v.members[i]; len(m.members)+len(m.items) > 0 && oneIn(t.dice, 2) {
		t.cut(m.tree)
		return
	}
	v.members = slices.Delete(v.members, i, i+1)
}

// doubled gives the name of a member that is twice in one object.
func doubled(v *tree) string {
	for _, item := range v.items {
		if name := doubled(item); name != "" {
			return name
		}
	}
	for _, m := range v.members {
		if v.count(m.name) > 1 {
			return m.name
		}
		if name := doubled(m.tree); name != "" {
			return name
		}
	}
	return ""
}

func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	law(t, func(t *trial) {
		one := mustParse(t.body)
		if oneIn(t.dice, 2) {
			one = mustParse(t.dice.write(t.dice.spoil(one, t.shape)))
		}
		other := t.reorder(one, t.shape)
		for _, job := range jobs() {
			res, err := t.lens.Map(nil, []byte(one.text()), job)
			res2, err2 := t.lens.Map(nil, []byte(other.text()), job)
			if errors.Is(err, ErrConflict) || errors.Is(err2, ErrConflict) {
				continue // two values that are to be the same have to have one order
			}
			if (err == nil) != (err2 == nil) {
				t.fail("%s: of %s and %s one is refused: %v, %v", tell(job), one.text(), other.text(), err, err2)
			}
			if err != nil {
				continue
			}
			if d := new(losses).between(nil, mustParse(string(res.Body)), mustParse(string(res2.Body))); d != "" {
				t.fail("%s: %s becomes %s, but %s becomes %s: %s", tell(job), one.text(), res.Body, other.text(), res2.Body, d)
			}
		}
	})
}

// reorder shuffles the members of the objects that a lens is about, unless one is there twice.
// In what nobody names the order is the sender's.
func (t *trial) reorder(v *tree, s *sketch) *tree {
	if s == nil || len(s.names) == 0 && s.each == nil {
		return v
	}
	out := &tree{kind: v.kind}
	if v.kind != '{' && v.kind != '[' {
		return v
	}
	for _, item := range v.items {
		out.items = append(out.items, t.reorder(item, s.each))
	}
	for _, m := range v.members {
		out.members = append(out.members, treeMember{m.name, m.key, t.reorder(m.tree, s.member[m.name])})
	}
	if doubled(&tree{members: flat(out.members)}) == "" {
		out.members = shuffled(t.dice, out.members)
	}
	return out
}

// flat gives members without their values.
func flat(list []treeMember) (out []treeMember) {
	for _, m := range list {
		out = append(out, treeMember{m.name, m.key, &tree{}})
	}
	return out
}
