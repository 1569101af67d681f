// Package conformance holds crossfade to its promises from outside: the real command as a process of
// its own, configured as an operator would, between peers that speak raw TCP (internal/raw).
//
// Every promise is a row of the tables in the files of this package: what may go wrong, what
// crossfade does then, and the test of it, which runs in each mode and is named after the row:
//
//	go test ./conformance -run 'TestPromises/requests/CONNECT_and_TRACE/dual'
//
// README.md lists the rows, and what else is here: public suites behind the build tag suites
// (suite_*_test.go, make conformance), a fuzz target (fuzz_test.go), and package soak.
//
// The tests of the packages (proxy, proxy/edge, proxy/upstream, …) prove how each part does it;
// these here prove that the whole does. A fault that only a test of a package could cause, such as a
// panic in a handler, has no row.
package conformance
