package transform

// plan is how an object that fits a layout is written in its shape: what writeSteps finds out for each object,
// found out once. It writes the same bytes.
type plan struct {
	made   bool
	text   []byte // what pieces say by themselves, one after the other
	told   int32  // how much of it is in pieces, while they are made
	pieces []piece
}

// piece is a part of what a plan writes.
type piece struct {
	kind        pieceKind
	first, last int8  // fields
	lead        uint8 // bytes before the name of first
	from, to    int32 // of the plan's text, or of the shape's steps
}

type pieceKind uint8

const (
	pieceBody   pieceKind = iota // the body from first to last, with the lead
	pieceText                    // the plan's text
	pieceValue                   // the value of first
	pieceMapped                  // the value of first, mapped by the step
	pieceSteps                   // what steps write
)

func (p *plan) forget() { p.made = false }

// make makes the plan for objects that fit the layout.
func (p *plan) make(s *shape, l *layout) {
	p.made, p.text, p.pieces = true, append(p.text[:0], '{'), p.pieces[:0]
	p.told = 0
	var place [maxFields]int // of a field among the members of the object, from 1 on
	for k := range l.known {
		if n := l.known[k].field; n >= 0 {
			place[n] = k + 1
		}
	}
	first := true
	for i := range s.steps {
		st := &s.steps[i]
		at := 0
		if st.object == s.read {
			at = place[st.field]
		}
		switch has := at > 0 && st.omit == ""; {
		case has && st.plain:
			// Right behind a comma, which is right behind the member before?
			p.body(int8(st.field), at > 1 && l.known[at-1].quote == 1, place[:], first)
		case has && st.owner == nil && st.under == nil && st.nest == nil:
			p.comma(first)
			p.text = append(p.text, st.lit...)
			c := piece{kind: pieceValue, first: int8(st.field)}
			if st.text != nil {
				c.kind, c.from = pieceMapped, int32(i)
			}
			p.add(c)
		case at == 0 && st.constant != "":
			p.comma(first)
			p.text = append(p.text, st.constant...)
		case first:
			// Whether it writes anything shows then, and so whether a comma follows.
			p.add(piece{kind: pieceSteps, from: int32(i), to: int32(len(s.steps))})
			return
		default:
			p.add(piece{kind: pieceSteps, from: int32(i), to: int32(i + 1)})
			continue
		}
		first = false
	}
	p.flush()
}

// body adds a member that is copied as it stands: to the piece before, where both are neighbours in the body as well.
func (p *plan) body(field int8, behindComma bool, place []int, first bool) {
	if n := len(p.pieces); behindComma && n > 0 && p.flushed() {
		if c := &p.pieces[n-1]; c.kind == pieceBody && place[c.last]+1 == place[field] {
			c.last = field
			return
		}
	}
	c := piece{kind: pieceBody, first: field, last: field}
	if behindComma && !first {
		c.lead = 1
	} else {
		p.comma(first)
	}
	p.add(c)
}

// add adds a piece, behind the text that is not in one yet.
func (p *plan) add(c piece) {
	p.flush()
	p.pieces = append(p.pieces, c)
}

func (p *plan) flush() {
	if !p.flushed() {
		p.pieces = append(p.pieces, piece{kind: pieceText, from: p.told, to: int32(len(p.text))})
		p.told = int32(len(p.text))
	}
}

func (p *plan) flushed() bool { return int(p.told) == len(p.text) }

func (p *plan) comma(first bool) {
	if !first {
		p.text = append(p.text, ',')
	}
}

// writePlan writes what writeObject does, of an object that fits the layout.
func (r *run) writePlan(op Op, offset int, s *shape, p *plan, spare int) bool {
	body, out := r.body, r.aside
	slots := r.slots[s.read.base : s.read.base+len(s.read.fields)]
	for i := range p.pieces {
		switch c := &p.pieces[i]; c.kind {
		case pieceBody:
			out = append(out, body[int(slots[c.first].k0)-int(c.lead):slots[c.last].v1]...)
		case pieceText:
			out = append(out, p.text[c.from:c.to]...)
		case pieceValue:
			at := &slots[c.first]
			out = append(out, body[at.v0:at.v1]...)
		case pieceMapped:
			r.aside = out
			if !r.writeValue(op, &s.steps[c.from], slots[c.first]) {
				return false
			}
			out = r.aside
		case pieceSteps:
			r.aside = out
			if !r.writeSteps(op, offset, s.steps[c.from:c.to], spare) {
				return false
			}
			out = r.aside
		}
	}
	r.aside = out
	return true
}
