package proxy

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// resolution is what a request's path was found to mean. The zero value is a path that is
// none of the contract's.
type resolution struct {
	match
	// ambiguous: the path is not the route, but a backend, or a server in front of it, may take it for
	// that one: /context%2Fme, /x/../context/me, /context/me;v=1, /Context/Me, /context/me%0A. route is
	// the one that may be meant.
	ambiguous bool
}

// resolve finds what a request for the path (as the client spelled it) means. A path that
// only differs in spelling, as RFC 3986 has it, or by slashes, means the route. Otherwise
// nobody could promise a shape: one character of a client would get around the mode.
func (t *table) resolve(r *http.Request, method, spelled string) resolution {
	if upper := strings.ToUpper(method); upper != method {
		// A method has no other spelling, but there are backends that do not mind.
		found := t.resolve(r, upper, spelled)
		found.ambiguous = found.route != nil
		return found
	}
	if method != r.Method {
		r = nil
	}
	if plain(spelled) {
		direct, ok := t.all.find(r, method, spelled)
		if !ok {
			direct, _ = t.all.findSlash(method, spelled)
		}
		return resolution{match: direct}
	}
	cleaned, moved := clean(spelled)
	if escaped := uriPath(spelled); escaped != spelled {
		spelled, r = escaped, nil // net/url would undo the other escapes beside such bytes
	}
	direct, ok := t.all.find(r, method, spelled)
	if ok {
		// An escaped slash in a variable makes another path of it for those who unescape first.
		if moved {
			if other := t.mistakable(method, cleaned); other != nil && other.endpoint != direct.route.endpoint {
				return resolution{match: match{route: other}, ambiguous: true}
			}
		}
		return resolution{match: direct}
	}
	if m, ok := t.all.findLike(method, normal(spelled)); ok {
		return resolution{match: m}
	}
	if other := t.mistakable(method, cleaned); other != nil {
		return resolution{match: match{route: other}, ambiguous: true}
	}
	return resolution{}
}

// mistakable gives the route that a cleaned path may be taken for, also by a backend that does
// not tell upper from lower case. Only session routes count: the upstream has no others to serve.
func (t *table) mistakable(method, cleaned string) *route {
	// Both ways, for the letters of Unicode that have an ASCII letter as their capital or small one.
	folded := strings.ToLower(strings.ToUpper(cleaned))
	m, ok := t.mistaken.findLike(method, (&url.URL{Path: folded}).EscapedPath())
	if !ok {
		return nil
	}
	return m.route
}

// plain says of almost all paths that there is but one way to read them.
func plain(p string) bool {
	for i := range len(p) {
		switch c := p[i]; {
		case c == '%', c == ';', c == '\\', c == '#', c >= 0x80, 'A' <= c && c <= 'Z':
			return false
		case c == '/' && i > 0 && p[i-1] == '/', c == '.' && (p[i-1] == '/' || i+1 == len(p) || p[i+1] == '/'):
			return false
		}
	}
	return true
}

// normal is the path as RFC 3986 section 6.2.2 writes it (needless escapes undone), with
// repeated slashes made one.
func normal(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '/' && i > 0 && p[i-1] == '/':
			continue
		case c == '%' && i+2 < len(p):
			if plain, err := url.PathUnescape(p[i : i+3]); err == nil && unreserved(plain[0]) {
				b.WriteByte(plain[0])
			} else {
				b.WriteString(p[i : i+3])
			}
			i += 2
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// unescapings is how often servers in a row may unescape a path: crossfade's neighbours on both sides
// once each, and an application that does it once more.
const unescapings = 3

// clean is the path as the most forgiving server may read it: unescaped, backslashes turned,
// parameters behind ; cut, what follows # or ? cut, blanks and dots at the end of a segment as well (Python's
// regular expressions overlook a line feed there, file systems the others), dot segments and repeated
// slashes resolved. moved says that other segments came of it than the path seems to have.
func clean(p string) (cleaned string, moved bool) {
	plain := p
	for range unescapings {
		once, err := url.PathUnescape(plain)
		if err != nil {
			break
		}
		plain = once
	}
	cut := plain
	if i := strings.IndexAny(cut, "#?\x00"); i >= 0 {
		cut = cut[:i]
	}
	segments := strings.Split(strings.ReplaceAll(cut, `\`, "/"), "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		if trimmed := strings.TrimRight(s, " \t\r\n\v\f"); strings.Trim(trimmed, ".") != "" {
			s = strings.TrimRight(trimmed, ". ")
		}
		segments[i] = s
	}
	cleaned = path.Clean("/" + strings.Join(segments, "/"))
	moved = cleaned != strings.TrimSuffix(plain, "/") || strings.Count(plain, "/") != strings.Count(p, "/")
	return cleaned, moved
}
