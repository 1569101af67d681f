package transform_test

import (
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// The lenses that tests are about: what the platform's backend needs, and then some.

func statusTable() *WordTable {
	return &WordTable{
		Name: "status",
		Entries: []WordEntry{
			{"initialized", "pending"}, {"running", "in_progress"}, {"processing", "in_progress"},
			{"waiting_*", "paused"}, {"complete", "completed"},
		},
		Same: []string{"pending", "active", "in_progress", "completed", "paused"},
		Else: "pending",
		Back: []WordEntry{{"processing", "in_progress"}},
		Loss: "several words become one",
	}
}

func nameTable() *PrefixTable {
	return &PrefixTable{
		Name: "name",
		Entries: []PrefixEntry{
			{"Demo Session", "Demo Flow", true},
			{"Admin Session - ", "Discovery Flow - ", false},
			{"Default Session - ", "Discovery Flow - ", false},
		},
		Back: []PrefixEntry{{"Demo Session", "Demo Flow", true}, {"Default Session - ", "Discovery Flow - ", false}},
		Loss: "which prefix it was",
	}
}

// flowShape is the shape of a flow in the context.
func flowShape() *Shape {
	return &Shape{
		Name: "flow",
		Members: []Member{
			{Name: "id", From: "id", Required: true},
			{Name: "name", From: "name", Prefixes: nameTable()},
			{Name: "flow_type", From: "flow_type", Else: []Source{{Value: `"discovery"`}}, Loss: "a default"},
			{Name: "status", From: "status", Words: statusTable(), Else: []Source{{Value: `"active"`}}, Loss: "a default"},
			{Name: "engagement_id", From: "engagement_id"},
			{Name: "created_by", From: "created_by", Else: []Source{{Path: Path{"user", "id"}}}, Loss: "a fallback"},
			{Name: "metadata", From: "metadata"},
			{Name: "created_at", From: "created_at"},
			{Name: "updated_at", From: "updated_at"},
		},
		Unmapped: UnmappedDrop,
		Loss:     "description and is_default have no place in a flow",
	}
}

// contextOps are the operations of the context: the current session, and the available ones.
func contextOps() []Op {
	s := flowShape()
	return []Op{
		Collect{
			At: Path{"available_sessions"}, To: "active_flows", Shape: s, First: "session", Key: "id", Optional: true,
			Loss: "a session that was not available comes back among the others",
		},
		Project{At: Path{"session"}, To: "current_flow", Shape: s, Optional: true},
	}
}

// aliasOps are contextOps with a second name for the current session.
func aliasOps() []Op {
	alias := &Shape{
		Name:     "alias",
		Members:  []Member{{Name: "id", From: "id"}, {Name: "title", From: "name"}},
		Unmapped: UnmappedDrop, Loss: "an alias has four members",
	}
	return append(contextOps(), Project{At: Path{"session"}, To: "flow", Shape: alias, Optional: true})
}

// legacyOps keep what a flow has no place for under metadata.legacy.
func legacyOps() []Op {
	s := flowShape()
	s.Name, s.Unmapped, s.Under, s.Loss = "legacy", UnmappedUnder, Path{"metadata", "legacy"}, ""
	return []Op{Project{At: Path{"session"}, To: "current_flow", Shape: s, Optional: true}}
}

// keepOps keep what a flow has no place for, and nest.
func keepOps() []Op {
	return []Op{Collect{At: Path{"data", "rows"}, To: "flows", Optional: true, Shape: &Shape{
		Name: "row",
		Members: []Member{
			{Name: "flow_id", From: "session_id"},
			{Name: "kind", Else: []Source{{Value: `"discovery"`}}},
			{Name: "dates", Nest: []Member{{Name: "start", From: "start_date"}, {Name: "end_date", From: "end_date"}}},
		},
		Unmapped: UnmappedKeep,
	}}}
}

// rowOps edit objects where they are, deep in a body.
func rowOps() []Op {
	row := &Shape{Name: "comparison row", Edit: []Op{
		Rename{At: Path{"session_id"}, To: "flow_id", Optional: true},
		Rename{At: Path{"session_name"}, To: "flow_name", Optional: true},
		Add{Member: "flow_type", Sources: []Source{{Value: `"discovery"`}}, After: "session_name", Optional: true},
		Words{At: Path{"status"}, Table: statusTable(), Optional: true},
	}}
	return []Op{
		Rename{At: Path{"total_sessions"}, To: "total_flows", Optional: true},
		Rename{At: Path{"items", Each, "session.name"}, To: "flow.name", Optional: true},
		Text{At: Path{"errors", Each, "loc", Each}, Session: "session_id", Flow: "flow_id", Optional: true},
		Route{At: Path{"path"}, Optional: true},
		Collect{At: Path{"data", "sessions"}, To: "flows", Shape: row, Optional: true},
		Filter{List: Path{"data", "flows"}, By: []Condition{{"status", "query.status"}}, Count: "total"},
		Copy{At: Path{"owner"}, To: "created_by", Else: []Source{{Path: Path{"user", "id"}}, {Value: "null"}}},
		Drop{At: Path{"is_default"}, Optional: true, Loss: "a flow is no default"},
	}
}

// requestOps are those of a request that has to name its session.
func requestOps() []Op {
	return []Op{
		Rename{At: Path{"session_id"}, To: "flow_id"},
		Rename{At: Path{"upload_context", "validation_session_id"}, To: "validation_flow_id", Optional: true},
		Rename{At: Path{"state"}, To: "flow_status", Optional: true},
		Words{At: Path{"state"}, Table: statusTable(), Optional: true},
	}
}

// wrapOps make a list the list of an object.
func wrapOps() []Op {
	return []Op{
		Wrap{
			List: "flows", Total: "total",
			Shape: &Shape{
				Name:     "listed",
				Members:  []Member{{Name: "id", From: "id", Required: true}, {Name: "status", From: "status", Words: statusTable()}},
				Unmapped: UnmappedKeep,
			},
			Members: []Member{{Name: "engagement_id", Else: []Source{{Var: "path.engagement"}}}},
		},
		Filter{List: Path{"flows"}, By: []Condition{{"status", "query.status"}}},
	}
}

// fixedOps are all of them, by name.
func fixedOps() []struct {
	name string
	ops  []Op
} {
	return []struct {
		name string
		ops  []Op
	}{
		{"context", contextOps()}, {"alias", aliasOps()}, {"legacy", legacyOps()}, {"keep", keepOps()},
		{"rows", rowOps()}, {"request", requestOps()}, {"wrap", wrapOps()},
	}
}

// compile compiles operations that a test knows to be right.
func compile(tb testing.TB, ops []Op) *Lens {
	tb.Helper()
	l, err := Compile("context-me", Response, ops)
	if err != nil {
		tb.Fatalf("compile: %v", err)
	}
	return l
}

// testVars are the variables of the requests in tests.
func testVars(name string) (string, bool) {
	value, ok := map[string]string{
		"path.engagement": "e\"1", "upstream.path": "/api/session", "client.path": "/api/flow", "query.status": "paused",
	}[name]
	return value, ok
}

// testLinks maps URLs with /session/ in their path to such with /flow/, and back.
func testLinks(dir Direction) Links {
	one, other := "/session/", "/flow/"
	if dir == ToSession {
		one, other = other, one
	}
	return func(url string) (string, bool) {
		return strings.Replace(url, one, other, 1), strings.Contains(url, one)
	}
}
