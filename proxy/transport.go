package proxy

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy/upstream"
)

// defaultTransport is the way to the upstream of a Proxy that was given none.
func defaultTransport(address *url.URL) (http.RoundTripper, error) {
	return upstream.New(upstream.Options{URLs: []*url.URL{address}})
}

// upstreamProblem is the problem behind an error of the way to the upstream, "" where it is another's.
func upstreamProblem(err error) problem {
	var e *upstream.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Kind {
	case upstream.Unreachable:
		return problemUnreachable
	case upstream.Late:
		return problemTimeout
	case upstream.Suspended:
		return problemSuspended
	case upstream.Broken:
	}
	return problemBroken
}

// retryAfter tells a client when it is worth asking again, where the error knows: in whole
// seconds, and at least one, since 0 would be taken for "at once".
func (x *exchange) retryAfter(err error) {
	var e *upstream.Error
	if errors.As(err, &e) && e.Kind == upstream.Suspended {
		seconds := max(1, int(math.Ceil(e.RetryAfter.Seconds())))
		x.client.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
}

const (
	// defaultBodyIdle is how long the upstream may pause in a body that is mapped.
	defaultBodyIdle = 30 * time.Second
	// defaultBodyTotal is how long such a body may take in all. Bodies of megabytes take less than a second.
	defaultBodyTotal = 2 * time.Minute
)

// bounded is an upstream's body that has to come in time, since nobody gets anything before it is whole.
func (p *Proxy) bounded(body io.ReadCloser) *upstream.Bounded {
	return upstream.Bound(body, p.limits.BodyIdle, p.limits.BodyTotal)
}
