package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Kind is what is known of a failure, for whoever decides what a client is told.
type Kind int

const (
	// Unreachable is that no connection could be made, in time or at all. Nothing was sent.
	Unreachable Kind = iota + 1
	// Late is that the upstream has the request, or a part of it, and did not answer in time.
	Late
	// Broken is that the upstream broke off, or what it sent is not HTTP. It may have done what was asked.
	Broken
	// Suspended is that nobody was asked, since every address has failed several times in a row just now.
	Suspended
)

// Error is a failure to get an answer. Its text names addresses: it is for logs.
type Error struct {
	Kind Kind
	// RetryAfter is how long to wait before it is worth trying again; of Suspended alone.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure finds out what went wrong on a trip. An end that the caller wanted stays what it is.
func (t *trip) failure(err error) error {
	kind := Broken
	var timeout net.Error
	switch {
	case context.Cause(t.Context) != nil:
		return err
	case t.phase == connecting:
		kind = Unreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		kind = Late
	}
	return &Error{Kind: kind, Err: fmt.Errorf("upstream %s: %w", t.address.name, err)}
}

// kindOf is the kind of an error, 0 where it is none of ours.
func kindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}
