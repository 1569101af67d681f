package transform_test

import (
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// TestOperations tells what each operation does, byte by byte.
func TestOperations(t *testing.T) {
	status, name := statusTable(), nameTable()
	id := closedOf(Member{Name: "id", From: "id", Required: true})
	first := []Op{firstOf(id, "id", "its place"), project("c", "d", id)}
	checkExamples(t, []example{
		{
			"rename: in place, the value's bytes and all white space stay",
			[]Op{rename("session_id", "flow_id")},
			`{ "a" : 1 , "session_id" : [ 1.0 ] , "b":2 }`,
			`{ "a" : 1 , "flow_id" : [ 1.0 ] , "b":2 }`,
			`{ "a" : 1 , "session_id" : [ 1.0 ],"flow_id":[ 1.0 ] , "b":2 }`, "",
		},
		{
			"rename: a name is what it means",
			[]Op{rename("session", "flow")},
			`{"sess\u0069on":1,"Session":2,"session ":3}`,
			`{"flow":1,"Session":2,"session ":3}`,
			`{"sess\u0069on":1,"flow":1,"Session":2,"session ":3}`,
			`{"session":1,"Session":2,"session ":3}`,
		},
		{
			"rename: a dot in a name is a dot",
			[]Op{Rename{At: Path{"a.b"}, To: "c.d", Optional: true}, Words{At: Path{"a", "b"}, Table: status, Optional: true}},
			`{"a.b":"running","a":{"b":"processing"}}`,
			`{"c.d":"running","a":{"b":"in_progress"}}`,
			`{"a.b":"running","c.d":"running","a":{"b":"processing"}}`, "",
		},
		{
			"rename: a backslash in a name is one, and not the beginning of an escape",
			[]Op{Rename{At: Path{`a\b`}, To: `c"d`, Optional: true}},
			`{"a\b":1,"a\\b":2}`,
			`{"a\b":1,"c\"d":2}`,
			`{"a\b":1,"a\\b":2,"c\"d":2}`, "",
		},
		{
			"rename: names that need escapes, however they are spelled",
			[]Op{rename("a\f\r\b\t\n/", "\r\x01\n\t")},
			`{"a\f\r\b\u0009\n\/":1}`,
			`{"\r\u0001\n\t":1}`,
			`{"a\f\r\b\u0009\n\/":1,"\r\u0001\n\t":1}`,
			`{"a\u000c\r\u0008\t\n/":1}`,
		},
		{
			"rename: through lists, and only where the path leads",
			[]Op{Rename{At: path("rows[].id"), To: "flow_id", Optional: true}},
			`{"id":1,"rows":[{"id":1},{"id":{"id":2}},3,{"no":4}],"other":[{"id":5}]}`,
			`{"id":1,"rows":[{"flow_id":1},{"flow_id":{"id":2}},3,{"no":4}],"other":[{"id":5}]}`,
			`{"id":1,"rows":[{"id":1,"flow_id":1},{"id":{"id":2},"flow_id":{"id":2}},3,{"no":4}],"other":[{"id":5}]}`, "",
		},
		{
			"rename and words of one member",
			[]Op{rename("state", "status"), Words{At: Path{"state"}, Table: status}},
			`{"state":"running"}`, `{"status":"in_progress"}`, `{"state":"running","status":"in_progress"}`, `{"state":"processing"}`,
		},
		{
			"project: at the end of the object, members in the shape's order",
			[]Op{project("session", "flow", closedOf(Member{Name: "title", From: "name", Prefixes: name}, Member{Name: "id", From: "id"}))},
			`{"session":{"id":"1","more":[],"name":"Admin Session - x"},"a":1}`,
			`{"a":1,"flow":{"title":"Discovery Flow - x","id":"1"}}`,
			`{"session":{"id":"1","more":[],"name":"Admin Session - x"},"a":1,"flow":{"title":"Discovery Flow - x","id":"1"}}`,
			`{"a":1,"session":{"name":"Default Session - x","id":"1"}}`,
		},
		{
			"project: null stays null",
			[]Op{project("session", "flow", id)},
			`{"session":null}`, `{"flow":null}`, `{"session":null,"flow":null}`, "",
		},
		{
			"project: an open shape changes a copy",
			[]Op{project("session", "flow", edits(rename("session_id", "flow_id"), add(nil, "type", "session_id")))},
			`{"session":{ "session_id":1, "x":2 }}`,
			`{"flow":{ "flow_id":1,"type":1, "x":2 }}`,
			`{"session":{ "session_id":1, "x":2 },"flow":{ "flow_id":1,"type":1, "x":2 }}`, "",
		},
		{
			"project: twice, and the first leads back",
			[]Op{project("session", "flow", ids()), project("session", "current", closedOf(Member{Name: "flow_id", From: "id"}))},
			`{"session":{"id":1,"x":2}}`,
			`{"flow":{"id":1,"x":2},"current":{"flow_id":1}}`,
			`{"session":{"id":1,"x":2},"flow":{"id":1,"x":2},"current":{"flow_id":1}}`, "",
		},
		{
			"collect: in order, at the end of the object",
			[]Op{collect("data.sessions", "flows", id)},
			`{"data":{"sessions":[{"id":2,"x":1}, {"id":1}],"n":2}}`,
			`{"data":{"n":2,"flows":[{"id":2},{"id":1}]}}`,
			`{"data":{"sessions":[{"id":2,"x":1}, {"id":1}],"n":2,"flows":[{"id":2},{"id":1}]}}`,
			`{"data":{"n":2,"sessions":[{"id":2},{"id":1}]}}`,
		},
		{
			"collect: nothing of one element is left for the next",
			[]Op{collect("a", "b", closedOf(Member{Name: "id", From: "id"}, Member{Name: "n", From: "n"}))},
			`{"a":[{"id":1,"n":2},{"id":3},{"n":4},{}]}`,
			`{"b":[{"id":1,"n":2},{"id":3},{"n":4},{}]}`,
			`{"a":[{"id":1,"n":2},{"id":3},{"n":4},{}],"b":[{"id":1,"n":2},{"id":3},{"n":4},{}]}`, "",
		},
		{
			"collect: elements with the same names and another white space",
			[]Op{collect("a", "b", id)},
			`{"a":[{"id":1},{"id": 2},{"id" :3},{ "id":4}]}`,
			`{"b":[{"id":1},{"id": 2},{"id" :3},{"id":4}]}`,
			`{"a":[{"id":1},{"id": 2},{"id" :3},{ "id":4}],"b":[{"id":1},{"id": 2},{"id" :3},{"id":4}]}`,
			`{"a":[{"id":1},{"id": 2},{"id" :3},{"id":4}]}`,
		},
		{"collect: an empty list", []Op{collect("a", "b", id)}, `{"a":[ ]}`, `{"b":[]}`, `{"a":[ ],"b":[]}`, `{"a":[]}`},
		{"collect: null", []Op{collect("a", "b", id)}, `{"a":null}`, `{"b":null}`, `{"a":null,"b":null}`, ""},
		{
			"collect: one goes first that is not among the elements",
			first,
			`{"c":{"id":9},"a":[{"id":1}]}`,
			`{"b":[{"id":9},{"id":1}],"d":{"id":9}}`,
			`{"c":{"id":9},"a":[{"id":1}],"b":[{"id":9},{"id":1}],"d":{"id":9}}`,
			`{"a":[{"id":9},{"id":1}],"c":{"id":9}}`,
		},
		{
			"collect: one is among the elements, and comes behind them",
			first,
			`{"a":[{"id":"1"},{"id":"9"}],"c":{"id":"\u0039"}}`,
			`{"b":[{"id":"1"},{"id":"9"}],"d":{"id":"\u0039"}}`,
			`{"a":[{"id":"1"},{"id":"9"}],"c":{"id":"\u0039"},"b":[{"id":"1"},{"id":"9"}],"d":{"id":"\u0039"}}`, "",
		},
		{"collect: nobody goes first", first, `{"a":[],"c":null}`, `{"b":[],"d":null}`, `{"a":[],"c":null,"b":[],"d":null}`, ""},
		{
			"collect: one goes first where no list is",
			[]Op{Collect{At: Path{"a"}, To: "b", Shape: id, First: "c", Key: "id", Loss: "its place", Optional: true}, project("c", "d", id)},
			`{"c":{"id":9}}`, `{"b":[{"id":9}],"d":{"id":9}}`, `{"c":{"id":9},"b":[{"id":9}],"d":{"id":9}}`, `{"a":[{"id":9}],"c":{"id":9}}`,
		},
		{
			"add: a constant, at the end or behind a member",
			[]Op{add(nil, "x", "a"), add(nil, "y", ""), add(nil, "z", "a"), add(nil, "nowhere", "gone")},
			`{ "a":1, "b":2 }`, `{ "a":1,"x":1,"z":1, "b":2,"y":1 }`, `{ "a":1,"x":1,"z":1, "b":2,"y":1 }`, "",
		},
		{"add: to an empty object", []Op{add(nil, "x", ""), add(nil, "y", "")}, `{ }`, `{"x":1,"y":1 }`, `{"x":1,"y":1 }`, `{ }`},
		{
			"add: of a variable, or what the body says",
			[]Op{
				Add{Member: "v", Sources: []Source{{Var: "path.engagement"}}},
				Add{Member: "u", Sources: []Source{{Var: "not.set"}, {Path: path("user.id")}}},
				Add{Member: "w", Sources: []Source{{Var: "not.set"}}},
			},
			`{"user":{"id":[1]}}`, `{"user":{"id":[1]},"v":"e\"1","u":[1]}`, `{"user":{"id":[1]},"v":"e\"1","u":[1]}`, "",
		},
		{
			"add: of what the body says behind it",
			[]Op{Add{Member: "x", Sources: fallback("id"), After: "a"}},
			`{"a":1,"id":2}`, `{"a":1,"x":2,"id":2}`, `{"a":1,"x":2,"id":2}`, "",
		},
		{
			"add: in every object of a list",
			[]Op{add(path("rows[]"), "x", "")},
			`{"rows":[{},{"a":1}]}`, `{"rows":[{"x":1},{"a":1,"x":1}]}`, `{"rows":[{"x":1},{"a":1,"x":1}]}`, "",
		},
		{
			"copy: the value, or what it falls back on",
			[]Op{Copy{At: Path{"a"}, To: "x"}, Copy{At: Path{"b"}, To: "y", Else: value("null")}, Copy{At: Path{"c"}, To: "z", Optional: true}},
			`{"a":{"n":1}}`, `{"a":{"n":1},"x":{"n":1},"y":null}`, `{"a":{"n":1},"x":{"n":1},"y":null}`, "",
		},
		{
			"copy: of what is renamed, and of what is dropped",
			[]Op{Copy{At: Path{"a"}, To: "x"}, rename("a", "b"), Copy{At: Path{"c"}, To: "y"}, Drop{At: Path{"c"}, Loss: "gone"}},
			`{"a":1,"c":2}`, `{"b":1,"x":1,"y":2}`, `{"a":1,"b":1,"c":2,"x":1,"y":2}`, `{"a":1}`,
		},
		{
			"words: a word, a beginning, a word of both shapes, an unknown one, null",
			[]Op{Words{At: path("s[]"), Table: status}},
			`{"s":["running","waiting_x","activ\u0065","?",null]}`,
			`{"s":["in_progress","paused","activ\u0065","pending",null]}`,
			`{"s":["running","waiting_x","activ\u0065","?",null]}`,
			`{"s":["processing","paused","activ\u0065","pending",null]}`,
		},
		{
			"prefixes: a beginning, a whole text, neither; the rest keeps its spelling",
			[]Op{Prefixes{At: path("n[]"), Table: name}},
			`{"n":["\u0041dmin Session - \/\ud800","Demo Session","Demo Session 2","session",7]}`,
			`{"n":["Discovery Flow - \/\ud800","Demo Flow","Demo Session 2","session",7]}`,
			`{"n":["\u0041dmin Session - \/\ud800","Demo Session","Demo Session 2","session",7]}`,
			`{"n":["Default Session - \/\ud800","Demo Session","Demo Session 2","session",7]}`,
		},
		{
			"prefixes: one that ends in a quote is not the end of a text",
			[]Op{Prefixes{At: path("a[]"), Table: &PrefixTable{
				Name: "quote", Entries: []PrefixEntry{{`b"`, "c", false}}, Back: []PrefixEntry{{`b"`, "c", false}}, Loss: "a test",
			}}},
			`{"a":["b","b\"","b\u0022"]}`,
			`{"a":["b","c","c"]}`,
			`{"a":["b","b\"","b\u0022"]}`,
			`{"a":["b","b\"","b\""]}`,
		},
		{
			"text: exactly this text, at exactly this path",
			[]Op{Text{At: path("error.message"), Session: "no session", Flow: "no flow"}},
			`{"error":{"message":"no session","x":"no session"},"message":"no session"}`,
			`{"error":{"message":"no flow","x":"no session"},"message":"no session"}`,
			`{"error":{"message":"no session","x":"no session"},"message":"no session"}`, "",
		},
		{
			"route: the route of the request, and no other",
			[]Op{Route{At: path("paths[]")}},
			`{"paths":["\/api/session","/api/session/1",1]}`,
			`{"paths":["/api/flow","/api/session/1",1]}`,
			`{"paths":["\/api/session","/api/session/1",1]}`,
			`{"paths":["/api/session","/api/session/1",1]}`,
		},
		{
			"url: what leads to a route of the session shape",
			[]Op{URL{At: path("links[]")}},
			`{"links":["https://h/session/1","/sessions",null]}`,
			`{"links":["https://h/flow/1","/sessions",null]}`,
			`{"links":["https://h/session/1","/sessions",null]}`, "",
		},
		{
			"drop: first, in the middle, last, all",
			[]Op{Drop{At: path("l[].a"), Loss: "gone"}, Drop{At: path("l[].b"), Loss: "gone"}},
			`{"l":[{ "a":1, "x":2 },{"x":1 , "a":2, "y":3},{"x":1, "b":2 },{ "a":1,"b":2 },{"x":1,"a":2,"b":3}]}`,
			`{"l":[{ "x":2 },{"x":1, "y":3},{"x":1 },{  },{"x":1}]}`,
			`{"l":[{ "a":1, "x":2 },{"x":1 , "a":2, "y":3},{"x":1, "b":2 },{ "a":1,"b":2 },{"x":1,"a":2,"b":3}]}`,
			`{"l":[{ "x":2 },{"x":1, "y":3},{"x":1 },{  },{"x":1}]}`,
		},
		{
			"a name of the flow shape wins, and what stood behind the old one comes last",
			[]Op{rename("a", "b"), add(nil, "x", "a")},
			`{"a":1,"b":2,"c":3}`, `{"b":2,"c":3,"x":1}`, `{"a":1,"x":1,"b":2,"c":3}`, `{"a":2,"c":3}`,
		},
		{
			"one of two shapes is there already",
			[]Op{project("s", "x", ids()), project("s", "y", id)},
			`{"x":{"id":8},"s":{"id":9}}`, `{"x":{"id":8},"y":{"id":9}}`, `{"x":{"id":8},"s":{"id":9},"y":{"id":9}}`, `{"s":{"id":8}}`,
		},
		{
			"the shape of the one that goes first is there already",
			first,
			`{"c":{"id":9},"d":{"id":8},"a":[{"id":1}]}`,
			`{"d":{"id":8},"b":[{"id":9},{"id":1}]}`,
			`{"c":{"id":9},"d":{"id":8},"a":[{"id":1}],"b":[{"id":9},{"id":1}]}`,
			`{"a":[{"id":9},{"id":1}],"c":{"id":8}}`,
		},
	})
}

// example is a body of the session shape, what becomes of it, its union, and what comes back.
type example struct {
	name string
	ops  []Op

	session, flow, union string
	back                 string // "": the session again
}

func checkExamples(t *testing.T, rows []example) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			l := compile(t, row.ops)
			if row.back == "" {
				row.back = row.session
			}
			for _, step := range []struct {
				what, body, want string
				job              Job
			}{
				{"flow", row.session, row.flow, Job{Form: Replace}},
				{"union", row.session, row.union, Job{Form: Union}},
				{"back", row.flow, row.back, Job{Direction: ToSession}},
			} {
				step.job.Vars, step.job.Links = testVars, testLinks(step.job.Direction)
				res, err := l.Map(nil, []byte(step.body), step.job)
				if err != nil {
					t.Errorf("%s of %s: %v", step.what, step.body, err)
				} else if string(res.Body) != step.want {
					t.Errorf("%s of %s:\n got %s\nwant %s", step.what, step.body, res.Body, step.want)
				}
			}
		})
	}
}
