package direct

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// framing is where the body of an answer ends, and what becomes of the connection there.
type framing struct {
	body   kind
	length uint64 // of lengthBody
	closes bool
}

type kind uint8

const (
	noBody kind = iota
	lengthBody
	chunkedBody
	untilClose
)

var errTwoFramings = errors.New("an answer with both Content-Length and Transfer-Encoding")

// frame reads the fields of an answer that say how it is framed, to a request of that method, and
// completes it: those of one hop are taken out of its header, as http.Transport does, but for Connection, which may
// name more of them.
//
// It is stricter than http.Transport in two things, both marks of a response that was split or smuggled: a
// length beside a transfer coding is refused, and so is a transfer coding in HTTP/1.0.
func frame(res *http.Response, method string) (framing, error) {
	h := res.Header
	f := framing{closes: takeClose(res)}
	length, err := wire.ContentLength(h)
	if err != nil {
		return f, err
	}
	chunked := false
	if codings, ok := h["Transfer-Encoding"]; ok {
		switch {
		case length >= 0:
			return f, errTwoFramings
		case res.ProtoMinor == 0:
			return f, errors.New("a transfer encoding in HTTP/1.0")
		case len(codings) != 1 || !strings.EqualFold(codings[0], "chunked"):
			return f, fmt.Errorf("unsupported transfer encoding %q", codings)
		}
		chunked = true
		delete(h, "Transfer-Encoding")
		res.TransferEncoding = []string{"chunked"}
		if res.Trailer, err = wire.TakeTrailer(h); err != nil {
			return f, err
		}
	}
	bodiless := res.StatusCode < 200 || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified
	res.ContentLength = length
	switch {
	case method == http.MethodHead:
	case bodiless:
		res.ContentLength = 0
	case chunked:
		f.body = chunkedBody
	case length > 0:
		f.body, f.length = lengthBody, uint64(length)
	case length < 0:
		f.body, f.closes = untilClose, true
	}
	res.Close = f.closes
	return f, nil
}

// takeClose says whether the upstream closes the connection behind the answer.
func takeClose(res *http.Response) bool {
	v := res.Header["Connection"]
	switch {
	case res.ProtoMinor == 0:
		return wire.HasToken(v, "close") || !wire.HasToken(v, "keep-alive")
	default:
		return wire.HasToken(v, "close")
	}
}
