package transform_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unsafe"

	. "github.com/crossfade-proxy/crossfade/transform"
)

func TestResultTellsWhatWasDone(t *testing.T) {
	context, request := compile(t, contextOps()), compile(t, requestOps())
	for _, row := range []struct {
		name string
		lens *Lens
		job  Job
		body string
		want Result // without its body
	}{
		{"a session", context, Job{}, `{"session":{"id":1}}`, Result{Changed: true}},
		{"members that were dropped", context, Job{Form: Replace}, `{"session":{"id":1,"description":2,"x":3,"x":4}}`, Result{Changed: true, Unmapped: 3}},
		{"words that nobody knows", context, Job{Form: Replace}, `{"session":{"id":1,"status":"?"},"available_sessions":[{"id":1,"status":"!"}]}`, Result{Changed: true, Unknown: 2}},
		{"the flow shape", context, Job{}, `{"current_flow":null,"active_flows":[]}`, Result{Native: true}},
		{"a part of the flow shape", context, Job{Form: Replace}, `{"active_flows":[{"id":1,"x":2}]}`, Result{Native: true}},
		{"both shapes", context, Job{}, `{"current_flow":{"id":1},"session":{"id":1}}`, Result{Changed: true}},
		{"both shapes, whole", context, Job{}, `{"current_flow":null,"session":null,"available_sessions":[],"active_flows":[]}`, Result{}},
		{"neither shape", context, Job{}, `{"user":{"id":1}}`, Result{}},
		{"neither shape, and no object", context, Job{}, `[]`, Result{}},
		{"a request in the flow shape", request, Job{Direction: ToSession}, `{"flow_id":1}`, Result{Changed: true}},
		{"a request in the session shape", request, Job{Direction: ToSession}, `{"session_id":1}`, Result{Native: true}},
		{"a request in both", request, Job{Direction: ToSession}, `{"session_id":1,"flow_id":1}`, Result{Changed: true}},
		{"what comes behind is counted once", context, Job{Form: Replace}, `{"session":{"id":1,"x":2},"user":{"id":3}}`, Result{Changed: true, Unmapped: 1}},
	} {
		body := []byte(row.body)
		got, err := row.lens.Map(nil, body, row.job)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if same := &got.Body[0] == &body[0] && len(got.Body) == len(body); same == got.Changed {
			t.Errorf("%s: changed is %v, but the body is the given one: %v", row.name, got.Changed, same)
		}
		if got.Body = nil; got.Changed != row.want.Changed || got.Native != row.want.Native || got.Unmapped != row.want.Unmapped || got.Unknown != row.want.Unknown {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}

func TestDestination(t *testing.T) {
	l := compile(t, contextOps())
	body := []byte(`{"session":{"id":"1"},"a":[1]}`)
	want := `{"a":[1],"active_flows":[{"id":"1","flow_type":"discovery","status":"active"}],"current_flow":{"id":"1","flow_type":"discovery","status":"active"}}`
	for _, row := range []struct {
		name string
		dst  []byte
		used bool
	}{
		{"none", nil, false},
		{"too small", make([]byte, 0, len(want)-1), false},
		{"just large enough", make([]byte, 0, len(want)), true},
		{"with something in it", bytes.Repeat([]byte("x"), 500), true},
	} {
		res, err := l.Map(row.dst, body, Job{Form: Replace})
		if err != nil || string(res.Body) != want {
			t.Errorf("%s: got %s (%v)", row.name, res.Body, err)
			continue
		}
		if used := cap(row.dst) > 0 && unsafe.SliceData(row.dst) == unsafe.SliceData(res.Body); used != row.used {
			t.Errorf("%s: its memory was used: %v", row.name, used)
		}
	}
	if native := []byte(`{"current_flow":null}`); true {
		dst := make([]byte, 0, 100)
		if res, err := l.Map(dst, native, Job{}); err != nil || &res.Body[0] != &native[0] {
			t.Errorf("a native body was copied (%v)", err)
		}
	}
}

// What a mapping gives is its caller's: later ones change nothing in it.
func TestResultIsTheCallers(t *testing.T) {
	l := compile(t, contextOps())
	first, err := l.Map(nil, []byte(`{"session":{"id":"first"}}`), Job{})
	if err != nil {
		t.Fatal(err)
	}
	kept := string(first.Body)
	for range 10 {
		if _, err := l.Map(nil, []byte(`{"available_sessions":[{"id":"second"}],"session":{"id":"`+strings.Repeat("x", 100)+`"}}`), Job{}); err != nil {
			t.Fatal(err)
		}
	}
	if string(first.Body) != kept {
		t.Errorf("it became %s", first.Body)
	}
}

// After a body that was refused, a lens maps the next one as ever.
func TestRefusedBodyLeavesNothing(t *testing.T) {
	l := compile(t, keepOps())
	good := []byte(`{"data":{"rows":[{"session_id":1,"x":2}]}}`)
	want, err := l.Map(nil, good, Job{Form: Replace})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`{"data":{"rows":[{"y":1,"z":[`, `{"data":{"rows":[{"y":1},7]}}`, `{"data":{"rows":[{"session_id":1,"session_id":2}]}}`, ``} {
		if _, err := l.Map(nil, []byte(bad), Job{Form: Replace}); err == nil {
			t.Errorf("%s is not refused", bad)
		}
		if got, err := l.Map(nil, good, Job{Form: Replace}); err != nil || string(got.Body) != string(want.Body) {
			t.Errorf("after %s: got %s (%v)", bad, got.Body, err)
		}
	}
}

// A body of millions of bytes and of as many changes leaves nothing for the next one.
func TestLargeBody(t *testing.T) {
	const rows = 200_000
	l := compile(t, []Op{Rename{At: path("rows[].a"), To: "b", Optional: true}, collect("list", "flows", ids())})
	body := `{"rows":[{"a":1}` + strings.Repeat(`,{"a":1}`, rows) + `],"list":[{"id":1,"x":2}` + strings.Repeat(`,{"id":1,"x":2}`, rows) + `]}`
	want := strings.Replace(strings.ReplaceAll(body, `"a"`, `"b"`), `"list"`, `"flows"`, 1)
	for range 2 {
		if res, err := l.Map(nil, []byte(body), Job{Form: Replace}); err != nil || string(res.Body) != want {
			t.Fatalf("got %d bytes, want %d (%v)", len(res.Body), len(want), err)
		}
		if res, err := l.Map(nil, []byte(`{"list":[]}`), Job{Form: Replace}); err != nil || string(res.Body) != `{"flows":[]}` {
			t.Fatalf("got %s (%v)", res.Body, err)
		}
	}
}

func TestErrorsAreTold(t *testing.T) {
	l, err := Compile("the endpoint", Request, requestOps())
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Map(nil, []byte(`{"flow_id":1,"upload_context":{"validation_session_id":1,"validation_flow_id":2}}`), Job{Direction: ToSession})
	var fault *Error
	if !errors.As(err, &fault) || !errors.Is(err, ErrConflict) {
		t.Fatalf("got %v", err)
	}
	want := Error{
		Endpoint: "the endpoint", Side: Request, Direction: ToSession, Path: "upload_context.validation_flow_id", Offset: 57,
		Op: "rename upload_context.validation_session_id to validation_flow_id", Err: fault.Err,
	}
	if *fault != want {
		t.Errorf("got %+v, want %+v", *fault, want)
	}
}
