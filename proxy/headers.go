package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
)

const headerRequestID = "X-Request-Id"

// lines are values of header fields, of one line each, in the memory of their exchange. The zero value is ready.
type lines struct {
	text [9]string // as many as an exchange has, nearly always
	used int
}

// of gives the value of a field that has one line.
func (l *lines) of(text string) []string {
	if l.used == len(l.text) {
		return []string{text}
	}
	l.text[l.used] = text
	l.used++
	return l.text[l.used-1 : l.used : l.used] // nothing is appended in place
}

// maxRequestID bounds a caller's id in bytes: several of the usual forms joined.
const maxRequestID = 128

// requestID is the caller's id where it is fit for a log, else a new one. It has memory of its own: whoever remembers it is not to
// keep the head that it stood in, with all that is secret there.
func requestID(r *http.Request, newID func() string) string {
	if v := r.Header[headerRequestID]; len(v) == 1 && fitID(v[0]) {
		return strings.Clone(v[0])
	}
	return newID()
}

// fitID says whether a caller's id may stand in a log and in an answer.
func fitID(id string) bool {
	return id != "" && len(id) <= maxRequestID && strings.IndexFunc(id, notInID) < 0
}

func notInID(c rune) bool {
	return c >= 0x80 || !unreserved(byte(c)) && !strings.ContainsRune("+/=:@,", c)
}

// randomID is a random UUID (version 4). It is a name and no secret: the runtime's own source of randomness will
// do, which costs no system call.
func randomID() string {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var text [36]byte
	at := 0
	for _, part := range [...][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if at > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], part)
	}
	return string(text[:])
}

// dropUnderscored takes fields out whose name has an underscore. Backends behind CGI or WSGI read
// X_Forwarded_For as X-Forwarded-For, and a client could speak as a proxy that way.
func dropUnderscored(h http.Header) {
	for name := range h {
		if strings.IndexByte(name, '_') >= 0 {
			delete(h, name)
		}
	}
}

// dropDigests takes out what vouches for bytes that are no longer the same.
func dropDigests(h http.Header) {
	for _, name := range [...]string{
		"Content-Md5", "Digest", "Content-Digest", "Repr-Digest", "Signature", "Signature-Input",
	} {
		delete(h, name)
	}
}

// guardTrailer lets the trailers of a request through, but for those that a server that takes trailers for
// headers must not see: who asks, and how the message is framed, has been said in its head.
func guardTrailer(out, in *http.Request) {
	cleanTrailer(in.Trailer)
	// The same map: net/http fills it in when the body has been read.
	out.Trailer = in.Trailer
	out.Body = &guardedBody{out.Body, in.Trailer}
}

type guardedBody struct {
	io.ReadCloser
	trailer http.Header
}

func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		cleanTrailer(b.trailer)
	}
	return n, err
}

func cleanTrailer(h http.Header) {
	dropUnderscored(h)
	dropForwarding(h)
	for _, name := range [...]string{
		"Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		delete(h, name)
	}
}

// isJSON goes by the media type alone. What says to be something else is something else.
func isJSON(h http.Header) bool {
	v := h["Content-Type"]
	if len(v) != 1 {
		return false
	}
	if v[0] == "application/json" {
		return true
	}
	media, _, _ := strings.Cut(v[0], ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "application/json" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
