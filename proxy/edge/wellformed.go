package edge

import (
	"net/http"
	"strings"
)

// isWellFormed says whether a request of HTTP/2 can be said in HTTP/1.1. net/http refuses a target
// with a blank in it, and a host that is none, where they would end a line; in HTTP/2 it takes
// them, and the backend would read another request than the client sent (RFC 9113 section 10.3).
func isWellFormed(r *http.Request) bool {
	return !strings.ContainsFunc(r.RequestURI, isBlankOrControl) && !strings.ContainsFunc(r.Host, isNoHost)
}

func isBlankOrControl(c rune) bool { return c <= ' ' || c == 0x7f }

// isNoHost says that a host and port cannot have c in them (RFC 3986 section 3.2.2).
func isNoHost(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return false
	}
	return !strings.ContainsRune("-._~%!$&'()*+,;=:[]", c)
}
