// Package flows answers for what the plan wants of flows and a backend of sessions cannot: a caller activates one of
// several flows and it stays their current one; flows have a type, a status and metadata; flows are made, changed
// and deleted. It is a proxy.Memory. What is remembered is in a Store (package sqlstore has one).
//
// Who asks, and which flows are theirs, is never read from a token or a header: the upstream is asked, with the
// caller's own credentials, by way of proxy.Upstream. crossfade keeps no credentials, so nothing is done for a
// caller who is not there; what a crash has left half done is completed when its caller comes again.
//
// The order of things is always the same, so that a crash between two of them leaves something that a retry mends:
//
//	activate   ask who and which flows → is the store there? → tell the upstream → record
//	create     write the intent → make the session upstream, marked with the intent → write the details
//	delete     is the store there? → delete the session upstream → forget
//
// Files: memory.go is what the data path calls. caller.go, sources.go ask the upstream. activate.go, create.go,
// manage.go, change.go serve calls; context.go, comparison.go complete answers that a lens has mapped; recall.go
// reads the store for them and sweep.go tidies it up. splice.go edits JSON by its bytes. answer.go makes answers.
package flows
