package wire

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ContentLength is the length that a header announces, -1 for none. One that is there several times, and the same, is there once
// afterwards; lengths that differ, and what is no plain number of bytes, are an error.
func ContentLength(h http.Header) (int64, error) {
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

// TakeTrailer takes the field Trailer out of a header and gives the fields that it announces, without values; nil for none. One that says how
// the message is framed is an error.
func TakeTrailer(h http.Header) (announced http.Header, err error) {
	for _, list := range h["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			name = http.CanonicalHeaderKey(strings.Trim(name, " \t"))
			switch name {
			case "":
				continue
			case "Transfer-Encoding", "Trailer", "Content-Length":
				return nil, fmt.Errorf("a trailer %s, which a trailer cannot be", name)
			}
			if announced == nil {
				announced = http.Header{}
			}
			announced[name] = nil
		}
	}
	delete(h, "Trailer")
	return announced, nil
}
