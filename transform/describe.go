package transform

import "slices"

// Loss is a declared loss: at which path (session names) and why.
type Loss struct {
	Path Path
	Why  string
}

// Losses lists what may not survive to-session(to-flow(x)), as declared, in the order of
// the operations.
func (l *Lens) Losses() []Loss { return losses(nil, l.ops) }

// SessionNames lists the paths of members that only the session shape has, in session names.
// The leak detector and the ledger know names by them.
func (l *Lens) SessionNames() []Path { return ownNames(nil, l.ops, ToFlow) }

// FlowNames lists the paths of members that only the flow shape has, in flow names.
func (l *Lens) FlowNames() []Path { return ownNames(nil, l.ops, ToSession) }

func join(base, rest Path) Path { return slices.Concat(base, rest) }

func losses(base Path, ops []Op) (out []Loss) {
	add := func(at Path, why string) {
		if why != "" {
			out = append(out, Loss{join(base, at), why})
		}
	}
	for _, op := range ops {
		switch op := op.(type) {
		case Drop:
			add(op.At, op.Loss)
		case Words:
			add(op.At, op.Table.Loss)
		case Prefixes:
			add(op.At, op.Table.Loss)
		case Project:
			out = append(out, shapeLosses(join(base, op.At), op.Shape)...)
		case Collect:
			add(op.At, op.Loss)
			out = append(out, shapeLosses(join(base, append(slices.Clone(op.At), Each)), op.Shape)...)
		case Wrap:
			out = append(out, shapeLosses(join(base, Path{Each}), op.Shape)...)
		default: // the other operations have no part in this
		}
	}
	return out
}

func shapeLosses(base Path, s *Shape) []Loss {
	if s.Edit != nil {
		return losses(base, s.Edit)
	}
	var out []Loss
	if s.Unmapped == UnmappedDrop {
		out = append(out, Loss{join(base, Path{"*"}), s.Loss})
	}
	var walk func([]Member)
	walk = func(members []Member) {
		for _, m := range members {
			walk(m.Nest)
			at := join(base, Path{m.From})
			if m.Loss != "" {
				out = append(out, Loss{at, m.Loss})
			}
			if m.Words != nil && m.Words.Loss != "" {
				out = append(out, Loss{at, m.Words.Loss})
			}
			if m.Prefixes != nil && m.Prefixes.Loss != "" {
				out = append(out, Loss{at, m.Prefixes.Loss})
			}
		}
	}
	walk(s.Members)
	for _, lost := range s.Lost {
		if s.loses() {
			out = append(out, Loss{join(base, Path{lost.Name}), lost.Loss})
		}
	}
	return out
}

// ownNames lists the members that one shape has and the other has not: the names read by
// the given direction.
func ownNames(base Path, ops []Op, dir Direction) (out []Path) {
	add := func(at Path, name string) { out = append(out, join(base, append(slices.Clone(at[:len(at)-1]), name))) }
	for _, op := range ops {
		switch op := op.(type) {
		case Rename:
			if dir == ToFlow {
				out = append(out, join(base, op.At))
			} else {
				add(op.At, op.To)
			}
		case Project:
			out = append(out, useNames(base, op.At, op.To, nil, op.Shape, dir)...)
		case Collect:
			out = append(out, useNames(base, op.At, op.To, Path{Each}, op.Shape, dir)...)
		case Add:
			if dir == ToSession {
				out = append(out, join(base, append(slices.Clone(op.In), op.Member)))
			}
		case Copy:
			if dir == ToSession {
				add(op.At, op.To)
			}
		case Drop:
			if dir == ToFlow {
				out = append(out, join(base, op.At))
			}
		case Wrap:
			if dir == ToSession {
				out = append(out, join(base, Path{op.List}))
				out = append(out, shapeNames(join(base, Path{op.List, Each}), op.Shape, dir)...)
			} else {
				out = append(out, shapeNames(join(base, Path{Each}), op.Shape, dir)...)
			}
		default: // the other operations have no part in this
		}
	}
	return out
}

func useNames(base, at Path, to string, each Path, s *Shape, dir Direction) []Path {
	if dir == ToSession {
		at = append(slices.Clone(at[:len(at)-1]), to)
	}
	here := join(base, at)
	return append([]Path{here}, shapeNames(join(here, each), s, dir)...)
}

func shapeNames(base Path, s *Shape, dir Direction) []Path {
	if s.Edit != nil {
		return ownNames(base, s.Edit, dir)
	}
	session, flow := map[string]bool{}, map[string]bool{}
	var sessions, flows []Path
	for _, m := range s.Members {
		flow[m.Name] = true
		flows = append(flows, join(base, Path{m.Name}))
		inner := m.Nest
		if inner == nil {
			inner = []Member{m}
		}
		for _, n := range inner {
			if n.From != "" {
				session[n.From] = true
				sessions = append(sessions, join(base, Path{n.From}))
			}
		}
	}
	for _, lost := range s.Lost {
		if s.Unmapped != UnmappedKeep {
			sessions = append(sessions, join(base, Path{lost.Name}))
		}
	}
	mine, other := sessions, flow
	if dir == ToSession {
		mine, other = flows, session
	}
	return slices.DeleteFunc(mine, func(p Path) bool { return other[p[len(p)-1]] })
}
