package proxy

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

// verdict is what the gate says of an answer that there is a lens for.
type verdict struct {
	then   step
	layers []coding.Coding // of its body, with mapIt and headOnly
	reason Fallback        // with mark and giveUp
	cause  error
}

func marked(reason Fallback, cause error) verdict {
	return verdict{then: mark, reason: reason, cause: cause}
}

func givenUp(reason Fallback, cause error) verdict {
	return verdict{then: giveUp, reason: reason, cause: cause}
}

type step int

const (
	mapIt     step = iota // its body can be read and mapped
	leave                 // there is nothing in it to map
	stillTrue             // the client's copy, which is mapped, is what a new one would be
	headOnly              // no body, but its head speaks of one that would be mapped
	streamIt              // its body, or the one that a HEAD speaks of, can be mapped while it goes out
	mark                  // it is not what the lens is for: it goes out untouched, and says so
	giveUp                // it should be mapped and cannot be: see unmapped
)

// gate judges by the head alone, so that nothing is read that cannot be mapped. A HEAD is judged
// as the GET that it stands for. streams: it can go out as it comes, if it is known to be long.
func (x *exchange) gate(res *http.Response, streams bool) verdict {
	head := x.asksForHead()
	switch res.StatusCode {
	case http.StatusNoContent, http.StatusResetContent:
		return verdict{then: leave}
	case http.StatusNotModified:
		if x.revalidating {
			return verdict{then: stillTrue}
		}
		return givenUp(FallbackStatus, errUnasked(res.StatusCode))
	case http.StatusPartialContent:
		// Ranges are not passed on: what this is a part of is the session shape.
		return givenUp(FallbackStatus, errUnasked(res.StatusCode))
	}
	switch {
	case !isJSON(res.Header):
		if head || res.ContentLength == 0 {
			return verdict{then: leave}
		}
		return marked(FallbackMediaType, errors.New("the answer is not JSON by its Content-Type"))
	case res.ContentLength == 0 && res.StatusCode >= 400:
		return verdict{then: leave}
	case x.route.endpoint.policy.NoTransform == NoTransformPass && hasDirective(res.Header, "no-transform"):
		return marked(FallbackNoTransform, errNoTransform)
	}
	layers, err := coding.Parse(res.Header["Content-Encoding"])
	switch {
	case err != nil:
		return givenUp(FallbackCoding, err)
	case streams && res.ContentLength >= 0:
		return verdict{then: streamIt}
	case res.ContentLength > x.proxy.limits.MaxBody:
		return givenUp(FallbackSize, errAnswerTooLarge(x.proxy.limits.MaxBody))
	case head:
		return verdict{then: headOnly, layers: layers}
	}
	if err := x.take(perByte * max(res.ContentLength, 0)); err != nil {
		return givenUp(FallbackMemory, err)
	}
	return verdict{then: mapIt, layers: layers}
}

var errNoTransform = errors.New("the upstream says no-transform, and the policy is to pass it")

func errUnasked(status int) error {
	return fmt.Errorf("status %d without being asked for", status)
}

func errAnswerTooLarge(limit int64) error {
	return fmt.Errorf("the answer has more than the %d bytes that are mapped", limit)
}
