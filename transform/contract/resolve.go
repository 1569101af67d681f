package contract

import (
	"fmt"
	"slices"
)

// languageVersion is the version of the contract language that this package reads.
const languageVersion = "1"

// resolver puts the declarations of all files together and makes a contract of them. Names
// are looked up when all files are read, so that an endpoint of an earlier file is built
// with the shape that a later file puts in the place of its own.
type resolver struct {
	problems *problems
	enums    *registry[[]string]
	tables   *registry[*table]
	shapes   *registry[*shape]

	endpoints []*endpointDecl // in order of first declaration
	names     *registry[*Endpoint]
	errors    [][]value // by file: operations for the error bodies of its endpoints
	dates     Dates     // of the last file that gives any

	open   []string // shapes being resolved
	unread bool     // some file could not be read at all
}

func newResolver(sources []Source) *resolver {
	r := &resolver{
		problems: &problems{},
		enums:    newRegistry[[]string]("enum"),
		tables:   newRegistry[*table]("table"),
		shapes:   newRegistry[*shape]("shape"),
		names:    newRegistry[*Endpoint]("endpoint"),
		errors:   make([][]value, len(sources)),
	}
	for _, s := range sources {
		r.problems.sources = append(r.problems.sources, s.Name)
	}
	return r
}

// file reads the top level of one file.
func (r *resolver) file(root value) {
	o, ok := root.object()
	if !ok {
		r.unread = true
		return
	}
	if v, ok := o.need("version"); ok && v.is(kindNumber) && v.text != languageVersion {
		v.fail("version %s of the contract language is not known (want %s)", v.text, languageVersion)
	}
	if v, ok := o.get("enums"); ok {
		for _, e := range v.entries() {
			r.enums.add(e.value, e.key, false)
		}
	}
	if v, ok := o.get("tables"); ok {
		for _, e := range v.entries() {
			r.tables.add(e.value, e.key, e.peek("replace"))
		}
	}
	if v, ok := o.get("shapes"); ok {
		for _, e := range v.entries() {
			r.shapes.add(e.value, e.key, e.peek("replace"))
		}
	}
	r.errors[root.file] = o.list("errors")
	if v, ok := o.get("dates"); ok {
		r.dates = v.dates()
	}
	known := len(r.endpoints)
	for _, v := range o.list("endpoints") {
		r.declare(v)
	}
	for _, v := range o.list("off") {
		r.switchOff(v, r.endpoints[:known])
	}
	o.done()
}

// peek reads a flag of a mapping that is read as a whole later on.
func (v value) peek(key string) bool {
	for _, p := range v.pairs {
		if p.key == key {
			return v.child(v.name+"."+key, p.value).boolean()
		}
	}
	return false
}

// declare takes in a declaration, a replacement or an extension of an endpoint.
func (r *resolver) declare(v value) {
	if !v.is(kindMap) {
		return
	}
	name := ""
	for _, p := range v.pairs {
		if p.key == "name" {
			name = v.child(v.name+".name", p.value).str()
		}
	}
	if name == "" {
		v.fail("name is missing")
		return
	}
	v.name = fmt.Sprintf("endpoints[%s]", name)
	i := slices.IndexFunc(r.endpoints, func(d *endpointDecl) bool { return d.name == name })
	if v.peek("extend") {
		switch {
		case v.peek("replace"):
			v.fail("extend and replace exclude each other")
		case r.names.find(v, name) == nil: // said so
		case r.endpoints[i].file == v.file:
			v.fail("endpoint %q is declared in this file: put the operations there", name)
		default:
			r.endpoints[i].extensions = append(r.endpoints[i].extensions, v)
		}
		return
	}
	d := &endpointDecl{declared: r.names.add(v, name, v.peek("replace"))}
	if i >= 0 {
		r.endpoints[i] = d
		return
	}
	r.endpoints = append(r.endpoints, d)
}

func (r *resolver) switchOff(v value, earlier []*endpointDecl) {
	name := v.str()
	var known []string
	for _, d := range earlier {
		known = append(known, d.name)
		if d.name == name {
			d.off = true
			return
		}
	}
	if name != "" {
		v.fail("no endpoint %q in an earlier file%s", name, hint(name, known))
	}
}

// resolve builds everything that the files declare.
func (r *resolver) resolve(revision string) (*Contract, error) {
	for _, name := range r.enums.order {
		readEnum(r.enums.last(name))
	}
	for _, name := range r.tables.order {
		readTable(r.tables.last(name))
	}
	for _, name := range r.shapes.order {
		d := r.shapes.last(name)
		r.shapeOf(d.value, d)
	}
	c := &Contract{Revision: revision, Dates: r.dates}
	at := map[*Endpoint]value{}
	for _, d := range r.endpoints {
		if e := r.endpoint(d, r.errors[d.file]); e != nil {
			c.Endpoints = append(c.Endpoints, e)
			at[e] = d.value
		}
	}
	for file, ops := range r.errors {
		if len(ops) > 0 && !slices.ContainsFunc(r.endpoints, func(d *endpointDecl) bool { return d.file == file }) {
			ops[0].fail("they are for the endpoints that this file declares, and it declares none")
		}
	}
	for _, clash := range clashes(c.Endpoints) {
		at[clash.other].fail("%s", clash)
	}
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	return c, nil
}
