package upstream

import (
	"io"
	"net/http"
	"strings"
)

// maxTries is how many addresses one request is sent to. Together with the timeouts it bounds how
// long a caller waits to be told that nobody is there.
const maxTries = 3

// RoundTrip implements http.RoundTripper. An error is an *Error, or that of the request's context.
//
// With one address the request goes out once, but for a kept connection that turns out
// closed: another is taken for a request of which nothing was
// written, and for a GET, HEAD or OPTIONS without a body. With several, one that could not be reached leaves the
// request to the next, and one that broke off before the first byte of an answer does for
// those same methods. Everything else has been sent at most once.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.RoundTripIn(new(Exchange), r)
}

// RoundTripIn is RoundTrip in the memory of x, which has to be new or over.
func (t *Transport) RoundTripIn(x *Exchange, r *http.Request) (*http.Response, error) {
	if len(t.addresses) > 1 {
		return t.roundTripAny(x, r)
	}
	a := t.addresses[0]
	report, err := a.breaker.admit()
	if err != nil {
		closeBody(r)
		return nil, err
	}
	res, _, err := a.send(x, r, report, nil)
	return res, err
}

// roundTripAny asks one address after the other, as long as that is safe.
func (t *Transport) roundTripAny(x *Exchange, r *http.Request) (*http.Response, error) {
	kept := &keptBody{}
	if hasBody(r) {
		kept.ReadCloser = r.Body
	}
	var tried addressSet
	var last error
	for range maxTries {
		a, report, err := t.next(&tried)
		if err != nil {
			if last == nil {
				last = err
			}
			break
		}
		a.busy.Add(1)
		res, trip, err := a.send(x, r, report, kept)
		if err == nil {
			res.Body = a.counted(res.Body)
			return res, nil
		}
		a.busy.Add(-1)
		last = err
		if !trip.mayGoElsewhere(r, err) {
			break
		}
		if !x.IsOver() {
			x = &Exchange{Trace: x.Trace} // http.Transport may still be busy with the other one
		}
	}
	if !kept.taken {
		closeBody(r)
	}
	return nil, last
}

// mayGoElsewhere says whether a failed request may be sent to another address. PUT and DELETE are not
// among the methods that may be sent twice, though RFC 9110 would let them: a second DELETE
// answers 404, and the caller would take it for the answer to the first.
func (t *trip) mayGoElsewhere(r *http.Request, err error) bool {
	switch kindOf(err) {
	case Unreachable:
		return !hasBody(r) || !t.kept.taken
	case Broken:
		return isSafe(r.Method) && !hasBody(r) && !t.begun.Load()
	case Late, Suspended:
	}
	return false
}

func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// withoutReplay takes from http.Transport the only reason it has to send a POST, PATCH, PUT or DELETE
// a second time: it believes a client that calls the request idempotent, of which the backend
// may know nothing. The field still goes out, in a spelling that http.Transport does not look for.
func withoutReplay(r *http.Request) {
	if isSafe(r.Method) {
		return
	}
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if v, ok := r.Header[name]; ok {
			r.Header = r.Header.Clone() // the caller's stays as it is
			delete(r.Header, name)
			r.Header[strings.ToLower(name)] = v
		}
	}
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// closeBody does what a RoundTripper promises for a request that goes nowhere.
func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// keptBody is a request's body that stays open until somebody could have read of it:
// http.Transport closes it also where no connection was to be had.
type keptBody struct {
	io.ReadCloser      // nil where there is no body
	taken         bool // a connection was got
}

// Close closes the body of a request that is on a connection.
func (b *keptBody) Close() error {
	if !b.taken {
		return nil
	}
	return b.ReadCloser.Close()
}
