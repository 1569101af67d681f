// Package proxy is the data path: an http.Handler that stands before a legacy backend and
// gives each caller the shape, session or flow, that was decided for it.
//
// The life of a request, in the order of the files:
//
//  1. proxy.go, exchange.go: an exchange is made, the state of this one request. Whatever
//     happens, its end writes one access line (access.go) and tells the Observer.
//  2. route.go, spelling.go: the path leads to an endpoint of the contract, or it is none of
//     ours and passes untouched. Other spellings of an endpoint's path are recognised.
//  3. decide.go: the Decider is asked for the mode, once.
//  4. request.go, query.go, headers.go, forwarded.go: in dual and flow_only the path, query,
//     headers and body become what the upstream knows; a caller that contradicts itself is told
//     so in the backend's own error shape (invalid.go).
//  5. transport.go, guard.go: the upstream is asked, on connections that cannot hand one
//     caller's bytes to another.
//  6. receive.go, gate.go, body.go, location.go: the answer comes, the gate says whether it
//     may be mapped, the lens maps it whole, and one place repairs its headers. What cannot be
//     mapped goes out untouched and marked (dual) or is refused (flow_only).
//  7. recorder.go, problem.go: the head goes out, with the mode in it; or a problem of ours does.
//
// Nothing is sent to the client before it is certain: a mapped body is complete before its
// head goes out. What is not mapped streams, in memory that does not grow with the body.
package proxy

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

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
	// Transport reaches the upstream; nil means NewTransport(TransportOptions{}). One that is
	// shared by several proxies keeps its connections across a reload.
	Transport http.RoundTripper
	// Policies of endpoints, by name. An endpoint without one has the zero Policy.
	Policies map[string]Policy
	// Limits bound what a request may cost; zero members mean their defaults.
	Limits Limits
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
	// and decoded. Bodies that are not mapped may have any size. Default 16 MiB.
	MaxBody int64
	// MaxDepth is how deep a body may be nested. Default 512.
	MaxDepth int
}

const (
	// defaultMaxBody is far above what the backend's largest lists take (some hundred KiB), and
	// still small enough for dozens of them at once on a small machine.
	defaultMaxBody = 16 << 20
	// flushAfter is how long a piece of a body with a known length may wait for more of it. Short enough to
	// be felt by nobody, long enough that a body in one piece takes one write.
	flushAfter = 10 * time.Millisecond
)

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
	errorLog   *log.Logger
	observer   Observer
	now        func() time.Time
	newID      func() string
	pieces     pieces
	workspaces workspaces
}

// New checks the options and gives the proxy. All that is wrong comes at once, joined. It
// does no I/O: an upstream that is away is no error here.
func New(o Options) (*Proxy, error) {
	p := &Proxy{
		upstream: o.Upstream, decider: o.Decider, transport: o.Transport, limits: o.Limits,
		trusted: o.TrustedProxies, logger: o.Logger, observer: o.Observer, now: o.Now, newID: o.NewID,
	}
	errs := []error{checkUpstream(o.Upstream), checkLimits(o.Limits)}
	if o.Decider == nil {
		errs = append(errs, errors.New("no decider: who says the mode of a request?"))
	}
	if o.Contract == nil {
		errs = append(errs, errors.New("no contract: it declares the endpoints"))
	} else {
		var err error
		p.routes, err = newTable(o.Contract, o.Policies)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if p.transport == nil {
		p.transport = NewTransport(TransportOptions{})
	}
	if p.limits.MaxBody == 0 {
		p.limits.MaxBody = defaultMaxBody
	}
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
	// What net/http says while it copies is told by the access line too, in our words.
	p.errorLog, _ = zap.NewStdLogAt(p.logger, zap.DebugLevel)
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

func checkLimits(l Limits) error {
	var errs []error
	if l.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("limits: max body %d is negative (want bytes, or 0 for %d)", l.MaxBody, defaultMaxBody))
	}
	if l.MaxDepth < 0 {
		errs = append(errs, fmt.Errorf("limits: max depth %d is negative (want levels, or 0 for the default)", l.MaxDepth))
	}
	return errors.Join(errs...)
}

// ServeHTTP answers one request. It panics with http.ErrAbortHandler, and with nothing else,
// when an answer that has begun cannot be finished: the server then cuts the connection, so
// that no client takes a part for the whole.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{proxy: p, in: r, began: p.now()}
	x.client.exchange = x
	x.client.ResponseWriter = w
	x.reverse = httputil.ReverseProxy{
		Rewrite:        x.rewrite,
		ModifyResponse: x.receive,
		ErrorHandler:   x.fail,
		Transport:      p.transport,
		BufferPool:     &p.pieces,
		ErrorLog:       p.errorLog,
		FlushInterval:  flushAfter,
	}
	defer x.end()
	x.serve()
}
