package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

// What a lens makes of the answer to a GET or HEAD is a representation of its own, and has a validator of
// its own: the upstream's entity tag with a mark behind it, which names the mode, the revision of
// what maps (contract and build) and the coding that crossfade put on:
//
//	"33a64df5"  ->  "33a64df5;cf-dual-9b2c41e0"  or  "33a64df5;cf-dual-9b2c41e0-gzip"
//
// The body's bytes are a function of the upstream's bytes, of what the mark names, and of the URL (all that
// exchange.vars knows comes from there), so a strong tag stays strong. See docs/adr/0007. What memory has changed has more
// behind it, see companionship.

// tagMark begins a mark. No upstream has been seen to end its tags so.
const tagMark = ";cf-"

// marks are the marks of a Proxy, without a coding.
type marks struct{ dual, flowOnly string }

// newMarks makes the marks of a revision of the contract and a build.
func newMarks(revision, build string) marks {
	sum := sha256.Sum256([]byte(revision + "\x00" + build))
	text := "-" + hex.EncodeToString(sum[:])[:markDigits]
	return marks{tagMark + string(Dual) + text, tagMark + string(FlowOnly) + text}
}

// markDigits is how much of the hash is in a mark: enough that two revisions never meet by chance.
const markDigits = 8

// memoryMark begins the hash of a body that memory has changed, of memoryDigits: no two bodies of a resource meet by chance.
const (
	memoryMark   = "-m"
	memoryDigits = 16
)

// of is the mark of a mode in which bodies are mapped.
func (m marks) of(mode Mode) string {
	if mode == FlowOnly {
		return m.flowOnly
	}
	return m.dual
}

// put puts the mark, what memory has made of the body ("" for nothing) and the coding on a tag.
func (m marks) put(tag entityTag, mode Mode, memory string, c coding.Coding) entityTag {
	tag.opaque += m.of(mode)
	if memory != "" {
		tag.opaque += memoryMark + memory
	}
	if c != coding.Identity {
		tag.opaque += "-" + c.String()
	}
	return tag
}

// take takes the mark of a mode off again. ok is false for a tag without it: of another mode or
// revision, of what memory has changed, or the upstream's own.
func (m marks) take(tag entityTag, mode Mode) (bare entityTag, c coding.Coding, ok bool) {
	t, ok := splitTag(tag.opaque)
	if !ok || t.mark != m.of(mode) || t.memory {
		return tag, coding.Identity, false
	}
	return entityTag{tag.weak, t.before}, t.coding, true
}

// markedTag is a tag with a mark, in its parts.
type markedTag struct {
	before string // the upstream's own
	mark   string // with mode and revision
	memory bool   // memory has changed what it is of
	coding coding.Coding
}

// splitTag finds a mark, whatever its mode and revision.
func splitTag(opaque string) (markedTag, bool) {
	at := strings.LastIndex(opaque, tagMark)
	if at < 0 {
		return markedTag{}, false
	}
	t := markedTag{before: opaque[:at], mark: opaque[at:]}
	for _, mode := range [...]Mode{Dual, FlowOnly} {
		rest, found := strings.CutPrefix(t.mark, tagMark+string(mode)+"-")
		if !found || !hexadecimal(rest, markDigits) {
			continue
		}
		rest = rest[markDigits:]
		t.mark = strings.TrimSuffix(t.mark, rest)
		if digest, found := strings.CutPrefix(rest, memoryMark); found && hexadecimal(digest, memoryDigits) {
			t.memory, rest = true, digest[memoryDigits:]
		}
		if rest == "" {
			return t, true
		}
		layers, err := coding.Parse([]string{rest[1:]})
		if rest[0] != '-' || err != nil || len(layers) != 1 {
			break
		}
		t.coding = layers[0]
		return t, true
	}
	return markedTag{}, false
}

// hexadecimal says whether a text begins with so many digits.
func hexadecimal(text string, digits int) bool {
	return len(text) >= digits && strings.Trim(text[:digits], "0123456789abcdef") == ""
}

// reads says whether a method asks for a representation, and may be answered with 304.
func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// conditionsToSession gives the upstream the conditions that it can judge.
func (x *exchange) conditionsToSession(h http.Header) {
	if !reads(x.in.Method) {
		unmark(h, "If-Match")
		unmark(h, "If-None-Match")
		return
	}
	if !x.mapping {
		return
	}
	if lens, _ := x.lensFor(http.StatusOK); lens == nil {
		return
	}
	if x.accompanied() {
		toldApart(h)
		return
	}
	// A part of the upstream's body is no part of what is made of it, and a date does not tell of which
	// shape the client's copy is.
	for _, name := range [...]string{"Range", "If-Range", "If-Modified-Since"} {
		delete(h, name)
	}
	if values, ok := h["If-None-Match"]; ok {
		x.revalidating = x.noneMatchToSession(h, values)
	}
	if tags, star, ok := parseTags(h["If-Match"]); ok && !star {
		for i, tag := range tags {
			if bare, _, ours := x.proxy.marks.take(tag, x.decision.Mode); ours {
				tags[i] = bare
			}
		}
		// A tag of another mode is passed on with its mark, and so matches nothing.
		setTags(h, "If-Match", tags)
	}
}

// noneMatchToSession leaves those tags in If-None-Match that stand for what this request would be answered with,
// and says whether there is anything left.
func (x *exchange) noneMatchToSession(h http.Header, values []string) bool {
	tags, star, ok := parseTags(values)
	if star {
		return true // it asks about any representation, whatever its shape
	}
	var bare []entityTag
	if ok {
		bare = x.current(tags)
	}
	if len(bare) == 0 {
		delete(h, "If-None-Match")
		return false
	}
	setTags(h, "If-None-Match", bare)
	return true
}

// current gives the upstream's own tags behind those that name this mode and revision, in a
// coding that the client takes.
func (x *exchange) current(tags []entityTag) []entityTag {
	accept := coding.ParseAccept(x.in.Header["Accept-Encoding"])
	var bare []entityTag
	for _, tag := range tags {
		if b, c, ours := x.proxy.marks.take(tag, x.decision.Mode); ours && accept.Accepts(c) {
			bare = append(bare, b)
		}
	}
	return bare
}

// unmark takes marks of any mode off the condition of a write: it asks whether the state that was
// read is still there, and in which shape it was read does not matter.
func unmark(h http.Header, name string) {
	values, ok := h[name]
	if !ok {
		return
	}
	tags, star, ok := parseTags(values)
	if !ok || star {
		return
	}
	changed := false
	for i, tag := range tags {
		if t, ours := splitTag(tag.opaque); ours {
			tags[i].opaque, changed = t.before, true
		}
	}
	if changed {
		setTags(h, name, tags)
	}
}

// notModified makes the head of a 304 that of the mapped representation.
func (x *exchange) notModified(h http.Header) {
	theirs, known := parseTag(h["Etag"])
	delete(h, "Etag")
	if tag, c, ok := x.confirmed(theirs, known); ok {
		h["Etag"] = []string{tag.String()}
		if c != coding.Identity {
			addVary(h, "Accept-Encoding")
		}
	}
	for _, name := range [...]string{"Content-Length", "Content-Encoding", "Last-Modified", "Accept-Ranges"} {
		delete(h, name)
	}
	dropDigests(h)
}

// confirmed gives the tag of the copy that a 304 is about, in the client's own spelling, which is
// what the copy is known by. theirs is the upstream's tag, if it is known. ok is false where it could be
// more than one copy.
func (x *exchange) confirmed(theirs entityTag, known bool) (tag entityTag, c coding.Coding, ok bool) {
	sent, star, _ := parseTags(x.in.Header["If-None-Match"])
	if star {
		return x.proxy.marks.put(theirs, x.decision.Mode, "", coding.Identity), coding.Identity, known
	}
	accept := coding.ParseAccept(x.in.Header["Accept-Encoding"])
	found := 0
	for _, t := range sent {
		bare, d, ours := x.proxy.marks.take(t, x.decision.Mode)
		if !ours || !accept.Accepts(d) || known && bare.opaque != theirs.opaque {
			continue
		}
		if found++; found == 1 {
			tag, c = t, d
		}
	}
	return tag, c, found == 1 || known && found > 0
}

// vouch makes the validators true of an answer that a lens has seen whole, or of a HEAD that
// stands for one. changed: its bytes are not the upstream's.
func (x *exchange) vouch(res *http.Response, changed bool, c coding.Coding) {
	h := res.Header
	x.remembered(h)
	mine := reads(x.in.Method) && res.StatusCode < 300
	if values, ok := h["Etag"]; ok && (mine || changed) {
		delete(h, "Etag")
		if tag, ok := parseTag(values); ok && mine {
			h["Etag"] = x.lines.of(x.proxy.marks.put(tag, x.decision.Mode, x.companion.digest, c).String())
		}
		// They may be about the field that has changed.
		delete(h, "Signature")
		delete(h, "Signature-Input")
	}
	if mine || changed {
		delete(h, "Accept-Ranges") // parts are not served, see conditionsToSession
	}
	if changed {
		delete(h, "Last-Modified")
		dropDigests(h)
	}
}

// checkMatch holds what a GET is answered with against its If-Match, which the upstream has judged
// by its own representation.
func (x *exchange) checkMatch(res *http.Response) error {
	values, ok := x.in.Header["If-Match"]
	if !ok || !reads(x.in.Method) || res.StatusCode >= 300 {
		return nil
	}
	has, known := parseTag(res.Header["Etag"])
	tags, star, ok := parseTags(values)
	if !known || !ok || star {
		return nil
	}
	for _, tag := range tags {
		if tag == has && !tag.weak {
			return nil
		}
	}
	return &refusal{problemPrecondition, errors.New("If-Match names another representation")}
}
