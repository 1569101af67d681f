package direct

import "strings"

// What HTTP calls things (RFC 9110 section 5.6).

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

func isTokenByte(c byte) bool {
	return isAlphanumeric(c) || c == '-' || strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isValueByte says whether a byte may stand in the value of a field, in its reason, or in a line of either.
func isValueByte(c byte) bool { return c >= ' ' && c != 0x7f || c == '\t' }

// hasToken looks for a word in lists that are separated by commas, in letters of any case.
func hasToken(lists []string, word string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.Trim(item, " \t"), word) {
				return true
			}
		}
	}
	return false
}
