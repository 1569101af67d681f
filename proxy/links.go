package proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// Whoever speaks flow has to be led on by flow routes: where an answer names a URL of the backend,
// the client gets the one under which crossfade serves the same thing to it. That is so in the
// head of an answer, and in its body where a lens says that a member is a URL.

// linksToFlow maps the URLs in the head of an answer.
func (x *exchange) linksToFlow(h http.Header, status int) {
	// A redirect that keeps the method leads to the route of that method; all else is fetched.
	method := http.MethodGet
	if status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect {
		method = x.in.Method
	}
	for _, name := range [...]string{"Location", "Content-Location"} {
		if v := h[name]; len(v) == 1 {
			if mapped, ok := x.urlToFlow(method, v[0], true); ok {
				h[name] = []string{mapped}
			}
		}
	}
	for i, v := range h[headerLink] {
		if mapped, ok := x.linkFieldToFlow(v); ok {
			h[headerLink][i] = mapped
		}
	}
}

// linkFieldToFlow maps the targets of a Link field (RFC 8288): what stands between < and >
// outside of quotes.
func (x *exchange) linkFieldToFlow(field string) (string, bool) {
	var b strings.Builder
	done, quoted := 0, false
	for i := 0; i < len(field); i++ {
		switch c := field[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			n := strings.IndexByte(field[i:], '>')
			if n < 0 {
				return field, false // none is well formed that has no end
			}
			if mapped, ok := x.urlToFlow(http.MethodGet, field[i+1:i+n], true); ok {
				b.WriteString(field[done : i+1])
				b.WriteString(mapped)
				done = i + n
			}
			i += n
		}
	}
	if done == 0 {
		return field, false
	}
	b.WriteString(field[done:])
	return b.String(), true
}

// bodyURLToFlow maps a URL of an answer's body (transform.Links). A relative one is left alone: what
// it is relative to, only the backend and the frontend know.
func (x *exchange) bodyURLToFlow(text string) (string, bool) {
	return x.urlToFlow(http.MethodGet, text, false)
}

// bodyURLToSession maps a URL of a request's body: one that leads to a flow route that is mapped
// for the caller. The host stays the one that the client uses.
func (x *exchange) bodyURLToSession(text string) (string, bool) {
	ref := parseReference(text)
	if !ref.isHTTP() || ref.hasAuthority && !x.isOurs(ref) || !strings.HasPrefix(ref.path, "/") {
		return text, false
	}
	to, mode := x.leadsTo(http.MethodGet, ref.path)
	if !mode.maps() || to.route.side != flowSide {
		return text, false
	}
	ref.path = x.proxy.base + to.counterpart()
	return ref.String(), true
}

// urlToFlow gives the URL under which the client gets what the backend calls text. It is false
// where that is the same. Relative ones are relative to what the upstream was asked for, which
// the client may know by another path.
func (x *exchange) urlToFlow(method, text string, relative bool) (string, bool) {
	ref := parseReference(text)
	if !ref.isHTTP() || ref.hasAuthority && !x.isOurs(ref) {
		return text, false
	}
	rooted := strings.HasPrefix(ref.path, "/")
	switch {
	case rooted:
	case ref.hasAuthority, !relative, ref.path == "" && ref.query == "":
		return text, false
	}
	asked := x.proxy.base + x.path
	full := ref.path
	if !rooted {
		full = asked
		if ref.path != "" {
			full = resolvePath(asked, ref.path)
		}
	}
	path, inBase := strings.CutPrefix(full, x.proxy.base)
	if !inBase || !strings.HasPrefix(path, "/") {
		return text, false // beside what crossfade serves
	}
	if to, mode := x.leadsTo(method, path); mode.maps() {
		if to.route.side == sessionSide {
			path = to.counterpart()
		}
		// Of a route that both shapes share, dual leaves it open whose words its parameters are.
		ref.query = x.queryToFlow(to.route.endpoint, ref.query, to.route.side != bothSides || mode == FlowOnly)
	}
	// What is relative stays so, where it leads to the same from where the client stands.
	if rooted || ref.path != "" && (path != full || x.route.side == flowSide) {
		ref.path = path
	}
	if ref.hasAuthority {
		if ref.authority = x.asker.host; ref.scheme != "" {
			ref.scheme = x.asker.proto
		}
	}
	mapped := ref.String()
	return mapped, mapped != text
}

// isOurs says whether an absolute URL is one of the backend or of crossfade: by the name that the
// client used, or by the upstream's own.
func (x *exchange) isOurs(ref reference) bool {
	return sameAuthority(ref.scheme, ref.authority, x.in.Host) || sameAuthority(ref.scheme, ref.authority, x.asker.host) ||
		sameAuthority(ref.scheme, ref.authority, x.proxy.upstream.Host)
}

// leadsTo finds the route of a path in a message, and the mode that it has for this caller; "" where it is
// no route. A flow route of an endpoint that is passed through leads to nothing that the backend has.
func (x *exchange) leadsTo(method, path string) (match, Mode) {
	m, ok := x.proxy.routes.leadsTo(method, path)
	switch {
	case !ok:
		return m, ""
	case m.route.endpoint == x.route.endpoint:
		return m, x.decision.Mode
	}
	mode, asked := x.others[m.route.endpoint]
	if !asked {
		d := x.proxy.decide(x.in, m.route.endpoint.Name)
		mode = d.Mode
		if x.others == nil {
			x.others = map[*endpoint]Mode{}
		}
		x.others[m.route.endpoint] = mode
		// What the answer says now depends on that as well.
		x.decision.Consulted = append(slices.Clip(x.decision.Consulted), d.Consulted...)
		x.decision.Private = x.decision.Private || d.Private
	}
	return m, mode
}

// maps says whether messages are mapped in this mode.
func (m Mode) maps() bool { return m == Dual || m == FlowOnly }

// queryToFlow gives the parameters of a URL (with its question mark) the names of the flow shape, and its
// words where flowWords says that they are meant. A URL that leads back to this endpoint, the next page say,
// keeps what crossfade applies itself: the upstream was not told of it.
func (x *exchange) queryToFlow(e *endpoint, query string, flowWords bool) string {
	if query == "" && len(x.applied) == 0 || len(e.Query) == 0 && len(e.Filters) == 0 {
		return query
	}
	var parts []string
	there := map[string]bool{}
	if query != "" {
		for _, p := range parseQuery(query[1:]) {
			there[p.name] = true
			// Several words of the backend may be one of the flow shape's.
			if part, maps := paramToFlow(e.Query, p, flowWords); !maps || !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	if e == x.route.endpoint {
		for _, p := range x.applied {
			if !there[p.name] {
				parts = append(parts, p.raw)
			}
		}
	}
	if len(parts) == 0 {
		return query
	}
	return "?" + strings.Join(parts, "&")
}

// paramToFlow gives the text of a parameter as a flow client would write it. maps says whether
// its words are mapped.
func paramToFlow(params []contract.QueryParam, p queryParam, flowWords bool) (text string, maps bool) {
	i := slices.IndexFunc(params, func(q contract.QueryParam) bool { return q.Session == p.name })
	if i < 0 {
		return p.raw, false
	}
	q := &params[i]
	name, value, hasValue := strings.Cut(p.raw, "=")
	if q.Session != q.Flow {
		name, flowWords = url.QueryEscape(q.Flow), true
	}
	if maps = q.Words != nil && flowWords; maps {
		words := splitValue(q, p.value)
		for i, w := range words {
			words[i] = url.QueryEscape(q.Words.FlowWord(w))
		}
		value = strings.Join(slices.Compact(words), ",")
	}
	if hasValue {
		name += "=" + value
	}
	return name, maps
}
