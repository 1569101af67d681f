package transform

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// writeObject writes what a closed shape makes of the object last read, but for its bracket and the
// members that the shape does not name, which are spare[spare:]. offset is that object's place, for errors. It is false after fail.
func (r *run) writeObject(op Op, offset int, s *shape, spare int) bool {
	if s.read.layout >= 0 && r.layouts[s.read.layout].fits {
		l := &r.layouts[s.read.layout]
		if !l.plan.made {
			l.plan.make(s, l)
		}
		return r.writePlan(op, offset, s, &l.plan, spare)
	}
	r.aside = append(r.aside, '{')
	return r.writeSteps(op, offset, s.steps, spare)
}

// writeSteps writes the members of a closed shape to run.aside, from the object last read.
// offset is that object's place, for errors; the unmapped members are spare[spare:].
// It is false after fail.
func (r *run) writeSteps(op Op, offset int, steps []step, spare int) bool {
	// Neighbours in the body that are neighbours in the shape are copied as one piece.
	var from, to int32
	body, out := r.body, r.aside
	for i := range steps {
		s := &steps[i]
		var at slot
		if s.object != nil && r.seen[s.object.id]&(1<<s.field) != 0 {
			at = r.slots[s.object.base+s.field]
			if s.omit != "" && string(body[at.v0:at.v1]) == s.omit {
				if s.owner == nil || r.seen[s.owner.id]&(1<<s.own) == 0 {
					continue
				}
				at = slot{} // as if it was not there, beside one that is
			}
			if s.plain {
				if to > 0 && at.k0 == to+1 && body[to] == ',' {
					to = at.v1
					continue
				}
				if to > 0 {
					out = append(comma(out), body[from:to]...)
				}
				from, to = at.k0, at.v1
				continue
			}
		}
		if to > 0 {
			out = append(comma(out), body[from:to]...)
			from, to = 0, 0
		}
		if at.v1 == 0 && s.constant != "" {
			out = append(comma(out), s.constant...)
			continue
		}
		r.aside = out
		if !r.writeStep(op, offset, s, at, spare) {
			return false
		}
		out = r.aside
	}
	if to > 0 {
		out = append(comma(out), body[from:to]...)
	}
	r.aside = out
	return true
}

// writeStep writes a member that is not simply copied.
func (r *run) writeStep(op Op, offset int, s *step, at slot, spare int) bool {
	if s.owner != nil && r.seen[s.owner.id]&(1<<s.own) != 0 {
		return r.writeOwn(op, offset, s, at, spare)
	}
	return r.writeMade(op, offset, s, at, spare)
}

// writeOwn writes a member of whose name the object read has one already. That one wins.
func (r *run) writeOwn(op Op, offset int, s *step, at slot, spare int) bool {
	own := r.slots[s.owner.base+s.own]
	mark := len(r.aside)
	if at.v1 > 0 || s.nest != nil {
		if !r.writeMade(op, offset, s, at, spare) {
			return false
		}
	}
	made := bytes.TrimPrefix(r.aside[mark:], []byte{','})
	err := error(nil)
	switch {
	case len(made) == 0:
	case s.nest != nil:
		err = fmt.Errorf("%w: %s", ErrOccupied, kindOf(r.body[own.v0]))
	case r.prog.strict && !sameValue(made[len(s.lit):], r.body[own.v0:own.v1]):
		err = fmt.Errorf("%w: %q and %q", ErrConflict, s.member.From, s.member.Name)
	}
	if err != nil {
		r.within(s.owner.fields[s.own].name, r.fail(op, int(own.k0), err))
		return false
	}
	r.aside = r.aside[:mark]
	r.writeMember(own)
	return true
}

// writeMade writes a member that is made of others.
func (r *run) writeMade(op Op, offset int, s *step, at slot, spare int) bool {
	switch {
	case s.under != nil && (at.v1 > 0 || !s.must):
		return r.writeUnder(op, s, at, spare)
	case s.nest != nil:
		mark := len(r.aside)
		r.open(s.lit)
		r.aside = append(r.aside, '{')
		empty := len(r.aside)
		if !r.writeSteps(op, offset, s.nest, spare) {
			return false
		}
		if len(r.aside) == empty { // none of its members is there: neither is it
			r.aside = r.aside[:mark]
			return true
		}
		r.aside = append(r.aside, '}')
		return true
	case at.v1 > 0:
		return r.writeMapped(op, s, at)
	}
	return r.writeAbsent(op, offset, s)
}

// comma separates from the member before, if there is one in this object.
func comma(out []byte) []byte {
	if out[len(out)-1] != '{' {
		out = append(out, ',')
	}
	return out
}

// open begins a member.
func (r *run) open(lit string) {
	r.aside = append(comma(r.aside), lit...)
}

func (r *run) writeMapped(op Op, s *step, at slot) bool {
	r.open(s.lit)
	return r.writeValue(op, s, at)
}

// writeValue writes a member's value, mapped.
func (r *run) writeValue(op Op, s *step, at slot) bool {
	token := r.body[at.v0:at.v1]
	if s.text != nil {
		if token[0] == '"' {
			aside, changed := s.text.apply(r, r.aside, token)
			r.aside = aside
			if changed {
				return true
			}
		} else if s.text.strict && token[0] != 'n' {
			r.within(s.member.From, r.fail(op, int(at.v0), fmt.Errorf("%w: want a string, got %s", ErrType, kindOf(token[0]))))
			return false
		}
	}
	r.aside = append(r.aside, token...)
	return true
}

// writeAbsent writes a member that the object read does not have.
func (r *run) writeAbsent(op Op, offset int, s *step) bool {
	mark := len(r.aside)
	r.open(s.lit)
	if r.writeSource(s.else_) {
		return true
	}
	r.aside = r.aside[:mark]
	if s.must {
		name := s.member.Name
		if s.object != nil {
			name = s.object.fields[s.field].name
		}
		r.within(name, r.fail(op, offset, ErrMissing))
		return false
	}
	return true
}

// writeSpare deals with the members that the shape does not name.
func (r *run) writeSpare(op Op, s *shape, spare int) bool {
	members := r.spare[spare:]
	switch s.decl.Unmapped {
	case UnmappedKeep:
		for _, m := range members {
			r.writeMember(m)
		}
	case UnmappedDrop:
		r.result.Unmapped += len(members)
	case UnmappedRefuse:
		if len(members) > 0 {
			r.unmapped(op, members[0], s.decl)
			return false
		}
	case UnmappedUnder:
		// Written below their member; the way back has nowhere else to put what a flow has more.
		if s.lift {
			r.result.Unmapped += len(members)
		}
	}
	return true
}

// unmapped refuses a member that a shape has no place for.
func (r *run) unmapped(op Op, at slot, s *Shape) int {
	name := unescape(nil, r.body[at.k0:scanString(r.body, int(at.k0)+1)])
	return r.within(foreign(name), r.fail(op, int(at.k0), fmt.Errorf("%w %s", ErrUnmapped, s.Name)))
}

// foreign makes a name of the body's own fit for an error: quoted where it is not a plain
// word, and not longer than a line.
func foreign(name []byte) string {
	const most = 64
	cut := len(name) > most
	if cut {
		name = name[:most]
	}
	text := string(name)
	plain := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' && c != '-' }) < 0
	if !plain || cut || text == "" {
		text = strconv.Quote(text)
	}
	if cut {
		text += "…"
	}
	return text
}

func (r *run) writeMember(m slot) {
	r.aside = append(comma(r.aside), r.body[m.k0:m.v1]...)
}

// writeUnder writes the member that unmapped members are kept below, or reads it back.
//
// Kept are, in an object below it: the unmapped members, and the member's own value where
// they cannot stand beside what it has (null, {}, a string, or an object that has that name
// itself). So the way back tells both apart: an own value that was kept comes back as it was.
func (r *run) writeUnder(op Op, s *step, at slot, spare int) bool {
	if s.lift {
		return r.writeLifted(op, s, at)
	}
	keep, members := s.under.Under[1], r.spare[spare:]
	own := r.body[at.v0:at.v1]
	var taken []byte
	if at.v1 > 0 && own[0] == '{' {
		taken = member(own, keep)
	}
	if len(members) == 0 && (taken == nil || taken[0] != '{') { // the way back leaves it alone
		if at.v1 > 0 {
			r.open(s.lit)
			r.aside = append(r.aside, own...)
		}
		return true
	}
	r.open(s.lit)
	beside := at.v1 > 0 && own[0] == '{' && own[skipSpace(own, 1)] != '}' && taken == nil
	if beside {
		r.aside = append(r.aside, own[:len(own)-1]...)
		r.aside = append(r.aside, ',')
	} else {
		r.aside = append(r.aside, '{')
	}
	r.aside = quote(r.aside, keep)
	r.aside = append(r.aside, ":{"...)
	for _, m := range members {
		r.writeMember(m)
	}
	if !beside && at.v1 > 0 {
		r.writeMember(at)
	}
	r.aside = append(r.aside, "}}"...)
	return true
}

// writeLifted writes the member as it was, and what was kept below it.
func (r *run) writeLifted(op Op, s *step, at slot) bool {
	if at.v1 == 0 {
		return true
	}
	name, keep := s.under.Under[0], s.under.Under[1]
	own := r.body[at.v0:at.v1]
	var kept []byte
	if own[0] == '{' {
		kept = member(own, keep)
	}
	if kept == nil || kept[0] != '{' {
		r.open(s.lit)
		r.aside = append(r.aside, own...)
		return true
	}
	mark := len(r.aside)
	r.open(s.lit)
	r.aside = append(r.aside, '{')
	empty, times := len(r.aside), 0
	eachMember(own, func(key, whole []byte) {
		if spells(key, keep) {
			times++
			return
		}
		r.aside = append(comma(r.aside), whole...)
	})
	stays := len(r.aside) > empty
	if stays {
		r.aside = append(r.aside, '}')
	} else {
		r.aside = r.aside[:mark]
	}
	twice := ""
	eachMember(kept, func(key, whole []byte) {
		// To-flow keeps nothing that has a place in the shape, but for the member itself.
		if text := string(unescape(nil, key)); read(s.under.Members, text) && (text != name || stays) {
			twice = "." + foreign([]byte(text))
		}
		r.aside = append(comma(r.aside), whole...)
	})
	if twice != "" || times > 1 {
		r.within(name+"."+keep+twice, r.fail(op, int(at.k0), ErrDuplicate))
		return false
	}
	return true
}
