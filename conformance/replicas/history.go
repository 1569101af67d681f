package replicas

import "time"

// History is what callers and readers have written down. Times are since the start, by one clock.
type History struct {
	// Bound is how long a replica may take to serve what another has acknowledged.
	Bound  time.Duration
	Writes []Write
	Reads  []Read
	Harms  []Harm
	// Journal is what is in the store when all is over: the entry of version v is Journal[v-1].
	Journal []Entry
	// First is the stage before the first version.
	First string
}

// Span is from when somebody asked until there was an answer.
type Span struct{ From, To time.Duration }

// Outcome is what a caller knows of a write.
type Outcome int

// The outcomes.
const (
	// Done: it was acknowledged, with a version.
	Done Outcome = iota
	// Refused: it was said that nothing was changed.
	Refused
	// Unknown: nobody said anything, or that it cannot be told.
	Unknown
)

// Write is one flip.
type Write struct {
	Span
	Replica int
	// Reason is what the journal has of it; each write has another.
	Reason  string
	Outcome Outcome
	Version int64 // when it is Done
}

// Read is one request.
type Read struct {
	Span
	Replica int
	// Failed says what became of it, "" when it was answered.
	Failed string
	// Shape is the mode whose body it got, "" when it is no mode's; Mode is what the header says.
	Shape, Mode string
	// Version is that of the flags that decided it; Lost when the replica was killed before it could tell.
	Version int64
}

// Lost is the version of a Read that nobody knows.
const Lost = -1

// Harm is something that was done to a replica, or to the store of all, until it was undone.
type Harm struct {
	Span
	Name    string
	Replica int // when it is not Store
	// Store: replicas run, but cannot reach the store.
	Store bool
}

// Entry is one entry of the journal: what the flag was set to, and by which write.
type Entry struct{ Reason, Stage string }
