package proxy

import (
	"fmt"
	"net/http"
)

// Mode is the way crossfade treats one request of an endpoint. The zero value is not valid.
type Mode string

// The modes.
const (
	// Passthrough changes nothing, in either direction.
	Passthrough Mode = "passthrough"
	// Dual answers in both shapes at once and takes either.
	Dual Mode = "dual"
	// FlowOnly answers in the flow shape alone.
	FlowOnly Mode = "flow_only"
)

// Check says what is wrong with a mode, nil if nothing is.
func (m Mode) Check() error {
	switch m {
	case Passthrough, Dual, FlowOnly:
		return nil
	}
	return fmt.Errorf("unknown mode %q (want %s, %s or %s)", string(m), Passthrough, Dual, FlowOnly)
}

// Reason says why a request has its mode, in one word for logs and metrics.
type Reason string

// The reasons that this package gives. Deciders have more.
const (
	// ReasonDefault is the mode of all endpoints that have none of their own.
	ReasonDefault Reason = "default"
	// ReasonEndpoint is the endpoint's own mode.
	ReasonEndpoint Reason = "endpoint"
	// ReasonInvalid is what becomes of a decision for no known mode: passthrough.
	ReasonInvalid Reason = "invalid"
)

// Decision is the mode of one request, and why. All but Mode and Try is told, in the access line and to the Observer, and
// changes nothing here.
type Decision struct {
	Mode   Mode
	Reason Reason
	// Try has the lens tried on a copy of an answer that passes through, off the client's path.
	Try bool
	// Stage is what operators set: a mode, or a word for something more that the Decider knows, like
	// verify, which is passthrough for the client. Empty where there are no stages.
	Stage string
	// Source is where the stage came from, and Rule which rule there gave it; empty where there is no more to say than Reason.
	Source, Rule string
	// Bucket is the caller's slot, and Threshold the first slot that is out, where HasBucket says that a share decided.
	Bucket, Threshold uint32
	HasBucket         bool
	// Version is of the flags that decided; 0 where nothing was set at run time.
	Version int64
	// Consulted names the request's header fields that the mode depends on, as canonical names: all that were
	// looked at, whether they were there or not. Answers name them in Vary.
	Consulted []string
	// Private: the mode depends on who asks in a way that Vary cannot tell, say on the user
	// behind a token. Shared caches then must not keep the answer.
	Private bool
}

// Decider says the mode of a request of the named endpoint. It is asked exactly once for
// each, before anything is read from the request's body; it must not read the body, change
// the request or block. Calls are concurrent. Where an answer names the URL of another endpoint, it is
// asked, once more and with the same request, what mode the caller would have there.
type Decider interface {
	Decide(r *http.Request, endpoint string) Decision
}

// Fixed decides by the endpoint's name alone. Modes that are not valid decide for passthrough.
type Fixed struct {
	Default   Mode
	Endpoints map[string]Mode // by the endpoint's name; must not change any more
}

// Decide implements Decider.
func (f Fixed) Decide(_ *http.Request, endpoint string) Decision {
	if m, ok := f.Endpoints[endpoint]; ok {
		return Decision{Mode: m, Reason: ReasonEndpoint}
	}
	return Decision{Mode: f.Default, Reason: ReasonDefault}
}

// decide asks the decider. Its answer is the mode of everything that happens to the request.
func (p *Proxy) decide(r *http.Request, endpoint string) Decision {
	d := p.decider.Decide(r, endpoint)
	if d.Mode.Check() != nil {
		d.Mode, d.Reason = Passthrough, ReasonInvalid
	}
	return d
}
