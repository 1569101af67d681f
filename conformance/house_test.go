package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/conformance/process"
	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// The modes, as proxy.yaml has them.
const (
	passthrough = "passthrough"
	dual        = "dual"
	flowOnly    = "flow_only"
)

// Routes of the built-in contract: one that both shapes share, one with a route for each, and
// one that is no endpoint's.
const (
	me       = "/api/v1/context/me"
	switchTo = "/api/v1/context/session/switch"
	activate = "/api/v1/context/flow/activate"
	other    = "/api/v1/other"
)

// house is crossfade with an upstream behind it.
type house struct {
	t        *testing.T
	mode     string
	upstream *raw.Upstream
	*process.Process
}

// open starts an upstream with a script and crossfade in front of it.
func open(t *testing.T, mode string, script ...raw.Step) *house {
	t.Helper()
	return before(t, mode, raw.Serve(t, script...))
}

// withoutMemory is for rows that need a POST that is mapped by a lens alone: with memory, activate is answered by
// crossfade, which asks the upstream for other things first.
const withoutMemory = "CROSSFADE_FLOWS_MEMORY=false"

// before starts crossfade in front of an upstream, with settings ("CROSSFADE_…=…").
func before(t *testing.T, mode string, upstream *raw.Upstream, settings ...string) *house {
	t.Helper()
	p := process.Start(t, process.Options{Config: config(mode, upstream.URL()), Environ: settings})
	return &house{t, mode, upstream, p}
}

// config is a proxy.yaml.
func config(mode, upstream string) string {
	return fmt.Sprintf("mode: %s\nupstream: {url: '%s'}\n", mode, upstream)
}

// answering is a script that gives every request of a connection the same answer.
func answering(text string) raw.Step { return raw.Loop(raw.Take(), raw.Send(text)) }

// ask sends a request on a connection of its own and reads the answer.
func (h *house) ask(method, target string, fields ...string) raw.Answer {
	h.t.Helper()
	return raw.Ask(h.t, h.Address, method, request(method, target, fields...))
}

// post is ask with a JSON body.
func (h *house) post(target, body string, fields ...string) raw.Answer {
	h.t.Helper()
	return raw.Ask(h.t, h.Address, "POST", posting(target, body, fields...))
}

// gets asks for the context, which the upstream answers with these bytes, before it closes.
func (h *house) gets(answer string, fields ...string) raw.Answer {
	h.t.Helper()
	h.upstream.Script(raw.Take(), raw.Send(answer))
	return h.ask("GET", me, fields...)
}

// context is gets for a JSON body.
func (h *house) context(body string) raw.Answer {
	h.t.Helper()
	return h.gets(raw.JSON(body))
}

func request(method, target string, fields ...string) string {
	return raw.Head(method+" "+target+" HTTP/1.1", append([]string{"Host: shop.example"}, fields...)...)
}

func posting(target, body string, fields ...string) string {
	return raw.Text("POST "+target+" HTTP/1.1", body, append([]string{"Host: shop.example", "Content-Type: application/json"}, fields...)...)
}

// context is a body of the context endpoint.
const context = `{"user":{"id":"u1","role":"admin"},"session":{"id":"s1","name":"Demo Session","created_by":"u1"},"available_sessions":[]}`

// contextFlows are the flow members of it, as both shapes have them.
const contextFlows = `"active_flows":[{"id":"s1","name":"Demo Flow","flow_type":"discovery","status":"active","created_by":"u1"}],` +
	`"current_flow":{"id":"s1","name":"Demo Flow","flow_type":"discovery","status":"active","created_by":"u1"}`

// shaped is what a client gets for context in a mode.
func shaped(mode string) string {
	switch mode {
	case dual:
		return strings.TrimSuffix(context, "}") + "," + contextFlows + "}"
	case flowOnly:
		return `{"user":{"id":"u1","role":"admin"},` + contextFlows + "}"
	}
	return context
}

// whole fails the test unless an answer came whole, with that status and body.
func whole(t *testing.T, a raw.Answer, status int, body string) {
	t.Helper()
	if a.Err != nil || a.Status != status || string(a.Body) != body {
		t.Errorf("got %d %.300q (%v)\nwant %d %.300q", a.Status, a.Body, a.Err, status, body)
	}
}

// field fails the test unless a field has that value; "" wants it absent.
func field(t *testing.T, a raw.Answer, name, want string) {
	t.Helper()
	if got := a.Fields.Get(name); got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

// refused fails the test unless an answer is a problem of crossfade's own, whole, that names
// nothing of the inside.
func refused(t *testing.T, a raw.Answer, status int) {
	t.Helper()
	if a.Err != nil || a.Status != status {
		t.Errorf("got %d %.300q (%v), want a %d of crossfade's own", a.Status, a.Body, a.Err, status)
		return
	}
	field(t, a, "Content-Type", "application/problem+json")
	if !json.Valid(a.Body) || bytes.Contains(a.Body, []byte("127.0.0.1")) || bytes.Contains(a.Body, []byte("session_id")) {
		t.Errorf("the problem is %s", a.Body)
	}
}

// mapped fails the test unless an answer has the mode's shape of a context body, and all else
// of it byte for byte.
func mapped(t *testing.T, mode string, a raw.Answer, upstream string) {
	t.Helper()
	if a.Err != nil || a.Status != 200 {
		t.Errorf("got %d %.300q (%v), want a mapped 200", a.Status, a.Body, a.Err)
		return
	}
	got := string(a.Body)
	field(t, a, "Crossfade-Fallback", "")
	if mode == passthrough {
		whole(t, a, 200, upstream)
		return
	}
	if !json.Valid(a.Body) {
		t.Errorf("no JSON: %.300q", got)
	}
	names := members(t, got)
	head := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(upstream, " \t\r\n"), "}"), " \t\r\n")
	switch {
	case mode == dual && !strings.HasPrefix(got, head):
		t.Errorf("dual changed a byte of the session shape:\ngot  %.300q\nfrom %.300q", got, upstream)
	case mode == flowOnly && (slices.Contains(names, "session") || slices.Contains(names, "available_sessions")):
		t.Errorf("flow_only has session names: %q", names)
	case !slices.Contains(names, "current_flow"):
		t.Errorf("%s has no flow: %q", mode, names)
	}
}

// unmapped fails the test unless an answer that cannot be mapped is the upstream's own, whole and
// marked, or in flow_only a refusal.
func unmapped(t *testing.T, mode string, a raw.Answer, status int, upstream string) {
	t.Helper()
	switch mode {
	case flowOnly:
		refused(t, a, 502)
	case dual:
		whole(t, a, status, upstream)
		if !fellBack(a) {
			t.Error("dual does not say that it could not map the body")
		}
	default:
		whole(t, a, status, upstream)
		field(t, a, "Crossfade-Fallback", "")
	}
}

// fellBack says whether an answer tells that it could not be mapped: in its head, or behind its body where
// that was on its way already and the client takes trailers.
func fellBack(a raw.Answer) bool {
	return a.Fields.Has("Crossfade-Fallback") || a.Trailers.Has("Crossfade-Fallback")
}

// takesTrailers are the fields of a request whose client does.
func takesTrailers() []string { return []string{"TE: trailers", "Connection: TE"} }

// members are the names of an object's members in order, unescaped.
func members(t *testing.T, text string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.Errorf("no object: %.300q", text)
		return nil
	}
	var names []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Errorf("%v in %.300q", err, text)
			return names
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Errorf("%v in %.300q", err, text)
			return names
		}
		names = append(names, name.(string))
	}
	return names
}

// member gives the bytes of an object's member; the last of that name, "" if there is none.
func member(t *testing.T, text, name string) string {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Errorf("%v in %.300q", err, text)
	}
	return string(all[name])
}
