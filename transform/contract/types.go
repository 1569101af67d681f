package contract

import "github.com/crossfade-proxy/crossfade/transform"

// Contract is a set of endpoints, parsed, checked and compiled. It is immutable.
type Contract struct {
	// Revision changes when anything in the contract does: 12 hex digits of a hash of its
	// sources, in order.
	Revision  string
	Endpoints []*Endpoint // in order of declaration, switched-off ones included
	// Dates are for every endpoint that has none of its own; the last file that gives any counts.
	Dates Dates
}

// Endpoint is one declared pair of routes with its lenses. A nil lens means that the body
// is never touched on that side.
type Endpoint struct {
	Name    string // kebab-case, unique: "context-me"
	Summary string // one sentence, for docs/endpoints.md
	Source  string // file and line of the declaration: "builtin.yaml:41"
	Method  string // upper case
	Routes  []Route
	Journey string // endpoints that flip together for a caller; "" is the endpoint's own name
	Enabled bool

	Response *transform.Lens // 2xx answers
	Request  *transform.Lens // request bodies, used ToSession
	Errors   *transform.Lens // 4xx and 5xx answers, used in Replace form only
	Stream   *Stream         // messages of a stream; nil: streams pass as they are

	Headers []HeaderRename // request headers
	Query   []QueryParam   // request query parameters
	Filters []QueryFilter  // parameters that crossfade itself applies, on the flow route

	Dates Dates // of its session routes; zero: those of the contract or of proxy.yaml

	Examples []Example
}

// Route is a pair of path templates as gorilla/mux writes them ("/a/{id}"). Where the two
// shapes share a route, Flow equals Session. Both name the same variables.
type Route struct{ Session, Flow string }

// HeaderRename accepts the request header From as To, when To is not there.
type HeaderRename struct{ From, To string }

// QueryParam maps a query parameter: its name, its values, or both.
type QueryParam struct {
	Session, Flow string                // its names; the same where only its values differ
	Words         *transform.Vocabulary // of its values; nil: they stay
	List          ListStyle
}

// ListStyle says how the backend takes several values of one query parameter.
type ListStyle string

// The styles.
const (
	ListNone   ListStyle = ""       // it does not; a client that sends several is taken at its word
	ListComma  ListStyle = "comma"  // a=1,2
	ListRepeat ListStyle = "repeat" // a=1&a=2
)

// QueryFilter is a query parameter of the flow route that crossfade applies itself.
type QueryFilter struct {
	Param string
	UUID  bool     // must be a UUID
	Words []string // the words allowed, when not empty
	// Forward passes the parameter on to the upstream as well.
	Forward bool
}

// Example is a pair of bodies attached to an endpoint; crossfade check runs it. Bodies are JSON text.
type Example struct {
	Name    string
	Source  string // file and line: "builtin.yaml:171"
	Side    transform.Side
	Session string
	Flow    string
	Dual    string            // "" : not given, then only checked to hold every byte of Session
	Vars    map[string]string // values of variables
}
