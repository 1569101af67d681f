package proxy

import "strings"

// reference is a URL reference (RFC 3986 section 4.1) in its parts, each as it is spelled.
// Nothing is escaped or cleaned: what is put together again is what was taken apart.
type reference struct {
	scheme       string // without the colon; "" for none
	hasAuthority bool
	authority    string // user, host and port, without the slashes in front
	path         string
	query        string // with the question mark; "" for none
	fragment     string // with the #; "" for none
}

// parseReference takes any text apart.
func parseReference(s string) (r reference) {
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s, r.fragment = s[:i], s[i:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, r.query = s[:i], s[i:]
	}
	if i := strings.IndexAny(s, ":/"); i > 0 && s[i] == ':' && isScheme(s[:i]) {
		r.scheme, s = s[:i], s[i+1:]
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		r.hasAuthority = true
		r.authority, s = rest, ""
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			r.authority, s = rest[:i], rest[i:]
		}
	}
	r.path = s
	return r
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if ('a' > c || c > 'z') && (i == 0 || ('0' > s[i] || s[i] > '9') && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// String puts the reference together.
func (r reference) String() string {
	var b strings.Builder
	if r.scheme != "" {
		b.WriteString(r.scheme)
		b.WriteByte(':')
	}
	if r.hasAuthority {
		b.WriteString("//")
		b.WriteString(r.authority)
	}
	b.WriteString(r.path)
	b.WriteString(r.query)
	b.WriteString(r.fragment)
	return b.String()
}

// isHTTP says whether the reference leads to something that a proxy for HTTP may serve: it
// is relative, or its scheme is http or https and it names a host.
func (r reference) isHTTP() bool {
	return r.scheme == "" || r.hasAuthority && (strings.EqualFold(r.scheme, "http") || strings.EqualFold(r.scheme, "https"))
}

// sameAuthority compares two authorities; scheme tells the port that need not be said.
func sameAuthority(scheme, a, b string) bool {
	port := ":80"
	if strings.EqualFold(scheme, "https") {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(a, port), strings.TrimSuffix(b, port))
}

// resolvePath is the path that a relative one leads to from base, which begins with a slash
// (RFC 3986 section 5.3). Both are escaped, and so is the result.
func resolvePath(base, relative string) string {
	full := base[:strings.LastIndexByte(base, '/')+1] + relative
	var out []string
	segments := strings.Split(full[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".", "..":
			if s == ".." && len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

// uriPath is a path with everything escaped that may not stand in a URI, and nothing else. Servers take
// such bytes from clients; between < and >, or before net/url, they would mean something else.
func uriPath(path string) string {
	if strings.IndexFunc(path, notInURI) < 0 {
		return path
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(path) {
		if notInURI(rune(c)) {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// notInURI goes by RFC 3986.
func notInURI(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune("<>\"\\^`{|}", c)
}
