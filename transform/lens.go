package transform

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// Direction is the way a lens is read.
type Direction int

const (
	// ToFlow maps the session shape to the flow shape: answers of the upstream.
	ToFlow Direction = iota
	// ToSession maps the flow shape to the session shape: requests of clients.
	ToSession
)

func (d Direction) String() string {
	if d == ToSession {
		return "to-session"
	}
	return "to-flow"
}

// Side says what kind of message a lens is for. It only names errors.
type Side string

// The sides.
const (
	Response Side = "response"
	Request  Side = "request"
	Failure  Side = "error"
	Message  Side = "message" // of a stream, to the client
	Down     Side = "down"    // of a WebSocket, to the client
	Up       Side = "up"      // of a WebSocket, to the upstream
)

// Form says what becomes of the shape that was there.
type Form int

const (
	// Union keeps every byte and adds the other shape's members: dual. Only ToFlow.
	Union Form = iota
	// Replace puts the other shape in its place: flow_only, requests, error bodies.
	Replace
)

// Vars gives the variables of the request that a lens may name ("path.engagement_id",
// "query.status", "client.path", "upstream.path"). It may be nil. ok is false for a variable that is not set.
type Vars func(name string) (value string, ok bool)

// Links maps a URL of a body from the one shape's route to the other's, in the direction of its Job. ok is
// false for a URL that leads to no route, or to one that both shapes share.
type Links func(url string) (mapped string, ok bool)

// DefaultMaxDepth bounds the nesting of a body where Limits does not.
const DefaultMaxDepth = 512

// Job is what one mapping needs beside the lens and the body.
type Job struct {
	Direction Direction
	Form      Form
	Vars      Vars
	Links     Links // may be nil: then URLs are kept
	MaxDepth  int   // deepest nesting of the body; 0: DefaultMaxDepth
}

// Result tells what a mapping did.
type Result struct {
	// Body is the mapped body. When Changed is false it is the given body itself; else it
	// shares no memory with it.
	Body    []byte
	Changed bool
	// Native: the body had the wanted shape already and nothing of the other one, so it was
	// left as it is.
	Native bool
	// Unmapped counts members that a closed shape dropped although no operation names them.
	Unmapped int
	// Unknown counts words that no entry of a word table knew.
	Unknown int
}

// Lens is a compiled list of operations, for one body of one endpoint, in both directions.
// It is immutable and safe for concurrent use.
type Lens struct {
	endpoint string
	side     Side
	ops      []Op

	union, flow, session *program   // union is nil where there is none
	pool                 *sync.Pool // of Streams
	streams              bool
}

// Compile checks the operations and compiles them. endpoint and side name errors.
// It returns all the faults it finds, joined; each is a *DeclarationError.
func Compile(endpoint string, side Side, ops []Op) (*Lens, error) {
	if err := declared(ops); err != nil {
		return nil, err
	}
	l := &Lens{endpoint: endpoint, side: side, ops: ops, pool: &sync.Pool{}}
	var errs [3]error
	l.flow, errs[0] = compileProgram(ops, ToFlow, false)
	l.session, errs[1] = compileProgram(ops, ToSession, false)
	if l.HasUnion() {
		l.union, errs[2] = compileProgram(ops, ToFlow, true)
	}
	if err := cmp.Or(errs[0], errs[1], errs[2]); err != nil {
		return nil, err
	}
	l.streams = l.union.stream()
	return l, nil
}

// Map maps body. On error the Result is zero: nothing is ever half mapped. Errors are
// *Error. dst may be nil; a dst with capacity for the mapped body becomes its memory.
func (l *Lens) Map(dst, body []byte, job Job) (Result, error) {
	prog := l.flow
	switch {
	case job.Direction == ToSession:
		prog = l.session
	case job.Form == Union:
		prog = l.union
	}
	if job.MaxDepth == 0 {
		job.MaxDepth = DefaultMaxDepth
	}
	if prog == nil {
		return Result{Body: body}, nil
	}
	if len(body) > math.MaxInt32 {
		return Result{}, l.named(job, &Error{Err: ErrSize})
	}
	r, ok := prog.runs.Get().(*run)
	if !ok {
		r = &run{}
	}
	defer r.release(&prog.runs)
	r.start(prog, body, job)
	if !r.whole() {
		return Result{}, l.named(job, r.err)
	}
	res := r.result
	if len(r.edits) == 0 {
		res.Body, res.Native = body, r.native()
		return res, nil
	}
	size := r.size()
	if max(size, len(r.aside)) > math.MaxInt32 {
		return Result{}, l.named(job, &Error{Err: ErrSize})
	}
	if cap(dst) < size {
		dst = make([]byte, 0, size)
	}
	res.Body, res.Changed = r.apply(dst[:0], 0, len(body), r.edits), true
	return res, nil
}

func (l *Lens) named(job Job, err *Error) error {
	err.Endpoint, err.Side, err.Direction = l.endpoint, l.side, job.Direction
	return err
}

// Ops gives the operations as declared.
func (l *Lens) Ops() []Op { return l.ops }

// HasUnion is false where the two shapes have no union (a list and an object: Wrap). In
// Union form such a lens leaves the body alone.
func (l *Lens) HasUnion() bool {
	return !slices.ContainsFunc(l.ops, func(op Op) bool { _, ok := op.(Wrap); return ok })
}
