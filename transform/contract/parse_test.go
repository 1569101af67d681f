package contract

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each file in testdata/bad has the faults that its name says, and beside it the whole text
// of the error.
func TestBadContracts(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad contracts (%v)", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(Source{"c.yaml", data})
			if err == nil {
				t.Fatal("it loads")
			}
			got := err.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// parse reads contracts that the test knows to be good.
func parse(t *testing.T, texts ...string) *Contract {
	t.Helper()
	c, err := Parse(sources(texts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sources(texts ...string) []Source {
	var out []Source
	for i, text := range texts {
		out = append(out, Source{fmt.Sprintf("%d.yaml", i+1), []byte(text)})
	}
	return out
}

const first = `version: 1
tables:
  t: {words: {a: x}, loss: l}
shapes:
  s: {members: [id, {state: {words: t}}]}
endpoints:
  - name: e
    summary: s
    method: GET
    session: /s/{id}
    flow: /f/{id}
    response: [{project: {at: session, to: flow, shape: s}}]
    examples:
      - {name: one, session: {session: {id: 1, state: a}}, flow: {flow: {id: 1, state: x}}}
  - {name: other, summary: s, method: GET, session: /other}
`

func TestSeveralFiles(t *testing.T) {
	tests := []struct {
		name  string
		texts []string
		want  string // the error, or the names of the endpoints, with - for those switched off
	}{
		{
			name:  "a later file uses the tables and shapes of an earlier one",
			texts: []string{first, "version: 1\nshapes: {s2: {like: s}}\nendpoints: [{name: n, summary: s, method: GET, session: /n, response: [{words: {at: w, table: t}}, {project: {at: a, to: b, shape: s2}}]}]"},
			want:  "e other n",
		},
		{
			name:  "a byte order mark and line ends with carriage returns",
			texts: []string{"\ufeff" + strings.ReplaceAll(first, "\n", "\r\n")},
			want:  "e other",
		},
		{
			name:  "an earlier file cannot use what a later one declares",
			texts: []string{"version: 1\nendpoints: [{name: n, summary: s, method: GET, session: /n, response: [{words: {at: w, table: t}}]}]", first},
			want:  `1.yaml:2:95: endpoints[n].response[0].words.table: unknown table "t"`,
		},
		{
			name:  "a name of an earlier file needs replace",
			texts: []string{first, "version: 1\ntables:\n  t: {words: {a: y}, loss: l}\nshapes:\n  s: {members: [id]}\nendpoints:\n  - {name: e, summary: s, method: GET, session: /n}"},
			want: `2.yaml:3:3: tables[t]: table "t" is declared already at 1.yaml:3 (replace: true puts this one in its place)
2.yaml:5:3: shapes[s]: shape "s" is declared already at 1.yaml:5 (replace: true puts this one in its place)
2.yaml:7:6: endpoints[e]: endpoint "e" is declared already at 1.yaml:7 (replace: true puts this one in its place)`,
		},
		{
			name:  "a replaced endpoint keeps its place",
			texts: []string{first, "version: 1\nendpoints:\n  - {name: e, replace: true, summary: new, method: PUT, session: /n}"},
			want:  "e other",
		},
		{
			name:  "off switches off, and frees the route",
			texts: []string{first, "version: 1\noff: [e]\nendpoints: [{name: mine, summary: s, method: GET, session: '/f/{x}'}]"},
			want:  "-e other mine",
		},
		{
			name:  "off knows earlier files only",
			texts: []string{first, "version: 1\noff: [e, othr]"},
			want:  `2.yaml:2:10: off[1]: no endpoint "othr" in an earlier file (did you mean "other"?)`,
		},
		{
			name:  "an extension cannot change what the endpoint is",
			texts: []string{first, "version: 1\nendpoints: [{name: e, extend: true, method: PUT, journey: j}]"},
			want: `2.yaml:2:45: endpoints[e].method: an extension cannot change it (declare the endpoint whole, with replace: true)
2.yaml:2:59: endpoints[e].journey: an extension cannot change it (declare the endpoint whole, with replace: true)`,
		},
		{
			name:  "a fault of an extension is told where it stands",
			texts: []string{first, "version: 1\nendpoints:\n  - name: e\n    extend: true\n    response:\n      - rename: {at: x, to: flow}"},
			want:  `2.yaml:6:9: endpoints[e].response[0]: rename x to flow: flow is written already, by project session to flow`,
		},
		{
			name:  "a fault of a replaced shape is told where it stands",
			texts: []string{first, "version: 1\nshapes:\n  s: {replace: true, like: s, unmapped: drop}"},
			want:  `2.yaml:3:3: shapes[s]: shape s: an undeclared loss: unmapped members are dropped; say so with loss: WHY`,
		},
		{
			name:  "faults of several files come in the order of the files",
			texts: []string{"version: 1\nx: 1", "version: 1\ny: 1"},
			want: `1.yaml:2:1: the file: unknown key "x" (want dates, endpoints, enums, errors, off, shapes, tables, version)
2.yaml:2:1: the file: unknown key "y" (want dates, endpoints, enums, errors, off, shapes, tables, version)`,
		},
		{
			name:  "one file that is no YAML hides what would only follow from it",
			texts: []string{"version: [", "version: 1\nshapes: {s: {like: s}}"},
			want:  `1.yaml:1:10: not YAML: sequence end token ']' not found`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse(sources(tt.texts...)...)
			got := fmt.Sprint(err)
			if err == nil {
				got = switches(c)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// switches lists the names of the endpoints, with a - where one is off.
func switches(c *Contract) string {
	var names []string
	for _, e := range c.Endpoints {
		if e.Enabled {
			names = append(names, e.Name)
		} else {
			names = append(names, "-"+e.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestReplacedPartsReachEarlierEndpoints(t *testing.T) {
	c := parse(t, first, `version: 1
tables:
  t: {replace: true, words: {a: y}, loss: l}
shapes:
  s: {replace: true, like: s, members: [extra, {id: {from: key}}]}
endpoints:
  - name: e
    extend: true
    response: [{rename: {at: r, to: q, optional: true}}]
    examples:
      - {name: two, session: {session: {key: 1, state: a, extra: 2}}, flow: {flow: {id: 1, state: y, extra: 2}}}
`)
	e, err := c.Endpoint("e")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.Response.Ops()); n != 2 {
		t.Errorf("the response has %d operations, want 2", n)
	}
	if len(e.Examples) != 1 || e.Examples[0].Name != "two" {
		t.Errorf("want the later file's example alone, got %v", e.Examples)
	}
	for _, f := range c.Check() {
		t.Error(f)
	}
}

func TestExampleOutlivesAnUnrelatedExtension(t *testing.T) {
	c := parse(t, first, "version: 1\nendpoints: [{name: e, extend: true, headers: [{from: X-A, to: X-B}], errors: [{route: {at: path}}]}]")
	e, err := c.Endpoint("e")
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Examples) != 1 || e.Examples[0].Source != "1.yaml:14" {
		t.Errorf("want the example at 1.yaml:14, got %v", e.Examples)
	}
	if want := []HeaderRename{{"X-A", "X-B"}}; !slices.Equal(e.Headers, want) {
		t.Errorf("want headers %v, got %v", want, e.Headers)
	}
}

func TestEndpointAsDeclared(t *testing.T) {
	c := parse(t, `version: 1
enums: {state: [on, "off"]}
endpoints:
  - name: e
    summary: A sentence.
    method: POST
    session: /s/{id}
    flow: /f/{id}
    also: [{session: "/s2/{id}"}]
    journey: j
    enabled: false
    query:
      - rename: {session: session_id, flow: flow_id}
      - filter: {name: state, enum: state}
      - filter: {name: owner, uuid: true, forward: true}
    headers: [{from: x-session-id, to: X-Flow-Id}]
    examples:
      - {name: x, side: error, session: "  [1.0]\n", flow: [1.0], vars: {path.id: "7"}}
`)
	want := &Endpoint{
		Name: "e", Summary: "A sentence.", Source: "1.yaml:4", Method: "POST",
		Routes:  []Route{{"/s/{id}", "/f/{id}"}, {"/s2/{id}", "/s2/{id}"}},
		Journey: "j", Enabled: false,
		Headers:  []HeaderRename{{"X-Session-Id", "X-Flow-Id"}},
		Query:    []QueryParam{{Session: "session_id", Flow: "flow_id"}},
		Filters:  []QueryFilter{{Param: "state", Words: []string{"on", "off"}}, {Param: "owner", UUID: true, Forward: true}},
		Examples: []Example{{Name: "x", Source: "1.yaml:18", Side: "error", Session: "[1.0]", Flow: "[1.0]", Vars: map[string]string{"path.id": "7"}}},
	}
	if d := cmp.Diff(want, c.Endpoints[0]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\n")
	for i := range maxProblems + 7 {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	_, err := Parse(sources(b.String())...)
	var e *LoadError
	if !errors.As(err, &e) {
		t.Fatalf("want a *LoadError, got %v", err)
	}
	if len(e.Problems) != maxProblems || e.More != 7 {
		t.Errorf("got %d problems and %d more", len(e.Problems), e.More)
	}
	if !strings.HasSuffix(err.Error(), "\nand 7 more") {
		t.Errorf("got\n%v", err)
	}
}

func TestFileBounds(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"too many bytes", "version: 1\n#" + strings.Repeat("x", maxFile), "1.yaml:1:1: the file has 524300 bytes, more than 524288"},
		{"too many words", "version: 1\noff: [" + strings.Repeat("a,", maxTokens/2+1) + "]", "1.yaml:2:50001: the file is too long: more than 50000 words"},
		{"lists in lists on one line", "version: 1\noff:\n" + strings.Repeat("- ", maxNested+1) + "a", "1.yaml:3:129: nested more than 64 levels deep"},
		{"mappings in mappings by indenting", "version: 1\n" + nested(maxNested+1), "1.yaml:66:65: nested more than 64 levels deep"},
		{"not UTF-8", "version: 1\n#\xff", "1.yaml:1:1: the file is not UTF-8"},
		{"a zero byte", "version: 1\n\n# \x00", "1.yaml:3:1: the file holds a zero byte"},
		{"shapes that like one another in a long row", likes(maxLike + 2), "1.yaml:20:15: shapes[s17].like: more than 16 shapes like one another"},
		{"shapes that grow without end", growing(12), "1.yaml:10:3: shapes[s7]: the shape grows to more than 10000 members and operations"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(sources(tt.text)...)
			if got := fmt.Sprint(err); got != tt.want {
				t.Errorf("want %s\ngot  %s", tt.want, got)
			}
		})
	}
}

func nested(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "%sk:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func likes(n int) string {
	text := "version: 1\nshapes:\n  s0: {members: [id]}\n"
	for i := 1; i < n; i++ {
		text += fmt.Sprintf("  s%d: {like: s%d}\n", i, i-1)
	}
	return text
}

// growing declares shapes that each use the one before four times.
func growing(n int) string {
	text := "version: 1\nshapes:\n  s0: {members: [id]}\n"
	for i := 1; i < n; i++ {
		text += fmt.Sprintf("  s%d: {edit: [", i)
		for j := range 4 {
			text += fmt.Sprintf("{project: {at: a%d, to: b%d, shape: s%d}}, ", j, j, i-1)
		}
		text += "]}\n"
	}
	return text
}

func TestEndpointByName(t *testing.T) {
	c := parse(t, first)
	if e, err := c.Endpoint("other"); err != nil || e.Name != "other" {
		t.Errorf("got %v, %v", e, err)
	}
	_, err := c.Endpoint("othr")
	if want := `no endpoint "othr" (did you mean "other"?)`; err == nil || err.Error() != want {
		t.Errorf("want %s, got %v", want, err)
	}
}

func TestRevision(t *testing.T) {
	a, again := parse(t, first), parse(t, first)
	if len(a.Revision) != 12 || a.Revision != again.Revision {
		t.Errorf("got %q and %q, want the same twelve digits", a.Revision, again.Revision)
	}
	if b := parse(t, first, "version: 1"); b.Revision == a.Revision {
		t.Error("a second file does not change the revision")
	}
	if b := parse(t, first+"# a word\n"); b.Revision == a.Revision {
		t.Error("another text does not change the revision")
	}
	off, err := a.Switch(map[string]bool{"e": false})
	if err != nil || off.Revision == a.Revision {
		t.Errorf("switching an endpoint off does not change the revision (%v)", err)
	}
	same, err := a.Switch(map[string]bool{"e": true})
	if err != nil || same.Revision != a.Revision {
		t.Errorf("switching nothing changes the revision (%v)", err)
	}
}

func TestSwitch(t *testing.T) {
	c := parse(t, `version: 1
endpoints:
  - {name: a, summary: s, method: GET, session: /x}
  - {name: b, summary: s, method: GET, session: /x, enabled: false}
`)
	swapped, err := c.Switch(map[string]bool{"a": false, "b": true})
	if err != nil || swapped.Endpoints[0].Enabled || !swapped.Endpoints[1].Enabled {
		t.Errorf("got %v, %v", swapped, err)
	}
	if !c.Endpoints[0].Enabled || c.Endpoints[1].Enabled {
		t.Error("the contract itself was changed")
	}
	for want, enabled := range map[string]map[string]bool{
		`endpoint "b": GET /x is a route of endpoint "a" already (1.yaml:3)`: {"b": true},
		`no endpoint "cc" (want a, b)`:                                       {"cc": true},
	} {
		if _, err := c.Switch(enabled); err == nil || err.Error() != want {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}

// A later file may add to an endpoint's stream, but not make another one of it.
func TestExtendStreams(t *testing.T) {
	const base = `version: 1
endpoints:
  - name: e
    summary: s
    method: GET
    session: /e
    stream: {kind: sse, events: [a], message: [rename: {at: session_id, to: flow_id}]}
`
	c := parse(t, base, `version: 1
endpoints:
  - name: e
    extend: true
    stream: {kind: sse, events: [b], pass: [x], message: [add: {name: kind, value: 1}]}
`)
	s := c.Endpoints[0].Stream
	if s.Kind != SSE || !slices.Equal(s.Events, []string{"a", "b"}) || !slices.Equal(s.Pass, []string{"x"}) || s.Up != nil {
		t.Errorf("%+v", s)
	}
	if got := fmt.Sprint(s.Down.Ops()); got != "[rename session_id to flow_id add kind]" {
		t.Error(got)
	}
	_, err := Parse(sources(base, `version: 1
endpoints:
  - name: e
    extend: true
    stream: {kind: ndjson, events: [a], message: []}
`)...)
	want := `2.yaml:5:20: endpoints[e].stream.kind: the endpoint's stream is of kind sse (declare the endpoint whole, with replace: true)
2.yaml:5:37: endpoints[e].stream.events[0]: "a" is there twice`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// Each side of an endpoint has the lens that was declared for it, and no other.
func TestLensOfSides(t *testing.T) {
	c := parse(t, `version: 1
endpoints:
  - {name: a, summary: s, method: GET, session: /a, stream: {kind: ndjson, message: [rename: {at: a, to: b}]}}
  - {name: b, summary: s, method: GET, session: /b, stream: {kind: websocket, up: [rename: {at: a, to: b}]}}
  - {name: c, summary: s, method: GET, session: /c, request: [rename: {at: a, to: b}]}
`)
	want := map[string][]string{"a": {"message"}, "b": {"up"}, "c": {"request"}}
	for _, e := range c.Endpoints {
		var got []string
		for _, side := range Sides() {
			if e.Lens(side) != nil {
				got = append(got, string(side))
			}
		}
		if !slices.Equal(got, want[e.Name]) {
			t.Errorf("%s: lenses for %v, want %v", e.Name, got, want[e.Name])
		}
	}
}
