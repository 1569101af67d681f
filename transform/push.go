package transform

// push checks one value (or a member's name) by the same grammar as the scanner, with the same verdict at the
// same byte, but can stop wherever the bytes end and go on when more have come. It keeps no bytes,
// only where it is: a letter for each bracket that is open, and how far it is in a token.
type push struct {
	open  []byte // brackets that are open below where it began: '{' or '['
	state pushState
	depth int    // how many of them there may be
	name  bool   // the string is a member's name
	part  int    // bytes of the escape or word that have been read
	word  string // that is being read
	fault int    // in pushFault: index of the byte at fault, in what run was given; negative: in what came before
	deep  bool   // in pushFault: the nesting is
}

type pushState uint8

const (
	pushValue        pushState = iota // a value has to come
	pushValueOrEnd                    // or the list ends
	pushName                          // a member's name has to come
	pushNameOrEnd                     // or the object ends
	pushColon                         // its colon has to come
	pushComma                         // the list or object goes on or ends
	pushString                        // in a string
	pushEscape                        // in an escape, behind the backslash
	pushHex                           // in the digits of \u
	pushWord                          // in true, false or null
	pushMinus                         // in a number, behind the sign
	pushZero                          // behind the zero that it begins with
	pushInt                           // in its digits
	pushPoint                         // behind its point
	pushFraction                      // in the digits behind that
	pushExponent                      // behind its e
	pushExponentSign                  // behind the sign of that
	pushPower                         // in the digits behind that
	pushDone                          // the value has been read
	pushFault                         // it is none
)

// begin makes it ready for a value that may nest depth levels.
func (s *push) begin(depth int) {
	s.open, s.state, s.depth, s.deep = s.open[:0], pushValue, depth, false
}

// beginName makes it ready for a member's name and colon; done is right before the value.
func (s *push) beginName() {
	s.begin(0)
	s.state = pushName
}

// run reads b from i on and returns the index behind what it has read: all of b, unless the state is pushDone.
// With pushFault the index means nothing.
func (s *push) run(b []byte, i int) int {
	for i < len(b) && s.state < pushDone {
		if s.state <= pushComma {
			i = s.tokens(b, i)
		} else {
			i = s.token(b, i)
		}
	}
	return i
}

// tokens reads as long as tokens end before the bytes do.
func (s *push) tokens(b []byte, i int) int {
	for {
		if i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if i >= len(b) {
			return i
		}
		c := b[i]
		switch {
		case s.state == pushName, s.state == pushNameOrEnd:
			if c == '}' && s.state == pushNameOrEnd {
				i = s.close(i)
				break
			}
			if c != '"' {
				return s.fails(i, c)
			}
			end := scanString(b, i+1)
			if end < 0 {
				s.state, s.name = pushString, true
				return i + 1
			}
			s.state = pushColon
			// The rest of the way to the value, if it is as it mostly is.
			if i = end; i < len(b) && b[i] == ':' && len(s.open) > 0 {
				s.state = pushValue
				i++
			}
			continue
		case s.state == pushColon:
			if c != ':' {
				return s.fails(i, c)
			}
			s.state = pushValue
			if i++; len(s.open) == 0 {
				s.state = pushDone
			}
		case s.state == pushComma:
			i = s.next(i, c)
		case s.state == pushValue, s.state == pushValueOrEnd:
			end := s.value(b, i, c)
			if end < 0 {
				return ^end
			}
			i = end
		default:
			return i
		}
		if s.state > pushComma {
			return i
		}
	}
}

// value reads the value that begins with c at i, or opens it. It returns ^index where the state
// is one of those in a token, or a fault.
func (s *push) value(b []byte, i int, c byte) int {
	var end int
	switch c {
	case '"':
		if end = scanString(b, i+1); end < 0 {
			s.state, s.name = pushString, false
			return ^(i + 1)
		}
	case '{', '[':
		if len(s.open) == s.depth {
			return ^s.fails(i, c)
		}
		s.open = append(s.open, c)
		s.state = pushNameOrEnd
		if c == '[' {
			s.state = pushValueOrEnd
		}
		return i + 1
	case ']':
		if s.state != pushValueOrEnd {
			return ^s.fails(i, c)
		}
		return s.close(i)
	case 't', 'f', 'n':
		word := "true"
		if c == 'f' {
			word = "false"
		} else if c == 'n' {
			word = "null"
		}
		if end = scanWord(b, i, word); end < 0 {
			s.state, s.word, s.part = pushWord, word, 1
			return ^(i + 1)
		}
	default:
		if end = scanNumber(b, i); end < 0 || end == len(b) { // it may go on
			s.state = s.digit(pushMinus, c)
			if c == '-' {
				s.state = pushMinus
			}
			if s.state == pushFault {
				return ^s.fails(i, c)
			}
			return ^(i + 1)
		}
	}
	s.after()
	return end
}

// next reads what is behind a value: c at i.
func (s *push) next(i int, c byte) int {
	in := s.open[len(s.open)-1]
	switch {
	case c == ',' && in == '{':
		s.state = pushName
	case c == ',':
		s.state = pushValue
	case c == in+2: // the ASCII brackets are two apart
		return s.close(i)
	default:
		return s.fails(i, c)
	}
	return i + 1
}

func (s *push) close(i int) int {
	s.open = s.open[:len(s.open)-1]
	s.after()
	return i + 1
}

// after a value comes the comma, or nothing.
func (s *push) after() {
	s.state = pushComma
	if len(s.open) == 0 {
		s.state = pushDone
	}
}

// fails notes that the byte c at i is at fault.
func (s *push) fails(i int, c byte) int {
	s.state, s.fault = pushFault, i
	s.deep = (c == '{' || c == '[') && len(s.open) >= s.depth
	return i
}

// token reads on in a token that began before.
func (s *push) token(b []byte, i int) int {
	c := b[i]
	switch {
	case s.state == pushString:
		if i = skipText(b, i); i == len(b) {
			return i
		}
		switch b[i] {
		case '"':
			if s.name {
				s.state = pushColon
			} else {
				s.after()
			}
		case '\\':
			s.state, s.part = pushEscape, 1
		default:
			return s.fails(i, b[i])
		}
		return i + 1
	case s.state == pushEscape:
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.state = pushString
		case 'u':
			s.state, s.part = pushHex, 2
		default:
			return s.fails(i-1, 0)
		}
		return i + 1
	case s.state == pushHex:
		if !isHex(b[i : i+1]) {
			return s.fails(i-s.part, 0)
		}
		if s.part++; s.part == len(`\u0000`) {
			s.state = pushString
		}
		return i + 1
	case s.state == pushWord:
		if c != s.word[s.part] {
			return s.fails(i-s.part, 0)
		}
		if s.part++; s.part == len(s.word) {
			s.after()
		}
		return i + 1
	default:
		return s.number(i, c)
	}
}

// number reads the byte c of a number, or finds it behind one.
func (s *push) number(i int, c byte) int {
	next := s.state
	switch {
	case s.state == pushMinus, s.state == pushPoint, s.state == pushExponentSign:
		next = s.digit(s.state, c)
	case s.state == pushExponent:
		if next = pushExponentSign; c != '+' && c != '-' {
			next = s.digit(pushExponentSign, c)
		}
	default: // it can end here
		switch {
		case c-'0' <= 9 && s.state != pushZero:
		case c == '.' && s.state <= pushInt:
			next = pushPoint
		case c|0x20 == 'e' && s.state <= pushFraction:
			next = pushExponent
		default:
			s.after()
			return i
		}
	}
	if next == pushFault {
		return s.fails(i, c)
	}
	s.state = next
	return i + 1
}

// digit is the state behind the byte c, which has to be a digit.
func (s *push) digit(state pushState, c byte) pushState {
	switch {
	case c-'0' > 9:
		return pushFault
	case state == pushMinus && c == '0':
		return pushZero
	case state == pushMinus:
		return pushInt
	case state == pushPoint:
		return pushFraction
	}
	return pushPower
}

// ended says whether what has been read is a whole value if no more comes: a number has no end of its own.
func (s *push) ended() bool {
	switch {
	case s.state == pushZero, s.state == pushInt, s.state == pushFraction, s.state == pushPower:
		return len(s.open) == 0
	case s.state == pushDone:
		return true
	default:
		return false
	}
}

// broken is where the scanner finds fault with what has been read, if no more comes: size bytes, or the
// beginning of an escape or word.
func (s *push) broken(size int) int {
	switch {
	case s.state == pushEscape, s.state == pushHex, s.state == pushWord:
		return size - s.part
	default:
		return size
	}
}
