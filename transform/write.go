package transform

import "fmt"

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
				continue
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
	switch {
	case s.under:
		return r.writeUnder(op, offset, s, at, spare)
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
		name := s.member.From
		if s.object != nil {
			name = s.object.fields[s.field].name
		}
		r.within(name, r.fail(op, offset, ErrMissing))
		return false
	}
	return true
}

// writeSpare deals with the members that the shape does not name.
func (r *run) writeSpare(op Op, offset int, s *shape, spare int) bool {
	switch s.decl.Unmapped {
	case UnmappedKeep:
		for _, m := range r.spare[spare:] {
			r.writeMember(m)
		}
	case UnmappedDrop:
		r.result.Unmapped += len(r.spare) - spare
	case UnmappedRefuse:
		if len(r.spare) > spare {
			m := r.spare[spare]
			name := unescape(nil, r.body[m.k0:scanString(r.body, int(m.k0)+1)])
			r.within(string(name), r.fail(op, int(m.k0), fmt.Errorf("%w %s", ErrUnmapped, s.decl.Name)))
			return false
		}
	case UnmappedUnder:
		// Written below their member; the way back has nowhere else to put what a flow has more.
		if s.lift {
			r.result.Unmapped += len(r.spare) - spare
		}
	}
	return true
}

func (r *run) writeMember(m slot) {
	r.aside = append(comma(r.aside), r.body[m.k0:m.v1]...)
}

// writeUnder writes the member that unmapped members are kept below, or reads it back.
//
// Kept are, as members of an object below it: the unmapped members, and the member's own
// value where that is not an object with members (null, {}, a string: nothing to put them
// beside). So the way back knows both apart: an own value that was kept comes back as it was.
func (r *run) writeUnder(op Op, offset int, s *step, at slot, spare int) bool {
	if s.lift {
		return r.writeLifted(s, at)
	}
	members := r.spare[spare:]
	own := r.body[at.v0:at.v1]
	if len(members) == 0 {
		if at.v1 > 0 {
			r.open(s.lit)
			r.aside = append(r.aside, own...)
		}
		return true
	}
	r.open(s.lit)
	merge := len(own) > 0 && own[0] == '{' && own[skipSpace(own, 1)] != '}'
	if merge {
		if member(own, s.keep) != nil {
			r.within(s.member.Name, r.fail(op, offset, fmt.Errorf("%w: %s.%s", ErrOccupied, s.member.Name, s.keep)))
			return false
		}
		r.aside = append(r.aside, own[:len(own)-1]...)
		r.aside = append(r.aside, ',')
	} else {
		r.aside = append(r.aside, '{')
	}
	r.aside = quote(r.aside, s.keep)
	r.aside = append(r.aside, ":{"...)
	for _, m := range members {
		r.writeMember(m)
	}
	if !merge && at.v1 > 0 {
		r.writeMember(at)
	}
	r.aside = append(r.aside, "}}"...)
	return true
}

// writeLifted writes the member as it was, and what was kept below it.
func (r *run) writeLifted(s *step, at slot) bool {
	if at.v1 == 0 {
		return true
	}
	own := r.body[at.v0:at.v1]
	var kept []byte
	if own[0] == '{' {
		kept = member(own, s.keep)
	}
	if kept == nil || kept[0] != '{' {
		r.open(s.lit)
		r.aside = append(r.aside, own...)
		return true
	}
	mark := len(r.aside)
	r.open(s.lit)
	r.aside = append(r.aside, '{')
	empty := len(r.aside)
	eachMember(own, func(name, whole []byte) {
		if !spells(name, s.keep) {
			r.aside = append(comma(r.aside), whole...)
		}
	})
	if len(r.aside) == empty {
		r.aside = r.aside[:mark]
	} else {
		r.aside = append(r.aside, '}')
	}
	eachMember(kept, func(_, whole []byte) {
		r.aside = append(comma(r.aside), whole...)
	})
	return true
}
