package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// payload is a request's body that was read whole, as the upstream gets it.
type payload struct {
	body    []byte
	changed bool
}

// spelledPath is the escaped path of a request exactly as the client spelled it.
func spelledPath(r *http.Request) (string, error) {
	u := r.URL
	switch {
	case u.Opaque != "":
		return "", errors.New("the request target is no path")
	case u.Path == "":
		return "/", nil
	case u.Path[0] != '/' && u.Path != "*":
		return "", errors.New("the request target does not begin with a slash")
	case u.RawPath != "":
		return u.RawPath, nil
	}
	return u.EscapedPath(), nil
}

// isPreflight says whether a browser asks if it may ask.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) == 1
}

// rewrite makes the upstream's request. net/http has taken hop-by-hop fields and the
// client's forwarding fields out of it already.
func (x *exchange) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	out.URL.Scheme, out.URL.Host = x.proxy.upstream.Scheme, x.proxy.upstream.Host
	setTarget(out.URL, x.proxy.base, x.path)
	// As it came: what parses a query, and how, is between the client and the upstream.
	out.URL.RawQuery = x.query
	dropUnderscored(out.Header)
	x.proxy.setForwarded(out.Header, in)
	if _, ok := in.Header[headerRequestID]; !ok {
		out.Header[headerRequestID] = []string{x.record.RequestID}
	}
	// The same map: net/http fills it in when the body has been read.
	out.Trailer = in.Trailer
	if x.mapping {
		x.rewriteMapped(out)
	}
}

// rewriteMapped is the part of rewrite for requests whose answer may be mapped.
func (x *exchange) rewriteMapped(out *http.Request) {
	e := x.route.endpoint
	for _, rename := range e.Headers {
		from, to := http.CanonicalHeaderKey(rename.From), http.CanonicalHeaderKey(rename.To)
		if v, ok := out.Header[from]; ok && out.Header[to] == nil {
			delete(out.Header, from)
			out.Header[to] = v
		}
	}
	if e.Response != nil || e.Errors != nil {
		out.Header.Set("Accept-Encoding", "identity")
	}
	if lens, _ := x.lensFor(http.StatusOK); lens != nil && (out.Method == http.MethodGet || out.Method == http.MethodHead) {
		// They would be compared with validators of the other shape, and parts of it would be sent.
		for _, name := range [...]string{"Range", "If-Range", "If-None-Match", "If-Modified-Since"} {
			delete(out.Header, name)
		}
	}
	if x.payload != nil {
		x.payload.send(out)
	}
}

// send makes the payload the body of out.
func (b *payload) send(out *http.Request) {
	out.ContentLength = int64(len(b.body))
	out.TransferEncoding = nil
	switch {
	case b.changed:
		out.Trailer = nil
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

// setTarget makes u's path that of the upstream. Characters that net/url would escape are
// left as the client wrote them.
func setTarget(u *url.URL, base, path string) {
	target := base + path
	if path == "*" || u.EscapedPath() == target {
		return
	}
	u.Path, u.RawPath = unescaped(target), target
	// An opaque part that began with // would be taken for a host.
	if u.EscapedPath() != target && !strings.HasPrefix(target, "//") {
		u.Opaque = target
	}
}

// unescaped undoes escapes; text with a wrong one stays as it is.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// bodyToSession maps the request's body where the endpoint has a lens for it. It is false when
// the request has been answered already.
func (x *exchange) bodyToSession() bool {
	r, lens := x.in, x.route.endpoint.Request
	if lens == nil || r.ContentLength == 0 || !isJSON(r.Header) {
		return true
	}
	if coding(r.Header) != codingNone {
		x.record.RequestFallback = FallbackRequestCoding
		return true
	}
	body, err := x.readRequest()
	switch {
	case errors.Is(err, errTooLarge):
		x.refuse(problemTooLarge, err)
		return false
	case err != nil:
		x.abortIfLeft()
		x.refuse(problemUnreadable, err)
		return false
	case len(body) == 0:
		x.payload = &payload{}
		return true
	}
	began := x.proxy.now()
	result, err := lens.Map(nil, body, transform.Job{
		Direction: transform.ToSession, Form: transform.Replace, Vars: x.vars, MaxDepth: x.proxy.limits.MaxDepth,
	})
	x.record.Transform += x.proxy.now().Sub(began)
	var fault *transform.Error
	switch {
	case errors.Is(err, transform.ErrConflict) && errors.As(err, &fault):
		x.invalid(err, []fieldError{{fault.Path, fault.Err.Error(), "value_error"}})
		return false
	case err != nil:
		// The upstream has its own answer to what it does not understand.
		x.record.RequestFallback, x.record.err = FallbackRequest, err
		x.payload = &payload{body: body}
		return true
	}
	x.record.Unmapped += result.Unmapped
	x.record.Unknown += result.Unknown
	x.spokeFlow = x.spokeFlow || result.Changed
	x.payload = &payload{result.Body, result.Changed}
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
	var b bytes.Buffer
	b.Grow(int(min(max(x.in.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(x.in.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	if int64(b.Len()) > limit {
		return nil, fmt.Errorf("%w: at most %d bytes are taken", errTooLarge, limit)
	}
	return b.Bytes(), nil
}
