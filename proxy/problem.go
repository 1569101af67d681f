package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// problem is a kind of answer that crossfade gives itself (RFC 9457), by the last word of its type.
type problem string

const (
	problemUnreachable  problem = "upstream-unreachable"
	problemSuspended    problem = "upstream-suspended"
	problemTimeout      problem = "upstream-timeout"
	problemBroken       problem = "upstream-broken"
	problemUnmappable   problem = "unmappable"
	problemPrecondition problem = "precondition-failed"
	problemTooLarge     problem = "request-too-large"
	problemUnreadable   problem = "request-unreadable"
	problemSlow         problem = "request-timeout"
	problemHeaders      problem = "request-headers-too-large"
	problemOverloaded   problem = "overloaded"
	problemGone         problem = "session-route-gone"
	problemAmbiguous    problem = "ambiguous-path"
	problemMethod       problem = "method-not-allowed"
	problemInternal     problem = "internal"

	// problemInvalid is no problem document: it is told in the backend's own shape (invalid.go).
	problemInvalid problem = "invalid-request"
	// problemFlow is neither: a call that Memory turned down, in the backend's own shape too.
	problemFlow problem = "flow-refused"
)

// problemTypePrefix stands before the word. Types are names to compare, not addresses to visit.
const problemTypePrefix = "urn:crossfade:problem:"

// description is what a client is told of a problem. Causes, which may name addresses, are for the log.
type description struct {
	problem problem
	status  int
	title   string
	detail  string
}

// descriptions is the one table of problems; docs/errors.md has the same.
func descriptions() []description {
	return []description{
		{problemUnreachable, http.StatusBadGateway, "The backend cannot be reached",
			"No connection to the backend could be made; nothing was sent to it."},
		{problemSuspended, http.StatusServiceUnavailable, "The backend is not asked just now",
			"The backend could not be reached several times in a row. Nothing was sent to it; Retry-After says when to try again."},
		{problemTimeout, http.StatusGatewayTimeout, "The backend did not answer in time",
			"The backend took too long to answer. It may have done what was asked."},
		{problemBroken, http.StatusBadGateway, "The backend broke off",
			"The backend closed the connection before its answer was complete, or answered with something that is not HTTP. It may have done what was asked."},
		{problemUnmappable, http.StatusBadGateway, "The backend's answer has no flow shape",
			"The backend answered with something that cannot be given in the flow shape."},
		{problemPrecondition, http.StatusPreconditionFailed, "The representation is another one",
			"If-Match names none that is served here now: what was read has changed, or was read in another shape."},
		{problemTooLarge, http.StatusRequestEntityTooLarge, "The request's body is too large",
			"The body is larger than what is taken here."},
		{problemUnreadable, http.StatusBadRequest, "The request's body cannot be read",
			"The body ended before its announced length, or is not framed as HTTP wants it."},
		{problemSlow, http.StatusRequestTimeout, "The request's body came too slowly",
			"Too little of the body came in the time that it was waited for."},
		{problemHeaders, http.StatusRequestHeaderFieldsTooLarge, "The request has too many headers",
			"There are more header fields than are taken here."},
		{problemOverloaded, http.StatusServiceUnavailable, "crossfade has too much to do",
			"Nothing was sent to the backend; Retry-After says when to try again."},
		{problemGone, http.StatusGone, "This route has moved",
			"The session shape is no longer served here. The Link header names the route of the flow shape."},
		{problemAmbiguous, http.StatusBadRequest, "The path can be read in two ways",
			"Write the path as the route has it: no escaped slashes, dot segments or semicolons, no other capital letters, nothing behind it; and the method in capital letters."},
		{problemMethod, http.StatusMethodNotAllowed, "This method is not served",
			"CONNECT and TRACE are not passed on."},
		{problemInternal, http.StatusBadGateway, "crossfade failed",
			"A fault in crossfade itself; its log has the cause under the request's id."},
	}
}

func (p problem) describe() description {
	for _, d := range descriptions() {
		if d.problem == p {
			return d
		}
	}
	return problemInternal.describe()
}

// document is a problem as the client gets it.
type document struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance"`
	RequestID string `json:"request_id"`
	Endpoint  string `json:"endpoint,omitempty"`
}

// refuse answers with a problem; cause is for the log.
func (x *exchange) refuse(p problem, cause error) {
	d := p.describe()
	h := x.client.Header()
	h.Set("Content-Type", "application/problem+json")
	if p == problemMethod {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	if p == problemOverloaded {
		h.Set("Retry-After", "1") // in seconds; places become free in milliseconds
	}
	x.say(p, d.status, cause, document{
		Type: problemTypePrefix + string(p), Title: d.title, Status: d.status, Detail: d.detail,
		Instance: x.in.URL.EscapedPath(), RequestID: x.record.RequestID, Endpoint: x.record.Endpoint,
	})
}

// gone answers a session route that is served no more.
func (x *exchange) gone() {
	x.client.Header().Set(headerLink, successor(x.counterpart()))
	x.refuse(problemGone, nil)
}

// say sends an answer of ours.
func (x *exchange) say(p problem, status int, cause error, body any) {
	x.record.Problem = string(p)
	if cause != nil {
		x.record.err = cause
	}
	text, err := json.Marshal(body)
	if err != nil { // strings and numbers alone: they always have JSON
		panic(fmt.Errorf("a problem has no JSON: %w", err))
	}
	x.send(status, text)
}

// refusal is an error that knows its problem.
type refusal struct {
	problem problem
	cause   error
}

func (r *refusal) Error() string { return r.cause.Error() }

func (r *refusal) Unwrap() error { return r.cause }

// fail answers when the upstream gave no answer, or one that must not go out. No head was sent yet.
func (x *exchange) fail(err error) {
	if x.record.Upstream == 0 {
		x.record.Upstream = x.proxy.now().Sub(x.asked)
	}
	x.abortIfLeft()
	if x.conflicts(err) {
		return
	}
	if x.wasSlow() {
		err = &refusal{problemSlow, errSlow}
	}
	x.retryAfter(err)
	x.refuse(classify(err), err)
}

// classify finds the problem behind an error.
func classify(err error) problem {
	var known *refusal
	if errors.As(err, &known) {
		return known.problem
	}
	if p := upstreamProblem(err); p != "" {
		return p
	}
	// A deadline that somebody around crossfade set, or a transport of somebody else's.
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return problemTimeout
	}
	return problemBroken
}
