package loop

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// request makes a request of a head, and what answers it. The error is a *refusal.
//
// It is stricter than net/http: lines have to end with CR and LF and may not be folded, and a length beside a transfer
// coding, or a transfer coding in HTTP/1.0, is refused. It adds no Cache-Control to Pragma.
func (c *conn) request(head []byte) (*turn, error) {
	end := bytes.IndexByte(head, '\n') + 1
	if end <= 2 || head[end-2] != '\r' { // an empty line is the whole head
		return nil, errMalformed
	}
	fields, err := wire.Canonicalise(head[end:], true)
	if err != nil {
		return nil, errMalformed
	}
	text := string(head)
	c.use(0)
	t := c.turn()
	if err := t.parseLine(text[:end-2]); err != nil {
		return nil, err
	}
	t.split(text[end:], fields)
	t.r.Header, t.r.RemoteAddr = t.fields, c.remote
	if err := frame(&t.answer); err != nil {
		return nil, err
	}
	return t, nil
}

// split makes the header.
func (t *turn) split(text string, fields int) {
	if t.fields == nil {
		t.fields = make(http.Header, fields)
	}
	if cap(t.values) < fields {
		t.values = make([]string, fields)
	}
	t.values = t.values[:fields]
	wire.SplitInto(t.fields, t.values, text)
}

// parseLine reads a request line.
func (t *turn) parseLine(line string) error {
	r := &t.r
	method, rest, _ := strings.Cut(line, " ")
	target, proto, ok := strings.Cut(rest, " ")
	if !ok || !wire.IsToken(method) {
		return errMalformed
	}
	const version = "HTTP/1.1"
	switch {
	case proto == version:
		r.ProtoMajor, r.ProtoMinor = 1, 1
	case len(proto) != len(version) || proto[:5] != version[:5] || proto[6] != '.' || !wire.IsDigit(proto[5]) || !wire.IsDigit(proto[7]):
		return errMalformed
	case proto[5] != '1':
		return errVersion
	default:
		r.ProtoMajor, r.ProtoMinor = 1, int(proto[7]-'0')
	}
	r.Method, r.RequestURI, r.Proto = method, target, proto
	if !t.parseTarget(method, target) {
		return errMalformed
	}
	return nil
}

// parseTarget is false for what is none.
func (t *turn) parseTarget(method, target string) bool {
	t.r.URL = &t.url
	if path, query, asks := strings.Cut(target, "?"); isPlainPath(path) && isPlainQuery(query) {
		t.url.Path, t.url.RawQuery, t.url.ForceQuery = path, query, asks && query == ""
		return true
	}
	scheme := ""
	if method == http.MethodConnect && !strings.HasPrefix(target, "/") {
		scheme = "http://"
	}
	u, err := url.ParseRequestURI(scheme + target)
	if err != nil {
		return false
	}
	if scheme != "" {
		u.Scheme = ""
	}
	t.url = *u
	return true
}

// isPlainPath says that a path means what it says: there is nothing to unescape.
func isPlainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range len(path) {
		switch c := path[i]; {
		case wire.IsAlphanumeric(c), c == '/', c == '-', c == '_', c == '.', c == '~':
		default:
			return false
		}
	}
	return true
}

func isPlainQuery(query string) bool {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// frame reads the fields that are about the connection and the body.
func frame(a *answer) error {
	r := a.request
	h := r.Header
	hosts := h["Host"]
	switch {
	case len(hosts) > 1:
		return errMalformed
	case len(hosts) == 0 && r.ProtoMinor > 0 && r.Method != http.MethodConnect:
		return errNoHost
	case len(hosts) == 1 && !isHost(hosts[0]):
		return errOddHost
	}
	if r.Host = r.URL.Host; r.Host == "" && len(hosts) == 1 {
		r.Host = hosts[0]
	}
	delete(h, "Host")

	connection := h["Connection"]
	a.keepAlive10 = r.ProtoMinor == 0 && hasWord(connection, "keep-alive")
	r.Close = wire.HasToken(connection, "close") || r.ProtoMinor == 0 && !wire.HasToken(connection, "keep-alive")
	a.closes = r.ProtoMinor > 0 && hasWord(connection, "close")

	length, err := wire.ContentLength(h)
	if err != nil {
		return errMalformed
	}
	chunked := false
	if codings, ok := h["Transfer-Encoding"]; ok {
		switch {
		case len(codings) != 1 || !strings.EqualFold(codings[0], "chunked"):
			return errCoding
		case length >= 0, r.ProtoMinor == 0:
			return errMalformed
		}
		chunked = true
		delete(h, "Transfer-Encoding")
		r.TransferEncoding = []string{"chunked"}
		if r.Trailer, err = wire.TakeTrailer(h); err != nil {
			return errMalformed
		}
	}
	expects, err := expectation(h)
	if err != nil {
		return err
	}
	r.Body = http.NoBody
	switch {
	case chunked:
		r.ContentLength = -1
	case length > 0:
		r.ContentLength = length
	default:
		return nil
	}
	a.body = newBody(a, chunked)
	a.body.asks = expects && r.ProtoMinor > 0
	a.body.expects.Store(a.body.asks)
	r.Body = a.body
	return nil
}

// expectation says whether a client waits to be asked for its body.
func expectation(h http.Header) (bool, error) {
	v := h["Expect"]
	switch {
	case hasWord(v, "100-continue"):
		return true, nil
	case len(v) > 0 && v[0] != "":
		return false, errExpect
	}
	return false, nil
}

// hasWord looks for a word in the first of some lists, as net/http does where it is about the connection: blanks separate words as well as
// commas.
func hasWord(lists []string, word string) bool {
	if len(lists) == 0 {
		return false
	}
	for found := range strings.FieldsFuncSeq(lists[0], func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
		if strings.EqualFold(found, word) {
			return true
		}
	}
	return false
}

// isHost says whether a host has only what one may have (RFC 3986 section 3.2.2).
func isHost(host string) bool {
	for i := range len(host) {
		if c := host[i]; !wire.IsAlphanumeric(c) && strings.IndexByte("-._~%!$&'()*+,;=:[]", c) < 0 {
			return false
		}
	}
	return true
}
