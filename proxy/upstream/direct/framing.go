package direct

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
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
	length, err := contentLength(h)
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
		if err := takeTrailer(res); err != nil {
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

// contentLength is the length that a header announces, -1 for none. One that is there several times, and the
// same, is there once afterwards.
func contentLength(h http.Header) (int64, error) {
	v := h["Content-Length"]
	if len(v) == 0 {
		return -1, nil
	}
	for _, other := range v[1:] {
		if other != v[0] {
			return 0, fmt.Errorf("several Content-Length fields that differ: %q", v)
		}
	}
	if len(v) > 1 {
		h["Content-Length"] = v[:1]
	}
	n, err := strconv.ParseUint(v[0], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("bad Content-Length %q", v[0])
	}
	return int64(n), nil
}

// takeTrailer announces the trailers that an answer announces.
func takeTrailer(res *http.Response) error {
	for _, list := range res.Header["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			name = http.CanonicalHeaderKey(strings.Trim(name, " \t"))
			switch name {
			case "":
				continue
			case "Transfer-Encoding", "Trailer", "Content-Length":
				return fmt.Errorf("a trailer %s, which a trailer cannot be", name)
			}
			if res.Trailer == nil {
				res.Trailer = http.Header{}
			}
			res.Trailer[name] = nil
		}
	}
	delete(res.Header, "Trailer")
	return nil
}
