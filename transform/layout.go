package transform

import "encoding/binary"

// The elements of a list nearly always have the same members in the same order, spelled alike, and so has the next
// body of an endpoint. A layout remembers how an object of a kind was spelled between its values. Where the next one
// has the same bytes there they need no second look: they were found to be good, and which names they are is
// known. Nothing is taken for granted: what is not the same is read as ever, with the same verdict.
type layout struct {
	known []literal // from the first member on
	odd   int8      // objects in a row that were spelled otherwise
	fits  bool      // the object that was read last is spelled like this, whole
	plan  plan      // how to write such an object in its shape
}

const (
	layoutMembers = 24 // an object may have more members; those are read as ever
	layoutOdd     = 2  // after so many other objects it is time to learn anew: one may be an exception
	literalBytes  = 32 // a name may be longer; it is read as ever
)

// literal is what stands between two values: a comma, a name and a colon, with white space.
type literal struct {
	words, masks [literalBytes / 8]uint64
	size         uint8
	quote, end   uint8 // where in it the name begins and ends
	field        int8  // of the object, or -1
}

// learn remembers the literal before the value of a further member, in which the name stands from quote to end.
func (l *layout) learn(text []byte, quote, end, field int) {
	var padded, mask [literalBytes]byte
	copy(padded[:], text)
	for i := range text {
		mask[i] = 0xFF
	}
	lit := literal{size: uint8(len(text)), quote: uint8(quote), end: uint8(end), field: int8(field)}
	for i := range lit.words {
		lit.words[i] = binary.LittleEndian.Uint64(padded[8*i:])
		lit.masks[i] = binary.LittleEndian.Uint64(mask[8*i:])
	}
	l.known = append(l.known, lit)
}

// begins says whether p, which has literalBytes, begins with the literal.
func (l *literal) begins(p []byte) bool {
	return (binary.LittleEndian.Uint64(p)^l.words[0])&l.masks[0]|
		(binary.LittleEndian.Uint64(p[8:])^l.words[1])&l.masks[1]|
		(binary.LittleEndian.Uint64(p[16:])^l.words[2])&l.masks[2]|
		(binary.LittleEndian.Uint64(p[24:])^l.words[3])&l.masks[3] == 0
}

// course is an object on its way along a layout.
type course struct {
	layout  *layout
	known   []literal
	members int  // that have been read
	next    int  // of the known ones
	odd     bool // one was not spelled as known
}

// course begins an object, which is spelled as known or teaches its layout.
func (r *run) course(o *object) course {
	if o.layout < 0 {
		return course{}
	}
	l := &r.layouts[o.layout]
	l.fits = false
	return course{layout: l, known: l.known}
}

// literal gives the literal at b[i:], behind a brace or a value, if it is the next one that is known. nil: it is to be read.
func (c *course) literal(r *run, i int) *literal {
	if c.next >= len(c.known) || i < 0 {
		return nil
	}
	b, lit := r.body, &c.known[c.next]
	p := r.padding[:]
	if i+literalBytes <= len(b) {
		p = b[i : i+literalBytes : len(b)]
	} else {
		r.pad(i)
	}
	v0 := i + int(lit.size)
	if v0 >= len(b) || !lit.begins(p) || b[v0] <= ' ' {
		return nil
	}
	c.next++
	c.members++
	return lit
}

// other tells of a member that was read: text is what stands before its value, the name in it from quote to end, and
// field which it is of the object, or -1.
//
// Members may be missing, so that it is a later one of those that are known; or it is one more. The first literal alone has no
// comma, and is for the first member alone.
func (c *course) other(text []byte, quote, end, field int) {
	switch {
	case len(c.known) > 0:
		next := max(c.next, 1)
		for k := c.next; field >= 0 && k < len(c.known); k++ {
			if int(c.known[k].field) == field {
				next = k + 1
				break
			}
		}
		c.odd, c.next = true, next
	case c.layout != nil && len(c.layout.known) == c.members && c.members < layoutMembers && len(text) <= literalBytes:
		c.layout.learn(text, quote, end, field)
	}
	c.members++
}

// end ends the object.
func (c *course) end() {
	if len(c.known) > 0 {
		c.layout.read(!c.odd && c.members == len(c.known))
	}
}

// pad copies the last bytes of the body, from i on, so that as many as a literal may have can be looked at.
func (r *run) pad(i int) { copy(r.padding[:], r.body[i:]) }

// read tells the layout how an object went: whether it fits.
func (l *layout) read(fits bool) {
	l.fits = fits
	switch {
	case fits:
		l.odd = 0
	case l.odd == layoutOdd-1:
		l.forget()
	default:
		l.odd++
	}
}

// forget makes the layout learn from the next object.
func (l *layout) forget() {
	l.known, l.odd, l.fits = l.known[:0], 0, false
	l.plan.forget()
}
