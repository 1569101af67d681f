package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

func jsonPromises() []promise {
	return []promise{
		{"large integers, long decimals, 1e400, -0, 1.10", "number literals keep their text", numbersKeepTheirText},
		{"duplicate member names", "a tracked name twice: dual leaves the body alone, flow_only refuses; other names stay, all of them", duplicatesAreNotLost},
		{"names that differ in case or are escaped", "the name after unescaping, and exactly that one, counts", namesAreExact},
		{"names that are path syntax", "names are names: no path language on data", namesAreNoPaths},
		{"order, white space, escapes, <>&, U+2028", "dual keeps every byte, flow_only the text of all that it does not map", textIsKept},
		{"lone surrogates, invalid UTF-8, byte order marks", "copied through or refused whole, never replaced", oddTextIsNeverReplaced},
		{"what is no JSON, or two documents, or nothing", "untouched, or a whole 502 in flow_only", nonsenseIsNotMapped},
		{"nesting of 9,000 to 200,000 levels", "a depth limit, then as invalid JSON; the process lives", depthIsBounded},
		{"1,500 sessions, 3,000 members, 12 MiB, 80 MiB", "mapped up to the limit; above it the policy's outcome, in bounded memory", sizeIsBounded},
		{"wrong types", "mapped whole or refused whole", typesAreWholeOrRefused},
		{"a backend that has migrated already", "its own members win, none is doubled", nativeMembersWin},
		{"error bodies, lists, other media types", "not mapped unless declared", onlyDeclaredBodiesAreMapped},
	}
}

// contextWith is a context body with more members of the user, and as metadata of the session.
func contextWith(user, metadata string) string {
	return `{"user":{"id":"u1"` + user + `},"session":{"id":"s1","name":"A","metadata":` + metadata + `},"available_sessions":[]}`
}

func numbersKeepTheirText(t *testing.T, mode string) {
	h := open(t, mode)
	numbers := `[9007199254740993,-0,-0.0,1.10,1e400,-1E-400,1.0E+2,0.1000000000000000055511151231257827021181583404541015625,123456789012345678901234567890]`
	body := contextWith(`,"n":`+numbers, numbers)
	a := h.context(body)
	mapped(t, mode, a, body)
	if !strings.Contains(string(a.Body), `"n":`+numbers) {
		t.Errorf("the user's numbers are not the same: %s", a.Body)
	}
	if mode != passthrough && !strings.Contains(member(t, string(a.Body), "current_flow"), `"metadata":`+numbers) {
		t.Errorf("the flow's numbers are not the same: %s", a.Body)
	}
}

func duplicatesAreNotLost(t *testing.T, mode string) {
	h := open(t, mode)
	one, two := `"session":{"id":"s1","name":"A"}`, `"session":{"id":"s2","name":"B"}`
	escaped := `"sess\u0069on":{"id":"s2","name":"B"}`
	for _, body := range []string{
		"{" + one + "," + two + "}",
		"{" + one + "," + escaped + "}",
		`{"session":{"id":"s1","id":"s2","name":"A"}}`,
		`{"available_sessions":[],` + one + `,"available_sessions":[{"id":"s9"}]}`,
	} {
		unmapped(t, mode, h.context(body), 200, body)
	}
	body := `{"user":{"id":"u1","x":1,"x":2},"y":1,"session":null,"y":2,"available_sessions":[]}`
	a := h.context(body)
	mapped(t, mode, a, body)
	if got := string(a.Body); !strings.Contains(got, `"x":1,"x":2`) || strings.Count(got, `"y":`) != 2 {
		t.Errorf("a duplicate that nobody maps is lost: %s", got)
	}
}

func namesAreExact(t *testing.T, mode string) {
	h := open(t, mode)
	session := `{"id":"s1","name":"A"}`
	body := `{"user":{"id":"u1"},"sess\u0069on":` + session + `,"available_sessions":[]}`
	a := h.context(body)
	mapped(t, mode, a, body)
	if mode != passthrough && !strings.Contains(member(t, string(a.Body), "current_flow"), `"id":"s1"`) {
		t.Errorf("an escaped name was not recognised: %s", a.Body)
	}
	body = `{"user":{"id":"u1"},"Session":` + session + `,"SESSION":1,"ſession":2,"session ":3,"session\u0000":4,"session":null,"available_sessions":[]}`
	a = h.context(body)
	mapped(t, mode, a, body)
	for _, kept := range []string{`"Session":` + session, `"SESSION":1`, `"ſession":2`, `"session ":3`, `"session\u0000":4`} {
		if !strings.Contains(string(a.Body), kept) {
			t.Errorf("%s is not there any more: %s", kept, a.Body)
		}
	}
	if mode != passthrough && member(t, string(a.Body), "current_flow") != "null" {
		t.Errorf("another name was taken for the session: %s", a.Body)
	}
}

func namesAreNoPaths(t *testing.T, mode string) {
	h := open(t, mode)
	odd := `"a.b":1,"*":2,"#":3,"@reverse":4,"a|b":5,"session.id":6,"":7,"-1":8,"user.id":9,"?":10,"\\":11`
	body := contextWith(","+odd, "{"+odd+"}")
	body = strings.TrimSuffix(body, "}") + "," + odd + "}"
	a := h.context(body)
	mapped(t, mode, a, body)
	want := 3
	if mode != passthrough {
		// Also in both flows.
		want += map[string]int{dual: 2, flowOnly: 1}[mode]
	}
	if got := strings.Count(string(a.Body), odd); got != want {
		t.Errorf("the odd names are there %d times, want %d: %s", got, want, a.Body)
	}
}

func textIsKept(t *testing.T, mode string) {
	h := open(t, mode)
	user := "{ \"id\" :\t\"u1\",\r\n \"html\":\"<a href='x'>&amp;</a>\\u003c\\/\\u2028\u2028\u2029\", \"z\":1 , \"a\":[ 1 ,2 ] }"
	metadata := "{ \"b\" : \"\\u00e9é\\n\" , \"a\" : 1.0 }"
	body := " {\n\"z\":  [ ],\"user\":" + user + ", \"session\" : {\"id\":\"s1\",\"name\":\"A\",\"metadata\":" + metadata + "} ,\"available_sessions\":[] , \"b\":{ } }\n "
	a := h.context(body)
	mapped(t, mode, a, body)
	for _, kept := range []string{`"z":  [ ]`, `"user":` + user, `"b":{ }`, metadata} {
		if !strings.Contains(string(a.Body), kept) {
			t.Errorf("%q is not the same in %q", kept, a.Body)
		}
	}
	if names := members(t, string(a.Body)); len(names) > 0 && names[0] != "z" {
		t.Errorf("the order changed: %v", names)
	}
}

func oddTextIsNeverReplaced(t *testing.T, mode string) {
	h := open(t, mode)
	for _, text := range []string{`"\ud800"`, `"\udc00\ud800"`, "\"\xff\xfe\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x28\""} {
		body := contextWith(`,"x":`+text, `{"x":`+text+`}`)
		keptOrRefused(t, mode, h.context(body), body, text)
	}
	body := "\xef\xbb\xbf" + contextWith("", "1")
	keptOrRefused(t, mode, h.context(body), body, "\xef\xbb\xbf")
}

// keptOrRefused fails the test unless a text of the upstream's body is in the answer as it was,
// or the answer is a whole refusal that only flow_only may give.
func keptOrRefused(t *testing.T, mode string, a raw.Answer, body, text string) {
	t.Helper()
	if mode == flowOnly && a.Status == 502 {
		refused(t, a, 502)
		return
	}
	got := string(a.Body)
	if a.Err != nil || a.Status != 200 || strings.Count(got, text) < strings.Count(body, text) || strings.Contains(got, "\ufffd") {
		t.Errorf("%q became %d %q (%v)", body, a.Status, got, a.Err)
	}
	if mode != flowOnly && !strings.HasPrefix(got, strings.TrimSuffix(body, "}")) {
		t.Errorf("%s changed a byte: %q", mode, got)
	}
}

func nonsenseIsNotMapped(t *testing.T, mode string) {
	h := open(t, mode)
	for _, body := range []string{
		`{"session":{"id":"s1"}`, `{"session":{"id":"s1"}}}`, `{"session":{"id":"s1"}} {"session":null}`, `{"session":{"id":NaN,"name":"A"}}`,
		"{\"session\":null}\n{\"session\":null}\n", `<!doctype html><title>502</title>`, `{'session':null}`, `{"session":null,}`,
		`{"session":{"id":"s1",}}`, "{\"session\":{\"id\":\"s\n1\"}}", `{"session":{"id":01}}`, "\x00", `null 1`, `{"session":{"id":"s1"}}x`,
		`{"user":{"x":tru},"session":null}`, `{"session":null}` + "\x00", `{"session":null /* none */}`,
	} {
		unmapped(t, mode, h.context(body), 200, body)
	}
	if a := h.context(""); mode == flowOnly && a.Status == 502 {
		refused(t, a, 502)
	} else {
		whole(t, a, 200, "")
	}
}

func depthIsBounded(t *testing.T, mode string) {
	h := open(t, mode)
	for _, n := range []int{9_000, 100_000} {
		body := contextWith(`,"x":`+strings.Repeat("[", n)+strings.Repeat("]", n), "1")
		unmapped(t, mode, h.context(body), 200, body)
		body = contextWith("", strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n))
		unmapped(t, mode, h.gets(raw.JSON(body), takesTrailers()...), 200, body)
	}
	body := strings.Repeat("[", 200_000)
	unmapped(t, mode, h.context(body), 200, body)
	whole(t, h.context(context), 200, shaped(mode))
}

func sizeIsBounded(t *testing.T, mode string) {
	h := open(t, mode)
	var sessions, names []string
	for i := range 1500 {
		sessions = append(sessions, fmt.Sprintf(`{"id":"s%d","name":"Demo Session %d","is_default":false}`, i, i))
	}
	for i := range 3000 {
		names = append(names, fmt.Sprintf(`"name%d":"%d"`, i, i))
	}
	body := `{"session":{"id":"s7","name":"A"},"available_sessions":[` + strings.Join(sessions, ",") + `]}`
	a := h.context(body)
	mapped(t, mode, a, body)
	if n := strings.Count(string(a.Body), `"flow_type":"discovery"`); mode != passthrough && n != 1501 {
		t.Errorf("%d flows, want 1501", n)
	}
	body = `{` + strings.Join(names, ",") + `,"session":null,"available_sessions":[]}`
	mapped(t, mode, h.context(body), body)
	body = contextWith(`,"pad":"`+strings.Repeat("x", 12<<20)+`"`, "1")
	mapped(t, mode, h.context(body), body)

	// 80 MiB, announced and not, from an upstream that holds none of it.
	const size = 80 << 20
	line := strings.Repeat(" ", 1<<10)
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d", size), "Connection: close"} {
		h.upstream.Script(raw.Take(), raw.Send(raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", framing)), raw.Flood(line, size/len(line)), raw.Close())
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", me))
		head := c.AnswerHead()
		if mode == flowOnly {
			if head.Status != 502 {
				t.Errorf("%s: got %d, want 502", framing, head.Status)
			}
			continue
		}
		var n int64
		piece := make([]byte, 64<<10)
		for n < size {
			got, err := c.Read(piece)
			if n += int64(got); err != nil {
				break
			}
		}
		if head.Status != 200 || n < size {
			t.Errorf("%s: %d with %d bytes, want 200 with %d", framing, head.Status, n, size)
		}
	}
	const most = 160 << 20 // the largest body that is mapped, as it came and mapped, while both grow; and the process itself
	if peak := h.PeakMemory(); peak > most {
		t.Errorf("crossfade took %d MiB, want at most %d", peak>>20, most>>20)
	}
}

func typesAreWholeOrRefused(t *testing.T, mode string) {
	h := open(t, mode)
	for _, body := range []string{
		`{"user":{"id":"u1"},"session":"x","available_sessions":[]}`,
		`{"user":{"id":"u1"},"session":[{"id":"s1"}],"available_sessions":[]}`,
		`{"user":{"id":"u1"},"session":{"id":"s1"},"available_sessions":{}}`,
		`{"user":{"id":"u1"},"session":{"id":"s1"},"available_sessions":[{"id":"s1"},"s2"]}`,
		`{"user":{"id":"u1"},"session":{"id":"s1"},"available_sessions":[{"id":"s1"},[]]}`,
		`{"user":{"id":"u1"},"session":{"id":"s1"},"available_sessions":[{"id":"s1"},{"name":"without an id"}]}`,
		`{"user":{"id":"u1"},"session":true,"available_sessions":[]}`,
	} {
		unmapped(t, mode, h.context(body), 200, body)
	}
}

func nativeMembersWin(t *testing.T, mode string) {
	h := open(t, mode)
	native := `{"user":{"id":"u1"},"active_flows":[{"id":"f1"}],"current_flow":{"id":"f1"}}`
	whole(t, h.context(native), 200, native)
	mixed := `{"user":{"id":"u1"},"session":{"id":"s1","name":"A"},"available_sessions":[],"current_flow":{"id":"own"},"active_flows":[]}`
	a := h.context(mixed)
	mapped(t, mode, a, mixed)
	for _, name := range []string{`"current_flow":`, `"active_flows":`} {
		if n := strings.Count(string(a.Body), name); n != 1 {
			t.Errorf("%s is there %d times: %s", name, n, a.Body)
		}
	}
	if !strings.Contains(string(a.Body), `"current_flow":{"id":"own"}`) {
		t.Errorf("the backend's own flow is gone: %s", a.Body)
	}
}

func onlyDeclaredBodiesAreMapped(t *testing.T, mode string) {
	h := open(t, mode)
	whole(t, h.gets(raw.Text("HTTP/1.1 404 Not Found", context, "Content-Type: application/json")), 404, context)
	whole(t, h.gets(raw.Text("HTTP/1.1 500 Internal Server Error", `{"session":1}`, "Content-Type: application/json")), 500, `{"session":1}`)
	whole(t, h.gets(raw.Text("HTTP/1.1 301 Moved Permanently", context, "Content-Type: application/json", "Location: /x")), 301, context)
	for _, media := range []string{"text/plain", "text/html; charset=utf-8", "application/octet-stream", "application/jsonp", "text/json-seq"} {
		whole(t, h.gets(raw.Text("HTTP/1.1 200 OK", context, "Content-Type: "+media)), 200, context)
	}
	whole(t, h.gets(raw.Text("HTTP/1.1 200 OK", context)), 200, context) // no sniffing
	whole(t, h.context(`[`+context+`]`), 200, `[`+context+`]`)           // no operation is about a list
	// What is no endpoint's is nobody's business.
	h.upstream.Script(raw.Take(), raw.Send(raw.JSON(context)))
	whole(t, h.ask("GET", other), 200, context)
}
