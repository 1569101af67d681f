package raw

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Field is one field line: the name as it was spelled, the value without the white space around it.
type Field struct{ Name, Value string }

// Fields are field lines in their order.
type Fields []Field

// Values gives the values of all lines with a name, in any case.
func (f Fields) Values(name string) []string {
	var values []string
	for _, field := range f {
		if strings.EqualFold(field.Name, name) {
			values = append(values, field.Value)
		}
	}
	return values
}

// Get gives the values of all lines with a name, joined by "|" so that two lines never look
// like one; "" if there is none.
func (f Fields) Get(name string) string { return strings.Join(f.Values(name), "|") }

// Has says whether there is a line with that name.
func (f Fields) Has(name string) bool { return f.Values(name) != nil }

// Message is what requests and answers have in common.
type Message struct {
	Line     string // the first, without its end
	Fields   Fields
	Body     []byte // out of its framing
	Length   int64  // of the body, also where Drain kept nothing of it
	Trailers Fields
	// Raw is everything, from the first byte of the line to the last of the body or its trailers.
	Raw []byte
	// Err is what ended the message before its time, nil if it is whole. A [*FaultError] is a
	// message that is not well formed; anything else is a connection that ended.
	Err error
}

// Request is a request as an upstream got it.
type Request struct {
	Message
	Method, Target string
	Conn           int // the number of the connection, from 1
}

// Answer is an answer as a client got it.
type Answer struct {
	Message
	Status  int
	Interim []Answer // 1xx answers that came before it
}

// FaultError is a message that is not well formed.
type FaultError struct{ Reason string }

func (e *FaultError) Error() string { return "malformed message: " + e.Reason }

func fault(format string, args ...any) error { return &FaultError{fmt.Sprintf(format, args...)} }

// reader reads messages and remembers their bytes.
type reader struct {
	in     *bufio.Reader
	raw    []byte
	length int64 // of the body
	forget bool  // for bodies that are too large to keep
}

func newReader(r io.Reader) *reader { return &reader{in: bufio.NewReader(r)} }

// line reads a line and gives it without its CRLF.
func (r *reader) line() (string, error) {
	text, err := r.in.ReadBytes('\n')
	r.raw = append(r.raw, text...)
	if err != nil {
		if len(text) > 0 {
			return "", io.ErrUnexpectedEOF
		}
		return "", err
	}
	text, ok := bytes.CutSuffix(text, []byte("\r\n"))
	if !ok {
		return "", fault("a line ends without CR: %.60q", text)
	}
	if i := bytes.IndexAny(text, "\r\x00"); i >= 0 {
		return "", fault("a line has %q in it: %.60q", text[i], text)
	}
	return string(text), nil
}

// fields reads field lines up to the empty one.
func (r *reader) fields() (Fields, error) {
	var fields Fields
	for {
		text, err := r.line()
		if err != nil {
			return fields, within(err)
		}
		if text == "" {
			return fields, nil
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || name == "" || strings.IndexFunc(name, notInToken) >= 0 {
			return fields, fault("no field line: %.60q", text)
		}
		fields = append(fields, Field{name, strings.Trim(value, " \t")})
	}
}

// within makes the end of the input in the middle of something what it is.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func notInToken(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// keep appends to b, and to the raw bytes, unless the reader is to forget.
func (r *reader) keep(b, more []byte) []byte {
	r.length += int64(len(more))
	if r.forget {
		return b
	}
	r.raw = append(r.raw, more...)
	return append(b, more...)
}

// exactly reads n bytes.
func (r *reader) exactly(b []byte, n int64) ([]byte, error) {
	piece := make([]byte, min(n, 64<<10))
	for n > 0 {
		got, err := r.in.Read(piece[:min(n, int64(len(piece)))])
		b, n = r.keep(b, piece[:got]), n-int64(got)
		if err != nil && n > 0 {
			return b, within(err)
		}
	}
	return b, nil
}

// framing says how long a body is: a number, or one of these.
const (
	chunked  = -1
	untilEnd = -2
)

// framing reads what the fields say; none is the length where they say nothing.
func (f Fields) framing(none int64) (int64, error) {
	lengths, codings := f.Values("Content-Length"), f.Values("Transfer-Encoding")
	switch {
	case len(lengths)+len(codings) == 0:
		return none, nil
	case len(lengths)+len(codings) > 1:
		return 0, fault("several framing fields: Content-Length %q, Transfer-Encoding %q", lengths, codings)
	case len(codings) == 1 && codings[0] == "chunked":
		return chunked, nil
	case len(codings) == 1:
		return 0, fault("Transfer-Encoding %q", codings[0])
	}
	n, err := strconv.ParseUint(lengths[0], 10, 62)
	if err != nil || strings.TrimLeft(lengths[0], "0123456789") != "" {
		return 0, fault("Content-Length %q", lengths[0])
	}
	return int64(n), nil
}

// body reads a body with that framing, and its trailers.
func (r *reader) body(length int64) (body []byte, trailers Fields, err error) {
	switch length {
	case chunked:
		return r.chunks()
	case untilEnd:
		for {
			piece := make([]byte, 32<<10)
			n, err := r.in.Read(piece)
			body = r.keep(body, piece[:n])
			if errors.Is(err, io.EOF) {
				return body, nil, nil
			}
			if err != nil {
				return body, nil, err
			}
		}
	}
	body, err = r.exactly(nil, length)
	return body, nil, err
}

func (r *reader) chunks() (body []byte, trailers Fields, err error) {
	for {
		text, err := r.line()
		if err != nil {
			return body, nil, within(err)
		}
		size, err := strconv.ParseUint(text, 16, 62)
		if err != nil || len(text) > 16 || strings.HasPrefix(text, "+") {
			return body, nil, fault("the size of a chunk is %.60q", text)
		}
		if size == 0 {
			trailers, err = r.fields()
			return body, trailers, err
		}
		if body, err = r.exactly(body, int64(size)); err != nil {
			return body, nil, err
		}
		if end, err := r.line(); err != nil {
			return body, nil, within(err)
		} else if end != "" {
			return body, nil, fault("a chunk is longer than its size: %.60q", end)
		}
	}
}

// head reads the line and the fields of a message. io.EOF says that there was none.
func (r *reader) head() (m Message, err error) {
	r.raw, r.length = nil, 0
	if m.Line, err = r.line(); err == nil {
		m.Fields, err = r.fields()
	}
	m.Raw, m.Err = r.raw, err
	return m, err
}

// request reads the head of a request.
func (r *reader) request() (Request, error) {
	m, err := r.head()
	req := Request{Message: m}
	if err != nil {
		return req, err
	}
	parts := strings.Split(m.Line, " ")
	switch {
	case len(parts) != 3, parts[0] == "", strings.IndexFunc(parts[0], notInToken) >= 0, parts[1] == "":
		err = fault("no request line: %.60q", m.Line)
	case parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0":
		err = fault("version %.60q", parts[2])
	case strings.IndexFunc(parts[1], func(c rune) bool { return c <= ' ' || c == 0x7f }) >= 0:
		err = fault("a control character in the target %.60q", parts[1])
	case len(m.Fields.Values("Host")) != 1:
		err = fault("%d Host fields", len(m.Fields.Values("Host")))
	}
	if err != nil {
		req.Err = err
		return req, err
	}
	req.Method, req.Target = parts[0], parts[1]
	return req, nil
}

// requestBody reads the body behind a head.
func (r *reader) requestBody(req *Request) error {
	length, err := req.Fields.framing(0)
	if err == nil {
		req.Body, req.Trailers, err = r.body(length)
	}
	req.Raw, req.Length, req.Err = r.raw, r.length, err
	return err
}

// answer reads the answer to a request with that method, interim ones included.
func (r *reader) answer(method string) Answer {
	var interim []Answer
	for {
		a := r.oneAnswer(method)
		if a.Err == nil && a.Status < 200 && a.Status != 101 {
			interim = append(interim, a)
			continue
		}
		a.Interim = interim
		return a
	}
}

func (r *reader) oneAnswer(method string) Answer {
	m, err := r.head()
	a := Answer{Message: m}
	if err != nil {
		return a
	}
	version, rest, _ := strings.Cut(m.Line, " ")
	code, _, _ := strings.Cut(rest, " ")
	a.Status, err = strconv.Atoi(code)
	if err != nil || len(code) != 3 || code[0] < '1' || version != "HTTP/1.1" && version != "HTTP/1.0" {
		a.Err = fault("no status line: %.60q", m.Line)
		return a
	}
	length, err := a.Fields.framing(untilEnd)
	if err != nil {
		a.Err = err
		return a
	}
	if method == "HEAD" || a.Status < 200 || slices.Contains([]int{204, 304}, a.Status) {
		return a
	}
	a.Body, a.Trailers, a.Err = r.body(length)
	a.Raw, a.Length = r.raw, r.length
	return a
}

// isFault says whether an error is a malformed message.
func isFault(err error) bool {
	var f *FaultError
	return errors.As(err, &f)
}
