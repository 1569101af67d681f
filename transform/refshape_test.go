package transform_test

import (
	"slices"
	"strings"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// shape maps an object by a shape.
func (r *reference) shape(v *tree, s *Shape) (*tree, error) {
	if s.Edit != nil {
		return r.edit(v, r.acts(s.Edit), nil, false) // even in dual what is made has the flow's names
	}
	c := &closed{reference: r, s: s, v: v, out: &tree{kind: '{'}}
	if r.back {
		return c.toSession()
	}
	return c.toFlow()
}

// closed is one object on its way into or out of a closed shape.
type closed struct {
	*reference
	s     *Shape
	v     *tree
	spare []treeMember // members that the shape does not name
	out   *tree
}

// froms lists the session's members that flow members are made of.
func froms(list []Member) (out []string) {
	for _, m := range list {
		if m.From != "" {
			out = append(out, m.From)
		}
		out = append(out, froms(m.Nest)...)
	}
	return out
}

// tops lists the flow's members.
func tops(list []Member) (out []string) {
	for _, m := range list {
		out = append(out, m.Name)
	}
	return out
}

// split tells the members that the shape reads from the spare ones, and refuses one that is
// read and is there twice. A shape that keeps what it does not name knows the names that it writes.
func (c *closed) split(v *tree, reads, writes []string) error {
	if c.s.Unmapped == UnmappedKeep {
		reads = slices.Concat(reads, writes)
	}
	for _, m := range v.members {
		lost := !c.back && slices.ContainsFunc(c.s.Lost, func(l Lost) bool { return l.Name == m.name }) &&
			(c.s.Unmapped == UnmappedDrop || c.s.Unmapped == UnmappedRefuse)
		if !lost && !slices.Contains(reads, m.name) {
			c.spare = append(c.spare, m)
		} else if v.count(m.name) > 1 {
			return errRefused
		}
	}
	return nil
}

func (c *closed) toFlow() (*tree, error) {
	reads, writes := froms(c.s.Members), tops(c.s.Members)
	if err := c.split(c.v, reads, writes); err != nil {
		return nil, err
	}
	for _, m := range c.s.Members {
		made, err := c.make(m)
		if err != nil {
			return nil, err
		}
		own := c.v.find(m.Name)
		switch {
		case c.s.Unmapped != UnmappedKeep || own == nil || slices.Contains(reads, m.Name):
			if made == nil && m.Required {
				return nil, errRefused
			}
			if c.s.Unmapped == UnmappedUnder && m.Name == c.s.Under[0] {
				made = c.under(made)
			}
		case made != nil && m.Nest != nil:
			return nil, errRefused
		default:
			made = own
		}
		if made != nil {
			c.out.add(m.Name, made)
		}
	}
	return c.unmapped()
}

// make makes a member of the flow; nil if there is nothing to make it of.
func (c *closed) make(m Member) (*tree, error) {
	if m.Nest != nil {
		out := &tree{kind: '{'}
		for _, n := range m.Nest {
			made, err := c.make(n)
			if err == nil && made == nil && n.Required {
				err = errRefused
			}
			if err != nil {
				return nil, err
			}
			if made != nil {
				out.add(n.Name, made)
			}
		}
		if len(out.members) == 0 {
			return nil, nil
		}
		return out, nil
	}
	if m.From != "" {
		if v := c.v.find(m.From); v != nil {
			return c.mapMember(v, m)
		}
	}
	return c.source(m.Else), nil
}

func (c *closed) mapMember(v *tree, m Member) (*tree, error) {
	switch {
	case m.Words != nil:
		return c.mapText(v, Words{Table: m.Words})
	case m.Prefixes != nil:
		return c.mapText(v, Prefixes{Table: m.Prefixes})
	case m.URL:
		return c.mapText(v, URL{})
	}
	return v, nil
}

// under puts the spare members below a member's own value, or both below an object where
// they cannot stand side by side.
func (c *closed) under(own *tree) *tree {
	keep := c.s.Under[1]
	var taken *tree
	if own != nil {
		taken = own.find(keep)
	}
	if len(c.spare) == 0 && (taken == nil || taken.kind != '{') {
		return own
	}
	out, kept := &tree{kind: '{'}, &tree{kind: '{', members: slices.Clone(c.spare)}
	switch {
	case own != nil && own.kind == '{' && len(own.members) > 0 && taken == nil:
		out.members = append(out.members, own.members...)
	case own != nil:
		for _, m := range c.v.members {
			if m.name == c.s.Under[0] {
				kept.members = append(kept.members, m)
			}
		}
	}
	out.add(keep, kept)
	return out
}

// unmapped deals with the spare members.
func (c *closed) unmapped() (*tree, error) {
	switch c.s.Unmapped {
	case UnmappedRefuse:
		if len(c.spare) > 0 {
			return nil, errRefused
		}
	case UnmappedKeep:
		c.out.members = append(c.out.members, c.spare...)
	case UnmappedDrop, UnmappedUnder:
	}
	return c.out, nil
}

func (c *closed) toSession() (*tree, error) {
	if err := c.split(c.v, tops(c.s.Members), froms(c.s.Members)); err != nil {
		return nil, err
	}
	if err := c.take(c.v, c.s.Members); err != nil {
		return nil, err
	}
	return c.unmapped()
}

// take writes the session's members that flow members were made of. from is the flow, or an object in it.
func (c *closed) take(from *tree, list []Member) error {
	for _, m := range list {
		v := from.find(m.Name)
		switch {
		case m.Nest != nil:
			if v == nil {
				v = &tree{kind: 'n'}
			}
			if v.kind != '{' && v.kind != 'n' {
				return errRefused
			}
			for _, inner := range v.members {
				if named := slices.Contains(tops(m.Nest), inner.name); named && v.count(inner.name) > 1 || !named && c.s.Unmapped == UnmappedRefuse {
					return errRefused
				}
			}
			if err := c.take(v, m.Nest); err != nil {
				return err
			}
			continue
		case m.From == "":
			continue
		case c.s.Unmapped == UnmappedUnder && m.Name == c.s.Under[0] && from == c.v:
			if err := c.lift(m, v); err != nil {
				return err
			}
			continue
		}
		if err := c.takeOne(v, m); err != nil {
			return err
		}
	}
	return nil
}

func (c *closed) takeOne(v *tree, m Member) error {
	var own *tree
	if c.s.Unmapped == UnmappedKeep && !slices.Contains(tops(c.s.Members), m.From) {
		own = c.v.find(m.From)
	}
	isDefault := v != nil && len(m.Else) == 1 && m.Else[0].Value == v.raw
	switch {
	case isDefault && own == nil:
		return nil
	case v == nil && own == nil && m.Required:
		return errRefused
	case v != nil && !isDefault:
		made, err := c.mapMember(v, m)
		if err != nil || own != nil && !alike(made, own) {
			return errRefused
		}
		c.out.add(m.From, made)
	case own != nil:
		c.out.add(m.From, own)
	}
	return nil
}

// lift writes a member as it was before spare members were put below it, and these.
func (c *closed) lift(m Member, v *tree) error {
	switch kept := v.only(c.s.Under[1]); {
	case v == nil && m.Required:
		return errRefused
	case v == nil:
	case kept == nil || kept.kind != '{':
		c.out.add(m.From, v)
	default:
		out := &tree{kind: '{'}
		for _, inner := range v.members {
			if inner.name != c.s.Under[1] {
				out.members = append(out.members, inner)
			}
		}
		if len(out.members) > 0 {
			c.out.add(m.From, out)
		}
		for _, inner := range kept.members {
			own := inner.name == c.s.Under[0] && len(out.members) == 0
			if slices.Contains(froms(c.s.Members), inner.name) && !own {
				return errRefused
			}
		}
		if v.count(c.s.Under[1]) > 1 {
			return errRefused
		}
		c.out.members = append(c.out.members, kept.members...)
	}
	return nil
}

// only gives the first member of a name of a value that may be nil.
func (t *tree) only(name string) *tree {
	if t == nil {
		return nil
	}
	return t.find(name)
}

// mapText maps a text by the operation that maps texts.
func (r *reference) mapText(v *tree, op Op) (*tree, error) {
	switch op := op.(type) {
	case Words:
		return r.words(v, op.Table)
	case Prefixes:
		if v.kind == '"' {
			return r.prefix(v, op.Table), nil
		}
	case Text:
		one, other := op.Session, op.Flow
		if r.back {
			one, other = other, one
		}
		if v.kind == '"' && meaning(v.raw) == one {
			return &tree{kind: '"', raw: quoted(other)}, nil
		}
	case URL:
		if v.kind == '"' && r.links != nil {
			if to, ok := r.links(meaning(v.raw)); ok && to != meaning(v.raw) {
				return &tree{kind: '"', raw: quoted(to)}, nil
			}
		}
	case Route:
		one, other := "upstream.path", "client.path"
		if r.back {
			one, other = other, one
		}
		from, ok := r.variable(one)
		to, ok2 := r.variable(other)
		if v.kind == '"' && ok && ok2 && meaning(v.raw) == meaning(from.raw) && from.raw != to.raw {
			return to, nil
		}
	}
	return v, nil
}

func (r *reference) words(v *tree, t *WordTable) (*tree, error) {
	if v.kind == 'n' {
		return v, nil
	}
	if v.kind != '"' {
		return nil, errRefused
	}
	word := meaning(v.raw)
	if r.back {
		for _, e := range t.Back {
			if e.Flow == word {
				return &tree{kind: '"', raw: quoted(e.Session)}, nil
			}
		}
		return v, nil
	}
	if slices.Contains(t.Same, word) {
		return v, nil
	}
	for _, e := range t.Entries {
		begin, star := strings.CutSuffix(e.Session, "*")
		if star && strings.HasPrefix(word, begin) || !star && word == e.Session {
			return &tree{kind: '"', raw: quoted(e.Flow)}, nil
		}
	}
	if t.Else != "" {
		return &tree{kind: '"', raw: quoted(t.Else)}, nil
	}
	return v, nil
}

// prefix maps the beginning of a text; what comes behind keeps its spelling.
func (r *reference) prefix(v *tree, t *PrefixTable) *tree {
	list := t.Entries
	if r.back {
		list = t.Back
	}
	for _, e := range list {
		from, to := e.Session, e.Flow
		if r.back {
			from, to = to, from
		}
		// The shortest beginning of the token that means the prefix.
		for i := 1; i < len(v.raw); i++ {
			head := v.raw[:i] + `"`
			if _, err := parse(head, 0); err != nil || meaning(head) != from {
				continue
			}
			if e.Whole && i < len(v.raw)-1 {
				continue
			}
			return &tree{kind: '"', raw: strings.TrimSuffix(quoted(to), `"`) + v.raw[i:]}
		}
	}
	return v
}
