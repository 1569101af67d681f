package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// spelledPath is the escaped path of a request exactly as the client spelled it.
func spelledPath(r *http.Request) (string, error) {
	u := r.URL
	switch {
	case u.Opaque != "":
		return "", errors.New("the request target is no path")
	case u.Path == "":
		return "/", nil
	case u.Path[0] != '/' && u.Path != "*":
		return "", errors.New("the request target does not begin with a slash")
	case u.RawPath != "":
		return u.RawPath, nil
	}
	return u.EscapedPath(), nil
}

// isPreflight says whether a browser asks if it may ask.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) == 1
}

// rewrite makes the client's request the upstream's: where it goes, and what it says.
func (x *exchange) rewrite(out *http.Request) {
	in := x.in
	out.URL.Scheme, out.URL.Host = x.proxy.upstream.Scheme, x.proxy.upstream.Host
	setTarget(out.URL, x.proxy.base, x.path)
	// As it came: what parses a query, and how, is between the client and the upstream.
	out.URL.RawQuery = x.query
	x.asker.setForwarded(out.Header, &x.lines)
	if _, ok := out.Header[headerRequestID]; !ok {
		out.Header[headerRequestID] = x.lines.of(x.record.RequestID)
	}
	if len(in.Trailer) > 0 {
		guardTrailer(out, in)
	}
	x.conditionsToSession(out.Header)
	if x.mapping {
		x.rewriteMapped(out)
	}
}

// rewriteMapped is the part of rewrite for requests whose answer may be mapped.
func (x *exchange) rewriteMapped(out *http.Request) {
	e := x.route.endpoint
	if x.accompanied() && out.Method == http.MethodHead {
		out.Method = http.MethodGet
	}
	for _, rename := range e.Headers {
		from, to := http.CanonicalHeaderKey(rename.From), http.CanonicalHeaderKey(rename.To)
		if v, ok := out.Header[from]; ok && out.Header[to] == nil {
			delete(out.Header, from)
			out.Header[to] = v
		}
	}
	if e.Response != nil || e.Errors != nil {
		out.Header["Accept-Encoding"] = x.lines.of("identity")
	}
	x.streamRequest(out.Header)
	switch {
	case x.payload != nil:
		x.payload.send(out)
	case x.multipart != nil:
		x.multipart.send(out)
	}
}

// setTarget makes u's path that of the upstream. Characters that net/url would escape are
// left as the client wrote them.
func setTarget(u *url.URL, base, path string) {
	target := base + path
	if path == "*" || u.EscapedPath() == target {
		return
	}
	u.Path, u.RawPath = unescaped(target), target
	// An opaque part that began with // would be taken for a host.
	if u.EscapedPath() != target && !strings.HasPrefix(target, "//") {
		u.Opaque = target
	}
}

// unescaped undoes escapes; text with a wrong one stays as it is.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
