// Package admin is what operators see: an http.Handler for a listener of its own, apart from
// the traffic and on loopback unless they say otherwise.
//
//   - health.go: /livez and /readyz, for whoever starts and stops processes. They need no token.
//   - /metrics is package metrics' handler; it has nothing secret in it, and needs a token only where it is to.
//   - /api/v1/... is the API: flags, the kill switch, the journal, explanations. openapi.yaml describes every
//     route of it; routes.go is the table that they are served from.
//   - /ofrep/... is package ofrep's handler.
//
// What a request of the API goes through, in this order: guard.go (is it for us, and not from a page of
// somebody else's?), the table (404, 405), tokens.go (who is it, and may they?), read.go (is the body what the route
// takes?), and the route's own function, in flags.go, moves.go, kill.go, freezes.go, journal.go, explain.go, status.go.
// Whatever goes wrong is an error that problem.go turns into an answer.
//
// Nothing is changed by GET or HEAD, and nothing without a token. There are no cookies and no CORS headers, so a
// browser has nothing to give away.
package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// Options is what the handler is made of. Functions are called for each request that needs them, concurrently, and must
// not block.
type Options struct {
	// Ready says why the process should get no traffic; nil when it should. Required.
	Ready func() error
	// Metrics answers /metrics; nil for none. MetricsNeedToken asks for a token with the role Read there.
	Metrics          http.Handler
	MetricsNeedToken bool
	// OFREP answers below /ofrep/ for tokens with the role Read; nil for none.
	OFREP http.Handler

	// Flags are what the API is about; nil serves no API.
	Flags Flags
	// Tokens are who may use the API. Without any it answers nobody.
	Tokens []Token
	// Hosts are the names by which the listener is called, beside localhost and plain addresses, without ports.
	Hosts []string
	// Endpoints are those of the contract that is served. Required with Flags.
	Endpoints func() []Endpoint
	// Lookup finds the endpoint of a path, as proxy.Proxy does. Required with Flags.
	Lookup func(method, path string) (proxy.Place, bool, error)
	// Recent has the requests that can be explained by their id; nil for none.
	Recent *Recent
	// Settings are those of the configuration, in the order to show them in; nil shows none.
	Settings func() []Setting
	// Status tells about the process; nil tells nothing.
	Status func() Status

	// Logger gets a line for each change and each refused caller; nil for none.
	Logger *zap.Logger
	// BodyTimeout is how long the body of a request may take; 0 is 10 s.
	BodyTimeout time.Duration
}

// Endpoint is an endpoint of the contract.
type Endpoint struct {
	Name    string  `json:"name"`
	Summary string  `json:"summary,omitempty"`
	Method  string  `json:"method"`
	Routes  []Route `json:"routes"`
	Journey string  `json:"journey,omitempty"`
}

// Route is a pair of an endpoint's paths; equal where both shapes share one.
type Route struct {
	Session string `json:"session"`
	Flow    string `json:"flow"`
}

// Setting is one setting of the configuration.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"` // of a Secret, it is never shown
	Source string `json:"source"`
	Secret bool   `json:"secret,omitempty"`
}

// Status tells about the process.
type Status struct {
	Build            string    `json:"build"`
	Started          time.Time `json:"started"`
	ContractRevision string    `json:"contract_revision"`
	InFlight         int64     `json:"in_flight"`         // requests that run now
	BodyMemory       int64     `json:"body_memory_bytes"` // that bodies take which are held
}

// New checks the options and returns the handler. It is immutable: other tokens are another handler.
func New(o Options) (http.Handler, error) {
	if o.Ready == nil {
		return nil, errors.New("no readiness: who says whether the process takes traffic?")
	}
	mux := http.NewServeMux()
	health{o.Ready, o.Flags}.register(mux)
	a, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	if o.Metrics != nil {
		role := Read
		if !o.MetricsNeedToken {
			role = nobody
		}
		mux.Handle("GET /metrics", a.guarded(a.behind(role, o.Metrics)))
	}
	if o.OFREP != nil {
		mux.Handle("/ofrep/", a.guarded(a.behind(Read, o.OFREP)))
	}
	if o.Flags != nil {
		a.register(mux)
	}
	return mux, nil
}

// newAPI checks what the API needs.
func newAPI(o Options) (*api, error) {
	a := &api{Options: o}
	if a.Logger == nil {
		a.Logger = zap.NewNop()
	}
	if a.BodyTimeout == 0 {
		a.BodyTimeout = 10 * time.Second
	}
	if o.Flags != nil && (o.Endpoints == nil || o.Lookup == nil) {
		return nil, errors.New("no endpoints: flags are about those of a contract")
	}
	for i, t := range o.Tokens {
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("token %d: %w", i+1, err)
		}
		for _, other := range o.Tokens[:i] {
			if other.sum == t.sum {
				return nil, fmt.Errorf("tokens %s and %s have the same secret: give each one of its own", other.name, t.name)
			}
		}
	}
	return a, nil
}
