package config

import "fmt"

// Mode says which shapes an endpoint speaks: a mode, or the stage before the first one that changes
// anything. The zero value is not a mode.
type Mode string

// The modes.
const (
	Passthrough Mode = "passthrough" // the upstream's bytes, untouched
	Verify      Mode = "verify"      // as well; beside it the lens is tried on a copy
	Dual        Mode = "dual"        // both shapes in one body
	FlowOnly    Mode = "flow_only"   // the flow shape alone
)

// Check returns an error that lists the modes unless m is one of them.
func (m Mode) Check() error { return checkWord("mode", m, modes()) }

// SessionRoute says what a session route answers in flow_only when the endpoint has a flow
// route of its own.
type SessionRoute string

// What a session route may do in flow_only.
const (
	SessionGone  SessionRoute = "gone"  // 410, with a link to the flow route
	SessionServe SessionRoute = "serve" // works like the flow route
)

// OnFailure says what a client gets in flow_only when the upstream's body cannot be mapped.
type OnFailure string

// What may happen to a body that cannot be mapped.
const (
	FailureRefuse   OnFailure = "refuse"   // 502: never a session name where none was promised
	FailureOriginal OnFailure = "original" // the upstream's body, marked as such
)

// NoTransform says what becomes of an answer that says no-transform, in dual and flow_only.
type NoTransform string

// What may happen to an answer that says no-transform.
const (
	TransformRewrite NoTransform = "rewrite" // it is mapped: crossfade acts for the origin
	TransformPass    NoTransform = "pass"    // it goes out as it came, marked as such
)

func modes() []Mode                 { return []Mode{Passthrough, Verify, Dual, FlowOnly} }
func sessionRoutes() []SessionRoute { return []SessionRoute{SessionGone, SessionServe} }
func onFailures() []OnFailure       { return []OnFailure{FailureRefuse, FailureOriginal} }
func noTransforms() []NoTransform   { return []NoTransform{TransformRewrite, TransformPass} }

func checkWord[T ~string](what string, word T, words []T) error {
	names := make([]string, len(words))
	for i, w := range words {
		if w == word {
			return nil
		}
		names[i] = string(w)
	}
	return fmt.Errorf("unknown %s %s (want %s)", what, quote(string(word)), list(names))
}
