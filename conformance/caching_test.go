package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

func cachingPromises() []promise {
	return []promise{
		{"ETag and If-None-Match", "a mapped answer has a validator of its own; 304 is right in each mode", validatorsAreOfTheShape},
		{"If-Modified-Since, Range, If-Range", "never a 304 or 206 of the other shape; mapped answers come whole", conditionsAreNotOfTheOtherShape},
		{"If-Match on what a mapped answer named", "mapped back, or 412 where it cannot match", ifMatchIsMappedBack},
		{"a flip between an answer and its revalidation", "validators of another mode never match", validatorsDoNotOutliveAFlip},
		{"Content-MD5, Digest, Content-Digest, Repr-Digest, signatures", "dropped, or right for the new bytes", digestsAreTrue},
		{"Cache-Control: no-transform", "mapped, as a gateway acting for the origin, unless the policy is to pass it; the field stays", noTransformIsForOthers},
		{"a shared cache between the modes", "nothing is cacheable for longer, or by more, than before", cachingIsNotWidened},
		{"web cache deception by spelling", "a spelling that a backend may take for the route is mapped or refused", spellingsDoNotDeceive},
	}
}

const (
	modified = "Wed, 08 Jul 2026 19:00:14 GMT"
	etag     = `"v1"`
)

// conditional is a script of an upstream that heeds conditions and ranges, as backends do.
func conditional() raw.Step {
	listed := func(r raw.Request, name string) bool { return strings.Contains(r.Fields.Get(name), etag) }
	fields := []string{"ETag: " + etag, "Last-Modified: " + modified, "Accept-Ranges: bytes"}
	return raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		none, since, match := r.Fields.Get("If-None-Match"), r.Fields.Get("If-Modified-Since"), r.Fields.Get("If-Match")
		ranged := r.Fields.Has("Range") && (!r.Fields.Has("If-Range") || listed(r, "If-Range") || r.Fields.Get("If-Range") == modified)
		switch {
		case match != "" && match != "*" && !listed(r, "If-Match"):
			return raw.Text("HTTP/1.1 412 Precondition Failed", "", fields...)
		case none == "*" || listed(r, "If-None-Match"), none == "" && since == modified:
			return raw.Head("HTTP/1.1 304 Not Modified", fields...)
		case ranged:
			return raw.Text("HTTP/1.1 206 Partial Content", context[:10], append(fields, "Content-Type: application/json", fmt.Sprintf("Content-Range: bytes 0-9/%d", len(context)))...)
		}
		return raw.JSON(context, fields...)
	}))
}

func validatorsAreOfTheShape(t *testing.T, mode string) {
	h := open(t, mode, conditional())
	first := h.ask("GET", me)
	whole(t, first, 200, shaped(mode))
	own := first.Fields.Get("ETag")
	if own == "" || (own == etag) != (mode == passthrough) {
		t.Errorf("ETag %q from the upstream's %q", own, etag)
	}
	again := h.ask("GET", me, "If-None-Match: "+own)
	whole(t, again, 304, "")
	field(t, again, "ETag", own)
	whole(t, h.ask("HEAD", me, `If-None-Match: "x", `+own), 304, "")
	field(t, h.ask("HEAD", me), "ETag", own)
	whole(t, h.ask("GET", me, `If-None-Match: "other"`), 200, shaped(mode))
	if mode != passthrough {
		whole(t, h.ask("GET", me, "If-None-Match: "+etag), 200, shaped(mode))
		whole(t, h.ask("GET", me, "If-None-Match: W/"+etag), 200, shaped(mode))
	}
	whole(t, h.ask("GET", other, "If-None-Match: "+etag), 304, "")
}

func conditionsAreNotOfTheOtherShape(t *testing.T, mode string) {
	h := open(t, mode, conditional())
	for _, fields := range [][]string{
		{"If-Modified-Since: " + modified},
		{"Range: bytes=0-9"},
		{"Range: bytes=0-9", "If-Range: " + etag},
		{"Range: bytes=0-9", "If-Range: " + modified},
	} {
		a := h.ask("GET", me, fields...)
		switch {
		case mode != passthrough:
			whole(t, a, 200, shaped(mode))
			if v := a.Fields.Get("Accept-Ranges"); v != "" && v != "none" {
				t.Errorf("Accept-Ranges %q of a mapped answer", v)
			}
		case strings.HasPrefix(fields[0], "Range"):
			whole(t, a, 206, context[:10])
		default:
			whole(t, a, 304, "")
		}
		if b := h.ask("GET", other, fields...); b.Status != 206 && b.Status != 304 {
			t.Errorf("%q was not passed on where nothing is mapped: %d", fields, b.Status)
		}
	}
}

func ifMatchIsMappedBack(t *testing.T, mode string) {
	const engagement = "/api/v1/admin/engagements/e1"
	body := `{"id":"e1","name":"A","active_session_count":2,"session_id":"s1"}`
	h := open(t, mode, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		if m := r.Fields.Get("If-Match"); m != "" && m != etag {
			return raw.Text("HTTP/1.1 412 Precondition Failed", "")
		}
		return raw.JSON(body, "ETag: "+etag)
	})))
	own := h.ask("GET", engagement).Fields.Get("ETag")
	if own == "" {
		own = etag
	}
	put := func(match string) raw.Answer {
		return raw.Ask(t, h.Address, "PUT", raw.Text("PUT "+engagement+" HTTP/1.1", `{"name":"B"}`, "Host: h", "Content-Type: application/json", "If-Match: "+match))
	}
	if a := put(own); a.Status != 200 {
		t.Errorf("If-Match %s: %d, want 200: it is what GET gave", own, a.Status)
	}
	if a := put(`"stale"`); a.Status != 412 {
		t.Errorf("If-Match of another state: %d, want 412", a.Status)
	}
}

func validatorsDoNotOutliveAFlip(t *testing.T, mode string) {
	h := open(t, mode, conditional())
	first := h.ask("GET", me)
	own := first.Fields.Get("ETag")
	conditions := []string{"If-None-Match: " + own}
	if first.Fields.Has("Last-Modified") {
		conditions = append(conditions, "If-Modified-Since: "+first.Fields.Get("Last-Modified"))
	}
	for _, next := range []string{passthrough, dual, flowOnly} {
		if next == mode {
			continue
		}
		h.Reload(config(next, h.upstream.URL()))
		a := h.ask("GET", me, conditions...)
		whole(t, a, 200, shaped(next))
		a = h.ask("GET", me, "Range: bytes=0-9", "If-Range: "+own)
		whole(t, a, 200, shaped(next))
	}
}

func digestsAreTrue(t *testing.T, mode string) {
	digest := func(body []byte) string {
		sum := sha256.Sum256(body)
		return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	}
	was := digest([]byte(context))
	fields := []string{"Content-MD5: x", "Digest: sha-256=x", "Content-Digest: " + was, "Repr-Digest: " + was, `Signature-Input: sig=("content-digest")`, "Signature: sig=:x:"}
	h := before(t, mode, raw.Serve(t, answering(raw.JSON(context, fields...))), withoutMemory)
	a := h.ask("GET", me)
	whole(t, a, 200, shaped(mode))
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		got := a.Fields.Get(name)
		switch {
		case mode == passthrough && got != value:
			t.Errorf("%s: %q, want %q", name, got, value)
		case mode != passthrough && got != "" && got != digest(a.Body):
			t.Errorf("%s: %q is not about the mapped bytes", name, got)
		}
	}
	// Requests as well: a body that was mapped is not what the client vouched for.
	sent := `{"flow_id":"e1"}`
	h.post(activate, sent, "Content-Digest: "+digest([]byte(sent)), "Content-MD5: x")
	r := h.upstream.Request(2)
	if got := r.Fields.Get("Content-Digest"); got != "" && got != digest(r.Body) {
		t.Errorf("the upstream got %s with %s", r.Body, got)
	}
	if got := r.Fields.Get("Content-MD5"); (got != "") != (mode == passthrough) {
		t.Errorf("the upstream got Content-MD5 %q", got)
	}
}

func noTransformIsForOthers(t *testing.T, mode string) {
	answer := raw.JSON(context, "Cache-Control: private, no-transform")
	a := open(t, mode).gets(answer)
	whole(t, a, 200, shaped(mode))
	field(t, a, "Cache-Control", "private, no-transform")
	// Operators may have it the other way.
	a = before(t, mode, raw.Serve(t), "CROSSFADE_NO_TRANSFORM=pass").gets(answer)
	whole(t, a, 200, context)
	if a.Fields.Has("Crossfade-Fallback") != (mode != passthrough) {
		t.Errorf("%s: the answer is marked %q", mode, a.Fields.Get("Crossfade-Fallback"))
	}
}

func cachingIsNotWidened(t *testing.T, mode string) {
	h := open(t, mode)
	for _, fields := range [][]string{
		{"Cache-Control: private, max-age=5", "Vary: Cookie, Accept", "Expires: " + modified, "Age: 7"},
		{"Cache-Control: no-store", "Pragma: no-cache"},
		{"Cache-Control: public, s-maxage=60", "Vary: *"},
		{"Surrogate-Control: no-store", "CDN-Cache-Control: no-store"},
		nil,
	} {
		a := h.gets(raw.JSON(context, fields...))
		whole(t, a, 200, shaped(mode))
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			if got := a.Fields.Get(name); name != "Vary" && got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
			for v := range strings.SplitSeq(value, ", ") {
				if name == "Vary" && !slices.Contains(strings.FieldsFunc(a.Fields.Get("Vary"), func(c rune) bool { return strings.ContainsRune(", |", c) }), v) {
					t.Errorf("Vary %q has lost %s", a.Fields.Get("Vary"), v)
				}
			}
		}
		for _, name := range []string{"Cache-Control", "Expires", "Surrogate-Control"} {
			if fields == nil && a.Fields.Has(name) {
				t.Errorf("%s: %q was added", name, a.Fields.Get(name))
			}
		}
	}
	// What crossfade says itself is true for a moment only.
	h.upstream.Script(raw.Take(), raw.Reset())
	field(t, h.ask("GET", me), "Cache-Control", "no-store")
}

func spellingsDoNotDeceive(t *testing.T, mode string) {
	h := open(t, mode, answering(raw.JSON(context)))
	for _, target := range []string{
		"/api/v1/context//me", "//api/v1/context/me", "/api/v1/context/me/", "/api/v1/context/me;x.css", "/api/v1/context/me;/",
		"/api/v1/context%2Fme", "/api/v1/context%2fme", "/api/v1/context/%6de", "/%61pi/v1/context/me", "/api/v1/./context/me",
		"/api/v1/x/../context/me", "/api/v1/x/%2e%2e/context/me", "/api/v1/context/me%2f", "/API/v1/context/me", "/api/v1/context/ME",
		`/api/v1/context\me`, "/api/v1/context/me%00", "/api/v1/context/me%23.css", "/api/v1/context/me%3fx.css", "/api/v1/context/me/.",
	} {
		t.Run(target, func(t *testing.T) {
			a := h.ask("GET", target)
			switch {
			case mode == passthrough:
				whole(t, a, 200, context)
			case a.Status == 400:
				refused(t, a, 400)
			case mode == dual && a.Fields.Has("Crossfade-Fallback"):
				whole(t, a, 200, context)
			default:
				whole(t, a, 200, shaped(mode))
			}
		})
	}
	// A further segment makes another path of it, for crossfade as for the backend.
	whole(t, h.ask("GET", me+"/x.css"), 200, context)
	if last := h.upstream.Requests(); !strings.HasPrefix(last[len(last)-1].Line, "GET "+me+"/x.css ") {
		t.Errorf("the upstream was asked %q", last[len(last)-1].Line)
	}
}
