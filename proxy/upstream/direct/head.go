package direct

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// lines looks for the end of a head as it comes. Lines end with a line feed, and nearly always with
// a carriage return before it.
type lines struct {
	line int // where the line begins that is looked at
	seen int // where to look on
}

// end is how long a head is, with the empty line behind it; 0 while that has not come. What was given
// before is given again, with more behind it.
func (l *lines) end(text []byte) int {
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

// version is what every head begins with, and a digit behind it.
const version = "HTTP/1."

// beginsHead is false as soon as no head can become of the bytes. Who speaks something else may wait for us to
// answer, and would be waited for.
func beginsHead(text []byte) bool {
	n := min(len(text), len(version))
	return string(text[:n]) == version[:n]
}

// maxQuoted is how much of a faulty line an error shows, in bytes.
const maxQuoted = 80

func quoted(line []byte) []byte { return line[:min(len(line), maxQuoted)] }

// parseHead makes res of a head, which it changes. All text in res is of one string.
func parseHead(res *http.Response, head []byte) error {
	i := bytes.IndexByte(head, '\n') + 1
	line := withoutEnd(head[:i])
	at, err := parseStatus(res, line)
	if err != nil {
		return err
	}
	fields, err := canonicalise(head[i:])
	if err != nil {
		return err
	}
	text := string(head)
	res.Status = text[at:len(line)]
	res.Header = split(text[i:], fields)
	return nil
}

// withoutEnd takes the end off a line.
func withoutEnd(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line) - 1; n >= 0 && line[n] == '\r' {
		line = line[:n]
	}
	return line
}

// parseStatus reads a status line, and says where the status begins in it.
func parseStatus(res *http.Response, line []byte) (at int, err error) {
	if len(line) < len(version)+2 || !beginsHead(line) || !isDigit(line[len(version)]) || line[len(version)+1] != ' ' {
		return 0, fmt.Errorf("malformed HTTP response %q", quoted(line))
	}
	at = len(version) + 2
	for at < len(line) && line[at] == ' ' {
		at++
	}
	status := line[at:]
	if len(status) < 3 || !isDigit(status[0]) || !isDigit(status[1]) || !isDigit(status[2]) || len(status) > 3 && status[3] != ' ' {
		return 0, fmt.Errorf("malformed HTTP status line %q", quoted(line))
	}
	for _, c := range status {
		if !isValueByte(c) {
			return 0, fmt.Errorf("a control character in the status line %q", quoted(line))
		}
	}
	res.StatusCode = int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0')
	if res.StatusCode < http.StatusContinue {
		return 0, fmt.Errorf("status %03d, which is none", res.StatusCode)
	}
	res.ProtoMajor, res.ProtoMinor = 1, int(line[len(version)]-'0')
	switch res.ProtoMinor {
	case 0:
		res.Proto = "HTTP/1.0"
	case 1:
		res.Proto = "HTTP/1.1"
	default:
		res.Proto = string(line[:len(version)+1])
	}
	return at, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// canonicalise checks field lines, up to an empty one, writes their names in the canonical form in place, and
// counts them.
func canonicalise(text []byte) (fields int, err error) {
	for {
		i := bytes.IndexByte(text, '\n') + 1
		line := withoutEnd(text[:i])
		if len(line) == 0 {
			return fields, nil
		}
		text = text[i:]
		if line[0] == ' ' || line[0] == '\t' {
			return 0, fmt.Errorf("a folded field line %q", quoted(line))
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || !canonicaliseName(line[:colon]) {
			return 0, fmt.Errorf("malformed field line %q", quoted(line))
		}
		for _, c := range line[colon+1:] {
			if !isValueByte(c) {
				return 0, fmt.Errorf("a control character in the field line %q", quoted(line))
			}
		}
		fields++
	}
}

// canonicaliseName is false for what cannot be a name. One with a blank in it stays as it is, as
// http.Transport has it: nobody takes it for the name without.
func canonicaliseName(name []byte) bool {
	for _, c := range name {
		if isTokenByte(c) {
			continue
		}
		for _, c := range name {
			if !isTokenByte(c) && c != ' ' {
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

// split makes a header of that many field lines that canonicalise has seen, of the text's own memory.
func split(text string, fields int) http.Header {
	h := make(http.Header, fields)
	values := make([]string, fields)
	for n := range values {
		i := strings.IndexByte(text, '\n')
		line := strings.TrimSuffix(text[:i], "\r")
		text = text[i+1:]
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if others := h[name]; others != nil {
			h[name] = append(others, value)
			continue
		}
		values[n] = value
		h[name] = values[n : n+1 : n+1]
	}
	return h
}
