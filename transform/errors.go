package transform

import (
	"errors"
	"fmt"
	"strings"
)

// Error is a body that could not be mapped. Its text names the endpoint, the side, the
// direction, the operation and the place in the body; never a value of the body.
type Error struct {
	Endpoint  string
	Side      Side
	Direction Direction
	Op        string // the operation, as it tells itself; "" when the body is at fault before any operation
	Path      string // where in the body, with indexes: "available_sessions[3].name"; "" for the whole body
	Offset    int    // byte offset in the body
	Err       error  // one of the errors below, perhaps with words around it
}

// What is wrong with a body.
var (
	ErrEmpty     = errors.New("the body is empty")
	ErrSyntax    = errors.New("not JSON")
	ErrDepth     = errors.New("nested too deep")
	ErrSize      = errors.New("the body is too large")
	ErrType      = errors.New("unexpected type")
	ErrMissing   = errors.New("missing member")
	ErrDuplicate = errors.New("a member is there twice")
	ErrOccupied  = errors.New("the new name is taken by another kind of value")
	ErrConflict  = errors.New("both shapes are there and differ")
	ErrUnmapped  = errors.New("a member has no place in the shape")
)

// errCut is an ErrSyntax. It is met wherever a body comes in pieces.
var errCut = fmt.Errorf("%w: it ends in the middle", ErrSyntax)

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s: ", e.Endpoint, e.Side, e.Direction)
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	if e.Path != "" {
		fmt.Fprintf(&b, "at %s: ", e.Path)
	}
	fmt.Fprintf(&b, "%v (byte %d)", e.Err, e.Offset)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// DeclarationError is a fault of a declared operation, found by Compile.
type DeclarationError struct {
	Op Op // the operation at fault; its position in the list given to Compile is Index
	// Index is the operation's place in the list; inside an open shape, the place of the
	// operation that uses the shape.
	Index int
	Err   error
}

func (e *DeclarationError) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Err) }

func (e *DeclarationError) Unwrap() error { return e.Err }
