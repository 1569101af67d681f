package transform

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Strings are compared as what they mean, whatever escapes they are spelled with, and are
// copied as they are spelled.

// quote appends s as a JSON string. Only what must be escaped is.
func quote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = escape(dst, s)
	return append(dst, '"')
}

func escape(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// decodeOne decodes the character at the start of text, the inside of a valid JSON string,
// into buf and returns its bytes and how many bytes of text it took. A raw byte is itself,
// so invalid UTF-8 stays what it was; a lone surrogate decodes to three bytes that no
// valid UTF-8 has, so that it equals only itself.
func decodeOne(text []byte, buf *[4]byte) (ch []byte, width int) {
	if text[0] != '\\' {
		buf[0] = text[0]
		return buf[:1], 1
	}
	switch text[1] {
	case 'b':
		buf[0] = '\b'
	case 'f':
		buf[0] = '\f'
	case 'n':
		buf[0] = '\n'
	case 'r':
		buf[0] = '\r'
	case 't':
		buf[0] = '\t'
	case 'u':
		r := rune(hex4(text[2:]))
		if !utf16.IsSurrogate(r) {
			return buf[:utf8.EncodeRune(buf[:], r)], 6
		}
		if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
			if pair := utf16.DecodeRune(r, rune(hex4(text[8:]))); pair != utf8.RuneError {
				return buf[:utf8.EncodeRune(buf[:], pair)], 12
			}
		}
		buf[0], buf[1], buf[2] = 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F
		return buf[:3], 6
	default:
		buf[0] = text[1]
	}
	return buf[:1], 2
}

func hex4(b []byte) (n uint16) {
	for _, c := range b[:4] {
		n <<= 4
		if c <= '9' {
			n |= uint16(c - '0')
		} else {
			n |= uint16(c|0x20-'a') + 10
		}
	}
	return n
}

// unescape appends the text of a JSON string token (with its quotes) to dst.
func unescape(dst, token []byte) []byte {
	text := token[1 : len(token)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return append(dst, text...)
	}
	var buf [4]byte
	for len(text) > 0 {
		ch, n := decodeOne(text, &buf)
		dst = append(dst, ch...)
		text = text[n:]
	}
	return dst
}

// begins returns the index in token behind the part that spells prefix, or -1.
func begins(token []byte, prefix string) int {
	text := token[1 : len(token)-1]
	if len(text) >= len(prefix) && string(text[:len(prefix)]) == prefix && !strings.Contains(prefix, `\`) {
		return 1 + len(prefix)
	}
	if bytes.IndexByte(text, '\\') < 0 {
		return -1
	}
	var buf [4]byte
	at := 1
	for len(prefix) > 0 {
		if len(text) == 0 {
			return -1
		}
		ch, n := decodeOne(text, &buf)
		if len(ch) > len(prefix) || prefix[:len(ch)] != string(ch) {
			return -1
		}
		prefix = prefix[len(ch):]
		text = text[n:]
		at += n
	}
	return at
}

// spells says whether token is a string that means s.
func spells(token []byte, s string) bool {
	return token[0] == '"' && begins(token, s) == len(token)-1
}

// sameValue says whether two valid values are the same as far as spelling can tell: equal
// but for white space and for how strings are escaped. 1.0 is not 1, and the order of members counts.
func sameValue(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	i, j := 0, 0
	for {
		i, j = skipSpace(a, i), skipSpace(b, j)
		switch {
		case i == len(a) || j == len(b):
			return i == len(a) && j == len(b)
		case a[i] != b[j]:
			return false
		case a[i] != '"':
			i, j = i+1, j+1
		default:
			i1, j1 := scanString(a, i+1), scanString(b, j+1)
			if !sameString(a[i:i1], b[j:j1]) {
				return false
			}
			i, j = i1, j1
		}
	}
}

func sameString(a, b []byte) bool {
	if bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0 {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(unescape(nil, a), unescape(nil, b))
}

// agrees says whether a value says nothing else than another, fuller one: they are the
// same, or objects and all members of the first are in the other. levels is how deep to look for that.
func agrees(value, full []byte, levels int) bool {
	switch {
	case levels > 0 && value[0] == '{' && full[0] == '{':
		in := map[string][]byte{}
		eachMember(full, func(name, whole []byte) {
			if text := string(unescape(nil, name)); in[text] == nil {
				in[text] = valueOf(name, whole)
			}
		})
		same := true
		eachMember(value, func(name, whole []byte) {
			other, ok := in[string(unescape(nil, name))]
			same = same && ok && agrees(valueOf(name, whole), other, levels-1)
		})
		return same
	case levels > 0 && value[0] == '[' && full[0] == '[':
		i, j := skipSpace(value, 1), skipSpace(full, 1)
		for value[i] != ']' && full[j] != ']' {
			i1, j1 := scanValue(value, i, len(value)), scanValue(full, j, len(full))
			if !agrees(value[i:i1], full[j:j1], levels-1) {
				return false
			}
			i, j = nextElement(value, i1), nextElement(full, j1)
		}
		return value[i] == full[j]
	}
	return sameValue(value, full)
}

// nextElement returns where the next element of a list begins, behind one that ends at i; or its bracket.
func nextElement(list []byte, i int) int {
	if i = skipSpace(list, i); list[i] == ',' {
		i = skipSpace(list, i+1)
	}
	return i
}
