package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// Upstream is asked on behalf of one caller: each question has the caller's own credentials, request id
// and forwarding fields, and goes the way that the caller's own requests go.
type Upstream interface {
	// Ask asks. An error means that there is no whole answer; then the upstream may have done what it
	// was asked all the same. Answers larger than Limits.MaxBody are errors.
	Ask(ctx context.Context, q Question) (Response, error)
	// ToFlow gives the flow shape of a body of a named endpoint's answers.
	ToFlow(endpoint string, body []byte) ([]byte, error)
}

// Question is what the upstream is asked.
type Question struct {
	Method string
	Path   string // as the upstream knows it, escaped, without its base path
	Query  string // raw
	Body   []byte // JSON in the flow shape of Endpoint's requests, where that has one; nil for none
	// Header is set over the caller's own.
	Header http.Header
	// Endpoint names the endpoint whose lenses map Body, and give Response.Flow; "" for none. It may be
	// switched off for callers.
	Endpoint string
}

// Response is an answer of the upstream.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Flow is Body in the flow shape, for an error as the caller may see it. It is nil where Body
	// is no JSON, or cannot be mapped, or no endpoint was named.
	Flow []byte
}

// inquirer asks questions on behalf of one request. It has nothing of the exchange: a question may outlive it.
type inquirer struct {
	proxy     *Proxy
	in        *http.Request
	who       asker
	requestID string
}

// Ask implements Upstream.
func (a *inquirer) Ask(ctx context.Context, q Question) (Response, error) {
	r, err := a.question(ctx, q)
	if err != nil {
		return Response{}, err
	}
	res, err := a.proxy.transport.RoundTrip(r)
	if err != nil {
		return Response{}, err
	}
	defer res.Body.Close()
	body := a.proxy.bounded(res.Body)
	defer body.Release()
	limit := a.proxy.limits.MaxBody
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return Response{}, fmt.Errorf("read the answer to %s %s: %w", q.Method, q.Path, err)
	case int64(len(text)) > limit:
		return Response{}, fmt.Errorf("the answer to %s %s: %w", q.Method, q.Path, errAnswerTooLarge(limit))
	}
	out := Response{Status: res.StatusCode, Header: res.Header, Body: text}
	if q.Endpoint != "" && isJSON(res.Header) {
		out.Flow = a.flowOf(q, res.StatusCode, text)
	}
	return out, nil
}

// question makes the request.
func (a *inquirer) question(ctx context.Context, q Question) (*http.Request, error) {
	p := a.proxy
	u := &url.URL{Scheme: p.upstream.Scheme, Host: p.upstream.Host, RawQuery: q.Query}
	setTarget(u, p.base, q.Path)
	var body io.Reader
	if q.Body != nil {
		text := q.Body
		if e := p.contract[q.Endpoint]; e != nil && e.Request != nil {
			result, err := e.Request.Map(nil, text, transform.Job{
				Direction: transform.ToSession, Form: transform.Replace, Vars: noVars, MaxDepth: p.limits.MaxDepth,
			})
			if err != nil {
				return nil, fmt.Errorf("ask %s %s: %w", q.Method, q.Path, err)
			}
			text = result.Body
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, "http://upstream", body)
	if err != nil {
		return nil, fmt.Errorf("ask %s %s: %w", q.Method, q.Path, err)
	}
	r.URL, r.Host, r.Header = u, a.in.Host, a.header(q)
	return r, nil
}

// header has the caller's fields, but for those that are about its own message or the answer to it.
func (a *inquirer) header(q Question) http.Header {
	h := make(http.Header, usualFields)
	for name, values := range a.in.Header {
		if !isHopByHop(name) && !isForwarding(name, a.who.trusted) && !isOfMessage(name) && strings.IndexByte(name, '_') < 0 {
			h[name] = values
		}
	}
	dropNamed(h, a.in.Header["Connection"])
	var l lines
	a.who.setForwarded(h, &l)
	h[headerRequestID] = []string{a.requestID}
	h["Accept"], h["Accept-Encoding"] = []string{"application/json"}, []string{"identity"}
	if q.Body != nil {
		h["Content-Type"] = []string{"application/json"}
	}
	for name, values := range q.Header {
		h[name] = values
	}
	if len(h["User-Agent"]) == 0 {
		h["User-Agent"] = nil // net/http would say something of its own
	}
	return h
}

// isOfMessage says of a field that it is about one message: its body, its conditions, what is wanted of its answer.
func isOfMessage(name string) bool {
	switch name {
	case "Expect", "Range", "Idempotency-Key", "Prefer", "Digest", "Repr-Digest", "Signature", "Signature-Input":
		return true
	}
	return strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "If-") || strings.HasPrefix(name, "Sec-Websocket-")
}

// flowOf maps an answer; nil where that is not possible.
func (a *inquirer) flowOf(q Question, status int, body []byte) []byte {
	e := a.proxy.contract[q.Endpoint]
	if e == nil {
		return nil
	}
	vars := func(name string) (string, bool) {
		switch name {
		case "client.path":
			return a.in.URL.Path, true
		case "upstream.path":
			return unescaped(a.proxy.base + q.Path), true
		}
		return "", false
	}
	lens := e.Response
	if status >= 400 {
		lens = e.Errors
	}
	flow, err := a.proxy.mapped(lens, body, vars)
	if err != nil {
		return nil
	}
	return flow
}

// ToFlow implements Upstream.
func (a *inquirer) ToFlow(endpoint string, body []byte) ([]byte, error) {
	e := a.proxy.contract[endpoint]
	if e == nil {
		return nil, fmt.Errorf("the contract has no endpoint %q", endpoint)
	}
	return a.proxy.mapped(e.Response, body, noVars)
}

// mapped gives the flow shape of a body.
func (p *Proxy) mapped(lens *transform.Lens, body []byte, vars transform.Vars) ([]byte, error) {
	if lens == nil {
		return nil, errNoLens
	}
	result, err := lens.Map(nil, body, transform.Job{
		Direction: transform.ToFlow, Form: transform.Replace, Vars: vars, MaxDepth: p.limits.MaxDepth,
	})
	return result.Body, err
}

// noVars is for lenses that are applied without a request around them.
func noVars(string) (string, bool) { return "", false }
