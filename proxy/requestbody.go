package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/crossfade-proxy/crossfade/internal/coding"
	"github.com/crossfade-proxy/crossfade/transform"
)

// payload is a request's body that was read whole, as the upstream gets it.
type payload struct {
	body    []byte
	changed bool
}

// send makes the payload the body of out.
func (b *payload) send(out *http.Request) {
	out.ContentLength = int64(len(b.body))
	out.TransferEncoding = nil
	switch {
	case b.changed:
		out.Trailer = nil
		delete(out.Header, "Content-Encoding") // the upstream that knows one knows none
		dropDigests(out.Header)
	case len(out.Trailer) > 0:
		out.ContentLength = -1 // trailers want chunks
	}
	// The client has been told to go on already.
	delete(out.Header, "Expect")
	delete(out.Header, "Content-Length")
	if len(b.body) == 0 {
		out.Body = http.NoBody
		return
	}
	// With GetBody a connection that turns out closed before anything was sent is no failure.
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.body)), nil }
	out.Body, _ = out.GetBody()
}

// conflict is a request that says something in both shapes, and not the same, or that cannot be
// said in the session shape. It is answered in the backend's own shape.
type conflict struct{ faults []FieldFault }

func (c *conflict) Error() string { return c.faults[0].Field + ": " + c.faults[0].Message }

// bodyMapper maps a whole body to the session shape. Errors but conflicts leave it to the
// upstream what to say to the body.
type bodyMapper func(body []byte) (transform.Result, error)

// bodyToSession maps the request's body where the endpoint has a lens for it: JSON, and what a form can
// hold of it. It is false when the request has been answered already.
func (x *exchange) bodyToSession() bool {
	r, e := x.in, x.route.endpoint
	if e.Request == nil || r.ContentLength == 0 {
		return true
	}
	layers, err := coding.Parse(r.Header["Content-Encoding"])
	kind, boundary := formKind(r.Header)
	var mapper bodyMapper
	switch {
	case isJSON(r.Header):
		mapper = x.jsonToSession
	case kind == notForm || e.fields == nil:
		return true
	case kind == urlencodedForm:
		mapper = func(body []byte) (transform.Result, error) { return formToSession(e.fields, body, x.toSession()) }
	case err == nil && len(layers) == 0:
		return x.multipartToSession(boundary)
	default: // in a coding it has to be read whole
		mapper = func(body []byte) (transform.Result, error) {
			return multipartToSession(e.fields, boundary, body, x.toSession())
		}
	}
	if err != nil {
		x.record.RequestFallback, x.record.err = FallbackRequestCoding, err
		return true
	}
	body, err := x.readRequest()
	if err != nil {
		return x.unread(err)
	}
	return x.mapRequest(body, layers, mapper)
}

// toSession is the job of mapping a request.
func (x *exchange) toSession() transform.Job {
	return transform.Job{
		Direction: transform.ToSession, Form: transform.Replace, Vars: x.vars, Links: x.bodyURLToSession, MaxDepth: x.proxy.limits.MaxDepth,
	}
}

// mapRequest maps a body that was read whole and makes it the payload.
func (x *exchange) mapRequest(body []byte, layers []coding.Coding, mapper bodyMapper) bool {
	x.payload = &payload{body: body}
	if len(body) == 0 {
		return true
	}
	plain, err := x.decodedRequest(body, layers)
	if errors.Is(err, errNoMemory) {
		return x.unread(err)
	}
	if err != nil {
		x.record.RequestFallback, x.record.err = FallbackRequestCoding, err
		return true
	}
	began := x.proxy.now()
	result, err := mapper(plain)
	x.record.Transform += x.proxy.now().Sub(began)
	if x.conflicts(err) {
		return false
	}
	if err != nil {
		// The upstream has its own answer to what it does not understand.
		x.record.RequestFallback, x.record.err = FallbackRequest, err
		return true
	}
	x.record.Unmapped += result.Unmapped
	x.record.Unknown += result.Unknown
	x.spokeFlow = x.spokeFlow || result.Changed
	if result.Changed {
		x.payload = &payload{result.Body, true}
	}
	return true
}

func (x *exchange) jsonToSession(body []byte) (transform.Result, error) {
	result, err := x.route.endpoint.Request.Map(nil, body, x.toSession())
	var fault *transform.Error
	if errors.Is(err, transform.ErrConflict) && errors.As(err, &fault) {
		return result, &conflict{[]FieldFault{{fault.Path, fault.Err.Error(), "value_error"}}}
	}
	return result, err
}

// conflicts answers a conflict; it is false for any other error, and for none.
func (x *exchange) conflicts(err error) bool {
	var c *conflict
	if !errors.As(err, &c) {
		return false
	}
	x.invalid(c, c.faults)
	return true
}

var errTooLarge = errors.New("the body is too large")

// readRequest reads the body whole. Its memory grows with what has come, not with what was
// announced. It is not pooled: the transport may still read it when the answer is complete.
func (x *exchange) readRequest() ([]byte, error) {
	limit := x.proxy.limits.MaxBody
	if x.in.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes announced, at most %d are taken", errTooLarge, x.in.ContentLength, limit)
	}
	body, whole, err := x.readUpTo(limit)
	if err == nil && !whole {
		err = fmt.Errorf("%w: at most %d bytes are taken", errTooLarge, limit)
	}
	return body, err
}

// readUpTo reads the body, or limit+1 bytes of it, and then whole is false.
func (x *exchange) readUpTo(limit int64) (body []byte, whole bool, err error) {
	var b bytes.Buffer
	b.Grow(int(min(max(x.in.ContentLength, 0), 64<<10)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(x.accounted(x.in.Body, -1), limit+1)); err != nil {
		return nil, false, fmt.Errorf("read the request's body: %w", err)
	}
	return b.Bytes(), int64(b.Len()) <= limit, nil
}

// unread answers a request whose body could not be read. It is false, as who calls it.
func (x *exchange) unread(err error) bool {
	if errors.Is(err, errTooLarge) {
		x.refuse(problemTooLarge, err)
		return false
	}
	if errors.Is(err, errNoMemory) {
		x.refuse(problemOverloaded, err)
		return false
	}
	x.abortIfLeft()
	p := problemUnreadable
	var known *refusal
	if errors.As(err, &known) {
		p = known.problem
	}
	x.refuse(p, err)
	return false
}
