package proxy

import (
	"errors"
	"fmt"
	"net/http"
)

// verdict is what the gate says of an answer that there is a lens for.
type verdict struct {
	then   step
	reason Fallback // with mark and giveUp
	cause  error
}

type step int

const (
	mapIt    step = iota // its body can be read and mapped
	leave                // there is nothing in it to map
	headOnly             // no body, but its head speaks of one that would be mapped
	mark                 // it is not what the lens is for: it goes out untouched, and says so
	giveUp               // it should be mapped and cannot be: see unmapped
)

// gate judges by the head alone, so that nothing is read that cannot be mapped.
func (x *exchange) gate(res *http.Response) verdict {
	head := x.in.Method == http.MethodHead
	switch {
	case res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusResetContent:
		return verdict{then: leave}
	case res.StatusCode == http.StatusNotModified || res.StatusCode == http.StatusPartialContent:
		// Conditions and ranges are not passed on: what this is a part of, or unchanged from, is
		// the session shape.
		return verdict{giveUp, FallbackStatus, fmt.Errorf("status %d without being asked for", res.StatusCode)}
	case !isJSON(res.Header):
		if head || res.ContentLength == 0 {
			return verdict{then: leave}
		}
		return verdict{mark, FallbackMediaType, errors.New("the answer is not JSON by its Content-Type")}
	case head:
		return verdict{then: headOnly}
	case res.ContentLength == 0 && res.StatusCode >= 400:
		return verdict{then: leave}
	case coding(res.Header) == codingOther:
		return verdict{giveUp, FallbackCoding, errors.New("a Content-Encoding that crossfade does not read")}
	case res.ContentLength > x.proxy.limits.MaxBody:
		return verdict{giveUp, FallbackSize, errAnswerTooLarge(x.proxy.limits.MaxBody)}
	}
	return verdict{then: mapIt}
}

func errAnswerTooLarge(limit int64) error {
	return fmt.Errorf("the answer has more than the %d bytes that are mapped", limit)
}
