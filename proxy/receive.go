package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/crossfade-proxy/crossfade/transform"
)

// receive gets the upstream's head. An error that it returns is answered by fail; what it
// leaves alone goes out as it came.
func (x *exchange) receive(res *http.Response) error {
	x.record.Upstream = x.proxy.now().Sub(x.asked)
	if res.StatusCode == http.StatusSwitchingProtocols {
		// From here on the connection belongs to the two of them: no head of ours goes out.
		x.switched = true
		x.client.complete(res.Header)
		return nil
	}
	x.answer = upstreamBody{res.Body, x}
	res.Body = &x.answer
	if !x.mapping {
		return nil
	}
	if x.spokeFlow {
		x.locationToFlow(res.Header)
	}
	lens, form := x.lensFor(res.StatusCode)
	if lens == nil {
		return nil
	}
	switch v := x.gate(res); v.then {
	case leave:
	case mark:
		x.record.Fallback, x.record.err = v.reason, v.cause
	case giveUp:
		return x.unmapped(v.reason, v.cause)
	case headOnly:
		dropValidators(res.Header)
		delete(res.Header, "Content-Length")
	case mapIt:
		return x.mapAnswer(res, lens, form)
	}
	return nil
}

// lensFor gives the lens of an answer with this status, and what becomes of the session shape.
// It is nil where the answer goes out as it is.
func (x *exchange) lensFor(status int) (*transform.Lens, transform.Form) {
	e := x.route.endpoint
	switch {
	case status >= 400:
		if e.Errors != nil && x.spokeFlow {
			return e.Errors, transform.Replace
		}
	case e.Response == nil || status < 200 || status >= 300 && status != http.StatusNotModified:
	case x.decision.Mode == FlowOnly:
		return e.Response, transform.Replace
	case e.Response.HasUnion():
		return e.Response, transform.Union
	case x.route.side == flowSide:
		return e.Response, transform.Replace
	}
	return nil, 0
}

// unmapped decides about an answer that should be mapped and cannot be: dual lets the
// upstream's own out, flow_only does what the endpoint's policy says.
func (x *exchange) unmapped(reason Fallback, cause error) error {
	if x.decision.Mode == FlowOnly && x.route.endpoint.policy.OnFailure != OnFailureOriginal {
		return &refusal{problemUnmappable, fmt.Errorf("%s: %w", reason, cause)}
	}
	x.record.Fallback, x.record.err = reason, cause
	return nil
}

// mapAnswer maps the body whole and makes the head fit it.
func (x *exchange) mapAnswer(res *http.Response, lens *transform.Lens, form transform.Form) error {
	limit := x.proxy.limits.MaxBody
	w := x.proxy.workspaces.get()
	whole, err := w.read(res.Body, res.ContentLength, limit)
	x.record.Upstream = x.proxy.now().Sub(x.asked)
	if err != nil {
		x.proxy.workspaces.put(w)
		return &refusal{problemBroken, err}
	}
	if !whole {
		// The rest is still on its way: what was read goes before it.
		return x.keep(res, w, res.Body, FallbackSize, errAnswerTooLarge(limit))
	}
	if err := res.Body.Close(); err != nil {
		x.proxy.workspaces.put(w)
		return &refusal{problemBroken, fmt.Errorf("close the upstream's body: %w", err)}
	}
	body, decoded := w.raw, coding(res.Header) == codingGzip
	if decoded {
		if body, err = w.gunzip(limit); err != nil {
			return x.keep(res, w, nil, FallbackCoding, err)
		}
	}
	began := x.proxy.now()
	result, err := lens.Map(w.out[:0], body, transform.Job{
		Direction: transform.ToFlow, Form: form, Vars: x.vars, MaxDepth: x.proxy.limits.MaxDepth,
	})
	x.record.Transform += x.proxy.now().Sub(began)
	if err != nil {
		return x.keep(res, w, nil, FallbackUnmappable, err)
	}
	x.record.Native = result.Native
	x.record.Mapped = result.Changed
	x.record.Unmapped += result.Unmapped
	x.record.Unknown += result.Unknown
	x.reverse.FlushInterval = 0 // it is complete: no piece of it can be late
	if result.Changed {
		w.out = result.Body // it may have outgrown what it was given
	}
	res.Body = &heldBody{pool: &x.proxy.workspaces, held: w, left: result.Body}
	if result.Changed || decoded {
		commit(res, len(result.Body))
	}
	return nil
}

// keep lets the upstream's own bytes out after they have been read, and rest behind them, where
// the mode allows it.
func (x *exchange) keep(res *http.Response, w *workspace, rest io.ReadCloser, reason Fallback, cause error) error {
	if err := x.unmapped(reason, cause); err != nil {
		x.proxy.workspaces.put(w)
		return err
	}
	res.Body = &heldBody{pool: &x.proxy.workspaces, held: w, left: w.raw, rest: rest}
	return nil
}

// commit makes the head true of a body that has changed: the one place that does.
func commit(res *http.Response, length int) {
	h := res.Header
	for _, name := range [...]string{"Transfer-Encoding", "Trailer", "Content-Encoding"} {
		delete(h, name)
	}
	dropValidators(h)
	h["Content-Length"] = []string{strconv.Itoa(length)}
	res.ContentLength, res.TransferEncoding, res.Trailer = int64(length), nil, nil
}

// dropValidators takes out what names or vouches for the upstream's representation.
func dropValidators(h http.Header) {
	for _, name := range [...]string{"Etag", "Last-Modified", "Accept-Ranges"} {
		delete(h, name)
	}
	dropDigests(h)
}
