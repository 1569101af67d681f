package wire

import "strings"

// What HTTP calls things (RFC 9110 section 5.6).

// IsAlphanumeric says whether a byte is a letter or a digit of ASCII.
func IsAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// IsTokenByte says whether a byte may stand in a token, such as the name of a field.
func IsTokenByte(c byte) bool {
	return IsAlphanumeric(c) || c == '-' || strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0
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

// HasToken looks for a word in lists that are separated by commas, in letters of any case.
func HasToken(lists []string, word string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.Trim(item, " \t"), word) {
				return true
			}
		}
	}
	return false
}

// IsDigit says whether a byte is a digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }
