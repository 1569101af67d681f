package transform

import (
	"errors"
	"fmt"
	"slices"
)

// declared checks a list of operations as a declaration: that each can apply, that no two
// get in each other's way, and that what is lost is said. It finds all faults.
func declared(ops []Op) error {
	c := &checker{inside: map[*Shape]bool{}, done: map[*Shape]bool{}}
	c.list(ops)
	for i, op := range ops {
		c.index = i
		c.fallbacks(op, ops)
	}
	return errors.Join(c.errs...)
}

type checker struct {
	errs   []error
	index  int
	inside map[*Shape]bool // shapes being checked: one of them again is a cycle
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
		c.among(op, ops)
	}
}

// one checks an operation by itself.
func (c *checker) one(op Op) {
	switch op := op.(type) {
	case Rename:
		c.path(op, op.At)
		c.to(op, op.At, op.To)
	case Project:
		c.path(op, op.At)
		c.to(op, op.At, op.To)
		c.shape(op, op.Shape)
	case Collect:
		c.path(op, op.At)
		c.to(op, op.At, op.To)
		c.shape(op, op.Shape)
		if (op.First == "") != (op.Key == "") {
			c.fail(op, "first and key go together: first names the object that may go first, key the member that tells elements apart")
		}
		c.loss(op, op.First != "", op.Loss, "an element that was put first comes back as an element")
	case Add:
		c.add(op)
	case Copy:
		c.path(op, op.At)
		c.to(op, op.At, op.To)
		c.sources(op, "", op.Else)
	case Words:
		c.path(op, op.At)
		if op.Table == nil {
			c.fail(op, "table is missing")
		}
		c.words(op, op.Table)
	case Prefixes:
		c.path(op, op.At)
		if op.Table == nil {
			c.fail(op, "table is missing")
		}
		c.prefixes(op, op.Table)
	case Text:
		c.path(op, op.At)
		if op.Session == op.Flow {
			c.fail(op, "session and flow are the same text")
		}
	case Route:
		c.path(op, op.At)
	case URL:
		c.path(op, op.At)
	case Wrap:
		c.wrap(op)
	case Filter:
		if len(op.By) == 0 {
			c.fail(op, "by is empty: want the members that parameters compare with")
		}
		for _, by := range op.By {
			if by.Member == "" || by.Var == "" {
				c.fail(op, "by: want a member and the variable that it is compared with")
			}
		}
	case Drop:
		c.path(op, op.At)
		c.loss(op, true, op.Loss, "what is dropped does not come back")
	}
}

func (c *checker) path(op Op, p Path) {
	if len(p) == 0 {
		c.fail(op, "at is missing: the path of a member")
		return
	}
	if p[len(p)-1] == Each && !textual(op) {
		c.fail(op, "want the path of a member, not of a list's elements")
	}
}

func (c *checker) to(op Op, at Path, to string) {
	if len(at) == 0 {
		return
	}
	switch _, old := at.parent(); to {
	case "":
		c.fail(op, "to is missing: the member's name in the flow shape")
	case old:
		c.fail(op, "the name stays the same")
	}
}

func (c *checker) add(op Add) {
	if op.Member == "" {
		c.fail(op, "name is missing")
	}
	if op.After == op.Member && op.After != "" {
		c.fail(op, "after: it cannot stand behind itself")
	}
	if len(op.Sources) == 0 {
		c.fail(op, "there is nothing to add: want value, default or from")
	}
	c.sources(op, "", op.Sources)
}

func (c *checker) wrap(op Wrap) {
	c.shape(op, op.Shape)
	if op.List == "" {
		c.fail(op, "list is missing: the name of the list in the object")
	}
	names := map[string]bool{op.List: true, op.Total: true}
	if op.Total == op.List && op.Total != "" {
		c.fail(op, "%s is written twice", op.Total)
	}
	for _, m := range op.Members {
		if names[m.Name] {
			c.fail(op, "%s is written twice", m.Name)
		}
		names[m.Name] = true
		if m.From != "" || m.Nest != nil || len(m.Else) == 0 {
			c.fail(op, "%s: there is no session object to read it from: want value, default or else", m.Name)
		}
		if m.table(ToFlow) != nil || m.Loss != "" {
			c.fail(op, "%s: nothing of the session is mapped here, so it has no table and no loss", m.Name)
		}
		c.sources(op, m.Name+": ", m.Else)
	}
}

// sources checks where a value comes from. what begins the message.
func (c *checker) sources(op Op, what string, list []Source) {
	for i, s := range list {
		given := 0
		for _, is := range []bool{s.Value != "", s.Var != "", s.Path != nil} {
			if is {
				given++
			}
		}
		switch {
		case given != 1:
			c.fail(op, "%sa source wants exactly one of a value, a variable and a path", what)
		case s.Value != "" && !isJSON(s.Value):
			c.fail(op, "%sthe value %s is not JSON", what, s.Value)
		case s.Value != "" && i < len(list)-1:
			c.fail(op, "%swhat comes behind the value %s is never used", what, s.Value)
		case s.Path != nil && (len(s.Path) == 0 || slices.Contains(s.Path, Each)):
			c.fail(op, "%sfallback %q: want one member below the body's root, not through a list", what, s.Path)
		}
	}
}

// isJSON says whether text is one JSON value without white space around it.
func isJSON(text string) bool {
	b := []byte(text)
	return scanValue(b, 0, DefaultMaxDepth) == len(b)
}

func (c *checker) loss(op Op, lossy bool, why, what string) {
	switch {
	case lossy && why == "":
		c.fail(op, "an undeclared loss: %s; say so with loss: WHY", what)
	case !lossy && why != "":
		c.fail(op, "a loss is declared (%q) but nothing can be lost here", why)
	}
}

// fallbacks checks the members of the root that an operation falls back on, in its shapes as well.
func (c *checker) fallbacks(op Op, ops []Op) {
	for _, p := range fallbackPaths(op, nil) {
		for _, other := range ops {
			if fault := unreachable(p, other); fault != nil {
				c.fail(op, "fallback %s: %w", p, fault)
				break
			}
		}
	}
}

// unreachable says why another operation keeps a fallback from being found; nil if it does not.
func unreachable(p Path, other Op) error {
	at, _ := place(other)
	above, _ := taken(other)
	to, makes := made(other)
	_, wraps := other.(Wrap)
	switch {
	case wraps, len(at) > 0 && at[0] == Each:
		return errors.New("the body is a list and has no members")
	case shapeOf(other) != nil && len(p) > len(above) && p.under(above):
		return fmt.Errorf("it is below %s, and %s takes that away", above, other)
	case makes && p.under(to):
		return fmt.Errorf("that is the new name that %s gives; want a member of the session", other)
	}
	return nil
}

// fallbackPaths lists the paths that an operation falls back on. inside are the shapes on the way to it.
func fallbackPaths(op Op, inside []*Shape) (out []Path) {
	from := func(list []Source) {
		for _, s := range list {
			if len(s.Path) > 0 {
				out = append(out, s.Path)
			}
		}
	}
	var members func([]Member)
	members = func(list []Member) {
		for _, m := range list {
			from(m.Else)
			members(m.Nest)
		}
	}
	s := shapeOf(op)
	if s != nil && !slices.Contains(inside, s) {
		members(s.Members)
		for _, edit := range s.Edit {
			out = append(out, fallbackPaths(edit, append(inside, s))...)
		}
	}
	switch op := op.(type) {
	case Add:
		from(op.Sources)
	case Copy:
		from(op.Else)
	case Wrap:
		members(op.Members)
	default: // the other operations have no part in this
	}
	return out
}

// shapeOf gives the shape of an operation that has one.
func shapeOf(op Op) *Shape {
	switch op := op.(type) {
	case Project:
		return op.Shape
	case Collect:
		return op.Shape
	case Wrap:
		return op.Shape
	default: // the other operations have no part in this
	}
	return nil
}
