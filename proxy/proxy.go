// Package proxy is the data path: an http.Handler that stands before a legacy backend and
// gives each caller the shape, session or flow, that was decided for it.
//
// The life of a request, in the order of the files:
//
//  1. proxy.go, exchange.go: an exchange is made, the state of this one request. Whatever
//     happens, its end writes one access line (access.go) and tells the Observer. admission.go gives
//     it a place, or sheds it; pace.go cuts it when its body does not come. Its memory serves the next one
//     where nobody has anything of it any more (reuse.go).
//  2. route.go, spelling.go: the path leads to an endpoint of the contract, or it is none of
//     ours and passes untouched. Other spellings of an endpoint's path are recognised. lookup.go tells
//     operators the same.
//  3. decide.go: the Decider is asked for the mode, once.
//  4. request.go, query.go, headers.go, forwarded.go: in dual and flow_only the path, query,
//     headers and body become what the upstream knows. requestbody.go, form.go, multipart.go map the
//     body, as JSON or as a form. A caller that contradicts itself is told so in the backend's own
//     error shape (invalid.go).
//     memory.go, ask.go: what the upstream does not remember of flows is answered by Memory, which asks
//     the upstream questions of its own.
//  5. forward.go, transport.go and package upstream: the upstream's request is made, and it is
//     asked, on connections that cannot hand one caller's bytes to another.
//  6. receive.go, gate.go, body.go, bodycoding.go: the answer comes, the gate says
//     whether it may be mapped, it is decoded, the lens maps it whole, it is encoded again, and one
//     place repairs its headers. What cannot be mapped goes out untouched and marked (dual) or is
//     refused (flow_only). validators.go and entitytag.go give it a validator of its own, and
//     take it off again from the conditions of requests; vary.go tells caches what it depends on.
//     links.go and reference.go lead flow callers on by flow routes; lifecycle.go tells session
//     callers until when theirs are there.
//  7. stream.go, streammessages.go: a stream whose messages are mapped goes its own way, one
//     message at a time, as the mode was when it began. upgrade.go, socket.go, socketdirection.go: so
//     does a WebSocket, in both directions. streams.go, streamevents.go end what has no end of its own.
//  8. respond.go, recorder.go, problem.go: the head goes out, with the mode in it, and the body behind it; or
//     a problem of ours does.
//
// Nothing is sent to the client before it is certain: a mapped body is complete before its head goes out,
// or, of a long one in dual (union.go), the upstream's own bytes go out as they come and what is added
// to them waits until it is certain. What is not mapped streams, in memory that does not grow with the body.
package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/coding"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// Options is everything that a Proxy is made of. Upstream, Contract and Decider are required.
type Options struct {
	// Upstream is the address of the legacy backend: http or https, a host, perhaps a base path
	// that goes before every path. No user, query or fragment.
	Upstream *url.URL
	// Contract declares the endpoints. Those that are switched off pass like any other path.
	Contract *contract.Contract
	// Decider says the mode of each request of an endpoint.
	Decider Decider
	// Transport reaches the upstream; nil means one of package upstream with its defaults. One that is
	// shared by several proxies keeps its connections across a reload.
	Transport http.RoundTripper
	// Policies of endpoints, by name. An endpoint without one has the zero Policy.
	Policies map[string]Policy
	// Lifecycle is for endpoints that have no dates of their own, before the dates that the contract
	// has for all. Zero: those of the contract.
	Lifecycle contract.Dates
	// Compress encodes mapped answers of 1 KiB and more for clients that accept it, also where the
	// upstream, which is asked for none, put no coding on.
	Compress bool
	// Build names this build of crossfade. It is part of the validators of mapped answers, since
	// another build may map to other bytes.
	Build string
	// Memory answers for flows that the upstream does not remember; nil for none.
	Memory Memory
	// Limits bound what a request may cost; zero members mean their defaults.
	Limits Limits
	// Admission bounds what all requests together may cost; nil for no bound. One that is shared by
	// several proxies counts them together.
	Admission Admission
	// AnswerPreflights has every CORS preflight answered with 204 and nothing else, instead of by the
	// upstream: whoever wraps the Proxy puts the headers on.
	AnswerPreflights bool
	// Streams are what this process has of event streams and WebSockets; nil means some of its own.
	Streams *Streams
	// OwnField is a header field of requests that is for the Decider alone and is not handed on; "" for none.
	OwnField string
	// TrustedProxies are networks of proxies in front whose X-Forwarded-* fields are believed.
	// From anyone else they are dropped.
	TrustedProxies []netip.Prefix
	// Logger gets one access line for each request; nil for none.
	Logger *zap.Logger
	// Observer is told about each request after its answer; nil for none.
	Observer Observer
	// Now is the clock of durations; nil means time.Now.
	Now func() time.Time
	// NewID makes the id of a request that brings none; nil means a random UUID.
	NewID func() string
}

// Limits bound what one request may cost. Zero means the default.
type Limits struct {
	// MaxBody is the largest body, in bytes, that is held in memory to be mapped, as it came
	// and decoded. Bodies that are not mapped may have any size; of one that streams (StreamAbove) it
	// bounds what is held for its end. Default 16 MiB.
	MaxBody int64
	// StreamAbove is the length, in bytes, above which an answer in dual goes out as it comes, where the lens
	// adds at its end alone. Default 256 KiB.
	StreamAbove int64
	// MaxMessage is the largest message of a stream, in bytes, that is held in memory to be mapped,
	// its framing included. Default 1 MiB.
	MaxMessage int64
	// MaxRatio is how many times its encoded length a body may have when it is decoded, where that is
	// more than 1 MiB. Default 200.
	MaxRatio int64
	// MaxDepth is how deep a body may be nested. Default 512.
	MaxDepth int
	// BodyIdle is how long the upstream may pause in a body that is mapped, and BodyTotal how long
	// that body may take in all. Then it is a 504. Defaults 30 s and 2 min.
	BodyIdle, BodyTotal time.Duration
	// RequestIdle is in how long a request's body has to bring 1 KiB or its end, of the time that it
	// is waited for. Then it is a 408. Default 30 s.
	RequestIdle time.Duration
	// MaxHeaderFields is how many header fields a request may have, each line counted. Default 100.
	MaxHeaderFields int
}

// defaultMaxBody is far above what the backend's largest lists take (some hundred KiB), and
// still small enough for dozens of them at once on a small machine.
const defaultMaxBody = 16 << 20

// Proxy is the data path. It is immutable and safe for concurrent use; a new configuration
// is a new Proxy.
type Proxy struct {
	upstream   *url.URL
	base       string // of the upstream's path, escaped, no slash at its end
	routes     *table
	decider    Decider
	transport  http.RoundTripper
	limits     Limits
	trusted    []netip.Prefix
	logger     *zap.Logger
	observer   Observer
	memory     Memory
	contract   map[string]*contract.Endpoint // by name, switched-off ones included
	now        func() time.Time
	newID      func() string
	reusing    reusing // the transport, where it can; else nil
	exchanges  exchanges
	pieces     pieces
	workspaces workspaces
	encoder    coding.Encoder
	compress   bool
	marks      marks
	streams    *Streams
	admission  Admission
	trials     atomic.Int32 // that run
	ownField   string       // as a canonical name

	answerPreflights bool
}

// New checks the options and gives the proxy. All that is wrong comes at once, joined. It
// does no I/O: an upstream that is away is no error here.
func New(o Options) (*Proxy, error) {
	p := &Proxy{
		upstream: o.Upstream, decider: o.Decider, transport: o.Transport, limits: o.Limits,
		trusted: o.TrustedProxies, logger: o.Logger, observer: o.Observer, memory: o.Memory, now: o.Now, newID: o.NewID,
	}
	errs := []error{checkUpstream(o.Upstream), checkLimits(o.Limits), o.Lifecycle.Check()}
	if o.Decider == nil {
		errs = append(errs, errors.New("no decider: who says the mode of a request?"))
	}
	if o.Contract == nil {
		errs = append(errs, errors.New("no contract: it declares the endpoints"))
	} else {
		var err error
		p.routes, err = newTable(o.Contract, o.Policies, o.Lifecycle)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if p.transport == nil {
		var err error
		if p.transport, err = defaultTransport(o.Upstream); err != nil {
			return nil, err
		}
	}
	p.reusing, _ = p.transport.(reusing)
	p.limits.complete()
	p.contract = make(map[string]*contract.Endpoint, len(o.Contract.Endpoints))
	for _, e := range o.Contract.Endpoints {
		p.contract[e.Name] = e
	}
	p.admission, p.answerPreflights = o.Admission, o.AnswerPreflights
	p.ownField = http.CanonicalHeaderKey(o.OwnField)
	if p.streams = o.Streams; p.streams == nil {
		p.streams = &Streams{}
	}
	p.compress, p.marks = o.Compress, newMarks(o.Contract.Revision, o.Build)
	if p.logger == nil {
		p.logger = zap.NewNop()
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.newID == nil {
		p.newID = randomID
	}
	p.base = strings.TrimSuffix(o.Upstream.EscapedPath(), "/")
	return p, nil
}

func checkUpstream(u *url.URL) error {
	switch {
	case u == nil:
		return errors.New("no upstream: want the address of the legacy backend, like http://127.0.0.1:8000")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("upstream %q: scheme %q (want http or https, like http://127.0.0.1:8000)", u.Redacted(), u.Scheme)
	case u.Host == "":
		return fmt.Errorf("upstream %q: no host (want an address like http://127.0.0.1:8000)", u.Redacted())
	case u.User != nil:
		return fmt.Errorf("upstream %q: a user in it (credentials are the callers' own; leave it out)", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("upstream %q: a query or fragment in it (want scheme, host and perhaps a base path)", u.Redacted())
	}
	return nil
}

// complete puts the defaults where nothing was said.
func (l *Limits) complete() {
	l.MaxBody = cmp.Or(l.MaxBody, defaultMaxBody)
	l.StreamAbove = cmp.Or(l.StreamAbove, defaultStreamAbove)
	l.MaxMessage = cmp.Or(l.MaxMessage, defaultMaxMessage)
	l.MaxRatio = cmp.Or(l.MaxRatio, defaultMaxRatio)
	l.BodyIdle = cmp.Or(l.BodyIdle, defaultBodyIdle)
	l.BodyTotal = cmp.Or(l.BodyTotal, defaultBodyTotal)
	l.RequestIdle = cmp.Or(l.RequestIdle, defaultRequestIdle)
	l.MaxHeaderFields = cmp.Or(l.MaxHeaderFields, defaultMaxHeaderFields)
}

func checkLimits(l Limits) error {
	var errs []error
	if l.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("limits: max body %d is negative (want bytes, or 0 for %d)", l.MaxBody, defaultMaxBody))
	}
	if l.StreamAbove < 0 {
		errs = append(errs, fmt.Errorf("limits: stream above %d is negative (want bytes, or 0 for %d)", l.StreamAbove, defaultStreamAbove))
	}
	if l.MaxMessage < 0 {
		errs = append(errs, fmt.Errorf("limits: max message %d is negative (want bytes, or 0 for %d)", l.MaxMessage, defaultMaxMessage))
	}
	if l.MaxRatio < 0 {
		errs = append(errs, fmt.Errorf("limits: max ratio %d is negative (want a number, or 0 for %d)", l.MaxRatio, defaultMaxRatio))
	}
	if l.MaxDepth < 0 {
		errs = append(errs, fmt.Errorf("limits: max depth %d is negative (want levels, or 0 for the default)", l.MaxDepth))
	}
	if l.MaxHeaderFields < 0 {
		errs = append(errs, fmt.Errorf("limits: max header fields %d is negative (want a number, or 0 for %d)", l.MaxHeaderFields, defaultMaxHeaderFields))
	}
	if l.BodyIdle < 0 || l.BodyTotal < 0 || l.RequestIdle < 0 {
		errs = append(errs, errors.New("limits: a time for bodies is negative (want 0 for the default, or a time)"))
	}
	return errors.Join(errs...)
}

// ServeHTTP answers one request. It panics with http.ErrAbortHandler, and with nothing else,
// when an answer that has begun cannot be finished: the server then cuts the connection, so
// that no client takes a part for the whole.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := p.begin(w, r)
	defer x.giveBack()
	defer x.leave()
	defer x.part()
	defer x.end()
	x.serve()
}
