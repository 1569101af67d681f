package transform

import (
	"encoding/binary"
	"math/bits"
)

// The scanner checks JSON by the grammar of RFC 8259 and finds the ends of values; it
// decodes nothing. Strings may hold any byte from 0x20 up: invalid UTF-8 and lone
// surrogates are the sender's and are passed on as they came.
//
// Its functions take the index of a value's first byte and return the index behind the
// value, or ^offset (negative) of the fault.

// skipSpace returns the index of the first byte at or after i that is no white space.
func skipSpace(b []byte, i int) int {
	if i >= len(b) || b[i] > ' ' {
		return i
	}
	return skipRun(b, i)
}

// skipRun is skipSpace where there is some. Bodies that are indented have a line feed and then blanks, which
// it takes eight at a time. Not inlined, so that skipSpace is.
//
//go:noinline
func skipRun(b []byte, i int) int {
	for i < len(b) {
		if c := b[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return i
		}
		i++
		for i+8 <= len(b) {
			other := binary.LittleEndian.Uint64(b[i:]) ^ (eachByte * ' ')
			if other != 0 {
				i += bits.TrailingZeros64(other) >> 3
				break
			}
			i += 8
		}
	}
	return i
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// ends gives, of eight bytes of a string, those that end its plain text: a quote, a backslash or a control
// character. The lowest bit set is the highest of the first such byte; those above it mean nothing. A quote and 0x20
// change places before the comparison, so that one finds quotes and control characters.
func ends(w uint64) uint64 {
	quotes := (w ^ eachByte*('"'^' ')) - eachByte*(' '+1)
	slashes := (w ^ eachByte*'\\') - eachByte
	return (quotes | slashes) &^ w & highBits
}

// skipWords is skipText as far as there are eight bytes.
func skipWords(b []byte, i int) int {
	if i < 0 {
		return i // never; so the compiler knows that no word is out of bounds
	}
	for last := len(b) - 8; i <= last; i += 8 {
		if m := ends(binary.LittleEndian.Uint64(b[i : i+8 : len(b)])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// skipText returns the index of the first byte at or after i that ends a string's plain text; len(b) where there is none.
func skipText(b []byte, i int) int {
	i = skipWords(b, i)
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// scanString scans from the byte behind the opening quote to the one behind the closing quote.
func scanString(b []byte, i int) int {
	if i = skipWords(b, i); i < len(b) && b[i] == '"' {
		return i + 1
	}
	return scanRest(b, i)
}

// scanRest is scanString where there is an escape, a fault or the end of the bytes.
func scanRest(b []byte, i int) int {
	for {
		i = skipText(b, i)
		if i >= len(b) || b[i] < 0x20 {
			return ^i
		}
		if b[i] == '"' {
			return i + 1
		}
		if i+1 >= len(b) {
			return ^i
		}
		switch b[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i += 2
		case 'u':
			if i+6 > len(b) || !isHex(b[i+2:i+6]) {
				return ^i
			}
			i += 6
		default:
			return ^i
		}
	}
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

func scanNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b) || b[i]-'0' > 9:
		return ^i
	case b[i] == '0':
		i++
	default:
		i = skipDigits(b, i)
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = skipDigits(b, start); i == start {
			return ^i
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = skipDigits(b, start); i == start {
			return ^i
		}
	}
	return i
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

func scanWord(b []byte, i int, word string) int {
	if i+len(word) <= len(b) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return ^i
}

// scanValue scans any value. depth is how many more levels it may nest; running out of
// them is told apart from bad syntax by the caller, by tooDeep.
func scanValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return ^i
	}
	switch b[i] {
	case '"':
		return scanString(b, i+1)
	case '{':
		if depth == 0 {
			return ^i
		}
		i = skipSpace(b, i+1)
		if i < len(b) && b[i] == '}' {
			return i + 1
		}
		for {
			if i >= len(b) || b[i] != '"' {
				return ^i
			}
			if i = scanString(b, i+1); i < 0 {
				return i
			}
			if i >= len(b) || b[i] != ':' {
				if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
					return ^i
				}
			}
			i++
			if i < len(b) && b[i] <= ' ' {
				i = skipSpace(b, i)
			}
			if i = scanValue(b, i, depth-1); i < 0 {
				return i
			}
			if i < len(b) && b[i] <= ' ' {
				i = skipSpace(b, i)
			}
			if i >= len(b) {
				return ^i
			}
			if b[i] == '}' {
				return i + 1
			}
			if b[i] != ',' {
				return ^i
			}
			i++
			if i < len(b) && b[i] <= ' ' {
				i = skipSpace(b, i)
			}
		}
	case '[':
		if depth == 0 {
			return ^i
		}
		i = skipSpace(b, i+1)
		if i < len(b) && b[i] == ']' {
			return i + 1
		}
		for {
			if i = scanValue(b, i, depth-1); i < 0 {
				return i
			}
			if i = skipSpace(b, i); i >= len(b) {
				return ^i
			}
			if b[i] == ']' {
				return i + 1
			}
			if b[i] != ',' {
				return ^i
			}
			i = skipSpace(b, i+1)
		}
	case 't':
		return scanWord(b, i, "true")
	case 'f':
		return scanWord(b, i, "false")
	case 'n':
		return scanWord(b, i, "null")
	}
	return scanNumber(b, i)
}

// kindOf names the kind of a value by its first byte, for errors.
func kindOf(c byte) string {
	switch c {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a truth value"
	case 'n':
		return "null"
	}
	return "a number"
}
