package transform

// The closed set of operations. An operation is a small value: it says what one
// step of a lens does between the session shape and the flow shape, always told
// in the direction session -> flow; the way back is derived (see compile.go).
//
// Paths are told in session names. A path leads to a member ("validation_session_id",
// "data.summary.source_session") or through every element of a list ("items[].total_sessions").
// The new name of a member is a sibling of the old one: no operation moves a value
// into another object, except Project and Collect members with Nest.

// Op is one operation of a lens. The set is closed: only this package implements it.
//
//sumtype:decl
type Op interface {
	// Name is the operation's word in the contract language: "rename", "project", …
	Name() string
	// String tells the operation as an operator would: "rename total_sessions to total_flows".
	String() string
	op()
}

// Rename gives a member another name and keeps its value's bytes and its place.
// Inverse: rename back. Union: a copy under the new name directly behind the old one.
type Rename struct {
	At       Path   // the member in the session shape
	To       string // its name in the flow shape
	Optional bool   // absent in both names is no error
}

// Project turns an object into a named shape under another name, at the end of the
// object it stands in. null stays null. Inverse: the shape's inverse under the old name; of
// two of one member the first, so it has to have all that the other is made of.
type Project struct {
	At       Path
	To       string
	Shape    *Shape
	Optional bool
}

// Collect turns a list of objects into a list of a shape, in order, at the end of
// the object the list stands in.
type Collect struct {
	At    Path
	To    string
	Shape *Shape
	// First names a sibling object that is itself projected by the same shape. When it is
	// set and no element has the same Key, it goes first. "" for none.
	First string
	// Key is the member (in the session shape) that tells elements apart, one that the shape
	// requires; wanted with First.
	Key      string
	Optional bool
	// Loss says why First may not come back where it was; wanted with First.
	Loss string
}

// Add puts a member into every object at In that has none of that name: a constant, a
// variable of the request, or a default. Inverse: the member is taken away.
type Add struct {
	In       Path     // the object; empty for the body's root
	Member   string   // the new member's name
	Sources  []Source // tried in order; none that holds: nothing is added
	After    string   // directly behind this member (session name), only where that is present; "" for the end, and where it goes
	Optional bool     // the object itself may be absent
}

// Copy adds a member with the value of another one, with fallbacks.
// Inverse: the copy is taken away.
type Copy struct {
	At       Path     // the member to copy
	To       string   // the new sibling's name
	Else     []Source // tried in order when At is absent
	Optional bool     // that none holds is no error
}

// Words maps a string by a word table, in place. A null stays null.
type Words struct {
	At       Path
	Table    *WordTable
	Optional bool
}

// Prefixes maps the beginning of a string by a prefix table, in place; what matches no
// entry is kept as it is.
type Prefixes struct {
	At       Path
	Table    *PrefixTable
	Optional bool // absent is no error
}

// Text replaces a string that is exactly Session by Flow, in place; any other value is kept.
type Text struct {
	At            Path
	Session, Flow string
	Optional      bool
}

// Route maps the path of a route where a body repeats it (the "path" of an error body):
// the path that the upstream saw becomes the path that the client used. Any other text is kept.
type Route struct {
	At       Path
	Optional bool
}

// URL maps a URL that leads to a route of the one shape: it becomes the URL of the other shape's route.
// What leads where is told by Job.Links; a text that leads elsewhere is kept.
type URL struct {
	At       Path
	Optional bool
}

// Wrap turns a body that is a list into an object that holds the list under Name, with
// further members. A list and an object have no union: in Union form the body is left
// alone. Inverse: the list is taken out again.
type Wrap struct {
	List    string // name of the list: "flows"
	Shape   *Shape // of the elements
	Total   string // name of a member with the number of elements; "" for none
	Members []Member
}

// Filter keeps those elements of a collected or wrapped list whose members equal what the
// request asked for: strings by what they mean, in upper or lower case, numbers and truth
// values by their text. Elements without the member do not match. It names no bytes of the
// session shape, so it has no inverse.
type Filter struct {
	List  Path // the list in the flow shape, as Collect or Wrap makes it: "data.flows"
	By    []Condition
	Count string // sibling of the list, by its flow name, that tells its length and is mended; "" for none
}

// Condition compares the flow member Member with the variable Var, when that is set.
type Condition struct {
	Member string
	Var    string // "query.status"
}

// Drop takes a member away. A loss, so it says why.
type Drop struct {
	At       Path
	Optional bool // makes no difference: a body without the member has the flow shape already
	Loss     string
}

// Source is where a value may come from besides its own member. Exactly one is set.
type Source struct {
	Value string // a constant, as JSON text
	Var   string // a variable: "path.engagement_id", "query.status", "client.path", "flow.name"
	Path  Path   // a member of the body's root, no lists on the way
}

// Unmapped says what becomes of a session's members that a closed shape does not name.
type Unmapped int

const (
	// UnmappedRefuse makes them an error: the shape claims to name all.
	UnmappedRefuse Unmapped = iota
	// UnmappedDrop loses them, declared by Shape.Loss.
	UnmappedDrop
	// UnmappedKeep copies them behind the shape's own members. One that has the name of such a
	// member is that member.
	UnmappedKeep
	// UnmappedUnder keeps them in an object below another member (Shape.Under), from where they come back.
	UnmappedUnder
)

// Shape is a named form of an object, used by many endpoints. It has either Members
// (closed: a list in order of what the flow has) or Edit (open: everything stays where it
// is, and operations change some of it).
type Shape struct {
	Name     string
	Members  []Member
	Unmapped Unmapped
	Under    Path   // with UnmappedUnder: two names, e.g. metadata.legacy
	Loss     string // why unmapped members may be lost, with UnmappedDrop
	// Lost are the session's members that are known to have no place in the flow. Where
	// unmapped members are kept, so are these.
	Lost []Lost
	Edit []Op
}

// Lost is a member that a shape loses, and why.
type Lost struct{ Name, Loss string }

// loses says whether the shape loses its Lost members: it does not keep what it does not map.
func (s *Shape) loses() bool { return !s.keeps() }

// keeps says whether the shape has all that an object of the session has.
func (s *Shape) keeps() bool {
	return s.Edit != nil || s.Unmapped == UnmappedKeep || s.Unmapped == UnmappedUnder
}

// Member is one member of a closed shape.
type Member struct {
	Name     string       // in the flow
	From     string       // in the session; "" when it has no counterpart there
	Required bool         // absent (and no Else) is an error
	Words    *WordTable   // at most one of Words, Prefixes and URL
	Prefixes *PrefixTable //
	URL      bool         // it holds a URL, see the operation URL
	Else     []Source     // tried in order when the body lacks From; a single constant is left out on the way back
	Nest     []Member     // an object made of session members; then From is ""
	Loss     string       // why an Else cannot be told from a value that was there
}

// WordTable maps whole strings. Every flow word of it maps to itself on a second pass
// (checked), so mapping twice changes nothing.
type WordTable struct {
	Name    string
	Entries []WordEntry // the first that matches; Session may end in * for "begins with"
	Same    []string    // words that both shapes share
	Else    string      // for any other word; "" keeps it
	Back    []WordEntry // flow -> session; a flow word not listed stays as it is
	Loss    string
}

// WordEntry is a pair of words.
type WordEntry struct{ Session, Flow string }

// PrefixTable maps the beginnings of strings, or whole ones.
type PrefixTable struct {
	Name    string
	Entries []PrefixEntry // the first that matches
	Back    []PrefixEntry // flow -> session; in each entry Session is the result
	Loss    string
}

// PrefixEntry is one pair of a prefix table.
type PrefixEntry struct {
	Session, Flow string
	Whole         bool // the whole string, not only its beginning
}
