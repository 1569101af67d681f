package transform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// told joins what is told by its notation.
func told[T any](list []T, tell func(T) string) string {
	var out []string
	for _, x := range list {
		out = append(out, tell(x))
	}
	return strings.Join(out, ", ")
}

func TestNamesAndLosses(t *testing.T) {
	under := flowShape()
	under.Unmapped, under.Under, under.Loss = UnmappedUnder, Path{"metadata", "legacy"}, ""
	lost := closedOf(Member{Name: "id", From: "id"})
	lost.Lost = []Lost{{"secret", "it is one"}}
	kept := ids()
	kept.Lost = lost.Lost
	for _, row := range []struct {
		name                  string
		ops                   []Op
		session, flow, losses string
	}{
		{
			"context", contextOps(),
			"available_sessions, session",
			"active_flows, current_flow",
			"available_sessions: a session that was not available comes back among the others, available_sessions[].*: description and is_default have no place in a flow, " +
				"available_sessions[].name: which prefix it was, available_sessions[].flow_type: a default, " +
				"available_sessions[].status: a default, available_sessions[].status: several words become one, available_sessions[].created_by: a fallback, " +
				"session.*: description and is_default have no place in a flow, session.name: which prefix it was, session.flow_type: a default, " +
				"session.status: a default, session.status: several words become one, session.created_by: a fallback",
		},
		{
			"rows", rowOps(),
			"total_sessions, items[].session.name, data.sessions, data.sessions[].session_id, data.sessions[].session_name, is_default",
			"total_flows, items[].flow.name, data.flows, data.flows[].flow_id, data.flows[].flow_name, data.flows[].flow_type, created_by",
			"data.sessions[].status: several words become one, is_default: a flow is no default",
		},
		{
			"keep", keepOps(),
			"data.rows, data.rows[].session_id, data.rows[].start_date, data.rows[].end_date",
			"data.flows, data.flows[].flow_id, data.flows[].kind, data.flows[].dates", "",
		},
		{
			"wrap", wrapOps(), "", "flows", "[].status: several words become one",
		},
		{
			"kept under another member", []Op{project("session", "flow", under)}, "session", "flow",
			"session.name: which prefix it was, session.flow_type: a default, session.status: a default, " +
				"session.status: several words become one, session.created_by: a fallback",
		},
		{"lost", []Op{project("session", "flow", lost)}, "session, session.secret", "flow", "session.*: there are few, session.secret: it is one"},
		{"lost, and kept", []Op{project("session", "flow", kept)}, "session", "flow", ""},
		{"in place", []Op{Text{At: Path{"a"}, Session: "x", Flow: "y"}, words(statusTable())}, "", "", "status: several words become one"},
	} {
		l := compile(t, row.ops)
		if got := told(l.SessionNames(), Path.String); got != row.session {
			t.Errorf("%s: session names\n got %s\nwant %s", row.name, got, row.session)
		}
		if got := told(l.FlowNames(), Path.String); got != row.flow {
			t.Errorf("%s: flow names\n got %s\nwant %s", row.name, got, row.flow)
		}
		if got := told(l.Losses(), func(l Loss) string { return l.Path.String() + ": " + l.Why }); got != row.losses {
			t.Errorf("%s: losses\n got %s\nwant %s", row.name, got, row.losses)
		}
	}
}

func TestOperationsTellThemselves(t *testing.T) {
	for _, row := range []struct {
		op         Op
		name, text string
	}{
		{rename("a.b", "c"), "rename", "rename a.b to c"},
		{project("a", "b", nil), "project", "project a to b"},
		{collect("a[].b", "c", nil), "collect", "collect a[].b to c"},
		{add(nil, "a", ""), "add", "add a"},
		{add(path("a[]"), "b", ""), "add", "add a[].b"},
		{Copy{At: Path{"a"}, To: "b"}, "copy", "copy a to b"},
		{Words{At: path("[].a")}, "words", "words [].a"},
		{Prefixes{At: Path{"a"}}, "prefixes", "prefixes a"},
		{Text{At: Path{"a"}}, "text", "text a"},
		{Route{At: Path{"a"}}, "route", "route a"},
		{URL{At: Path{"a"}}, "url", "url a"},
		{Wrap{List: "a"}, "wrap", "wrap as a"},
		{Filter{List: path("a.b")}, "filter", "filter a.b"},
		{Drop{At: Path{"a"}}, "drop", "drop a"},
	} {
		if row.op.Name() != row.name || row.op.String() != row.text {
			t.Errorf("got %s, %s; want %s, %s", row.op.Name(), row.op, row.name, row.text)
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, row := range []struct {
		text string
		want Path
	}{
		{"a", Path{"a"}},
		{"a.b_c.d-e", Path{"a", "b_c", "d-e"}},
		{"a[].b", Path{"a", Each, "b"}},
		{"[].b", Path{Each, "b"}},
		{"a[][]", Path{"a", Each, Each}},
		{"a b.é", Path{"a b", "é"}},
	} {
		got, err := ParsePath(row.text)
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q (%v)", row.text, got, err)
		}
		if got.String() != row.text {
			t.Errorf("%s is told as %s", row.text, got)
		}
	}
	for _, text := range []string{"", ".", "a.", ".a", "a..b", "a[", "a]", "a[0]", "[a]", "a.[].b", "a][", "[]a", "a[b"} {
		want := fmt.Sprintf("bad path %q: want names joined by dots, with [] for each element of a list", text)
		if text == "" {
			want = "empty path"
		}
		if got, err := ParsePath(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %q (%v), want %s", text, got, err, want)
		}
	}
}
