package transform

// plan is how an object that fits a layout is written in its shape: what writeSteps finds out for each object,
// found out once. It writes the same bytes.
type plan struct {
	made   bool
	text   []byte // what pieces say by themselves, one after the other
	pieces []piece
}

// piece is some text of the plan, and then something of the object.
type piece struct {
	kind     pieceKind
	from, to int32 // of plan.text
	// a part of the body: from the name of one field, or as many bytes before it as lead says, to the end of another
	first, last int8
	lead        uint8
	step, steps int32 // or what these steps make of it
}

type pieceKind uint8

const (
	pieceText   pieceKind = iota // no more than the text
	pieceBody                    // first to last
	pieceValue                   // the value of first
	pieceMapped                  // the value of first, mapped by the step
	pieceSteps                   // what steps write
)

func (p *plan) forget() { p.made = false }

// make makes the plan for objects that fit the layout.
func (p *plan) make(s *shape, l *layout) {
	p.made, p.text, p.pieces = true, append(p.text[:0], '{'), p.pieces[:0]
	var place [maxFields]int // of a field among the members of the object, from 1 on
	for k := range l.literals[:l.count] {
		if n := l.literals[k].field; n >= 0 {
			place[n] = k + 1
		}
	}
	from := 0 // of the text that no piece has yet
	add := func(c piece) {
		c.from, c.to = int32(from), int32(len(p.text))
		from = len(p.text)
		p.pieces = append(p.pieces, c)
	}
	sure := false // that something has been written
	for i := range s.steps {
		st := &s.steps[i]
		at := 0
		if st.object == s.read {
			at = place[st.field]
		}
		switch {
		case at > 0 && st.plain && st.omit == "":
			var last *piece
			if len(p.pieces) > 0 {
				last = &p.pieces[len(p.pieces)-1]
			}
			behind := at > 1 && l.literals[at-1].quote == 1 // its name is right behind its comma, which is right behind the member before
			switch {
			case behind && last != nil && last.kind == pieceBody && from == len(p.text) && place[last.last] == at-1:
				last.last = int8(st.field) // neighbours in the body that are neighbours in the shape: one piece
			case behind && sure:
				add(piece{kind: pieceBody, first: int8(st.field), last: int8(st.field), lead: 1})
			default:
				p.comma(sure)
				add(piece{kind: pieceBody, first: int8(st.field), last: int8(st.field)})
			}
		case at > 0 && st.omit == "" && st.owner == nil && st.under == nil && st.nest == nil:
			p.comma(sure)
			p.text = append(p.text, st.lit...)
			kind := pieceValue
			if st.text != nil {
				kind = pieceMapped
			}
			add(piece{kind: kind, first: int8(st.field), step: int32(i)})
		case at == 0 && st.object != nil && st.object != s.read, at > 0 || st.constant == "":
			end := i + 1
			if !sure {
				end = len(s.steps) // whether it writes anything is not known before
			}
			add(piece{kind: pieceSteps, step: int32(i), steps: int32(end)})
			if !sure {
				return
			}
			continue
		default:
			p.comma(sure)
			p.text = append(p.text, st.constant...)
		}
		sure = true
	}
	add(piece{})
}

func (p *plan) comma(sure bool) {
	if sure {
		p.text = append(p.text, ',')
	}
}

// writePlan writes the object last read, which fits the layout, but for its bracket and the members that the shape does not name.
func (r *run) writePlan(op Op, offset int, s *shape, p *plan, spare int) bool {
	body, out := r.body, r.aside
	slots := r.slots[s.read.base : s.read.base+len(s.read.fields)]
	for i := range p.pieces {
		c := &p.pieces[i]
		out = append(out, p.text[c.from:c.to]...)
		switch c.kind {
		case pieceText:
		case pieceBody:
			out = append(out, body[int(slots[c.first].k0)-int(c.lead):slots[c.last].v1]...)
		case pieceValue:
			at := &slots[c.first]
			out = append(out, body[at.v0:at.v1]...)
		case pieceMapped:
			r.aside = out
			if !r.writeValue(op, &s.steps[c.step], slots[c.first]) {
				return false
			}
			out = r.aside
		case pieceSteps:
			r.aside = out
			if !r.writeSteps(op, offset, s.steps[c.step:c.steps], spare) {
				return false
			}
			out = r.aside
		}
	}
	r.aside = out
	return true
}
