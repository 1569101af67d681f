package contract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossfade-proxy/crossfade/transform"
)

// checked declares an endpoint; its one example is to follow.
const checked = `version: 1
shapes:
  s: {members: [{id: {required: true}}, {kind: {default: k, loss: l}}], unmapped: drop, loss: l}
endpoints:
  - name: e
    summary: s
    method: GET
    session: /e
    response:
      - rename: {at: a, to: b, optional: true}
      - project: {at: session, to: flow, shape: s, optional: true}
    request:
      - rename: {at: a, to: b}
    examples:
      - `

func TestCheckFindsWrongExamples(t *testing.T) {
	tests := []struct {
		name, example string
		want          []string
	}{
		{
			name:    "a good one",
			example: `{name: x, session: {a: 1.0, session: {id: 1, more: 2}}, flow: {b: 1.0, flow: {id: 1, kind: k}}, dual: {a: 1.0, b: 1.0, session: {id: 1, more: 2}, flow: {id: 1, kind: k}}}`,
		},
		{
			name:    "another value",
			example: `{name: x, session: {a: 1}, flow: {b: 2}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": to-flow: at b: want 2, got 1`},
		},
		{
			name:    "a number with another text",
			example: `{name: x, session: {a: 1.0}, flow: {b: 1.00}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": to-flow: at b: want 1.00, got 1.0`},
		},
		{
			name:    "another order",
			example: `{name: x, session: {a: 1, c: 2}, flow: {c: 2, b: 1}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": to-flow: want member "c", got "b"`},
		},
		{
			name:    "too little and too much",
			example: `{name: x, session: {c: [1]}, flow: {c: [1, 2], d: 3}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": to-flow: at c: want a list of 2, got a list of 1`},
		},
		{
			name:    "another union",
			example: `{name: x, session: {a: 1}, flow: {b: 1}, dual: {a: 1}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": dual: want the end, got member "b"`},
		},
		{
			name:    "a body that cannot be mapped",
			example: `{name: x, session: {session: {}}, flow: {flow: {}}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": to-flow: e response to-flow: project session to flow: at session.id: missing member (byte 11)`},
		},
		{
			name:    "a request the wrong way round",
			example: `{name: x, side: request, session: {b: 1}, flow: {a: 1}}`,
			want: []string{
				`c.yaml:15: endpoints[e]: example "x": to-session: want member "b", got "a"`,
				`c.yaml:15: endpoints[e]: example "x": the session shape, to-session: it has that shape already, and becomes {"a":1}`,
			},
		},
		{
			name:    "a side without operations",
			example: `{name: x, side: error, session: {a: 1}, flow: {b: 1}}`,
			want:    []string{`c.yaml:15: endpoints[e]: example "x": the endpoint maps no error bodies, so both shapes are one: want member "a", got "b"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse(Source{"c.yaml", []byte(checked + tt.example)})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range c.Check() {
				got = append(got, f.String())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// The laws are held against results that break them.
func TestLawsSeeFaults(t *testing.T) {
	c, err := Parse(Source{"c.yaml", []byte(checked + `{name: x, session: {}, flow: {}}`)})
	if err != nil {
		t.Fatal(err)
	}
	lens := c.Endpoints[0].Response
	read := func(body string) *tree {
		tr, err := parseTree([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	tests := []struct {
		name string
		try  func(*trial)
		want string
	}{
		{
			name: "a member that is lost on the way",
			try: func(t *trial) {
				t.roundTrip(read(`{"a":1,"c":2}`), mapped{Result: transform.Result{Body: []byte(`{"b":1}`)}})
			},
			want: `to-session(to-flow(x)) is not x, and no loss is declared for it: "c" did not come back`,
		},
		{
			name: "a value that changes on the way",
			try: func(t *trial) {
				t.roundTrip(read(`{"a":1}`), mapped{Result: transform.Result{Body: []byte(`{"b":1.0}`)}})
			},
			want: `to-session(to-flow(x)) is not x, and no loss is declared for it: at a: want 1, got 1.0`,
		},
		{
			name: "a member that comes from nowhere",
			try: func(t *trial) {
				t.roundTrip(read(`{}`), mapped{Result: transform.Result{Body: []byte(`{"b":1}`)}})
			},
			want: `to-session(to-flow(x)) is not x, and no loss is declared for it: "a" came back and was not there`,
		},
		{
			name: "a body that does not come back at all",
			try: func(t *trial) {
				t.roundTrip(read(`{}`), mapped{Result: transform.Result{Body: []byte(`{"flow":{}}`)}})
			},
			want: `back to-session: e response to-session: project session to flow: at flow.id: missing member (byte 8)`,
		},
		{
			name: "a session name that is left",
			try:  func(t *trial) { t.leaks(read(`{"b":1,"a":1}`)) },
			want: `to-flow: the session shape's a is still there`,
		},
		{
			name: "a flow shape that is not left alone",
			try: func(t *trial) {
				t.stays("the flow shape", []byte(`{"a":1}`), transform.ToFlow, transform.Replace)
			},
			want: `the flow shape: it has that shape already, and becomes {"b":1}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := &trial{lens: lens, losses: lossesOf(lens.Ops())}
			tt.try(tr)
			if got := strings.Join(tr.faults, "\n"); got != tt.want {
				t.Errorf("want %s\ngot  %s", tt.want, got)
			}
		})
	}
}

func TestHolds(t *testing.T) {
	tests := []struct {
		whole, part string
		want        bool
	}{
		{`{"a":1,"b":1}`, `{"a":1}`, true},
		{`{"a":1}`, `{"a":1}`, true},
		{`{"a":1}`, `{"a": 1}`, false},
		{`{"b":1,"a":1}`, `{"a":1,"b":1}`, false},
		{``, `x`, false},
		{`x`, ``, true},
	}
	for _, tt := range tests {
		if got := holds([]byte(tt.whole), []byte(tt.part)); got != tt.want {
			t.Errorf("%s in %s: got %t", tt.part, tt.whole, got)
		}
	}
}

// What a lens declares as lost may be lost, and nothing beside it.
func TestLosses(t *testing.T) {
	c, err := Parse(Source{"c.yaml", []byte(`version: 1
tables:
  w: {words: {a: x, b: x}, loss: l}
shapes:
  item: {members: [{id: {required: true}}, {state: {words: w}}, {kind: {from: sort, default: k, loss: l}}, {dates: {nest: [start]}}], unmapped: drop, loss: l}
  row: {edit: [{rename: {at: old, to: new, optional: true}}, {add: {name: extra, value: 1}}]}
endpoints:
  - name: e
    summary: s
    method: GET
    session: /e
    response:
      - collect: {at: list, to: flows, shape: item, first: one, key: id, loss: l, optional: true}
      - project: {at: one, to: flow, shape: item, optional: true}
      - collect: {at: rows, to: lines, shape: row, optional: true}
      - drop: {at: gone, loss: l, optional: true}
`)})
	if err != nil {
		t.Fatal(err)
	}
	l := lossesOf(c.Endpoints[0].Response.Ops())
	tests := []struct{ name, session, back, want string }{
		{"the order of members", `{"x":1,"y":2}`, `{"y":2,"x":1}`, ``},
		{"duplicates in order", `{"x":1,"x":2}`, `{"x":2,"x":1}`, `at x: want 1, got 2`},
		{"a member that is dropped", `{"gone":1}`, `{}`, ``},
		{"a member that is not", `{"stays":1}`, `{}`, `"stays" did not come back`},
		{"a word of a table with a loss", `{"one":{"id":1,"state":"a"}}`, `{"one":{"id":1,"state":"b"}}`, ``},
		{"a default that came in", `{"one":{"id":1}}`, `{"one":{"id":1,"sort":"k"}}`, ``},
		{"a member without a place in the shape", `{"one":{"id":1,"other":2}}`, `{"one":{"id":1}}`, ``},
		{"a member with a place in the shape", `{"one":{"id":1,"start":2}}`, `{"one":{"id":1}}`, `at one: "start" did not come back`},
		{"the id itself", `{"list":[{"id":1}]}`, `{"list":[{"id":2}]}`, `at list[0].id: want 1, got 2`},
		{"the first element put in front", `{"list":[{"id":1}]}`, `{"list":[{"id":2},{"id":1}]}`, ``},
		{"the first element as the only one", `{}`, `{"list":[{"id":2}]}`, ``},
		{"the first element in place of null", `{"list":null}`, `{"list":[{"id":2}]}`, ``},
		{"two elements from nowhere", `{"list":[]}`, `{"list":[{"id":2},{"id":1}]}`, `at list: want a list of 0, got a list of 2`},
		{"an element in a list that has no first", `{"rows":[]}`, `{"rows":[{}]}`, `at rows: want a list of 0, got a list of 1`},
		{"a row that had the flow name already", `{"rows":[{"new":1,"extra":1}]}`, `{"rows":[{"old":1}]}`, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			session, err := parseTree([]byte(tt.session))
			if err != nil {
				t.Fatal(err)
			}
			back, err := parseTree([]byte(tt.back))
			if err != nil {
				t.Fatal(err)
			}
			if got := l.difference(session, back); got != tt.want {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}
