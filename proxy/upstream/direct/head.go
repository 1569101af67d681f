package direct

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// version is what every head begins with, and a digit behind it.
const version = "HTTP/1."

// beginsHead is false as soon as no head can become of the bytes. Who speaks something else may wait for us to
// answer, and would be waited for.
func beginsHead(text []byte) bool {
	n := min(len(text), len(version))
	return string(text[:n]) == version[:n]
}

// parseHead makes the answer of a head, which it changes. All its text is of one string.
func (x *Exchange) parseHead(head []byte) error {
	res := &x.response
	i := bytes.IndexByte(head, '\n') + 1
	line := wire.WithoutEnd(head[:i])
	at, err := parseStatus(res, line)
	if err != nil {
		return err
	}
	fields, err := wire.Canonicalise(head[i:], false)
	if err != nil {
		return err
	}
	text := string(head)
	res.Status = text[at:len(line)]
	x.split(text[i:], fields)
	res.Header = x.header
	return nil
}

// mostFields is how many fields, or lines of them, may be in a header that is used again: a map never becomes smaller.
const mostFields = 64

// split makes the header of that many field lines.
func (x *Exchange) split(text string, fields int) {
	if x.header == nil || len(x.header) > mostFields || len(x.values) < fields || len(x.values) > mostFields {
		const usual = 16
		most := max(fields, usual)
		x.header, x.values = make(http.Header, most), make([]string, most)
	}
	clear(x.header)
	clear(x.values[fields:]) // each keeps the whole head that it stood in
	wire.SplitInto(x.header, x.values[:fields], text)
}

// parseStatus reads a status line, and says where the status begins in it.
func parseStatus(res *http.Response, line []byte) (at int, err error) {
	if len(line) < len(version)+2 || !beginsHead(line) || !wire.IsDigit(line[len(version)]) || line[len(version)+1] != ' ' {
		return 0, fmt.Errorf("malformed HTTP response %q", wire.Quoted(line))
	}
	at = len(version) + 2
	for at < len(line) && line[at] == ' ' {
		at++
	}
	status := line[at:]
	if len(status) < 3 || !wire.IsDigit(status[0]) || !wire.IsDigit(status[1]) || !wire.IsDigit(status[2]) || len(status) > 3 && status[3] != ' ' {
		return 0, fmt.Errorf("malformed HTTP status line %q", wire.Quoted(line))
	}
	for _, c := range status {
		if !wire.IsValueByte(c) {
			return 0, fmt.Errorf("a control character in the status line %q", wire.Quoted(line))
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
