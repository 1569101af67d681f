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
	NoTransform  NoTransform
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

// NoTransform says what becomes of an answer with Cache-Control: no-transform, in dual and flow_only.
type NoTransform string

const (
	// NoTransformRewrite maps it like any other. The default, also as "": the directive is for those who
	// stand between an origin and its callers, and crossfade speaks as the origin.
	NoTransformRewrite NoTransform = "rewrite"
	// NoTransformPass lets it out as it is, marked.
	NoTransformPass NoTransform = "pass"
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
	switch p.NoTransform {
	case "", NoTransformRewrite, NoTransformPass:
	default:
		errs = append(errs, fmt.Errorf("unknown no-transform policy %q (want %s or %s)",
			string(p.NoTransform), NoTransformRewrite, NoTransformPass))
	}
	return errors.Join(errs...)
}
