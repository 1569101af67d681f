package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// What memory has changed in an answer is a representation of its own: its entity tag has, behind the mark, a hash of the
// body that went out, before it was encoded.
//
//	"33a64df5;cf-dual-9b2c41e0-m5f0c2a91d3b7e846"
//
// So it is the same on every replica, and never the tag of an answer from before an activate. See docs/adr/0025.

// companionship is what goes along with a request, and what has become of it.
type companionship struct {
	*Companion        // nil for none
	digest     string // of a body that memory has changed
	away       bool   // what is remembered could not be had
}

// accompany starts what goes along with a request.
func (x *exchange) accompany() {
	m := x.proxy.memory
	if m == nil || !reads(x.in.Method) || !m.Accompanies(x.route.endpoint.Name) {
		return
	}
	if lens, _ := x.lensFor(http.StatusOK); lens == nil {
		return
	}
	c := m.Accompany(x.in.Context(), x.memoryCall())
	x.companion.Companion = &c
}

// accompanied says whether the answer depends on what is remembered.
func (x *exchange) accompanied() bool { return x.companion.Companion != nil }

// part is deferred around every exchange: it ends what went along.
func (x *exchange) part() {
	if x.accompanied() && x.companion.Close != nil {
		x.companion.Close()
	}
}

// asksForHead says whether the upstream is asked for a head alone. What a companion goes along with has a head that is known
// by its body.
func (x *exchange) asksForHead() bool { return x.in.Method == http.MethodHead && !x.accompanied() }

// completed lets the companion see a mapped body. It is false where nothing changed.
func (x *exchange) completed(status int, body, mapped []byte) ([]byte, bool) {
	if !x.accompanied() || x.record.Native || status >= 300 {
		return mapped, false
	}
	out, err := x.companion.Complete(x.in.Context(), body, mapped)
	if err != nil {
		x.record.Fallback, x.record.err, x.companion.away = FallbackFlows, err, true
	}
	changed := !bytes.Equal(out, mapped)
	// A filter that the companion applies is none of the lens's, whose tag the other way would be.
	if changed || x.companion.Filters && x.in.URL.RawQuery != "" {
		sum := sha256.Sum256(out)
		x.companion.digest = hex.EncodeToString(sum[:])[:memoryDigits]
	}
	return out, changed
}

// remembered makes the head true of an answer that memory has changed, or could not be asked about: nobody may use a copy of
// it without asking, since the next request is to see what was activated meanwhile. One without what is remembered has
// no tag either, so that it is never confirmed.
func (x *exchange) remembered(h http.Header) {
	if x.companion.digest == "" && !x.companion.away {
		return
	}
	delete(h, "Last-Modified")
	delete(h, "Expires")
	if x.companion.away {
		delete(h, "Etag")
	}
	keepPrivate(h)
	if hasDirective(h, "no-store") {
		return
	}
	var kept []string
	for _, value := range h["Cache-Control"] {
		for directive := range elements(value) {
			switch name, _, _ := strings.Cut(strings.ToLower(directive), "="); name {
			case "private", "no-cache", "max-age", "immutable", "stale-while-revalidate", "stale-if-error":
			default:
				kept = append(kept, directive)
			}
		}
	}
	h["Cache-Control"] = []string{strings.Join(append(kept, "private", "no-cache"), ", ")}
}

// toldApart takes out of a request what asks about a copy: of whom it is a copy, only the answer will tell. A date goes on, where it
// is a condition at all: memory has none, so what the upstream says of it holds.
func toldApart(h http.Header) {
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(h, name)
	}
	if h["If-Match"] != nil {
		delete(h, "If-Match")
		delete(h, "If-Unmodified-Since") // it does not count beside the other (RFC 9110 section 13.1.4)
	}
}

// judge holds the conditions of a request against the complete answer (RFC 9110 section 13.2.2), where the upstream was not
// told of them.
func (x *exchange) judge(res *http.Response) error {
	if !x.accompanied() {
		return x.checkMatch(res)
	}
	if res.StatusCode < 200 || res.StatusCode >= 300 {
		return nil
	}
	has, known := parseTag(res.Header["Etag"])
	if tags, star, ok := parseTags(x.in.Header["If-Match"]); ok && !star {
		if !known || has.weak || !slices.Contains(tags, has) {
			return &refusal{problemPrecondition, errors.New("If-Match names another representation")}
		}
	}
	tags, star, _ := parseTags(x.in.Header["If-None-Match"])
	at := slices.IndexFunc(tags, func(t entityTag) bool { return t.opaque == has.opaque })
	if !known || !star && at < 0 {
		return nil
	}
	if at >= 0 {
		has = tags[at] // in the client's spelling, see notModified
	}
	res.Body.Close()
	res.Body, res.StatusCode, res.ContentLength, res.Trailer = http.NoBody, http.StatusNotModified, 0, nil
	h := res.Header
	for _, name := range [...]string{"Content-Length", "Content-Type", "Content-Encoding", "Last-Modified", "Accept-Ranges"} {
		delete(h, name)
	}
	dropDigests(h)
	h["Etag"] = []string{has.String()}
	return nil
}
