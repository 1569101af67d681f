package contract

import "slices"

// registry holds everything of one sort (tables, shapes, …) that the files declare by name.
type registry[T any] struct {
	sort   string // "table"
	byName map[string][]*declared[T]
	order  []string // names in order of first declaration
}

// declared is one declaration.
type declared[T any] struct {
	value
	name     string
	replaces *declared[T] // the earlier declaration of the name, if any

	state    state
	resolved T
}

// state guards against declarations that use themselves.
type state int

const (
	stateNew state = iota
	stateOpen
	stateDone
)

func newRegistry[T any](sort string) *registry[T] {
	return &registry[T]{sort: sort, byName: map[string][]*declared[T]{}}
}

// add takes a declaration in. A name that is there already needs replace.
func (r *registry[T]) add(v value, name string, replace bool) *declared[T] {
	d := &declared[T]{value: v, name: name}
	earlier := r.byName[name]
	if n := len(earlier); n > 0 {
		d.replaces = earlier[n-1]
	}
	switch {
	case d.replaces != nil && d.replaces.file == v.file:
		v.fail("%s %q is declared twice in this file", r.sort, name)
	case d.replaces != nil && !replace:
		v.fail("%s %q is declared already at %s (replace: true puts this one in its place)", r.sort, name, d.replaces.place())
	case d.replaces == nil && replace:
		v.fail("no earlier %s %q to replace%s", r.sort, name, hint(name, r.visible(v.file-1)))
	}
	if d.replaces == nil {
		r.order = append(r.order, name)
	}
	r.byName[name] = append(earlier, d)
	return d
}

// last gives the declaration of a name that counts.
func (r *registry[T]) last(name string) *declared[T] {
	all := r.byName[name]
	return all[len(all)-1]
}

// find gives the declaration that a file means by a name: the last one, if the name was
// known by the end of that file. by complains if there is none.
func (r *registry[T]) find(by value, name string) *declared[T] {
	if all := r.byName[name]; len(all) > 0 && all[0].file <= by.file {
		return r.last(name)
	}
	if name != "" {
		by.fail("unknown %s %q%s", r.sort, name, hint(name, r.visible(by.file)))
	}
	return nil
}

// visible lists the names known by the end of a file, in order of declaration.
func (r *registry[T]) visible(file int) []string {
	names := slices.Clone(r.order)
	return slices.DeleteFunc(names, func(n string) bool { return r.byName[n][0].file > file })
}
