package proxy

import (
	"errors"
	"net/http"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

// defaultMaxRatio is how many times its encoded length a body may have when it is decoded, above
// 1 MiB. Real JSON stays below 100; a gzip bomb has about 1000.
const defaultMaxRatio = 200

// decodedFreely is below which length, in bytes, a ratio does not count.
const decodedFreely = 1 << 20

// compressFrom is the least length, in bytes, for which Options.Compress is worth its time: what
// is shorter goes in one packet anyway.
const compressFrom = 1 << 10

// decode undoes the codings of a body and appends what comes out to dst. Memory is taken for as much as
// may come out, before any does.
func (x *exchange) decode(dst, body []byte, layers []coding.Coding) ([]byte, error) {
	l := x.proxy.limits
	most := perByte * min(l.MaxBody, max(decodedFreely, l.MaxRatio*int64(len(body))))
	if err := x.take(most); err != nil {
		return nil, err
	}
	plain, err := coding.Decode(dst, body, layers, coding.Limits{Bytes: l.MaxBody, Ratio: l.MaxRatio})
	x.give(most - perByte*int64(len(plain)))
	return plain, err
}

// decodedRequest undoes the codings of a request's body. Without any it is the body itself.
func (x *exchange) decodedRequest(body []byte, layers []coding.Coding) ([]byte, error) {
	if len(layers) == 0 {
		return body, nil
	}
	return x.decode(nil, body, layers)
}

// notDecoded is the word for a body that decode refused.
func notDecoded(err error) Fallback {
	if errors.Is(err, errNoMemory) {
		return FallbackMemory
	}
	if errors.Is(err, coding.ErrTooLarge) || errors.Is(err, coding.ErrRatio) {
		return FallbackSize
	}
	return FallbackCoding
}

// answerIn gives the coding of an answer that a lens has looked at: one that the client accepts,
// where the upstream had put one on, where the operator wants it, or where the client takes nothing else.
// It tells in Vary that the client was asked. length is that of the upstream's body as it is
// without codings, -1 if unknown.
func (x *exchange) answerIn(h http.Header, came []coding.Coding, length int64) coding.Coding {
	accept := coding.ParseAccept(x.in.Header["Accept-Encoding"])
	first := coding.Identity
	switch {
	case len(came) > 0:
		first = came[len(came)-1]
	case x.proxy.compress && length >= compressFrom && !hasDirective(h, "no-transform"):
	case !accept.Accepts(coding.Identity):
	default:
		return coding.Identity
	}
	addVary(h, "Accept-Encoding")
	return accept.Choose(first)
}

// setCoding makes Content-Encoding true.
func setCoding(h http.Header, c coding.Coding) {
	if c == coding.Identity {
		delete(h, "Content-Encoding")
		return
	}
	h["Content-Encoding"] = []string{c.String()}
}
