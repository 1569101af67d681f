// Package conformance holds crossfade to its promises from outside: the real command as a process of
// its own, configured as an operator would, between peers that speak raw TCP (internal/raw).
//
// Every promise is a row of the table in promises_test.go: what may go wrong, and what crossfade does
// then. Its test runs in each mode and is named after it:
//
//	go test ./conformance -run 'TestPromises/2.3/CONNECT_and_TRACE/dual'
//
// README.md lists the rows. The tests of the packages (proxy, proxy/edge, …) prove how each part does it;
// these here prove that the whole does.
//
// The folders below have what takes tools or time: suites runs public suites (make conformance), soak
// runs mixed traffic with faults for as long as it is told to (make soak).
package conformance
