package transform

import "encoding/binary"

// The elements of a list nearly always have the same members in the same order, spelled alike, and so has the next
// body of an endpoint. A layout remembers how an object of a kind was spelled between its values. Where the next one
// has the same bytes there they need no second look: they were found to be good, and which names they are is
// known. Nothing is taken for granted: what is not the same is read as ever, with the same verdict.
type layout struct {
	literals [layoutMembers]literal
	count    int  // literals that are known, from the first member on
	odd      int8 // objects in a row that were spelled otherwise
	fits     bool // the object that was read last is spelled like this, whole
	plan     plan // how to write such an object in its shape
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
	quote        uint8 // where in it the name begins
	field        int8  // of the object, or -1
}

// learn remembers the literal before value k of an object, as long as it has all before that.
func (l *layout) learn(k int, text []byte, quote, field int) {
	if k != l.count || k == layoutMembers || len(text) > literalBytes {
		return
	}
	var padded, mask [literalBytes]byte
	copy(padded[:], text)
	for i := range text {
		mask[i] = 0xFF
	}
	lit := &l.literals[k]
	for i := range lit.words {
		lit.words[i] = binary.LittleEndian.Uint64(padded[8*i:])
		lit.masks[i] = binary.LittleEndian.Uint64(mask[8*i:])
	}
	lit.size, lit.quote, lit.field = uint8(len(text)), uint8(quote), int8(field)
	l.count++
}

// begins says whether p, which has literalBytes, begins with the literal.
func (l *literal) begins(p []byte) bool {
	return (binary.LittleEndian.Uint64(p)^l.words[0])&l.masks[0]|
		(binary.LittleEndian.Uint64(p[8:])^l.words[1])&l.masks[1]|
		(binary.LittleEndian.Uint64(p[16:])^l.words[2])&l.masks[2]|
		(binary.LittleEndian.Uint64(p[24:])^l.words[3])&l.masks[3] == 0
}

// resume gives the literal to go on with behind a member that was not spelled like the next one: field n, or none of the
// fields (-1). Members may be missing, so that it is a later one; or it is one more than known. The first literal alone has no
// comma, and is for the first member alone.
func resume(known []literal, next, n int) int {
	for k := next; n >= 0 && k < len(known); k++ {
		if int(known[k].field) == n {
			return k + 1
		}
	}
	return max(next, 1)
}

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
	l.count, l.odd, l.fits = 0, 0, false
	l.plan.forget()
}

// layoutOf gives the layout of an object that is read for a shape; nil where it has none.
func (r *run) layoutOf(o *object) *layout {
	if o.layout < 0 {
		return nil
	}
	return &r.layouts[o.layout]
}
