package transform_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// refused is a body that a lens cannot map, and what it says.
type refused struct {
	name, body, want string
}

func TestRefusedBodies(t *testing.T) {
	for _, group := range []struct {
		name string
		ops  []Op
		job  Job
		rows []refused
	}{
		{"any lens", contextOps(), Job{}, []refused{
			{"empty", "",
				"context-me response to-flow: the body is empty (byte 0)"},
			{"white space", " \r\n\t",
				"context-me response to-flow: the body is empty (byte 4)"},
			{"a word", "ok",
				"context-me response to-flow: not JSON (byte 0)"},
			{"HTML", "<html>",
				"context-me response to-flow: not JSON (byte 0)"},
			{"a byte order mark", "\ufeff{}",
				"context-me response to-flow: not JSON (byte 0)"},
			{"not a number", `{"a":NaN}`,
				"context-me response to-flow: not JSON (byte 5)"},
			{"an infinite number", `{"a":-Infinity}`,
				"context-me response to-flow: not JSON (byte 6)"},
			{"a number with a leading zero", `{"a":01}`,
				"context-me response to-flow: not JSON (byte 6)"},
			{"a number with a plus", `{"a":+1}`,
				"context-me response to-flow: not JSON (byte 5)"},
			{"a number without digits behind its point", `{"a":1.}`,
				"context-me response to-flow: not JSON (byte 7)"},
			{"a string with a line break", "{\"a\":\"\n\"}",
				"context-me response to-flow: not JSON (byte 6)"},
			{"an escape that there is not", `{"a":"\x"}`,
				"context-me response to-flow: not JSON (byte 6)"},
			{"a short escape", `{"a":"\u12"}`,
				"context-me response to-flow: not JSON (byte 6)"},
			{"a single quote", `{'a':1}`,
				"context-me response to-flow: not JSON (byte 1)"},
			{"a name without quotes", `{a:1}`,
				"context-me response to-flow: not JSON (byte 1)"},
			{"a comma behind the last member", `{"a":1,}`,
				"context-me response to-flow: not JSON (byte 7)"},
			{"a comma behind the last element", `[1,]`,
				"context-me response to-flow: not JSON (byte 3)"},
			{"no comma", `{"a":1 "b":2}`,
				"context-me response to-flow: not JSON (byte 7)"},
			{"no colon", `{"a" 1}`,
				"context-me response to-flow: not JSON (byte 5)"},
			{"a comment", `{"a":1}//`,
				"context-me response to-flow: not JSON (byte 7)"},
			{"another bracket", `{"a":[1}`,
				"context-me response to-flow: not JSON (byte 7)"},
			{"two documents", "{}\n{}",
				"context-me response to-flow: not JSON (byte 3)"},
			{"something behind the end", `{"session":null}x`,
				"context-me response to-flow: not JSON (byte 16)"},
			{"a vertical tab", "{\v}",
				"context-me response to-flow: not JSON (byte 1)"},
			{"cut in a string", `{"session":{"id":"`,
				"context-me response to-flow: at session: not JSON: it ends in the middle (byte 18)"},
			{"cut in a list", `{"available_sessions":[{"id":"1"},`,
				"context-me response to-flow: at available_sessions: not JSON: it ends in the middle (byte 34)"},
			{"not JSON in what is projected", `{"session":{"id":1,}}`,
				"context-me response to-flow: at session: not JSON (byte 19)"},
			{"no comma in what is projected", `{"session":{"id":1 "a":2}}`,
				"context-me response to-flow: at session: not JSON (byte 19)"},
			{"no comma between elements", `{"available_sessions":[{"id":1} {"id":2}]}`,
				"context-me response to-flow: at available_sessions: not JSON (byte 32)"},
			{"no comma in what nobody names", `{"a":[1 2]}`,
				"context-me response to-flow: not JSON (byte 8)"},
			{"not JSON among the elements", `{"available_sessions":[tru]}`,
				"context-me response to-flow: at available_sessions: not JSON (byte 23)"},
			{"not JSON where an object is expected", `{"session":tru}`,
				"context-me response to-flow: at session: not JSON (byte 11)"},
		}},
		{"context", contextOps(), Job{}, []refused{
			{"a text for an object", `{"session":"secret"}`,
				"context-me response to-flow: project session to current_flow: at session: unexpected type: want an object or null, got a string (byte 11)"},
			{"a number for a list", `{"available_sessions":7}`,
				"context-me response to-flow: collect available_sessions to active_flows: at available_sessions: unexpected type: want a list or null, got a number (byte 22)"},
			{"a truth value among the elements", `{"available_sessions":[{"id":"1"},true]}`,
				"context-me response to-flow: collect available_sessions to active_flows: at available_sessions[1]: unexpected type: want an object, got a truth value (byte 34)"},
			{"null among the elements", `{"available_sessions":[null]}`,
				"context-me response to-flow: collect available_sessions to active_flows: at available_sessions[0]: unexpected type: want an object, got null (byte 23)"},
			{"a required member is missing", `{"session":{"name":"secret"}}`,
				"context-me response to-flow: project session to current_flow: at session.id: missing member (byte 11)"},
			{"a required member is missing in an element", `{"available_sessions":[{"id":"1"},{"id":"2"},{"ID":"3"}]}`,
				"context-me response to-flow: collect available_sessions to active_flows: at available_sessions[2].id: missing member (byte 45)"},
			{"another kind of word", `{"session":{"id":"1","status":{"a":1}}}`,
				"context-me response to-flow: project session to current_flow: at session.status: unexpected type: want a string, got an object (byte 30)"},
			{"the object twice", `{"session":null,"a":1,"sess\u0069on":null}`,
				"context-me response to-flow: project session to current_flow: at session: a member is there twice (byte 22)"},
			{"a member of the object twice", `{"session":{"id":"1","name":"secret","n\u0061me":"secret"}}`,
				"context-me response to-flow: project session to current_flow: at session.name: a member is there twice (byte 37)"},
			{"a member of an element twice", `{"available_sessions":[{"id":"1","id":"1"}]}`,
				"context-me response to-flow: collect available_sessions to active_flows: at available_sessions[0].id: a member is there twice (byte 33)"},
			{"a new name twice", `{"current_flow":null,"current_flow":null}`,
				"context-me response to-flow: project session to current_flow: at current_flow: a member is there twice (byte 21)"},
			{"what is fallen back on twice", `{"user":{"id":"1"},"user":{"id":"2"}}`,
				"context-me response to-flow: at user: a member is there twice (byte 19)"},
			{"a new name is taken by a text", `{"session":null,"current_flow":"secret"}`,
				"context-me response to-flow: project session to current_flow: at current_flow: the new name is taken by another kind of value: a string (byte 31)"},
			{"a new name is taken by a number", `{"active_flows":3}`,
				"context-me response to-flow: collect available_sessions to active_flows: at active_flows: the new name is taken by another kind of value: a number (byte 16)"},
		}},
		{"context, to-session", contextOps(), Job{Direction: ToSession}, []refused{
			{"both shapes differ", `{"session":{"id":"secret 1"},"current_flow":{"id":"secret 2"}}`,
				`context-me response to-session: project session to current_flow: at current_flow: both shapes are there and differ: "session" and "current_flow" (byte 29)`},
			{"both lists differ", `{"active_flows":[{"id":"1"}],"available_sessions":[]}`,
				`context-me response to-session: collect available_sessions to active_flows: at active_flows: both shapes are there and differ: "available_sessions" and "active_flows" (byte 1)`},
			{"the old name is taken", `{"session":"secret","current_flow":null}`,
				"context-me response to-session: project session to current_flow: at session: the new name is taken by another kind of value: a string (byte 11)"},
			{"a required member is missing", `{"active_flows":[{"name":"secret"}]}`,
				"context-me response to-session: collect available_sessions to active_flows: at active_flows[0].id: missing member (byte 17)"},
		}},
		{"rows", rowOps(), Job{}, []refused{
			{"a mandatory member of an object that is a list", `[]`,
				"context-me response to-flow: copy owner to created_by: unexpected type: want an object, got a list (byte 0)"},
			{"a list twice", `{"items":[],"items":[]}`,
				"context-me response to-flow: at items: a member is there twice (byte 12)"},
			{"a name in a row twice", `{"data":{"sessions":[{},{"session_id":"1"},{"session_id":"1","session_id":"2"}]}}`,
				"context-me response to-flow: rename session_id to flow_id: at data.sessions[2].session_id: a member is there twice (byte 61)"},
			{"no comma between elements that are edited", `{"items":[{} {}]}`,
				"context-me response to-flow: at items: not JSON (byte 13)"},
			{"a word that is a number", `{"data":{"sessions":[{"status":1}]}}`,
				"context-me response to-flow: words status: at data.sessions[0].status: unexpected type: want a string, got a number (byte 31)"},
		}},
		{"request", requestOps(), Job{}, []refused{
			{"the session is missing", `{"upload_context":{}}`,
				"context-me response to-flow: rename session_id to flow_id: at session_id: missing member (byte 20)"},
			{"a list for an object", `[1]`,
				"context-me response to-flow: rename session_id to flow_id: unexpected type: want an object, got a list (byte 0)"},
			{"null for an object", `null`,
				"context-me response to-flow: rename session_id to flow_id: missing member (byte 0)"},
		}},
		{"request, to-session", requestOps(), Job{Direction: ToSession}, []refused{
			{"neither name is there", `{}`,
				"context-me response to-session: rename session_id to flow_id: at flow_id: missing member (byte 1)"},
			{"both names with different values", `{"flow_id":"secret 1","session_id":"secret 2"}`,
				`context-me response to-session: rename session_id to flow_id: at flow_id: both shapes are there and differ: "session_id" and "flow_id" (byte 1)`},
			{"both names with different values below", `{"flow_id":"1","upload_context":{"validation_session_id":"a","validation_flow_id":"b"}}`,
				`context-me response to-session: rename upload_context.validation_session_id to validation_flow_id: at upload_context.validation_flow_id: both shapes are there and differ: "validation_session_id" and "validation_flow_id" (byte 61)`},
			{"both names with different words", `{"flow_id":"1","state":"active","flow_status":"in_progress"}`,
				`context-me response to-session: rename state to flow_status: at flow_status: both shapes are there and differ: "state" and "flow_status" (byte 32)`},
			{"a word that is a list", `{"flow_id":"1","flow_status":[]}`,
				"context-me response to-session: rename state to flow_status: at flow_status: unexpected type: want a string, got a list (byte 29)"},
		}},
		{"keep, to-session", keepOps(), Job{Direction: ToSession}, []refused{
			{"both names in a row differ", `{"data":{"flows":[{"flow_id":"secret 1","session_id":"secret 2"}]}}`,
				`context-me response to-session: collect data.rows to flows: at data.flows[0].session_id: both shapes are there and differ: "session_id" and "flow_id" (byte 40)`},
			{"a text for what was nested", `{"data":{"flows":[{"dates":"secret"}]}}`,
				"context-me response to-session: collect data.rows to flows: at data.flows[0].dates: unexpected type: want an object or null, got a string (byte 27)"},
			{"a nested member twice", `{"data":{"flows":[{"dates":{"start":1,"start":2}}]}}`,
				"context-me response to-session: collect data.rows to flows: at data.flows[0].dates.start: a member is there twice (byte 38)"},
		}},
		{"keep", keepOps(), Job{}, []refused{
			{"what is nested has another object's name", `{"data":{"rows":[{"start_date":1,"dates":{}}]}}`,
				"context-me response to-flow: collect data.rows to flows: at data.rows[0].dates: the new name is taken by another kind of value: an object (byte 33)"},
		}},
		{"legacy, to-session", legacyOps(), Job{Direction: ToSession}, []refused{
			{"what was kept has a place of its own", `{"current_flow":{"id":"1","metadata":{"legacy":{"id":"2"}}}}`,
				"context-me response to-session: project session to current_flow: at current_flow.metadata.legacy.id: a member is there twice (byte 26)"},
			{"what was kept, twice", `{"current_flow":{"id":"1","metadata":{"legacy":{},"legacy":{}}}}`,
				"context-me response to-session: project session to current_flow: at current_flow.metadata.legacy: a member is there twice (byte 26)"},
		}},
		{"refuse", refuseOps(), Job{}, []refused{
			{"a member without a place", `{"session":{"id":"1","owner":"secret"}}`,
				"context-me response to-flow: project session to flow: at session.owner: a member has no place in the shape strict (byte 21)"},
			{"a member with a long odd name", `{"session":{"id":"1","` + strings.Repeat("a\\n", 100) + `":1}}`,
				`context-me response to-flow: project session to flow: at session."a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n"…: a member has no place in the shape strict (byte 21)`},
			{"a member without a name", `{"session":{"":1}}`,
				`context-me response to-flow: project session to flow: at session."": a member has no place in the shape strict (byte 12)`},
		}},
		{"refuse, to-session", refuseOps(), Job{Direction: ToSession}, []refused{
			{"a nested member without a place", `{"flow":{"dates":{"begin":1}}}`,
				"context-me response to-session: project session to flow: at flow.dates.begin: a member has no place in the shape strict (byte 18)"},
		}},
		{"wrap", wrapOps(), Job{}, []refused{
			{"a text", `"secret"`,
				"context-me response to-flow: wrap as flows: unexpected type: want a list, got a string (byte 0)"},
			{"an object without the list", `{"detail":"secret"}`,
				"context-me response to-flow: wrap as flows: at flows: missing member (byte 18)"},
			{"an object with another kind of list", `{"flows":3}`,
				"context-me response to-flow: wrap as flows: at flows: the new name is taken by another kind of value: a number (byte 9)"},
			{"an element without its id", `[{"id":1},{}]`,
				"context-me response to-flow: wrap as flows: at [1].id: missing member (byte 10)"},
		}},
		{"wrap, to-session", wrapOps(), Job{Direction: ToSession}, []refused{
			{"a number", `7`,
				"context-me response to-session: wrap as flows: unexpected type: want an object or a list, got a number (byte 0)"},
			{"an object without the list", `{"total":0}`,
				"context-me response to-session: wrap as flows: at flows: missing member (byte 10)"},
			{"null for the list", `{"flows":null}`,
				"context-me response to-session: wrap as flows: at flows: unexpected type: want a list, got null (byte 0)"},
			{"a truth value for the list", `{"flows":true}`,
				"context-me response to-session: wrap as flows: at flows: unexpected type: want a list or null, got a truth value (byte 9)"},
			{"an element that is no object", `{"flows":[{"id":"1"},[]]}`,
				"context-me response to-session: wrap as flows: at flows[1]: unexpected type: want an object, got a list (byte 21)"},
		}},
	} {
		t.Run(group.name, func(t *testing.T) {
			l := compile(t, group.ops)
			for _, row := range group.rows {
				t.Run(row.name, func(t *testing.T) {
					forms := []Form{Replace}
					if group.job.Direction == ToFlow && l.HasUnion() {
						forms = append(forms, Union)
					}
					for _, form := range forms {
						job := group.job
						job.Form = form
						res, err := l.Map(nil, []byte(row.body), job)
						if err == nil {
							t.Fatalf("it is mapped: %s", res.Body)
						}
						if err.Error() != row.want {
							t.Errorf("%s:\n got %s\nwant %s", tell(job), err, row.want)
						}
						var fault *Error
						if !errors.As(err, &fault) || res.Body != nil || res.Changed {
							t.Errorf("want an *Error and no result, got %T and %v", err, res)
						}
						if strings.Contains(err.Error(), "secret") {
							t.Errorf("the error tells a value of the body: %s", err)
						}
					}
				})
			}
		})
	}
}

// refuseOps have a shape that claims to name all.
func refuseOps() []Op {
	return []Op{Project{At: Path{"session"}, To: "flow", Optional: true, Shape: &Shape{
		Name:    "strict",
		Members: []Member{{Name: "id", From: "id"}, {Name: "dates", Nest: []Member{{Name: "start", From: "start_date"}}}},
	}}}
}

// A body that was cut off is refused wherever it was cut.
func TestEveryPrefixIsRefused(t *testing.T) {
	for _, fixed := range fixedOps() {
		l := compile(t, fixed.ops)
		for _, body := range bodies(t) {
			for _, job := range jobs() {
				if _, err := l.Map(nil, []byte(body), job); err != nil || job.Form == Union && !l.HasUnion() {
					continue // it is not one that this lens maps
				}
				whole := strings.TrimRight(body, " \r\n\t")
				for i := range whole {
					res, err := l.Map(nil, []byte(whole[:i]), job)
					if err == nil {
						t.Fatalf("%s, %s: %s is mapped to %s", fixed.name, tell(job), whole[:i], res.Body)
					}
					if i > 0 && strings.TrimLeft(whole[:i], " \r\n\t") != "" && !errors.Is(err, ErrSyntax) {
						t.Errorf("%s, %s: %s: %v", fixed.name, tell(job), whole[:i], err)
					}
				}
			}
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	lenses := map[string]*Lens{}
	for _, fixed := range fixedOps() {
		lenses[fixed.name] = compile(t, fixed.ops)
	}
	nested := func(before string, n int, after string) string {
		return before + strings.Repeat("[", n) + strings.Repeat("]", n) + after
	}
	for _, row := range []struct {
		name, lens string
		levels     int // of the body beside the nested lists
		make       func(n int) string
	}{
		{"in a member nobody names", "context", 1, func(n int) string { return nested(`{"a":`, n, `}`) }},
		{"in what is projected", "context", 2, func(n int) string { return nested(`{"session":{"id":"1","a":`, n, `}}`) }},
		{"in what is collected", "context", 3, func(n int) string { return nested(`{"available_sessions":[{"id":"1","a":`, n, `}]}`) }},
		{"in what is edited", "rows", 3, func(n int) string { return nested(`{"owner":1,"items":[{"session.name":`, n, `}]}`) }},
		{"in an open shape", "rows", 4, func(n int) string { return nested(`{"owner":1,"data":{"sessions":[{"a":`, n, `}]}}`) }},
		{"in what is fallen back on", "context", 2, func(n int) string { return nested(`{"user":{"id":`, n, `}}`) }},
		{"in what is wrapped", "wrap", 2, func(n int) string { return nested(`[{"id":`, n, `}]`) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			l, job := lenses[row.lens], Job{Form: Replace, MaxDepth: 100}
			if _, err := l.Map(nil, []byte(row.make(100-row.levels)), job); err != nil {
				t.Errorf("100 levels: %v", err)
			}
			if _, err := l.Map(nil, []byte(row.make(101-row.levels)), job); !errors.Is(err, ErrDepth) {
				t.Errorf("101 levels: got %v", err)
			}
			if _, err := l.Map(nil, []byte(row.make(10_000)), Job{Form: Replace, MaxDepth: 10_100}); err != nil {
				t.Errorf("10,000 levels that are allowed: %v", err)
			}
		})
	}
}

// Each level of what a lens reads counts, as any other.
func TestDepthOfWhatIsMapped(t *testing.T) {
	for _, row := range []struct {
		name, body string
		ops        []Op
		levels     int
	}{
		{"what is edited", `{}`, keepOps(), 1},
		{"below what is edited", `{"data":{}}`, keepOps(), 2},
		{"a list that is edited", `{"owner":1,"items":[]}`, rowOps(), 2},
		{"its elements", `{"owner":1,"items":[{}]}`, rowOps(), 3},
		{"what is projected", `{"session":{"id":1}}`, contextOps(), 2},
		{"what is collected", `{"available_sessions":[]}`, contextOps(), 2},
		{"an element", `{"available_sessions":[{"id":1}]}`, contextOps(), 3},
		{"what is wrapped", `[]`, wrapOps(), 1},
		{"what is fallen back on", `{"user":{"id":{}}}`, contextOps(), 3},
	} {
		l := compile(t, row.ops)
		if _, err := l.Map(nil, []byte(row.body), Job{Form: Replace, MaxDepth: row.levels}); err != nil {
			t.Errorf("%s: %d levels: %v", row.name, row.levels, err)
		}
		if row.levels == 1 {
			continue // 0 levels are the default
		}
		if _, err := l.Map(nil, []byte(row.body), Job{Form: Replace, MaxDepth: row.levels - 1}); !errors.Is(err, ErrDepth) {
			t.Errorf("%s: %d levels where %d are allowed: got %v", row.name, row.levels, row.levels-1, err)
		}
	}
	body := `{"data":{"flows":[{"dates":{}}]}}`
	l := compile(t, keepOps())
	if _, err := l.Map(nil, []byte(body), Job{Direction: ToSession, MaxDepth: 3}); !errors.Is(err, ErrDepth) {
		t.Errorf("what was nested: got %v", err)
	}
}

// Brackets without end cost no more than the depth that is allowed.
func TestDepthBombIsCheap(t *testing.T) {
	l := compile(t, contextOps())
	for _, bomb := range []string{"[", `{"a":`, `{"session":{"a":[`, `{"available_sessions":[{"a":`} {
		body := []byte(strings.Repeat(bomb, 200_000))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := l.Map(nil, body, Job{Form: Replace})
		runtime.ReadMemStats(&after)
		if want := "context-me response to-flow: "; !errors.Is(err, ErrDepth) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s…: got %v", bomb, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 2*uint64(len(body)) {
			t.Errorf("%s…: %d bytes were allocated for a body of %d", bomb, took, len(body))
		}
	}
}

func TestDepthErrorTellsWhere(t *testing.T) {
	l := compile(t, contextOps())
	_, err := l.Map(nil, []byte(`{"available_sessions":[{"id":"1"},{"id":"2","a":[{"b":[[]]}]}]}`), Job{MaxDepth: 6})
	const want = "context-me response to-flow: at available_sessions[1]: nested too deep (byte 55)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
