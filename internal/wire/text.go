package wire

import "strings"

// What HTTP calls things (RFC 9110 section 5.6).

// IsAlphanumeric says whether a byte is a letter or a digit of ASCII.
func IsAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// The bytes that may stand in a token, as bits: those below 64, and those from there to 128.
const (
	lowToken  = 1<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.' | (1<<10-1)<<'0'
	highToken = 1<<('^'-64) | 1<<('_'-64) | 1<<('`'-64) | 1<<('|'-64) | 1<<('~'-64) | (1<<26-1)<<('A'-64) | (1<<26-1)<<('a'-64)
)

// IsTokenByte says whether a byte may stand in a token, such as the name of a field.
func IsTokenByte(c byte) bool {
	return (uint64(lowToken)>>c|uint64(highToken)>>(c-64))&1 != 0 // a shift of 64 or more, as below 0, leaves nothing
}

// IsToken says whether a text is a token.
func IsToken(s string) bool {
	for i := range len(s) {
		if !IsTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// IsValueByte says whether a byte may stand in the value of a field, in its reason, or in a line of either.
func IsValueByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// IsValue says whether a text may be the value of a field.
func IsValue[T string | []byte](s T) bool {
	const each, tops = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		eight := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		deleted := eight ^ 0x7f*each
		// The top bit of one of them is set if there is a byte below a blank, or one of 0x7f.
		if ((eight-' '*each)&^eight|(deleted-each)&^deleted)&tops != 0 {
			for i := range 8 {
				if !IsValueByte(s[i]) {
					return false
				}
			}
		}
		s = s[8:]
	}
	for i := range len(s) {
		if !IsValueByte(s[i]) {
			return false
		}
	}
	return true
}

// Trim takes blanks and tabs off both ends of a text.
func Trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// HasToken looks for a word in lists that are separated by commas, in letters of any case.
func HasToken(lists []string, word string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(Trim(item), word) {
				return true
			}
		}
	}
	return false
}

// IsDigit says whether a byte is a digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }
