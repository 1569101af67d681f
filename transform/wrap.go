package transform

import (
	"fmt"
	"strconv"
)

// wrap replaces the whole body at i by its wrapped form, or takes the list out of it.
func (r *run) wrap(i int, p *wrapPlan, depth int) int {
	has, want := byte('['), byte('{')
	if p.session {
		has, want = want, has
	}
	switch c := r.body[i]; {
	case c == want && p.session: // a list already
		r.natives++
		end := scanValue(r.body, i, depth)
		if end < 0 {
			return r.syntax(^end)
		}
		return end
	case c == want: // wrapped already, if the list is there
		return r.editObject(i, p.object, depth, 0)
	case c != has:
		if end := scanValue(r.body, i, depth); end < 0 {
			return r.syntax(^end)
		}
		wanted := "a list"
		if p.session {
			wanted = "an object or a list"
		}
		return r.fail(p.op, i, fmt.Errorf("%w: want %s, got %s", ErrType, wanted, kindOf(c)))
	}
	r.sources++
	out := &r.asides[p.use.aside]
	*out = aside{}
	var end int
	opening := "["
	if p.session {
		end = r.unwrap(i, p, depth)
	} else {
		opening = p.use.lit
		out.from = len(r.aside)
		end = r.shapeList(i, p.use, depth)
		out.to = len(r.aside)
	}
	if end < 0 {
		return end
	}
	r.edits = append(r.edits[:0], edit{pos: int32(i), end: int32(end), kind: editLit, lit: opening})
	if out.rows > 0 {
		r.insertSpan(end, editAside, out.from, out.to)
	}
	at := len(r.aside)
	r.aside = append(r.aside, ']')
	if !p.session {
		if p.op.Total != "" {
			r.aside = append(r.aside, ',')
			r.aside = quote(r.aside, p.op.Total)
			r.aside = append(r.aside, ':')
			r.aside = strconv.AppendInt(r.aside, int64(out.rows), 10)
		}
		if !r.writeSteps(p.op, i, p.steps, len(r.spare)) {
			return -1
		}
		r.aside = append(r.aside, '}')
	}
	r.insertSpan(end, editAside, at, len(r.aside))
	return end
}

// unwrap reads the list out of the object at i, which has the wrapped shape.
func (r *run) unwrap(i int, p *wrapPlan, depth int) int {
	end := r.editObject(i, p.object, depth, 0)
	if end < 0 {
		return end
	}
	if r.asides[p.use.aside].null {
		return r.within(p.op.List, r.fail(p.op, i, fmt.Errorf("%w: want a list, got null", ErrType)))
	}
	eachMember(r.body[i:end], func(name, _ []byte) {
		known := spells(name, p.op.List) || p.op.Total != "" && spells(name, p.op.Total)
		for j := range p.op.Members {
			known = known || spells(name, p.op.Members[j].Name)
		}
		if !known {
			r.result.Unmapped++
		}
	})
	return end
}
