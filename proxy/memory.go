package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

// Memory is what crossfade knows of flows and the upstream does not: which one a caller has made the
// current one, say. Options.Memory gives it to a Proxy; package flows has one. Calls are concurrent.
//
// It is asked in dual and flow_only alone. Passthrough has none: there a flow route is the upstream's own.
type Memory interface {
	// Serves says whether calls of an endpoint's flow route are answered by Serve instead of by the upstream.
	Serves(endpoint string) bool
	// Serve answers a call. It asks the upstream for what only that one knows, who the caller is above all.
	Serve(ctx context.Context, c MemoryCall) MemoryReply
	// Accompanies says whether mapped answers of an endpoint may depend on what is remembered. It is false where
	// nothing is now that could change the answer, whoever asks: then it is as without memory. Else
	// the upstream is asked without conditions, and for the whole: what an activated flow changes, its entity tag does not know.
	Accompanies(endpoint string) bool
	// Accompany is called before the upstream is asked, so that what else is needed can be fetched meanwhile.
	Accompany(ctx context.Context, c MemoryCall) Companion
}

// MemoryCall is a request, as Memory sees it. Nothing in it may be changed.
type MemoryCall struct {
	Endpoint string
	Mode     Mode
	Method   string
	Vars     map[string]string // of the path, unescaped
	Query    map[string]string // decoded; of several values the last. Empty where they are not meant for crossfade
	Header   http.Header
	JSON     bool   // the body says to be JSON, or does not say what it is
	Body     []byte // decoded; nil for Accompany
	Upstream Upstream
}

// MemoryReply is the answer to a call: a Fault, or a Status and Body, or neither and the Err of Upstream.Ask for which
// there is none.
type MemoryReply struct {
	Status int
	// Header is added to the head. Without a Content-Type a body is JSON.
	Header http.Header
	Body   []byte
	Fault  *Fault
	// Err is for the log: why Fault is what it is.
	Err error
}

// Companion goes along with one request. Complete may be called once, Close is called once at the end.
type Companion struct {
	// Complete gives the answer that goes out: mapped, or what becomes of it. body is what the
	// upstream sent. With an error the answer goes out as well, and says that memory was away.
	Complete func(ctx context.Context, body, mapped []byte) ([]byte, error)
	// Filters: Complete applies the call's Query itself, and the lens must not.
	Filters bool
	// Close ends what still runs; nil where nothing does.
	Close func()
}

// FallbackFlows marks an answer that went out without what is remembered: the store, or a source of
// flows, was away.
const FallbackFlows Fallback = "flow-memory"

// errNoLens is the cause where an endpoint leaves such bodies alone.
var errNoLens = errors.New("no lens")

// served lets Memory answer where it does. It is false where the upstream has to.
func (x *exchange) served() bool {
	m, e := x.proxy.memory, x.route.endpoint
	if m == nil || x.route.side == sessionSide || !m.Serves(e.Name) {
		return false
	}
	if !x.queryToSession() { // what it says to the parameters holds here too
		return true
	}
	c := x.memoryCall()
	if x.in.ContentLength != 0 {
		layers, err := coding.Parse(x.in.Header["Content-Encoding"])
		raw, unread := x.readRequest()
		if unread != nil {
			x.unread(unread)
			return true
		}
		if err == nil {
			c.Body, err = x.decodedRequest(raw, layers)
		}
		if err != nil {
			x.unread(fmt.Errorf("decode the request's body: %w", err))
			return true
		}
	}
	x.asked = x.proxy.now()
	x.reply(m.Serve(x.in.Context(), c))
	return true
}

func (x *exchange) memoryCall() MemoryCall {
	x.lent = true
	c := MemoryCall{
		Endpoint: x.route.endpoint.Name, Mode: x.decision.Mode, Method: x.in.Method, Header: x.in.Header,
		Vars: map[string]string{}, Query: map[string]string{}, Upstream: &inquirer{x.proxy, x.in, x.asker, x.record.RequestID},
		JSON: len(x.in.Header["Content-Type"]) == 0 || isJSON(x.in.Header),
	}
	for name, value := range x.resolution.vars {
		c.Vars[name] = unescaped(value)
	}
	if x.in.URL.RawQuery != "" && x.flowParameters() {
		for _, p := range parseQuery(x.in.URL.RawQuery) {
			c.Query[p.name] = p.value
		}
	}
	return c
}

// reply sends what Memory answers.
func (x *exchange) reply(r MemoryReply) {
	x.abortIfLeft()
	switch {
	case r.Fault != nil:
		x.fault(r.Err, r.Fault)
		return
	case r.Status == 0:
		x.fail(r.Err)
		return
	}
	h := x.client.Header()
	h["Content-Type"] = []string{"application/json"}
	for name, values := range r.Header {
		h[name] = slices.Clone(values)
	}
	x.send(r.Status, r.Body)
}

// send sends an answer of ours, which no cache may keep: a 410 or 405 would else be kept beyond the mode that it
// is true in.
func (x *exchange) send(status int, body []byte) {
	h := x.client.Header()
	if status == http.StatusNoContent {
		delete(h, "Content-Type")
	} else {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	h.Set("Cache-Control", "no-store")
	h.Set(headerRequestID, x.record.RequestID)
	x.client.WriteHeader(status)
	if x.in.Method != http.MethodHead && status != http.StatusNoContent {
		_, _ = x.client.Write(body) // a failure is in the record already
	}
}
