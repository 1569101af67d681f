package transform_test

import (
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// TestShapes tells what closed shapes do, byte by byte: each row projects s to f.
func TestShapes(t *testing.T) {
	of := func(unmapped Unmapped, members ...Member) []Op {
		s := &Shape{Name: "s", Members: members, Unmapped: unmapped}
		if unmapped == UnmappedDrop {
			s.Loss = "no place"
		}
		return []Op{project("s", "f", s)}
	}
	under := []Op{project("s", "f", &Shape{
		Name: "s", Members: []Member{{Name: "id", From: "id"}, {Name: "metadata", From: "metadata"}},
		Unmapped: UnmappedUnder, Under: Path{"metadata", "legacy"},
	})}
	nest := Member{Name: "dates", Nest: []Member{{Name: "start", From: "start_date"}, {Name: "end", From: "end_date"}}}
	id, title := Member{Name: "id", From: "id"}, Member{Name: "title", From: "label"}
	row := func(name string, ops []Op, session, flow, back string) example {
		e := example{name, ops, `{"s":` + session + `}`, `{"f":` + flow + `}`, `{"s":` + session + `,"f":` + flow + `}`, ""}
		if back != "" {
			e.back = `{"s":` + back + `}`
		}
		return e
	}
	fallen := Member{Name: "by", From: "by", Else: []Source{{Var: "not.set"}, {Path: path("user.id")}, {Value: `"nobody"`}}, Loss: "a fallback"}
	typed := Member{Name: "type", From: "type", Else: value(`"discovery"`), Loss: "a default"}
	mapped := Member{Name: "status", From: "state", Words: statusTable(), Else: value(`"active"`), Loss: "a default"}
	checkExamples(t, []example{
		row("members in the shape's order, as they are spelled", of(UnmappedDrop, title, id),
			`{ "i\u0064" : 1.0 , "label": [ ] }`, `{"title":[ ],"i\u0064" : 1.0}`, `{"label":[ ],"i\u0064" : 1.0}`),
		row("what is absent stays absent", of(UnmappedDrop, id, title), `{"label":null}`, `{"title":null}`, ""),
		row("an empty object", of(UnmappedRefuse, id, title, nest), `{}`, `{}`, ""),
		row("unmapped members are dropped", of(UnmappedDrop, id), `{"id":1,"a":2,"a":3}`, `{"id":1}`, `{"id":1}`),
		row("unmapped members are kept behind the others", of(UnmappedKeep, id, title),
			`{"a":1,"label":2,"a":3,"id":4}`, `{"id":4,"title":2,"a":1,"a":3}`, `{"id":4,"label":2,"a":1,"a":3}`),
		row("a kept member has the new name already, and wins", of(UnmappedKeep, id, title),
			`{"id":1,"title":2}`, `{"id":1,"title":2}`, `{"id":1,"label":2}`),
		row("a kept member has the new name already, and wins over the old one", of(UnmappedKeep, id, title),
			`{"id":1,"label":3,"title":2}`, `{"id":1,"title":2}`, `{"id":1,"label":2}`),
		row("a kept member has a constant's name, and wins", of(UnmappedKeep, id, Member{Name: "kind", Else: value(`"x"`)}),
			`{"id":1,"kind":2}`, `{"id":1,"kind":2}`, `{"id":1}`),
		row("a kept member has a nest's name, and there is nothing to nest", of(UnmappedKeep, id, nest),
			`{"id":1,"dates":{"x":1}}`, `{"id":1,"dates":{"x":1}}`, `{"id":1}`),
		row("a constant", of(UnmappedRefuse, id, Member{Name: "kind", Else: value(`{"a": 1}`)}), `{"id":1}`, `{"id":1,"kind":{"a": 1}}`, ""),
		row("a default", of(UnmappedRefuse, id, typed), `{"id":1}`, `{"id":1,"type":"discovery"}`, ""),
		row("a default that was there", of(UnmappedRefuse, id, typed), `{"type":"discovery"}`, `{"type":"discovery"}`, `{}`),
		row("a default beside a kept member of its old name", of(UnmappedKeep, Member{Name: "title", From: "label", Else: value(`"x"`), Loss: "a default"}),
			`{"title":"x"}`, `{"title":"x"}`, `{}`),
		row("null is no reason for a default", of(UnmappedRefuse, id, typed), `{"type":null}`, `{"type":null}`, ""),
		row("a word, or a default", of(UnmappedRefuse, mapped), `{"state":"running"}`, `{"status":"in_progress"}`, `{"state":"processing"}`),
		row("no word, so a default", of(UnmappedRefuse, mapped), `{}`, `{"status":"active"}`, ""),
		row("the last of the fallbacks", of(UnmappedRefuse, fallen), `{}`, `{"by":"nobody"}`, `{"by":"nobody"}`),
		row("nested members", of(UnmappedRefuse, id, nest),
			`{"id":1,"start_date":"a","end_date":null}`, `{"id":1,"dates":{"start":"a","end":null}}`, ""),
		row("nothing to nest", of(UnmappedRefuse, id, nest), `{"id":1}`, `{"id":1}`, ""),
		row("kept under: nothing to keep", under, `{"id":1,"metadata":{"a":1}}`, `{"id":1,"metadata":{"a":1}}`, ""),
		row("kept under: beside what is there", under,
			`{"x":1,"id":2,"metadata":{"a" : 1 },"y":[]}`, `{"id":2,"metadata":{"a" : 1 ,"legacy":{"x":1,"y":[]}}}`, `{"id":2,"metadata":{"a" : 1},"x":1,"y":[]}`),
		row("kept under: no metadata", under, `{"id":1,"x":2}`, `{"id":1,"metadata":{"legacy":{"x":2}}}`, ""),
		row("kept under: null", under, `{"metadata":null,"x":2}`, `{"metadata":{"legacy":{"x":2,"metadata":null}}}`, `{"x":2,"metadata":null}`),
		row("kept under: an empty object", under, `{"metadata":{ },"x":2}`, `{"metadata":{"legacy":{"x":2,"metadata":{ }}}}`, `{"x":2,"metadata":{ }}`),
		row("kept under: a text", under, `{"metadata":"m","x":2}`, `{"metadata":{"legacy":{"x":2,"metadata":"m"}}}`, `{"x":2,"metadata":"m"}`),
		row("kept under: null and nothing to keep", under, `{"metadata":null}`, `{"metadata":null}`, ""),
		row("kept under: a customer's own legacy", under,
			`{"id":1,"metadata":{"legacy":{"id":2}}}`, `{"id":1,"metadata":{"legacy":{"metadata":{"legacy":{"id":2}}}}}`, ""),
		row("kept under: a customer's own legacy, and something to keep", under,
			`{"id":1,"metadata":{"legacy":"l"},"x":2}`, `{"id":1,"metadata":{"legacy":{"x":2,"metadata":{"legacy":"l"}}}}`, `{"id":1,"x":2,"metadata":{"legacy":"l"}}`),
		row("kept under: a customer's own legacy text", under, `{"metadata":{"legacy":"l"}}`, `{"metadata":{"legacy":"l"}}`, ""),
	})
}

// On the way back as well, a name of the wanted shape wins, and a default does not count against it.
func TestKeptNameComesBack(t *testing.T) {
	l := compile(t, []Op{project("s", "f", &Shape{
		Name: "s", Unmapped: UnmappedKeep,
		Members: []Member{{Name: "title", From: "label", Else: value(`"x"`), Loss: "a default"}},
	})})
	for body, want := range map[string]string{
		`{"f":{"label":"own"}}`:                    `{"s":{"label":"own"}}`,
		`{"f":{"title":"x","label":"own"}}`:        `{"s":{"label":"own"}}`,
		`{"f":{"title":"own","label":"\u006fwn"}}`: `{"s":{"label":"\u006fwn"}}`,
	} {
		if res, err := l.Map(nil, []byte(body), Job{Direction: ToSession}); err != nil || string(res.Body) != want {
			t.Errorf("%s: got %s (%v), want %s", body, res.Body, err, want)
		}
	}
}

func TestFallbackMayComeBehind(t *testing.T) {
	l := compile(t, []Op{collect("rows", "flows", closedOf(
		Member{Name: "id", From: "id"}, Member{Name: "by", From: "by", Else: fallback("user.id"), Loss: "a fallback"},
		Member{Name: "in", From: "in", Else: fallback("place"), Loss: "a fallback"},
	))})
	const rows = `[{"id":1},{"id":2,"by":"x"}]`
	const want = `"flows":[{"id":1,"by":"u","in":[7]},{"id":2,"by":"x","in":[7]}]}`
	for _, row := range []struct{ name, body, want string }{
		{"before", `{"user":{"id":"u"},"place":[7],"rows":` + rows + `}`, `{"user":{"id":"u"},"place":[7],` + want},
		{"behind", `{"rows":` + rows + `,"place":[7],"user":{"x":1,"id":"u"}}`, `{"place":[7],"user":{"x":1,"id":"u"},` + want},
		{"nowhere", `{"rows":[{"id":1}],"user":{"ID":1}}`, `{"user":{"ID":1},"flows":[{"id":1}]}`},
		{"in another kind of value", `{"rows":[{"id":1}],"user":[{"id":1}]}`, `{"user":[{"id":1}],"flows":[{"id":1}]}`},
	} {
		res, err := l.Map(nil, []byte(row.body), Job{Form: Replace})
		if err != nil || string(res.Body) != row.want {
			t.Errorf("%s:\n got %s (%v)\nwant %s", row.name, res.Body, err, row.want)
		}
	}
}

func TestFilter(t *testing.T) {
	ops := func(count string, more ...Op) []Op {
		return append(more, collect("rows", "flows", ids()), Filter{List: Path{"flows"}, By: by("state"), Count: count})
	}
	const rows = `"rows":[{"id":1,"state":"on"},{"id":2,"state":"OFF"},{"id":3},{"id":4,"state":7},{"id":5,"state":null}]`
	for _, row := range []struct {
		name       string
		ops        []Op
		asked      string // "-": nothing
		body, want string
	}{
		{"nothing is asked for", ops("n"), "-", `{"n":5,` + rows + `}`, `{"n":5,"flows"` + rows[6:] + `}`},
		{"a text, in any case", ops("n"), "off", `{"n":5,` + rows + `}`, `{"n":1,"flows":[{"id":2,"state":"OFF"}]}`},
		{"a number", ops("n"), "7", `{` + rows + `,"n":5}`, `{"n":1,"flows":[{"id":4,"state":7}]}`},
		{"null is nothing to ask for", ops(""), "null", `{"n":5,` + rows + `}`, `{"n":5,"flows":[]}`},
		{"a count that is renamed", ops("m", rename("n", "m")), "on", `{` + rows + `,"n" : 5}`, `{"m" : 1,"flows":[{"id":1,"state":"on"}]}`},
		{"a count that has its new name", ops("m", rename("n", "m")), "on", `{"m":5,` + rows + `}`, `{"m":1,"flows":[{"id":1,"state":"on"}]}`},
		{"a count under both names", ops("m", rename("n", "m")), "on", `{"n":5,"m":6,` + rows + `}`, `{"m":1,"flows":[{"id":1,"state":"on"}]}`},
		{"a count of a list that stays whole", ops("n"), "on", `{"n":"many","rows":[{"id":1,"state":"on"}]}`, `{"n":"many","flows":[{"id":1,"state":"on"}]}`},
		{"no count", ops("n"), "on", `{"rows":[]}`, `{"flows":[]}`},
		{"what is there already is not filtered", ops("n"), "on", `{"n":5,"flows":[{"id":1}]}`, `{"n":5,"flows":[{"id":1}]}`},
		{
			"an element is found by its words in the flow",
			[]Op{
				collect("rows", "flows", edits(Words{At: Path{"state"}, Table: statusTable(), Optional: true})),
				Filter{List: Path{"flows"}, By: by("state")},
			},
			"paused", `{"rows":[{"state":"waiting_"},{"state":"paused"},{"state":"ready"}]}`, `{"flows":[{"state":"paused"},{"state":"paused"}]}`,
		},
		{
			"the one that goes first is filtered as well",
			func() []Op {
				s := ids()
				return []Op{firstOf(s, "id", "its place"), project("c", "d", s), Filter{List: Path{"b"}, By: by("state"), Count: "n"}}
			}(),
			"on", `{"c":{"id":1,"state":"off"},"a":[{"id":2,"state":"on"}],"n":2}`,
			`{"n":1,"b":[{"id":2,"state":"on"}],"d":{"id":1,"state":"off"}}`,
		},
		{
			"a wrapped list has the length of what is left", wrapOps(), "paused",
			`[{"id":1,"status":"running"},{"id":2,"status":"waiting_x"}]`, `{"flows":[{"id":2,"status":"paused"}],"total":1,"engagement_id":"e\"1"}`,
		},
	} {
		vars := func(name string) (string, bool) {
			if name == "query.x" || name == "query.status" {
				return row.asked, row.asked != "-"
			}
			return testVars(name)
		}
		res, err := compile(t, row.ops).Map(nil, []byte(row.body), Job{Form: Replace, Vars: vars})
		if err != nil || string(res.Body) != row.want {
			t.Errorf("%s:\n got %s (%v)\nwant %s", row.name, res.Body, err, row.want)
		}
	}
}

// A union filters the list of flows, and no byte of the session shape.
func TestFilterOfUnion(t *testing.T) {
	l := compile(t, []Op{collect("rows", "flows", ids()), Filter{List: Path{"flows"}, By: []Condition{{"state", "query.status"}}, Count: "n"}})
	const body = `{"n":2,"rows":[{"id":1,"state":"paused"},{"id":2}]}`
	const want = `{"n":2,"rows":[{"id":1,"state":"paused"},{"id":2}],"flows":[{"id":1,"state":"paused"}]}`
	if res, err := l.Map(nil, []byte(body), Job{Form: Union, Vars: testVars}); err != nil || string(res.Body) != want {
		t.Errorf("got %s (%v), want %s", res.Body, err, want)
	}
}

func TestWrap(t *testing.T) {
	l := compile(t, wrapOps()[:1])
	if l.HasUnion() {
		t.Error("a list and an object have a union")
	}
	for _, row := range []struct {
		name       string
		job        Job
		body, want string
	}{
		{"a list", Job{Form: Replace}, ` [ {"id":1 , "x":2} , {"status":null,"id":3} ] `, ` {"flows":[{"id":1,"x":2},{"id":3,"status":null}],"total":2} `},
		{"an empty list", Job{Form: Replace, Vars: testVars}, `[ ]`, `{"flows":[],"total":0,"engagement_id":"e\"1"}`},
		{"wrapped already", Job{Form: Replace}, `{"flows":[],"total":9}`, `{"flows":[],"total":9}`},
		{"no union", Job{Form: Union}, `[{"id":1}]`, `[{"id":1}]`},
		{"no union, and no JSON", Job{Form: Union}, `[`, `[`},
		{"back", Job{Direction: ToSession}, ` {"total":2,"flows":[{"id":1,"x":2},{"id":3,"status":"in_progress"}]}`, ` [{"id":1,"x":2},{"id":3,"status":"processing"}]`},
		{"a list already", Job{Direction: ToSession}, `[{"id":1}]`, `[{"id":1}]`},
	} {
		res, err := l.Map(nil, []byte(row.body), row.job)
		if err != nil || string(res.Body) != row.want {
			t.Errorf("%s: got %s (%v), want %s", row.name, res.Body, err, row.want)
		}
	}
}
