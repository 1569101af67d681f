package transform

import "sync"

// A program is a lens compiled for one direction and one form: a tree that follows the
// body, with what to do at each member that matters. All else is scanned and stays.
type program struct {
	root    node
	strict  bool      // both names of a member with different values are an error (ToSession)
	objects []*object // all of them, for their numbers
	asides  int       // how many uses of shapes there are
	layouts int       // how many objects are read for a shape
	slots   int
	globals []global // members of the body's root that shapes fall back on
	runs    sync.Pool
}

// node says what to do with one value. At most one of its parts is set.
type node struct {
	object *object  // edit the object in place
	each   *node    // do this with every element of the list
	text   *textMap // map the string in place
	textOp Op
	wrap   *wrapPlan
	op     Op // the first operation here or below that does not forgive absence; nil: none
}

// object is what to do with an object: edit it in place, or only read it for a closed shape.
type object struct {
	id     int // its place in run.seen
	base   int // its first place in run.slots
	names  names
	fields []field
	last   []addition // put in at its end, in the order of the operations
	needs  []need     // what has to be there
	late   []int      // renamed fields with something behind them, which comes last where they go
	asides []int      // of its fields' uses
	union  bool       // nothing is taken away
	global bool       // a shape falls back on one of its members
	spare  bool       // read only: remember the members that have no field
	layout int        // then: its place in run.layouts
	nested []int      // read only: the objects below it that are read with it
	nest   *Shape     // read only: it is below one; the shape that it belongs to
}

// need is something that has to be there: a field, or what it became in the wanted shape.
type need struct {
	field int
	any   uint64 // one of these fields will do
	op    Op     // the operation that needs it
}

// field is a member that matters: it is read, edited, or only watched for.
type field struct {
	name string
	op   Op // the operation that reads or makes it, for errors

	node   *node    // what to do with its value where it stands
	text   *textMap // maps its value
	target int      // the field of its new name, -1 for none; if that one is there, it wins
	lit    string   // `,"to":` of its new name: renamed in place (Replace), or a copy goes behind it (Union)
	remove bool     // it goes (Replace)
	want   byte     // when it is another field's target: '{' or '[', null aside; 0: anything
	uses   []*shapeUse
	behind []addition // what goes directly behind it
	rows   bool       // Stream: each element of its list can be mapped by itself
	source bool       // a name of the shape that is read
	native bool       // a name of the shape that is written
}

// shapeUse is a Project or a Collect: the member's value is written aside in its shape and
// put in at the object's end.
type shapeUse struct {
	op     Op
	index  int    // of op in its list
	lit    string // Wrap: how the body begins
	shape  *shape
	list   bool
	aside  int       // its place in run.asides
	counts []int     // fields that tell the list's length, for when a filter shortens it
	first  *shapeUse // Collect: the object that goes first if it is not among the elements
	key    int       // the slot of the elements' key; the first object is read by the same shape
	filter *Filter
}

// addition puts a member in: a shape that was written aside, a copy, or a value from elsewhere.
type addition struct {
	op     Op
	lit    string // `,"name":`
	target int    // the field of its name, which wins when it is there
	use    *shapeUse
	from   int // the field whose use or copy it is; -1: none
	first  int // Collect: the field of the object that goes first; -1: none
	else_  []source
	must   bool // none of its sources holds: an error
}

// source is where a value may come from besides its member. One is set.
type source struct {
	lit    string
	name   string // a variable
	global int    // index in program.globals, when lit and name are ""
}

// maxGlobals is how many members of the root can be fallen back on: the run keeps a bit for each.
const maxGlobals = 64

// global is a member of the body's root that something falls back on.
type global struct {
	object *object
	field  int
}

// wrapPlan is a Wrap in either direction: the whole body is replaced.
type wrapPlan struct {
	op      Wrap
	use     *shapeUse
	steps   []step  // ToFlow: the further members
	object  *object // the body that has the wrapped shape: its field 0 is the list
	session bool    // the way back
}

// shape is a compiled Shape, for one direction.
type shape struct {
	decl  *Shape
	open  *object // an open shape: edits
	read  *object // a closed one: what to read,
	steps []step  // and what to write
	lift  bool    // UnmappedUnder, ToSession: what is kept there comes back
}

// step writes one member of a closed shape.
type step struct {
	member   *Member
	lit      string  // `"name":`
	object   *object // where its value is read; nil: nowhere
	field    int
	owner    *object // the object read, if it may have a member of this name beside the one that it is made of:
	own      int     // that field, which wins
	plain    bool    // the same name and value on both sides: copied as they stand
	text     *textMap
	else_    []source
	constant string // the whole member when the first of else_ is a constant
	nest     []step
	must     bool
	omit     string // ToSession: a default, which is left out
	under    *Shape // the shape whose unmapped members go below this one; nil: none do
	lift     bool   // ToSession: they come back
}

// slot is where a member stands in the body: name (with its quotes), value, end.
type slot struct{ k0, v0, v1 int32 }
