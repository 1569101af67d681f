package proxy

import (
	"errors"
	"fmt"
)

// Policy is what an operator may choose for an endpoint where flow_only leaves a choice. The
// zero value is the strict one.
type Policy struct {
	SessionRoute SessionRoute
	OnFailure    OnFailure
}

// SessionRoute says what the session route of an endpoint does in flow_only, where the flow
// has a route of its own.
type SessionRoute string

const (
	// SessionRouteGone answers 410 and names the flow route. The default, also as "".
	SessionRouteGone SessionRoute = "gone"
	// SessionRouteServe goes on, with answers in the flow shape.
	SessionRouteServe SessionRoute = "serve"
)

// OnFailure says what flow_only does with an answer that cannot be mapped.
type OnFailure string

const (
	// OnFailureRefuse answers 502. The default, also as "".
	OnFailureRefuse OnFailure = "refuse"
	// OnFailureOriginal lets the upstream's answer out as it is, marked.
	OnFailureOriginal OnFailure = "original"
)

func (p Policy) check() error {
	var errs []error
	switch p.SessionRoute {
	case "", SessionRouteGone, SessionRouteServe:
	default:
		errs = append(errs, fmt.Errorf("unknown session route policy %q (want %s or %s)",
			string(p.SessionRoute), SessionRouteGone, SessionRouteServe))
	}
	switch p.OnFailure {
	case "", OnFailureRefuse, OnFailureOriginal:
	default:
		errs = append(errs, fmt.Errorf("unknown failure policy %q (want %s or %s)",
			string(p.OnFailure), OnFailureRefuse, OnFailureOriginal))
	}
	return errors.Join(errs...)
}
