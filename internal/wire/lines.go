// Package wire reads the heads of HTTP/1.1 messages as strictly as a party between two others should: what it takes, nobody
// else can take for something else. Who speaks to an upstream and who serves clients share it.
package wire

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// Lines looks for the end of a head as it comes. Lines end with a line feed, and nearly always with
// a carriage return before it.
type Lines struct {
	line int // where the line begins that is looked at
	seen int // where to look on
}

// End is how long a head is, with the empty line behind it; 0 while that has not come. What was given
// before is given again, with more behind it.
func (l *Lines) End(text []byte) int {
	for {
		i := bytes.IndexByte(text[l.seen:], '\n')
		if i < 0 {
			l.seen = len(text)
			return 0
		}
		end := l.seen + i
		line := text[l.line:end]
		l.line, l.seen = end+1, end+1
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return end + 1
		}
	}
}

// maxQuoted is how much of a faulty line an error shows, in bytes.
const maxQuoted = 80

// Quoted is as much of a line as an error shows.
func Quoted(line []byte) []byte { return line[:min(len(line), maxQuoted)] }

// WithoutEnd takes the end off a line.
func WithoutEnd(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line) - 1; n >= 0 && line[n] == '\r' {
		line = line[:n]
	}
	return line
}

// Canonicalise checks field lines, up to an empty one, writes their names in the canonical form in place, and
// counts them. Strict, it refuses a line that does not end with CR and LF, and a name with a blank in it; else such a name stays
// as it is, as net/http has it, and nobody takes it for the name without.
func Canonicalise(text []byte, strict bool) (fields int, err error) {
	for {
		i := bytes.IndexByte(text, '\n') + 1
		line := WithoutEnd(text[:i])
		if strict && len(line)+2 != i {
			return 0, fmt.Errorf("a line %q that does not end with CR and LF", Quoted(line))
		}
		if len(line) == 0 {
			return fields, nil
		}
		text = text[i:]
		if line[0] == ' ' || line[0] == '\t' {
			return 0, fmt.Errorf("a folded field line %q", Quoted(line))
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || !canonicaliseName(line[:colon], strict) {
			return 0, fmt.Errorf("malformed field line %q", Quoted(line))
		}
		if !IsValue(line[colon+1:]) {
			return 0, fmt.Errorf("a control character in the field line %q", Quoted(line))
		}
		fields++
	}
}

// canonicaliseName is false for what cannot be a name.
func canonicaliseName(name []byte, strict bool) bool {
	if isCanonical(name) {
		return true
	}
	for _, c := range name {
		if IsTokenByte(c) {
			continue
		}
		if strict {
			return false
		}
		for _, c := range name {
			if !IsTokenByte(c) && c != ' ' {
				return false
			}
		}
		return true
	}
	upper := true
	for i, c := range name {
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			name[i] = c ^ 0x20
		}
		upper = c == '-'
	}
	return true
}

// isCanonical says whether it is a token, and in the canonical form.
func isCanonical(name []byte) bool {
	var last byte = '-'
	for _, c := range name {
		if !IsTokenByte(c) || last == '-' && 'a' <= c && c <= 'z' || last != '-' && 'A' <= c && c <= 'Z' {
			return false
		}
		last = c
	}
	return true
}

// Split makes a header of that many field lines that Canonicalise has seen, of the text's own memory.
func Split(text string, fields int) http.Header {
	h := make(http.Header, fields)
	SplitInto(h, make([]string, fields), text)
	return h
}

// SplitInto puts field lines that Canonicalise has seen into a header that is empty. As many values as lines have their place in values.
func SplitInto(h http.Header, values []string, text string) {
	rest := text
	for n := range values {
		var name string
		name, values[n], rest = cutField(rest)
		h[name] = values[n : n+1 : n+1]
		if len(h) <= n { // a name that was there before
			clear(h)
			splitRepeated(h, values, text)
			return
		}
	}
}

// splitRepeated does it where names stand in several lines.
func splitRepeated(h http.Header, values []string, text string) {
	for n := range values {
		name, value, rest := cutField(text)
		text = rest
		if others := h[name]; others != nil {
			h[name] = append(others, value)
			continue
		}
		values[n] = value
		h[name] = values[n : n+1 : n+1]
	}
}

// cutField cuts the first field line off.
func cutField(text string) (name, value, rest string) {
	colon := strings.IndexByte(text, ':')
	end := strings.IndexByte(text, '\n')
	value = text[colon+1 : end]
	if value != "" && value[len(value)-1] == '\r' {
		value = value[:len(value)-1]
	}
	return text[:colon], Trim(value), text[end+1:]
}
