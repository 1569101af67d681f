package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/crossfade-proxy/crossfade/internal/coding"
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
		return x.openTunnel(res)
	}
	x.answer = upstreamBody{res.Body, x}
	res.Body = &x.answer
	x.follow(res)
	if !x.mapping {
		x.tryLens(res)
		return nil
	}
	streamed := x.multipart != nil && x.multipart.changed.Load()
	x.spokeFlow = x.spokeFlow || streamed
	if x.spokeFlow {
		x.linksToFlow(res.Header, res.StatusCode)
	}
	x.varyOnRenames(res.Header)
	if streamed || x.payload != nil && x.payload.changed {
		// They vouch for what was sent, and the client sent something else (RFC 9110 section 9.3.4).
		delete(res.Header, "Etag")
		delete(res.Header, "Last-Modified")
	}
	if stream, err := x.streamToFlow(res); stream {
		return err
	}
	lens, form := x.lensFor(res.StatusCode)
	if lens == nil {
		return nil
	}
	if err := x.toFlow(res, lens, form); err != nil {
		return err
	}
	return x.judge(res)
}

// toFlow does with an answer what the gate says.
func (x *exchange) toFlow(res *http.Response, lens *transform.Lens, form transform.Form) error {
	streams := x.mayStream(res, lens, form)
	switch v := x.gate(res, streams); v.then {
	case leave:
	case stillTrue:
		x.notModified(res.Header)
	case mark:
		x.record.Fallback, x.record.err = v.reason, v.cause
	case giveUp:
		return x.unmapped(v.reason, v.cause)
	case headOnly:
		x.describeOnly(res, v.layers)
	case streamIt:
		x.streamUnion(res, lens, nil)
	case mapIt:
		return x.mapAnswer(res, v.layers, lens, form, streams)
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
	case status >= 200 && status < 300 || status == http.StatusNotModified:
		return x.toClient(e.Response)
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

// mapAnswer maps the body whole and makes the head fit it; one that streams, only if it is short.
func (x *exchange) mapAnswer(res *http.Response, layers []coding.Coding, lens *transform.Lens, form transform.Form, streams bool) error {
	limit := x.proxy.limits.MaxBody
	if streams = streams && x.proxy.limits.StreamAbove <= limit; streams {
		limit = x.proxy.limits.StreamAbove
	}
	w := x.proxy.workspaces.get()
	timed := x.proxy.bounded(res.Body)
	whole, err := w.read(x.accounted(timed, res.ContentLength), res.ContentLength, limit)
	timed.Release()
	x.record.Upstream = x.proxy.now().Sub(x.asked)
	if errors.Is(err, errNoMemory) {
		return x.keep(res, w, res.Body, FallbackMemory, err)
	}
	if err != nil {
		x.proxy.workspaces.put(w)
		return err
	}
	if !whole && streams {
		x.streamUnion(res, lens, w)
		return nil
	}
	if !whole {
		// The rest is still on its way: what was read goes before it.
		return x.keep(res, w, res.Body, FallbackSize, errAnswerTooLarge(limit))
	}
	if err := res.Body.Close(); err != nil {
		x.proxy.workspaces.put(w)
		return &refusal{problemBroken, fmt.Errorf("close the upstream's body: %w", err)}
	}
	body := w.raw
	if len(layers) > 0 {
		if w.plain, err = x.decode(w.plain[:0], w.raw, layers); err != nil {
			return x.keep(res, w, nil, notDecoded(err), err)
		}
		body = w.plain
	}
	began := x.proxy.now()
	result, err := lens.Map(w.out[:0], body, transform.Job{
		Direction: transform.ToFlow, Form: form, Vars: x.room.vars, Links: x.room.links, MaxDepth: x.proxy.limits.MaxDepth,
	})
	x.record.Transform += x.proxy.now().Sub(began)
	if err != nil {
		return x.keep(res, w, nil, FallbackUnmappable, err)
	}
	x.record.Native = result.Native
	x.record.Mapped = result.Changed
	x.record.Unmapped += result.Unmapped
	x.record.Unknown += result.Unknown
	if out, more := x.completed(res.StatusCode, body, result.Body); more {
		result.Body, result.Changed, x.record.Mapped = out, true, true
	}
	if result.Changed {
		w.out = result.Body // it may have outgrown what it was given
	}
	return x.encodeAnswer(res, w, layers, len(body), result)
}

// encodeAnswer gives the client what the lens made of an answer, in a coding that it takes. plain is
// the length of what the lens was given.
func (x *exchange) encodeAnswer(res *http.Response, w *workspace, layers []coding.Coding, plain int, result transform.Result) error {
	goes := x.answerIn(res.Header, layers, int64(plain))
	out, changed := result.Body, result.Changed || len(layers) > 0 || goes != coding.Identity
	switch {
	case !result.Changed && len(layers) == 1 && goes == layers[0]:
		// The upstream's own bytes say the same, and the client takes them.
		out, changed = w.raw, false
	case goes != coding.Identity:
		var err error
		if w.coded, err = x.proxy.encoder.Encode(w.coded[:0], out, goes); err != nil {
			x.proxy.workspaces.put(w)
			return &refusal{problemInternal, fmt.Errorf("encode the answer: %w", err)}
		}
		out = w.coded
	}
	x.held = heldBody{pool: &x.proxy.workspaces, held: w, left: out}
	res.Body = &x.held
	x.vouch(res, changed, goes)
	if changed {
		x.commit(res, len(out), goes)
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
	x.held = heldBody{pool: &x.proxy.workspaces, held: w, left: w.raw, rest: rest}
	res.Body = &x.held
	return nil
}

// commit makes the head true of a body that has changed, but for what vouch does: the one
// place where length, framing, trailers and coding are set, all together.
func (x *exchange) commit(res *http.Response, length int, c coding.Coding) {
	setCoding(res.Header, c)
	res.Header["Content-Length"] = x.lines.of(strconv.Itoa(length))
	res.ContentLength, res.TransferEncoding, res.Trailer = int64(length), nil, nil
}

// describeOnly makes the answer to a HEAD what that to the GET would be, as far as it can be known
// without the body.
func (x *exchange) describeOnly(res *http.Response, layers []coding.Coding) {
	h := res.Header
	goes := x.answerIn(h, layers, res.ContentLength)
	x.vouch(res, true, goes)
	setCoding(h, goes)
	delete(h, "Content-Length")
	if x.proxy.compress && len(layers) == 0 && res.ContentLength < 0 {
		delete(h, "Etag") // it has the coding in it, which depends on the length
	}
}
