package transform

import (
	"errors"
	"strings"
	"testing"
)

func formLens(t *testing.T, ops ...Op) *Lens {
	t.Helper()
	l, err := Compile("form", Request, ops)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func formOps() []Op {
	table := &WordTable{Name: "t", Entries: []WordEntry{{"running", "in_progress"}}, Back: []WordEntry{{"running", "in_progress"}}, Loss: "l"}
	return []Op{
		Rename{At: Path{"session_id"}, To: "flow_id", Optional: true},
		Rename{At: Path{"context", "session_id"}, To: "flow_id", Optional: true},
		Rename{At: Path{"context", "rows", Each, "session_id"}, To: "flow_id", Optional: true},
		Words{At: Path{"status"}, Table: table, Optional: true},
		Words{At: Path{"session_id"}, Table: table, Optional: true},
		Text{At: Path{"context", "note"}, Session: "a session", Flow: "a flow", Optional: true},
		Add{Member: "flow_type", Sources: []Source{{Value: `"discovery"`}}},
		Copy{At: Path{"owner"}, To: "created_by", Optional: true},
		Project{At: Path{"session"}, To: "current_flow", Shape: &Shape{Name: "s", Members: []Member{{Name: "id", From: "id"}}}, Optional: true},
		Rename{At: Path{"list", Each, "a"}, To: "b", Optional: true},
		Drop{At: Path{"old"}, Optional: true, Loss: "l"},
	}
}

// TestFields: a form's fields are found by the names of both shapes, in both notations.
func TestFields(t *testing.T) {
	fields := formLens(t, formOps()...).Fields()
	for _, tc := range []struct{ name, session, flow, refused string }{
		{"flow_id", "session_id", "flow_id", ""},
		{"session_id", "session_id", "flow_id", ""},
		{"context.flow_id", "context.session_id", "context.flow_id", ""},
		{"context[flow_id]", "context[session_id]", "context[flow_id]", ""},
		{"context[session_id]", "context[session_id]", "context[flow_id]", ""},
		{"status", "status", "status", ""},
		{"context.note", "context.note", "context.note", ""},
		{"context", "context", "context", ""},
		{"flow_type", "", "flow_type", ""},
		{"created_by", "", "created_by", ""},
		{"current_flow", "", "current_flow", refusedField},
		{"current_flow.id", "", "current_flow", refusedField},
		{"current_flow[id]", "", "current_flow", refusedField},
	} {
		f, ok := fields.Find(tc.name)
		if !ok {
			t.Errorf("%s is not found", tc.name)
		} else if f.Session != tc.session || f.Flow != tc.flow || f.Refused != tc.refused {
			t.Errorf("%s: got %q, %q, %q", tc.name, f.Session, f.Flow, f.Refused)
		}
	}
	for _, name := range []string{"", "Flow_id", "flow_id.x", "context.flow_id.x", "context.rows", "old", "owner", "session", "context.rows[].flow_id", ".", "["} {
		if f, ok := fields.Find(name); ok {
			t.Errorf("%q is %+v", name, f)
		}
	}
}

// TestFieldTexts: texts are mapped as in a body, also below a field that holds JSON.
func TestFieldTexts(t *testing.T) {
	fields := formLens(t, formOps()...).Fields()
	for _, tc := range []struct{ name, text, want string }{
		{"status", "in_progress", "running"},
		{"status", "odd \"words\"\n\xff", ""},
		{"flow_id", "in_progress", "running"},
		{"context.note", "a flow", "a session"},
		{"context", ` {"flow_id": 1.0, "x": "a flow", "note": "a flow", "rows": [{"flow_id": null}]}`,
			` {"session_id": 1.0, "x": "a flow", "note": "a session", "rows": [{"session_id": null}]}`},
		{"context", "plain", ""},
		{"list", `[{"b":1},{"c":2}]`, `[{"a":1},{"c":2}]`},
		{"context", "", ""},
	} {
		f, ok := fields.Find(tc.name)
		if !ok || !f.Maps() {
			t.Fatalf("%s: found %t", tc.name, ok)
		}
		got, err := f.ToSession([]byte(tc.text), Job{})
		want := tc.want
		if want == "" {
			want = tc.text
		}
		if err != nil || string(got.Body) != want || got.Changed != (tc.want != "") {
			t.Errorf("%s %q: got %q, %t, %v", tc.name, tc.text, got.Body, got.Changed, err)
		}
	}
	context, _ := fields.Find("context")
	if _, err := context.ToSession([]byte(`{"flow_id":1,"session_id":2}`), Job{}); !errors.Is(err, ErrConflict) {
		t.Errorf("both shapes: %v", err)
	}
	if _, err := context.ToSession([]byte(`{"flow_id":`), Job{}); !errors.Is(err, ErrSyntax) {
		t.Errorf("cut JSON: %v", err)
	}
	if _, err := context.ToSession([]byte(strings.Repeat(`{"a":`, 99)), Job{MaxDepth: 9}); !errors.Is(err, ErrDepth) {
		t.Errorf("deep JSON: %v", err)
	}
}

// TestNoFields: a lens with nothing that a form can have leaves forms alone.
func TestNoFields(t *testing.T) {
	shape := &Shape{Name: "s", Members: []Member{{Name: "id", From: "id"}}}
	for name, ops := range map[string][]Op{
		"a list":          {Wrap{List: "flows", Shape: shape}},
		"elements of one": {Rename{At: Path{Each, "a"}, To: "b", Optional: true}},
		"a loss":          {Drop{At: Path{"a"}, Optional: true, Loss: "l"}},
	} {
		if fields := formLens(t, ops...).Fields(); fields != nil {
			t.Errorf("%s: %+v", name, fields)
		}
	}
}
