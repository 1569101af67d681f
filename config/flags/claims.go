package flags

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// claim says where in a payload a member of it stands. Of a text, start and end are inside the quotes.
type claim struct {
	nameStart, nameEnd uint16 // unescaped
	start, end         uint16
	kind               claimKind
}

type claimKind uint8

const (
	noClaim   claimKind = iota
	textClaim           // between quotes, with its escapes
	wordClaim           // a number, true, false or null, as it is written
	listClaim           // with its brackets
	otherClaim
)

// scanObject finds the members of the one object that data is. It is as strict as it has to be to know where each
// begins and ends. data has at most maxPayload bytes; names are unescaped in it.
func scanObject(data []byte, members []claim) (n int, ok bool) {
	i := space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return 0, false
	}
	i = space(data, i+1)
	if i < len(data) && data[i] == '}' {
		return 0, space(data, i+1) == len(data)
	}
	for {
		if n == len(members) || i >= len(data) || data[i] != '"' {
			return 0, false
		}
		end, ok := scanString(data, i)
		if !ok {
			return 0, false
		}
		name, ok := unquote(data[i+1:i+1], data[i+1:end-1])
		if !ok {
			return 0, false
		}
		m := claim{nameStart: uint16(i + 1), nameEnd: uint16(i + 1 + len(name))}
		i = space(data, end)
		if i >= len(data) || data[i] != ':' {
			return 0, false
		}
		i = space(data, i+1)
		kind, end, ok := scanValue(data, i)
		if !ok {
			return 0, false
		}
		m.kind, m.start, m.end = kind, uint16(i), uint16(end)
		if kind == textClaim {
			m.start, m.end = m.start+1, m.end-1
		}
		members[n] = m
		n++
		i = space(data, end)
		if i >= len(data) {
			return 0, false
		}
		switch data[i] {
		case ',':
			i = space(data, i+1)
		case '}':
			return n, space(data, i+1) == len(data)
		default:
			return 0, false
		}
	}
}

// space gives the next place from i on that is no white space.
func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// scanString gives the place behind the closing quote of the string that begins at i.
func scanString(data []byte, i int) (end int, ok bool) {
	for i++; ; i++ {
		length := bytes.IndexByte(data[i:], '"')
		if length < 0 {
			return 0, false
		}
		escapes := 0
		for i += length; data[i-1-escapes] == '\\'; escapes++ { // ends at the opening quote at the latest
		}
		if escapes%2 == 0 {
			return i + 1, true
		}
	}
}

// scanValue gives what kind of value begins at i, and the place behind it.
func scanValue(data []byte, i int) (kind claimKind, end int, ok bool) {
	if i >= len(data) {
		return noClaim, 0, false
	}
	switch data[i] {
	case '"':
		end, ok = scanString(data, i)
		return textClaim, end, ok
	case '[', '{':
		kind = otherClaim
		if data[i] == '[' {
			kind = listClaim
		}
		for depth := 0; i < len(data); {
			switch data[i] {
			case '"':
				if i, ok = scanString(data, i); !ok {
					return noClaim, 0, false
				}
				continue
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			i++
			if depth == 0 {
				return kind, i, true
			}
		}
		return noClaim, 0, false
	}
	end = i
	for end < len(data) && (data[end] == '-' || data[end] == '+' || data[end] == '.' || data[end] >= '0' && data[end] <= '9' || data[end]|0x20 >= 'a' && data[end]|0x20 <= 'z') {
		end++
	}
	return wordClaim, end, end > i
}

// unquote appends the text of a JSON string, without its quotes, to dst, which may be the beginning of src.
func unquote(dst, src []byte) (text []byte, ok bool) {
	if bytes.IndexByte(src, '\\') < 0 {
		return append(dst, src...), true
	}
	for i := 0; i < len(src); {
		if src[i] != '\\' {
			dst = append(dst, src[i])
			i++
			continue
		}
		if i+1 == len(src) {
			return nil, false
		}
		if src[i+1] == 'u' {
			r, ok := hex4(src[i+2:])
			if !ok {
				return nil, false
			}
			i += 6
			if utf16.IsSurrogate(r) {
				var low rune
				if i+1 < len(src) && src[i] == '\\' && src[i+1] == 'u' {
					low, _ = hex4(src[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		at := strings.IndexByte(`"\/bfnrt`, src[i+1])
		if at < 0 {
			return nil, false
		}
		dst = append(dst, "\"\\/\b\f\n\r\t"[at])
		i += 2
	}
	return dst, true
}

func hex4(src []byte) (r rune, ok bool) {
	if len(src) < 4 {
		return 0, false
	}
	for _, c := range src[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// claimMatches says whether a claim of the payload meets a match: the value itself, or one of a list.
func (p *payload) claimMatches(m *match) bool {
	i, there := p.find(m.name)
	if m.present != nil {
		return there == *m.present
	}
	if !there {
		return false
	}
	c := p.claims[i]
	switch c.kind {
	case textClaim:
		return matchQuoted(p.buffer[c.start:c.end], m)
	case wordClaim:
		return m.text(text{b: p.buffer[c.start:c.end]})
	case listClaim:
		return p.listMatches(c, m)
	case noClaim, otherClaim:
	}
	return false
}

func (p *payload) listMatches(c claim, m *match) bool {
	data := p.buffer[:c.end]
	i := space(data, int(c.start)+1)
	for i < len(data) && data[i] != ']' {
		kind, end, ok := scanValue(data, i)
		if !ok {
			return false
		}
		if kind == textClaim && matchQuoted(data[i+1:end-1], m) || kind == wordClaim && m.text(text{b: data[i:end]}) {
			return true
		}
		i = space(data, end)
		if i < len(data) && data[i] == ',' {
			i = space(data, i+1)
		}
	}
	return false
}

// matchQuoted compares the inside of a JSON string. Texts of more than 256 bytes match nothing.
func matchQuoted(quoted []byte, m *match) bool {
	var buffer [256]byte
	if len(quoted) > len(buffer) {
		return false
	}
	value, ok := unquote(buffer[:0], quoted)
	return ok && m.text(text{b: value})
}
