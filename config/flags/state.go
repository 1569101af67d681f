package flags

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"
)

// Stage is what operators move. The zero value is not valid.
type Stage string

// The stages in their order. A move goes to a neighbour, unless it is forced.
const (
	// Passthrough changes nothing.
	Passthrough Stage = "passthrough"
	// Verify changes nothing for the client; beside it the lens is tried on a copy.
	Verify Stage = "verify"
	// Dual answers in both shapes at once and takes either.
	Dual Stage = "dual"
	// FlowOnly answers in the flow shape alone.
	FlowOnly Stage = "flow_only"
)

// DefaultFlag is the name of the flag of all endpoints that have none of their own.
const DefaultFlag = "default"

// State is everything that operators have set at run time. It is immutable: changes make a new one.
type State struct {
	// Version counts the changes that led here; 0 is before the first one.
	Version int64    `json:"version"`
	Kill    *Kill    `json:"kill,omitempty"`
	Freezes []Freeze `json:"freezes,omitempty"`
	Flags   []Flag   `json:"flags,omitempty"` // by endpoint, each once, in the order of their names
}

// Kill is the kill switch, when it is on: everything is passthrough.
type Kill struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

// Freeze is a time in which flags cannot be changed; the kill switch can.
type Freeze struct {
	Name  string    `json:"name"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Flag is the stage of one endpoint, or with the name DefaultFlag of all without one of their own.
type Flag struct {
	Endpoint string `json:"endpoint"`
	// Rules are tried in order; the first whose cohort the request is in gives its stage.
	Rules []Rule `json:"rules,omitempty"`
	// Stage is of everybody else.
	Stage Stage `json:"stage"`
	// Journey names what shares a bucket with other endpoints; "" is the journey of the configuration.
	Journey string `json:"journey,omitempty"`
	// Ramp raises a share step by step.
	Ramp *Ramp `json:"ramp,omitempty"`
	// Window is a time with another stage: a brownout. It ends by itself.
	Window *Window `json:"window,omitempty"`
	// Expires is when the flag goes back to what it was, by itself.
	Expires *Expiry `json:"expires,omitempty"`
	// Changed is the State.Version of the last change of this flag: what a writer has to have seen.
	Changed int64 `json:"changed"`
}

// Rule gives a stage to a cohort.
type Rule struct {
	Name   string `json:"name"` // unique in its flag
	Cohort Cohort `json:"cohort"`
	Stage  Stage  `json:"stage"`
}

// Cohort says who is in it: whoever meets every part that is given. One with no part is everybody.
type Cohort struct {
	Tenants     []string       `json:"tenants,omitempty"`     // client accounts
	Engagements []string       `json:"engagements,omitempty"` // engagements
	Users       []string       `json:"users,omitempty"`       // the user key, as in buckets
	Headers     []Match        `json:"headers,omitempty"`
	Cookies     []Match        `json:"cookies,omitempty"`
	Claims      []Match        `json:"claims,omitempty"`      // of the bearer token, read and not trusted
	UserAgents  []string       `json:"user_agents,omitempty"` // a part of the User-Agent
	Origins     []string       `json:"origins,omitempty"`
	Networks    []netip.Prefix `json:"networks,omitempty"`
	// Share is how many of all are in it, by their bucket. Nil is all.
	Share *Share `json:"share,omitempty"`
}

// Match compares one named text of a request. Exactly one of the conditions is given.
type Match struct {
	Name    string   `json:"name"`
	Values  []string `json:"values,omitempty"`  // one of them, exactly
	Prefix  string   `json:"prefix,omitempty"`  // begins with it
	Version string   `json:"version,omitempty"` // a range of semantic versions: ">= 2.3 < 4"
	Present *bool    `json:"present,omitempty"` // is there, or is not
}

// Ramp raises the share of one rule in steps, each held for a time.
type Ramp struct {
	Rule   string    `json:"rule"`
	Steps  []Step    `json:"steps"`
	Step   int       `json:"step"`  // the one that holds now
	Since  time.Time `json:"since"` // when it began, by the store's clock
	Paused bool      `json:"paused,omitempty"`
}

// Step is one step of a ramp.
type Step struct {
	Share Share `json:"share"`
	Hold  Hold  `json:"hold,omitzero"` // before the next one; of the last it is not used
}

// Window is a time with another stage for a cohort.
type Window struct {
	Stage  Stage     `json:"stage"`
	Cohort Cohort    `json:"cohort"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

// Expiry is when a flag goes back.
type Expiry struct {
	At time.Time `json:"at"`
	To *Flag     `json:"to,omitempty"` // nil: the flag goes away
}

// UnmarshalJSON reads a flag strictly: one of a later crossfade, with parts that this one does not know, must not be half
// understood.
func (f *Flag) UnmarshalJSON(data []byte) error {
	type plain Flag
	return strictly(data, (*plain)(f))
}

// UnmarshalJSON reads a State strictly, as a Flag is.
func (s *State) UnmarshalJSON(data []byte) error {
	type plain State
	return strictly(data, (*plain)(s))
}

func strictly[T any](data []byte, into *T) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
