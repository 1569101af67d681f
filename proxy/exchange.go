package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/transform"
)

// exchange is one request and its answer. It belongs to the request's goroutine.
type exchange struct {
	room   *room
	proxy  *Proxy
	in     *http.Request
	client recorder
	out    outgoing
	record Record
	began  time.Time
	asked  time.Time // when the upstream was

	lines      lines
	asker      asker              // who asks
	resolution                    // where the path led
	decision   Decision           // of an endpoint; else zero
	others     map[*endpoint]Mode // of endpoints that the answer's URLs lead to
	// mapping: the mode is dual or flow_only, and no doubt about the path speaks against it.
	mapping bool
	// spokeFlow: the client asked in flow words, so that errors answer in them.
	spokeFlow bool
	// revalidating: the upstream was asked whether the client's copy is still good, which is of this mode.
	revalidating bool
	// switched: the upstream agreed to a WebSocket.
	switched bool
	// lent: somebody may go on with something of the exchange when it is over.
	lent bool
	// whole: it came to its end without a panic.
	whole bool

	path      string        // escaped, as the upstream gets it, without its base path
	query     string        // raw, as the upstream gets it
	payload   *payload      // the request's body, when it was read whole
	multipart *formStream   // the request's body, when it is mapped while it streams
	cut       error         // what broke the upstream's body off
	params    []queryParam  // of the request, read when something asks for them
	applied   []queryParam  // those that the upstream does not get, because crossfade applies them
	answer    upstreamBody  // what res.Body is while it streams
	held      heldBody      // what it is when it was held
	trialed   *trialBody    // what it is where a copy of it is tried
	paced     *pacedBody    // the request's, where it has one
	place     place         // taken from the Admission
	events    *eventBody    // the answer, when it is an event stream
	mapped    *streamBody   // the answer, when its messages are mapped
	tunnel    *tunnel       // what an upgrade has led to
	companion companionship // what completes the answer, where memory does
}

// serve finds out what the request is and asks the upstream, or answers itself.
func (x *exchange) serve() {
	r, p := x.in, x.proxy
	x.record.Method = methodName(r.Method)
	x.record.RequestID = requestID(r, p.newID)
	if r.ProtoMajor == 1 && (len(r.TransferEncoding) > 0 || r.ProtoMinor == 0) {
		// net/http hides whether there was a Content-Length beside it, which is how requests are
		// smuggled, and takes a Transfer-Encoding out of HTTP/1.0 in silence; then the connection must not
		// carry another one (RFC 9112 section 6.1).
		x.client.closing = true
	}
	if !isServed(r.Method) {
		x.client.closing = true
		x.refuse(problemMethod, fmt.Errorf("method %s", r.Method))
		return
	}
	if !x.admit() {
		return
	}
	x.pace()
	if p.answerPreflights && isPreflight(r) {
		x.client.WriteHeader(http.StatusNoContent)
		return
	}
	path, err := spelledPath(r)
	if err != nil {
		x.refuse(problemAmbiguous, err)
		return
	}
	x.path, x.query = path, r.URL.RawQuery
	x.asker = p.askerOf(r)
	method := r.Method
	preflight := isPreflight(r)
	if preflight {
		method = r.Header.Get("Access-Control-Request-Method")
	}
	x.resolution = p.routes.resolve(r, method, path)
	if x.route == nil {
		x.forward()
		return
	}
	x.decision = p.decide(r, x.route.endpoint.Name)
	x.record.describe(x.route, x.decision)
	switch x.decision.Mode {
	case Passthrough:
	case Dual, FlowOnly:
		if preflight {
			// A browser's question names no shape; it only has to reach a path that the upstream has.
			x.pathToSession()
		} else if !x.enter() {
			return
		}
	}
	x.forward()
}

// methodName is a method in memory of its own, as requestID is an id.
func methodName(method string) string {
	for _, usual := range [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		if method == usual {
			return usual
		}
	}
	return strings.Clone(method)
}

// isServed says whether a method is passed on: no tunnels (CONNECT), no echo of what proxies added
// (TRACE), and no PRI, which begins HTTP/2 where it is not spoken: its second half is no request.
func isServed(method string) bool {
	return !strings.EqualFold(method, http.MethodConnect) && !strings.EqualFold(method, http.MethodTrace) && method != "PRI"
}

// enter does what dual and flow_only do before the upstream is asked. It is false when the
// answer has been given already.
func (x *exchange) enter() bool {
	flowOnly := x.decision.Mode == FlowOnly
	if x.ambiguous {
		if flowOnly {
			x.refuse(problemAmbiguous, fmt.Errorf("the path may be taken for %s", x.route.template))
			return false
		}
		x.record.Fallback = FallbackAmbiguous
		return true
	}
	if flowOnly && x.route.side == sessionSide && x.route.endpoint.policy.SessionRoute != SessionRouteServe {
		x.gone()
		return false
	}
	x.mapping = true
	x.spokeFlow = flowOnly || x.route.side == flowSide
	if x.served() {
		return false
	}
	x.pathToSession()
	if !x.queryToSession() || !x.bodyToSession() {
		return false
	}
	x.accompany()
	return true
}

// pathToSession turns a flow route's path into the one that the upstream knows. A session
// route's path stays as the client spelled it.
func (x *exchange) pathToSession() {
	if x.route.side == flowSide && !x.ambiguous {
		x.path = x.counterpart()
	}
}

// flowParameters says whether the parameters that crossfade itself applies are meant for it:
// on the flow route. Where both shapes share the route, a caller of the session shape may mean
// something else by them, until there is no session shape any more.
func (x *exchange) flowParameters() bool {
	return x.route.side == flowSide || x.route.side == bothSides && x.decision.Mode == FlowOnly
}

// end is deferred around every exchange: it answers for a panic, writes the access line and
// tells the observer.
func (x *exchange) end() {
	fault := recover()
	abort := isAbort(fault)
	if fault != nil && !abort {
		x.record.err = fmt.Errorf("panic: %v", fault)
		x.proxy.logger.Error("panic in a handler", zap.String(keyRequestID, x.record.RequestID),
			zap.Any("panic", fault), zap.ByteString("stack", debug.Stack()))
		if abort = x.client.status != 0; !abort {
			x.refuse(problemInternal, x.record.err)
		}
	}
	if fault != nil && x.trialed != nil && !x.trialed.over {
		x.trialed.end(TrialSkipped) // its place is for the next one
	}
	if fault != nil && x.answer.ReadCloser != nil {
		x.answer.Close() // the upstream's own alone: what stands around it may be in any state
	}
	x.closeStreams()
	x.settle(abort)
	x.report()
	x.whole = fault == nil
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// isAbort says whether a panic is the wish to cut the connection.
func isAbort(fault any) bool {
	err, ok := fault.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// settle completes the record.
func (x *exchange) settle(aborted bool) {
	rec := &x.record
	rec.Status, rec.Bytes = x.client.status, x.client.written
	rec.Duration = x.proxy.now().Sub(x.began)
	if x.switched && rec.Problem == "" {
		rec.Status = http.StatusSwitchingProtocols
	}
	switch {
	case x.client.failed || aborted && x.left():
		rec.Outcome, rec.Status, rec.err = ClientGone, statusClientGone, nil
	case aborted, x.tunnel != nil && x.tunnel.failed.Load():
		rec.Outcome = Cut
		if rec.err == nil {
			rec.err = x.cut
		}
	case rec.Problem != "":
		rec.Outcome = Refused
	default:
		rec.Outcome = Answered
	}
}

// left says whether the client went away. net/http says so, too, of one whose body was too slow.
func (x *exchange) left() bool {
	return errors.Is(x.in.Context().Err(), context.Canceled) && !x.wasSlow()
}

// abortIfLeft ends the exchange where there is nobody to answer any more.
func (x *exchange) abortIfLeft() {
	if x.left() {
		panic(http.ErrAbortHandler)
	}
}

// vars gives a lens the variables of this request.
func (x *exchange) vars(name string) (string, bool) {
	kind, key, _ := strings.Cut(name, ".")
	switch kind {
	case "path":
		v, ok := x.resolution.vars[key]
		return unescaped(v), ok
	case "query":
		if !x.flowParameters() || x.accompanied() && x.companion.Filters {
			return "", false
		}
		return x.queryValue(key)
	case "client":
		return x.in.URL.Path, key == "path"
	case "upstream":
		return unescaped(x.proxy.base + x.path), key == "path"
	}
	return "", false
}

var _ transform.Vars = (*exchange)(nil).vars

// upstreamBody is the upstream's body on its way through, so that the end can tell who broke off.
type upstreamBody struct {
	io.ReadCloser
	exchange *exchange
}

// Ready is for upstream.Bound.
func (b *upstreamBody) Ready() bool {
	r, ok := b.ReadCloser.(interface{ Ready() bool })
	return ok && r.Ready()
}

func (b *upstreamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.exchange.cut = fmt.Errorf("the upstream's body broke off: %w", err)
	}
	return n, err
}
