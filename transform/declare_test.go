package transform_test

import (
	"errors"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// Ops that rows of the tables are made of.

func rename(at, to string) Rename { return Rename{At: path(at), To: to} }

func project(at, to string, s *Shape) Project { return Project{At: path(at), To: to, Shape: s} }

func collect(at, to string, s *Shape) Collect { return Collect{At: path(at), To: to, Shape: s} }

// path is ParsePath for what a test knows to be one.
func path(s string) Path {
	p, err := ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

func add(in Path, member, after string) Add {
	return Add{In: in, Member: member, After: after, Sources: []Source{{Value: "1"}}}
}

// ids is the smallest shape that keeps all: its one member and what else there is.
func ids() *Shape {
	return &Shape{Name: "ids", Members: []Member{{Name: "id", From: "id", Required: true}}, Unmapped: UnmappedKeep}
}

// edits is an open shape.
func edits(ops ...Op) *Shape { return &Shape{Name: "open", Edit: ops} }

// closedOf is a shape that drops what is not among its members.
func closedOf(members ...Member) *Shape {
	return &Shape{Name: "few", Members: members, Unmapped: UnmappedDrop, Loss: "there are few"}
}

func words(t *WordTable) Words { return Words{At: Path{"status"}, Table: t} }

func prefixes(t *PrefixTable) Prefixes { return Prefixes{At: Path{"name"}, Table: t} }

func value(text string) []Source { return []Source{{Value: text}} }

func fallback(p string) []Source { return []Source{{Path: path(p)}} }

// faulty is a list of operations that Compile refuses, with all that it says.
type faulty struct {
	name string
	ops  []Op
	want string
}

func TestFaultyOperations(t *testing.T) {
	checkFaulty(t, []faulty{
		{"a rename of nothing", []Op{Rename{To: "a"}},
			"rename  to a: at is missing: the path of a member"},
		{"a rename to nothing", []Op{rename("a", "")},
			"rename a to : to is missing: the member's name in the flow shape"},
		{"a rename that changes nothing", []Op{rename("a.b", "b")},
			"rename a.b to b: the name stays the same"},
		{"a rename of elements", []Op{rename("a[]", "b")},
			"rename a[] to b: want the path of a member, not of a list's elements"},
		{"a project without a shape", []Op{project("a", "b", nil)},
			"project a to b: shape is missing"},
		{"a collect without a shape", []Op{collect("a", "b", nil)},
			"collect a to b: shape is missing"},
		{"a first without a key", []Op{Collect{At: Path{"a"}, To: "b", Shape: ids(), First: "c", Loss: "its place"}, project("c", "d", ids())},
			"collect a to b: first and key go together: first names the object that may go first, key the member that tells elements apart\n" +
				"collect a to b: first: no project of c in the same shape"},
		{"a key without a first", []Op{Collect{At: Path{"a"}, To: "b", Shape: ids(), Key: "id"}},
			"collect a to b: first and key go together: first names the object that may go first, key the member that tells elements apart"},
		{"a first without a loss", []Op{firstOf(ids(), "id", "")},
			"collect a to b: an undeclared loss: an element that was put first comes back as an element; say so with loss: WHY\n" +
				"collect a to b: first: no project of c in the same shape"},
		{"a loss without a first", []Op{Collect{At: Path{"a"}, To: "b", Shape: ids(), Loss: "none"}},
			`collect a to b: a loss is declared ("none") but nothing can be lost here`},
		{"an add without a name", []Op{add(nil, "", "")},
			"add : name is missing"},
		{"an add of nothing", []Op{Add{Member: "a"}},
			"add a: there is nothing to add: want value, default or from"},
		{"an add behind itself", []Op{add(nil, "a", "a")},
			"add a: after: it cannot stand behind itself"},
		{"an add of no JSON", []Op{Add{Member: "a", Sources: value("{")}},
			"add a: the value { is not JSON"},
		{"an add of JSON with white space", []Op{Add{Member: "a", Sources: value(" 1")}},
			"add a: the value  1 is not JSON"},
		{"an add of two documents", []Op{Add{Member: "a", Sources: value("1 2")}},
			"add a: the value 1 2 is not JSON"},
		{"a source of two kinds", []Op{Add{Member: "a", Sources: []Source{{Value: "1", Var: "path.id"}}}},
			"add a: a source wants exactly one of a value, a variable and a path"},
		{"a source of no kind", []Op{Copy{At: Path{"a"}, To: "b", Else: []Source{{}}}},
			"copy a to b: a source wants exactly one of a value, a variable and a path"},
		{"a source behind a value", []Op{Copy{At: Path{"a"}, To: "b", Else: []Source{{Value: "1"}, {Var: "path.id"}}}},
			"copy a to b: what comes behind the value 1 is never used"},
		{"a fallback on an element", []Op{Copy{At: Path{"a"}, To: "b", Else: fallback("c[].d")}},
			`copy a to b: fallback "c[].d": want one member below the body's root, not through a list`},
		{"a fallback on the whole body", []Op{Copy{At: Path{"a"}, To: "b", Else: []Source{{Path: Path{}}}}},
			`copy a to b: fallback "": want one member below the body's root, not through a list`},
		{"words without a table", []Op{words(nil)},
			"words status: table is missing"},
		{"prefixes without a table", []Op{prefixes(nil)},
			"prefixes name: table is missing"},
		{"a text that stays the same", []Op{Text{At: Path{"a"}, Session: "x", Flow: "x"}},
			"text a: session and flow are the same text"},
		{"a text nowhere", []Op{Text{Session: "x", Flow: "y"}},
			"text : at is missing: the path of a member"},
		{"a route nowhere", []Op{Route{}},
			"route : at is missing: the path of a member"},
		{"a URL nowhere", []Op{URL{}},
			"url : at is missing: the path of a member"},
		{"a drop without a loss", []Op{Drop{At: Path{"a"}}},
			"drop a: an undeclared loss: what is dropped does not come back; say so with loss: WHY"},
		{"a drop of elements", []Op{Drop{At: path("a[]"), Loss: "gone"}},
			"drop a[]: want the path of a member, not of a list's elements"},
		{"a wrap without a list", []Op{Wrap{Shape: ids()}},
			"wrap as : list is missing: the name of the list in the object"},
		{"a wrap whose total is the list", []Op{Wrap{List: "a", Total: "a", Shape: ids()}},
			"wrap as a: a is written twice"},
		{"a wrap that writes a name twice", []Op{Wrap{List: "a", Total: "n", Shape: ids(), Members: []Member{{Name: "n", Else: value("1")}}}},
			"wrap as a: n is written twice"},
		{"a wrap that reads the session", []Op{Wrap{List: "a", Shape: ids(), Members: []Member{{Name: "b", From: "b"}}}},
			"wrap as a: b: there is no session object to read it from: want value, default or else"},
		{"a wrap that maps a text", []Op{Wrap{List: "a", Shape: ids(), Members: []Member{{Name: "b", Else: value("1"), Prefixes: nameTable()}}}},
			"wrap as a: b: nothing of the session is mapped here, so it has no table and no loss"},
		{"a filter by nothing", []Op{collect("a", "b", ids()), Filter{List: Path{"b"}}},
			"filter b: by is empty: want the members that parameters compare with"},
		{"a filter by a member without a variable", []Op{collect("a", "b", ids()), Filter{List: Path{"b"}, By: []Condition{{Member: "id"}}}},
			"filter b: by: want a member and the variable that it is compared with"},
	})
}

// firstOf collects a, the object c first.
func firstOf(s *Shape, key, loss string) Collect {
	return Collect{At: Path{"a"}, To: "b", Shape: s, First: "c", Key: key, Loss: loss}
}

func by(member string) []Condition { return []Condition{{member, "query.x"}} }

func TestOperationsInEachOthersWay(t *testing.T) {
	s, open, table := ids(), edits(rename("a", "b")), statusTable()
	checkFaulty(t, []faulty{
		{"two that make one name", []Op{rename("a", "c"), rename("b", "c")},
			"rename b to c: c is written already, by rename a to c"},
		{"an add of what a rename makes", []Op{rename("x.a", "b"), add(Path{"x"}, "b", "")},
			"add x.b: b is written already, by rename x.a to b"},
		{"two that take one member", []Op{rename("a", "b"), rename("a", "c")},
			"rename a to c: a is taken already, by rename a to b"},
		{"a drop of what is renamed", []Op{rename("a", "b"), Drop{At: Path{"a"}, Loss: "gone"}},
			"drop a: a is taken already, by rename a to b"},
		{"a project of what is renamed", []Op{rename("a", "b"), project("a", "c", s)},
			"project a to c: a is taken already, by rename a to b"},
		{"a collect of what is projected", []Op{project("a", "b", s), collect("a", "c", s)},
			"collect a to c: a is taken already, by project a to b"},
		{"a drop of what is projected", []Op{project("a", "b", s), Drop{At: Path{"a"}, Loss: "gone"}},
			"drop a: a is taken already, by project a to b"},
		{"a chain of renames", []Op{rename("a", "b"), rename("b", "c")},
			"rename b to c: b is also the new name that rename a to b gives"},
		{"a swap", []Op{rename("a", "b"), rename("b", "a")},
			"rename a to b: a is also the new name that rename b to a gives\n" +
				"rename b to a: b is also the new name that rename a to b gives"},
		{"a rename of what is copied", []Op{Copy{At: Path{"a"}, To: "b"}, rename("b", "c")},
			"rename b to c: b is also the new name that copy a to b gives"},
		{"a rename of what is added", []Op{add(nil, "b", ""), rename("b", "c")},
			"rename b to c: b is also the new name that add b gives"},
		{"words of what is added", []Op{add(nil, "status", ""), words(table)},
			"words status: status is also the new name that add status gives"},
		{"words below a new name", []Op{rename("a", "b"), Words{At: path("b.status"), Table: table}},
			"words b.status: it is below b, which is also the new name that rename a to b gives"},
		{"a rename below what is renamed", []Op{rename("a", "b"), rename("a.c", "d")},
			"rename a.c to d: can match nothing: it is below a, and rename a to b takes that away; use an operation of the shape there"},
		{"a rename below what is projected", []Op{project("a", "b", s), rename("a.c", "d")},
			"rename a.c to d: can match nothing: it is below a, and project a to b takes that away; use an operation of the shape there"},
		{"a rename below what is collected", []Op{collect("a", "b", s), rename("a[].c", "d")},
			"rename a[].c to d: can match nothing: it is below a, and collect a to b takes that away; use an operation of the shape there"},
		{"an add in what is dropped", []Op{Drop{At: Path{"a"}, Loss: "gone"}, add(Path{"a"}, "b", "")},
			"add a.b: can match nothing: it is below a, and drop a takes that away; use an operation of the shape there"},
		{"an add in what is made", []Op{project("a", "b", s), add(Path{"b"}, "c", "")},
			"add b.c: it is below b, which is also the new name that project a to b gives"},
		{"words of what is projected", []Op{project("status", "b", s), words(table)},
			"words status: can match nothing: project status to b takes status away"},
		{"words of what is dropped", []Op{Drop{At: Path{"status"}, Loss: "gone"}, words(table)},
			"words status: can match nothing: drop status takes status away"},
		{"two that map one text", []Op{words(table), Text{At: Path{"status"}, Session: "a", Flow: "b"}},
			"text status: its text is mapped already, by words status"},
		{"two that map the texts of one list", []Op{Text{At: path("a[]"), Session: "a", Flow: "b"}, Route{At: path("a[]")}},
			"route a[]: its text is mapped already, by text a[]"},
		{"a copy of what is mapped", []Op{Copy{At: Path{"status"}, To: "state"}, words(table)},
			"copy status to state: words status changes status, and the copy would still have the session's"},
		{"a copy of what is changed below", []Op{Copy{At: Path{"a"}, To: "b"}, rename("a.c", "d")},
			"copy a to b: rename a.c to d changes a, and the copy would still have the session's"},
		{"an add behind what is projected", []Op{project("a", "b", s), add(nil, "c", "a")},
			"add c: after: project a to b takes a away, so nothing can stand behind it"},
		{"an add behind what is dropped", []Op{Drop{At: Path{"a"}, Loss: "gone"}, add(nil, "c", "a")},
			"add c: after: drop a takes a away, so nothing can stand behind it"},
		{"an add behind a new name", []Op{rename("a", "b"), add(nil, "c", "b")},
			"add c: after: b is the new name that rename a to b gives; want a name of the session"},
		{"a list that is an object", []Op{rename("a[].b", "c"), rename("a.d", "e")},
			"rename a.d to e: a is used as an object here and as something else before"},
		{"an object that is a list", []Op{rename("a.d", "e"), rename("a[].b", "c")},
			"rename a[].b to c: a is used as a list here and as something else before"},
		{"a body that is a list and an object", []Op{rename("[].a", "b"), rename("c", "d")},
			"rename c to d: the body is used as an object here and as something else before"},
		{"an add in a list", []Op{rename("a[].b", "c"), add(Path{"a"}, "d", "")},
			"add a.d: a is used as an object here and as something else before"},
		{"a text that is an object", []Op{Text{At: Path{"a"}, Session: "x", Flow: "y"}, rename("a.b", "c")},
			"rename a.b to c: a is used as an object or a list here and as something else before"},
		{"an object that is a text", []Op{rename("a.b", "c"), Text{At: Path{"a"}, Session: "x", Flow: "y"}},
			"text a: a is used as a text here and as something else before"},
		{"an element that is a text", []Op{rename("a[].b", "c"), Text{At: path("a[]"), Session: "x", Flow: "y"}},
			"text a[]: a[] is used as a text here and as something else before"},
		{"a text that is a list", []Op{Text{At: path("a[]"), Session: "x", Flow: "y"}, Text{At: path("a[][]"), Session: "x", Flow: "y"}},
			"text a[][]: a[] is used as a list here and as something else before"},
		{"a first that is not projected", []Op{firstOf(s, "id", "its place")},
			"collect a to b: first: no project of c in the same shape"},
		{"a first in another shape", []Op{firstOf(s, "id", "its place"), project("c", "d", ids())},
			"collect a to b: first: no project of c in the same shape"},
		{"a first in an open shape", []Op{firstOf(open, "id", "its place"), project("c", "d", open)},
			"collect a to b: first: shape open edits objects where they are; only a closed shape has keys"},
		{"a key that the shape does not know", []Op{firstOf(s, "uuid", "its place"), project("c", "d", s)},
			"collect a to b: key: no member of shape ids is made of uuid"},
		{"a key that may be missing", func() []Op {
			s := closedOf(Member{Name: "id", From: "id"})
			return []Op{firstOf(s, "id", "its place"), project("c", "d", s)}
		}(),
			"collect a to b: key: few.id has to be required: elements without it cannot be told apart"},
		{"a filter of no list", []Op{project("a", "b", s), Filter{List: Path{"b"}, By: by("id")}},
			"filter b: can match nothing: no collect or wrap makes the list b"},
		{"two filters of one list", []Op{collect("a", "b", s), Filter{List: Path{"b"}, By: by("id")}, Filter{List: Path{"b"}, By: by("x")}},
			"filter b: that list is filtered already; put all conditions into one filter"},
		{"a filter by what the shape drops", []Op{collect("a", "b", closedOf(Member{Name: "id", From: "id"})), Filter{List: Path{"b"}, By: by("status")}},
			"filter b: by: shape few has no status"},
		{"a filter by a name of the session", []Op{collect("a", "b", edits(rename("session_id", "flow_id"))), Filter{List: Path{"b"}, By: by("session_id")}},
			"filter b: by: shape open has no session_id: rename session_id to flow_id takes it away"},
		{"a count in session names", []Op{collect("a", "b", s), rename("n", "m"), Filter{List: Path{"b"}, By: by("id"), Count: "n"}},
			"filter b: count: n is a name of the session; want what rename n to m gives"},
		{"a count that is dropped", []Op{collect("a", "b", s), Drop{At: Path{"n"}, Loss: "gone"}, Filter{List: Path{"b"}, By: by("id"), Count: "n"}},
			"filter b: count: drop n changes n already"},
		{"a count that is mapped", []Op{collect("a", "b", s), Text{At: Path{"n"}, Session: "x", Flow: "y"}, Filter{List: Path{"b"}, By: by("id"), Count: "n"}},
			"filter b: count: text n changes n already"},
		{"a count that is added", []Op{collect("a", "b", s), add(nil, "n", ""), Filter{List: Path{"b"}, By: by("id"), Count: "n"}},
			"filter b: count: add n makes n, which so tells no length of the session's"},
		{"a count of a wrapped list", []Op{Wrap{List: "b", Shape: s}, Filter{List: Path{"b"}, By: by("id"), Count: "n"}},
			"filter b: count: a wrapped list has its length in total"},
		{"a wrap beside something else", []Op{Wrap{List: "b", Shape: s}, rename("c", "d")},
			"wrap as b: the body is a list, so rename c to d can match nothing; use an operation of the shape"},
		{"two wraps", []Op{Wrap{List: "b", Shape: s}, Wrap{List: "c", Shape: s}},
			"wrap as c: the body is wrapped already, by wrap as b"},
		{"a wrapped list with a fallback on the body", []Op{Wrap{List: "b", Shape: closedOf(Member{Name: "id", From: "id", Else: fallback("user.id"), Loss: "a fallback"})}},
			"wrap as b: fallback user.id: the body is a list and has no members"},
		{"a list of lists with a fallback on the body", []Op{Collect{At: path("[].a"), To: "b", Shape: closedOf(Member{Name: "id", From: "id", Else: fallback("user.id"), Loss: "a fallback"})}},
			"collect [].a to b: fallback user.id: the body is a list and has no members"},
		{"a fallback below what is projected", []Op{project("a", "b", s), Copy{At: Path{"c"}, To: "d", Else: fallback("a.id")}},
			"copy c to d: fallback a.id: it is below a, and project a to b takes that away"},
		{"a fallback on a new name", []Op{project("a", "b", s), Copy{At: Path{"c"}, To: "d", Else: fallback("b.id")}},
			"copy c to d: fallback b.id: that is the new name that project a to b gives; want a member of the session"},
		{"a fallback below a text", []Op{Text{At: Path{"a"}, Session: "x", Flow: "y"}, Copy{At: Path{"c"}, To: "d", Else: fallback("a.id")}},
			"copy c to d: a is used as an object or a list here and as something else before"},
		{"a shape that comes first and has less", []Op{
			project("a", "b", closedOf(Member{Name: "id", From: "id"})),
			project("a", "c", closedOf(Member{Name: "id", From: "id"}, Member{Name: "name", From: "name"})),
		},
			"project a to c: project a to b leads back, and shape few has not all that shape few is made of; put the fuller one first"},
		{"a shape that comes first and drops", []Op{project("a", "b", closedOf(Member{Name: "id", From: "id"})), project("a", "c", s)},
			"project a to c: project a to b leads back, and shape few has not all that shape ids is made of; put the fuller one first"},
	})
}

func TestFaultyShapes(t *testing.T) {
	of := func(s *Shape) []Op { return []Op{project("a", "b", s)} }
	self := edits()
	self.Edit = []Op{project("child", "flow", self)}
	many := &Shape{Name: "many", Unmapped: UnmappedKeep}
	for i := range 65 {
		many.Members = append(many.Members, Member{Name: strings.Repeat("a", i+1), From: strings.Repeat("a", i+1)})
	}
	checkFaulty(t, []faulty{
		{"an empty shape", of(&Shape{Name: "none"}),
			"project a to b: shape none is empty: want members or edit"},
		{"a shape of both kinds", of(&Shape{Name: "both", Edit: []Op{rename("a", "b")}, Members: []Member{{Name: "a", From: "a"}}}),
			"project a to b: shape both: edit leaves everything in place; members, unmapped, lost and loss belong to closed shapes"},
		{"a shape that uses itself", of(self),
			"project a to b: shape open: project child to flow: shape open uses itself"},
		{"a fault in an open shape", of(edits(rename("a", "a"))),
			"project a to b: shape open: rename a to a: the name stays the same"},
		{"a fault two shapes down", of(edits(collect("c", "d", edits(Drop{At: Path{"e"}})))),
			"project a to b: shape open: collect c to d: shape open: drop e: an undeclared loss: what is dropped does not come back; say so with loss: WHY"},
		{"a wrap in a shape", of(edits(Wrap{List: "x", Shape: ids()})),
			"project a to b: shape open: wrap as x: only a whole body can be wrapped"},
		{"a shape that edits a list", of(edits(rename("[].a", "b"))),
			"project a to b: shape open: rename [].a to b: a shape is made of an object, not of a list"},
		{"a shape that drops in silence", of(&Shape{Name: "s", Members: ids().Members, Unmapped: UnmappedDrop}),
			"project a to b: shape s: an undeclared loss: unmapped members are dropped; say so with loss: WHY"},
		{"a loss of what is kept", of(&Shape{Name: "s", Members: ids().Members, Unmapped: UnmappedKeep, Loss: "none"}),
			`project a to b: shape s: a loss is declared ("none") but nothing is dropped`},
		{"a lost member without a reason", of(&Shape{Name: "s", Members: ids().Members, Lost: []Lost{{Name: "x"}}}),
			"project a to b: shape s: x is lost without a reason"},
		{"a lost member that is mapped", of(&Shape{Name: "s", Members: ids().Members, Lost: []Lost{{"id", "why"}}}),
			"project a to b: shape s: id is lost and also mapped, or lost twice"},
		{"kept under one name", of(&Shape{Name: "s", Members: ids().Members, Unmapped: UnmappedUnder, Under: Path{"id"}}),
			"project a to b: shape s: unmapped: under id: want MEMBER.NAME, where MEMBER is a plain member of the shape"},
		{"kept under a member that there is not", of(&Shape{Name: "s", Members: ids().Members, Unmapped: UnmappedUnder, Under: Path{"metadata", "legacy"}}),
			"project a to b: shape s: unmapped: under metadata.legacy: want MEMBER.NAME, where MEMBER is a plain member of the shape"},
		{"kept under a nested member", of(&Shape{
			Name: "s", Unmapped: UnmappedUnder, Under: Path{"metadata", "legacy"},
			Members: []Member{{Name: "dates", Nest: []Member{{Name: "metadata", From: "metadata"}}}},
		}),
			"project a to b: shape s: unmapped: under metadata.legacy: want MEMBER.NAME, where MEMBER is a plain member of the shape"},
		{"a member without a name", of(closedOf(Member{From: "a"})),
			"project a to b: shape few: a member has no name"},
		{"two members of one name", of(closedOf(Member{Name: "a", From: "a"}, Member{Name: "a", From: "b"})),
			"project a to b: few.a is written twice"},
		{"two members of one source", of(closedOf(Member{Name: "a", From: "a"}, Member{Name: "b", From: "a"})),
			"project a to b: few.b: a is read twice, so it could not come back"},
		{"two members of one source, one nested", of(closedOf(Member{Name: "a", From: "a"}, Member{Name: "n", Nest: []Member{{Name: "b", From: "a"}}})),
			"project a to b: few.b: a is read twice, so it could not come back"},
		{"a member of nothing", of(closedOf(Member{Name: "a"})),
			"project a to b: few.a: there is nothing to make it of: want from, value, default or else"},
		{"a nest of nothing", of(closedOf(Member{Name: "a", Nest: []Member{}})),
			"project a to b: few.a: nest is empty"},
		{"a nest with another attribute", of(closedOf(Member{Name: "a", Required: true, Nest: []Member{{Name: "b", From: "b"}}})),
			"project a to b: few.a: nest makes an object; it has no other attribute"},
		{"a member with two tables", of(closedOf(Member{Name: "a", From: "a", Words: statusTable(), Prefixes: nameTable()})),
			"project a to b: few.a: words, prefixes and url exclude each other"},
		{"a member with a table and a URL", of(closedOf(Member{Name: "a", From: "a", Words: statusTable(), URL: true})),
			"project a to b: few.a: words, prefixes and url exclude each other"},
		{"a table for a constant", of(closedOf(Member{Name: "a", Else: value(`"x"`), Words: statusTable()})),
			"project a to b: few.a: there is no text of the session to map"},
		{"a default without a loss", of(closedOf(Member{Name: "a", From: "a", Else: value("1")})),
			"project a to b: few.a: an undeclared loss: a fallback cannot be told from a value that was there; say so with loss: WHY"},
		{"a loss without a default", of(closedOf(Member{Name: "a", From: "a", Loss: "none"})),
			`project a to b: few.a: a loss is declared ("none") but nothing can be lost here`},
		{"a default that is not JSON", of(closedOf(Member{Name: "a", From: "a", Else: value("'1'"), Loss: "a default"})),
			"project a to b: few.a: the value '1' is not JSON"},
		{"more fallbacks than a run can keep", []Op{project("a", "b", fallsOn("user")), project("c", "d", fallsOn("client"))},
			"project c to d: more than 64 members of the root are fallen back on"},
		{"more members than a run can keep", of(many),
			"project a to b: an object has 65 members that matter; at most 64 can"},
	})
}

// fallsOn is a shape of forty members, each with a fallback of its own below name.
func fallsOn(name string) *Shape {
	s := closedOf()
	for i := range 40 {
		n := strings.Repeat("a", i+1)
		s.Members = append(s.Members, Member{Name: n, From: n, Else: []Source{{Path: Path{name, n}}}, Loss: "a fallback"})
	}
	return s
}

func TestFaultyTables(t *testing.T) {
	checkFaulty(t, []faulty{
		{"a word table without entries", []Op{words(&WordTable{Name: "t"})},
			"words status: table t has no entries"},
		{"a word twice", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "x"}, {"a", "y"}}, Loss: "l"})},
			"words status: table t: a can match nothing: a before it matches first"},
		{"a word behind a beginning", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a*", "x"}, {"ab", "y"}}, Loss: "l"})},
			"words status: table t: ab can match nothing: a* before it matches first"},
		{"a beginning behind a shorter one", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a*", "x"}, {"ab*", "y"}}, Loss: "l"})},
			"words status: table t: ab* can match nothing: a* before it matches first"},
		{"a word that is mapped and stays", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "x"}}, Same: []string{"a"}, Loss: "l"})},
			"words status: table t: a is mapped and also the same on both sides"},
		{"a flow word that is a session word", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "b"}, {"b", "c"}}, Back: []WordEntry{{"a", "b"}, {"b", "c"}}, Loss: "l"})},
			"words status: table t: the flow word b would become c when it is mapped again; list it under same"},
		{"a flow word that becomes the word for the unknown", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "b"}}, Else: "x", Loss: "l"})},
			"words status: table t: the flow word b would become x when it is mapped again; list it under same"},
		{"a way back that comes as something else", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "x"}, {"b", "y"}}, Back: []WordEntry{{"b", "x"}}, Loss: "l"})},
			"words status: table t: the flow word x goes back to b and comes again as y; mend back"},
		{"a way back twice", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "x"}, {"b", "x"}}, Back: []WordEntry{{"a", "x"}, {"b", "x"}}, Loss: "l"})},
			"words status: table t: back: x is there twice; the second can match nothing"},
		{"two words that become one, in silence", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "x"}, {"b", "x"}}, Back: []WordEntry{{"a", "x"}}})},
			"words status: table t: an undeclared loss: not every text comes back as it was; say so with loss: WHY"},
		{"a result that may also be there, in silence", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "x"}}, Back: []WordEntry{{"a", "x"}}})},
			"words status: table t: an undeclared loss: not every text comes back as it was; say so with loss: WHY"},
		{"a word for the unknown, in silence", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "a"}}, Else: "a"})},
			"words status: table t: an undeclared loss: not every text comes back as it was; say so with loss: WHY"},
		{"a loss of nothing", []Op{words(&WordTable{Name: "t", Entries: []WordEntry{{"a", "a"}}, Loss: "none"})},
			`words status: table t: a loss is declared ("none") but every word comes back as it was`},
		{"a prefix table without entries", []Op{prefixes(&PrefixTable{Name: "t", Loss: "l"})},
			"prefixes name: table t has no entries"},
		{"a prefix table in silence", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "b"}}})},
			"prefixes name: table t: an undeclared loss: not every text comes back as it was; say so with loss: WHY"},
		{"a prefix twice", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "b"}, {Session: "a", Flow: "c"}}, Loss: "l"})},
			`prefixes name: table t: "a" can match nothing: "a" before it matches first`},
		{"a whole text behind its beginning", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "x"}, {Session: "ab", Flow: "y", Whole: true}}, Loss: "l"})},
			`prefixes name: table t: "ab" can match nothing: "a" before it matches first`},
		{"a way back behind its beginning", []Op{prefixes(&PrefixTable{
			Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "x"}, {Session: "b", Flow: "xy"}}, Loss: "l",
			Back: []PrefixEntry{{Session: "a", Flow: "x"}, {Session: "b", Flow: "xy"}},
		})},
			`prefixes name: table t: back: "xy" can match nothing: "x" before it matches first`},
		{"a result that is mapped once more", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "b"}, {Session: "b", Flow: "c"}}, Loss: "l"})},
			`prefixes name: table t: what became "b" would be mapped once more when it is mapped again`},
		{"a result that may go on as a prefix", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "Session ", Flow: ""}}, Loss: "l"})},
			`prefixes name: table t: what became "" would be mapped once more when it is mapped again`},
		{"a result that grows", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "aa"}}, Loss: "l"})},
			`prefixes name: table t: what became "aa" would be mapped once more when it is mapped again`},
		{"a way back that does not come again", []Op{prefixes(&PrefixTable{Name: "t", Entries: []PrefixEntry{{Session: "a", Flow: "x"}}, Back: []PrefixEntry{{Session: "b", Flow: "x"}}, Loss: "l"})},
			`prefixes name: table t: "x" goes back to "b", which does not always come again as it was; mend back`},
		{"a way back that may come as a whole text", []Op{prefixes(&PrefixTable{
			Name: "t", Entries: []PrefixEntry{{Session: "a b", Flow: "y", Whole: true}, {Session: "a ", Flow: "x "}}, Loss: "l",
			Back: []PrefixEntry{{Session: "a ", Flow: "x "}},
		})},
			`prefixes name: table t: "x " goes back to "a ", which does not always come again as it was; mend back`},
	})
}

func checkFaulty(t *testing.T, rows []faulty) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := Compile("e", Response, row.ops)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if err.Error() != row.want {
				t.Errorf("\ngot %s\nwant %s", strings.ReplaceAll(err.Error(), "\n", `\n`), row.want)
			}
			var fault *DeclarationError
			if !errors.As(err, &fault) || fault.Op == nil || fault.Index >= len(row.ops) || fault.Op.String() != row.ops[fault.Index].String() {
				t.Errorf("want a *DeclarationError with its operation and place, got %#v", err)
			}
		})
	}
}
