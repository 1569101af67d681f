package transform

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// declared checks a list of operations as a declaration: that each can apply, that no two
// get in each other's way, and that what is lost is said. It finds all faults.
func declared(ops []Op) error {
	c := &checker{writes: map[string]string{}, reads: map[string]string{}, inside: map[*Shape]bool{}, done: map[*Shape]bool{}}
	c.list(ops)
	return errors.Join(c.errs...)
}

type checker struct {
	errs   []error
	index  int
	writes map[string]string // flow names made by operations, by path, and who makes them
	reads  map[string]string // session names that an operation takes for itself
	inside map[*Shape]bool   // shapes being checked: one of them again is a cycle
	done   map[*Shape]bool
}

func (c *checker) fail(op Op, format string, args ...any) {
	c.errs = append(c.errs, &DeclarationError{Op: op, Index: c.index, Err: fmt.Errorf(format, args...)})
}

func (c *checker) list(ops []Op) {
	for i, op := range ops {
		c.index = i
		c.one(op)
	}
	for i, op := range ops {
		c.index = i
		c.reachable(op, ops)
		c.together(op, ops)
	}
}

func (c *checker) one(op Op) {
	switch op := op.(type) {
	case Rename:
		c.path(op, op.At)
		c.reads1(op, op.At)
		c.writes1(op, op.At, op.To)
	case Project:
		c.path(op, op.At)
		c.writes1(op, op.At, op.To)
		c.shape(op, op.Shape)
	case Collect:
		c.path(op, op.At)
		c.writes1(op, op.At, op.To)
		c.shape(op, op.Shape)
		if (op.First == "") != (op.Key == "") {
			c.fail(op, "first and key go together: first names the object that may go first, key the member that tells elements apart")
		}
		c.loss(op, op.First != "", op.Loss, "an element that was put first comes back as an element")
	case Add:
		if slices.Contains(op.In, Each) && op.Member == "" || op.Member == "" {
			c.fail(op, "name is missing")
		}
		if len(op.Sources) == 0 {
			c.fail(op, "there is nothing to add: want value, default or from")
		}
		c.writes1(op, append(slices.Clone(op.In), op.Member), op.Member)
	case Copy:
		c.path(op, op.At)
		c.writes1(op, op.At, op.To)
	case Words:
		c.path(op, op.At)
		c.text(op, op.At)
		c.words(op, op.Table)
	case Prefixes:
		c.path(op, op.At)
		c.text(op, op.At)
		c.prefixes(op, op.Table)
	case Text:
		c.path(op, op.At)
		c.text(op, op.At)
		if op.Session == op.Flow {
			c.fail(op, "session and flow are the same text")
		}
	case Route:
		c.path(op, op.At)
		c.text(op, op.At)
	case Wrap:
		c.shape(op, op.Shape)
		if op.List == "" {
			c.fail(op, "list is missing: the name of the list in the object")
		}
		names := map[string]bool{op.List: true, op.Total: true}
		for _, m := range op.Members {
			if names[m.Name] {
				c.fail(op, "%s is written twice", m.Name)
			}
			names[m.Name] = true
			if m.From != "" || m.Nest != nil || len(m.Else) == 0 {
				c.fail(op, "%s: there is no session object to read it from: want value, default or else", m.Name)
			}
		}
	case Filter:
		if len(op.By) == 0 {
			c.fail(op, "by is empty: want the members that parameters compare with")
		}
	case Drop:
		c.path(op, op.At)
		c.reads1(op, op.At)
		c.loss(op, true, op.Loss, "what is dropped does not come back")
	}
}

func (c *checker) path(op Op, p Path) {
	if len(p) == 0 {
		c.fail(op, "at is missing: the path of a member")
		return
	}
	if _, text := textual(op); p[len(p)-1] == Each && !text {
		c.fail(op, "%s: want the path of a member, not of a list's elements", p)
	}
}

// textual gives the path of an operation that maps a text in place.
func textual(op Op) (Path, bool) {
	switch op := op.(type) {
	case Words:
		return op.At, true
	case Prefixes:
		return op.At, true
	case Text:
		return op.At, true
	case Route:
		return op.At, true
	}
	return nil, false
}

// key is a path as a key of a map: names may hold dots.
func key(p Path, last string) string {
	return strings.Join(p[:max(len(p)-1, 0)], "\x00") + "\x00\x00" + last
}

func (c *checker) writes1(op Op, at Path, to string) {
	if len(at) == 0 {
		return
	}
	if to == "" {
		c.fail(op, "to is missing: the member's name in the flow shape")
		return
	}
	_, old := at.parent()
	if _, isAdd := op.(Add); old == to && !isAdd {
		c.fail(op, "the name stays the same")
		return
	}
	k := key(at, to)
	if other, taken := c.writes[k]; taken {
		c.fail(op, "%s is written already, by %s", to, other)
	}
	c.writes[k] = op.String()
}

func (c *checker) reads1(op Op, at Path) {
	if len(at) == 0 {
		return
	}
	_, name := at.parent()
	k := key(at, name)
	if other, taken := c.reads[k]; taken {
		c.fail(op, "%s is taken already, by %s", at, other)
	}
	c.reads[k] = op.String()
}

func (c *checker) text(op Op, at Path) {
	if len(at) == 0 {
		return
	}
	_, name := at.parent()
	k := key(at, name+"\x00text")
	if other, taken := c.reads[k]; taken {
		c.fail(op, "its text is mapped already, by %s", other)
	}
	c.reads[k] = op.String()
}

func (c *checker) loss(op Op, lossy bool, why, what string) {
	switch {
	case lossy && why == "":
		c.fail(op, "an undeclared loss: %s; say so with loss: WHY", what)
	case !lossy && why != "":
		c.fail(op, "a loss is declared (%q) but nothing can be lost here", why)
	}
}

// reachable finds an operation that can match nothing, because its path is below a member
// that another operation takes away, and one whose text is a member that goes.
func (c *checker) reachable(op Op, ops []Op) {
	at, ok := place(op)
	if !ok {
		return
	}
	for j, other := range ops {
		above, to, ok := moves(other)
		if !ok || j == c.index {
			continue
		}
		if len(at) > len(above) && slices.Equal(at[:len(above)], above) {
			c.fail(op, "can match nothing: it is below %s, and %s takes that away; use an operation of the shape there", above, other)
		}
		_, text := textual(op)
		if _, renames := other.(Rename); text && !renames && slices.Equal(at, above) {
			c.fail(op, "can match nothing: %s takes %s away", other, above)
		}
		// A new name that is an old one as well: the two would be taken for each other.
		if to != "" && slices.Equal(at, append(slices.Clone(above[:len(above)-1]), to)) {
			c.fail(op, "%s is also the new name that %s gives", at, other)
		}
	}
}

// place gives the session path that an operation is at.
func place(op Op) (Path, bool) {
	switch op := op.(type) {
	case Rename:
		return op.At, true
	case Project:
		return op.At, true
	case Collect:
		return op.At, true
	case Copy:
		return op.At, true
	case Drop:
		return op.At, true
	case Add:
		return append(slices.Clone(op.In), ""), true
	}
	return textual(op)
}

// moves gives the path of a member that an operation takes away or renames, and the new name.
func moves(op Op) (at Path, to string, ok bool) {
	switch op := op.(type) {
	case Rename:
		return op.At, op.To, true
	case Project:
		return op.At, op.To, true
	case Collect:
		return op.At, op.To, true
	case Drop:
		return op.At, "", true
	}
	return nil, "", false
}

// together checks what an operation needs of the others.
func (c *checker) together(op Op, ops []Op) {
	switch op := op.(type) {
	case Add:
		for _, other := range ops {
			at, _, ok := moves(other)
			_, renames := other.(Rename)
			if ok && !renames && op.After != "" && slices.Equal(at, append(slices.Clone(op.In), op.After)) {
				c.fail(op, "after: %s takes %s away, so nothing can stand behind it", other, op.After)
			}
		}
	case Filter:
		for _, other := range ops {
			switch other := other.(type) {
			case Collect:
				if len(other.At) > 0 && slices.Equal(op.List, append(slices.Clone(other.At[:len(other.At)-1]), other.To)) {
					return
				}
			case Wrap:
				if len(op.List) == 1 && op.List[0] == other.List {
					return
				}
			}
		}
		c.fail(op, "can match nothing: no collect or wrap makes the list %s", op.List)
	case Wrap:
		for _, other := range ops {
			switch other.(type) {
			case Wrap, Filter:
			default:
				c.fail(op, "the body is a list, so %s can match nothing; use an operation of the shape", other)
			}
		}
	case Collect:
		if op.First == "" || len(op.At) == 0 {
			return
		}
		first := append(slices.Clone(op.At[:len(op.At)-1]), op.First)
		for _, other := range ops {
			if p, ok := other.(Project); ok && slices.Equal(p.At, first) && p.Shape == op.Shape {
				return
			}
		}
		c.fail(op, "first: no project of %s in the same shape", first)
	}
}
