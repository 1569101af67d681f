package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/crossfade-proxy/crossfade/transform"
)

// heldForm is how much of a multipart body is read before the upstream is asked, in bytes. A form of
// fields alone nearly always ends within it, and is then mapped whole: it keeps a length, and a
// conflict is told before anything was sent.
const heldForm = 64 << 10

// maxPartHead is the most that is read to find the head of a part, in bytes; what stands before the
// first boundary counts. Real ones have a few hundred, and mime/multipart alone would hold 10 MiB.
const maxPartHead = 16 << 10

// formStream is a multipart body on its way to the session shape. It is read by the transport while
// it comes; of the client's parts it holds one text at a time, and only where that is mapped. Parts are put together
// anew, with the client's own headers and boundary, so that the upstream cannot read them in another way.
type formStream struct {
	client *metered
	parts  *multipart.Reader
	fields *transform.Fields
	job    transform.Job
	limit  int64 // of a text that is mapped, in bytes

	out    bytes.Buffer // what is ready to be read
	writer *multipart.Writer
	both   *pairs
	part   io.Reader // what is copied at present; nil: between parts
	side   *formSide // of the field that it is; nil: it is none of the lens's
	length int64     // of part so far
	err    error     // why there is no more
	memory reservation

	// changed: something in the flow shape was found. It is asked for while the body is read.
	changed atomic.Bool
}

// multipartToSession maps a multipart form: whole if it is short, else while it streams. It is false when
// the request has been answered already.
func (x *exchange) multipartToSession(boundary string) bool {
	body, whole, err := x.readUpTo(heldForm)
	if err != nil {
		return x.unread(err)
	}
	e := x.route.endpoint
	if whole {
		return x.mapRequest(body, nil, func(body []byte) (transform.Result, error) {
			return multipartToSession(e.fields, boundary, body, x.toSession())
		})
	}
	client := &struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), x.in.Body), x.in.Body}
	x.multipart, err = newFormStream(client, boundary, e.fields, x.toSession(), x.proxy.limits.MaxBody)
	if err != nil {
		x.refuse(problemUnreadable, err)
		return false
	}
	x.multipart.memory.admission = x.proxy.admission
	return true
}

// multipartToSession maps a multipart form that is in memory.
func multipartToSession(fields *transform.Fields, boundary string, body []byte, job transform.Job) (transform.Result, error) {
	s, err := newFormStream(io.NopCloser(bytes.NewReader(body)), boundary, fields, job, int64(len(body)))
	if err != nil {
		return transform.Result{}, err
	}
	mapped, err := io.ReadAll(s)
	if err != nil || !s.changed.Load() {
		return transform.Result{Body: body}, err
	}
	return transform.Result{Body: mapped, Changed: true}, nil
}

func newFormStream(client io.ReadCloser, boundary string, fields *transform.Fields, job transform.Job, limit int64) (*formStream, error) {
	m := &metered{ReadCloser: client}
	s := &formStream{
		client: m, parts: multipart.NewReader(m, boundary), fields: fields, job: job, limit: limit, both: newPairs(),
	}
	s.writer = multipart.NewWriter(&s.out)
	if err := s.writer.SetBoundary(boundary); err != nil {
		return nil, fmt.Errorf("multipart boundary: %w", err)
	}
	return s, nil
}

// send makes the form the body of out. Its length is known when it has gone by.
func (s *formStream) send(out *http.Request) {
	out.ContentLength, out.TransferEncoding, out.Trailer = -1, nil, nil
	delete(out.Header, "Expect") // the client has been told to go on already
	delete(out.Header, "Content-Length")
	dropDigests(out.Header)
	out.Body = s
}

// Close implements io.Closer. It may be called while Read is.
func (s *formStream) Close() error {
	s.memory.release(true)
	return s.client.Close()
}

// Read implements io.Reader. Its error is a conflict or a refusal where the client is at fault: the
// upstream then never sees the form's end.
func (s *formStream) Read(p []byte) (int, error) {
	for s.out.Len() == 0 {
		if s.err != nil {
			return 0, s.err
		}
		if s.part == nil {
			s.err = s.next()
			continue
		}
		n, err := s.part.Read(p)
		s.length += int64(n)
		if s.side != nil {
			_, _ = s.side.sum.Write(p[:n])
		}
		if err != nil {
			s.part = nil
			if s.side != nil {
				s.side.end(s.length)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			s.err = broken(err)
		}
		if n > 0 && (s.side == nil || s.side.kept) {
			return n, nil
		}
	}
	return s.out.Read(p)
}

// metered is a body of which, at times, only so much may be read.
type metered struct {
	io.ReadCloser
	bounded bool
	left    int // bytes, where it is
}

// meter bounds what is read from now on; 0 takes the bound away.
func (m *metered) meter(most int) { m.bounded, m.left = most > 0, most }

var errPartHead = fmt.Errorf("the head of a part is not found within %d bytes", maxPartHead)

func (m *metered) Read(p []byte) (int, error) {
	switch {
	case !m.bounded:
		return m.ReadCloser.Read(p)
	case m.left == 0:
		return 0, errPartHead
	}
	n, err := m.ReadCloser.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}

func broken(err error) error {
	return &refusal{problemUnreadable, fmt.Errorf("read the form: %w", err)}
}

// next begins the next part. Its error is io.EOF behind the last one.
func (s *formStream) next() error {
	s.client.meter(maxPartHead)
	part, err := s.parts.NextRawPart()
	s.client.meter(0)
	if errors.Is(err, io.EOF) {
		return s.finish()
	}
	if err != nil {
		return broken(err)
	}
	s.part, s.side, s.length = part, nil, 0
	s.memory.release(false) // what was held has gone out
	name := part.FormName()
	f, ok := s.fields.Find(name)
	if !ok {
		_, err := s.writer.CreatePart(part.Header)
		return err
	}
	if s.side, err = s.both.see(f, name); err != nil {
		return err
	}
	if f.Maps() && name == f.Flow && holdsText(part) {
		if err := s.hold(f, name); err != nil {
			return err
		}
	}
	if !s.side.kept || name != f.Session {
		s.changed.Store(true)
	}
	if !s.side.kept {
		return nil // it is read, and compared, and goes nowhere
	}
	if name != f.Session {
		disposition, ok := renamed(part.Header.Get("Content-Disposition"), f.Session)
		if !ok {
			return broken(fmt.Errorf("a Content-Disposition that names field %q in a way that crossfade does not write", name))
		}
		part.Header.Set("Content-Disposition", disposition)
	}
	_, err = s.writer.CreatePart(part.Header)
	return err
}

// finish ends the form. What is behind its last boundary goes by unseen, as far as the client sends it: a
// body that is cut off there is no whole one.
func (s *formStream) finish() error {
	if err := s.both.check(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, s.client); err != nil {
		return broken(err)
	}
	if err := s.writer.Close(); err != nil {
		return err
	}
	return io.EOF
}

// hold reads the text of the part and maps it.
func (s *formStream) hold(f *transform.Field, name string) error {
	text, err := io.ReadAll(io.LimitReader(&reservedReader{s.part, &s.memory}, s.limit+1))
	switch {
	case errors.Is(err, errNoMemory):
		return &refusal{problemOverloaded, err}
	case err != nil:
		return broken(err)
	case int64(len(text)) > s.limit:
		return &refusal{problemTooLarge, fmt.Errorf("%w: field %q has more than the %d bytes that are mapped", errTooLarge, name, s.limit)}
	}
	value, changed, err := fieldToSession(f, name, string(text), s.job)
	if err != nil {
		return err
	}
	if changed {
		s.changed.Store(true)
	}
	s.part = strings.NewReader(value)
	return nil
}

// holdsText says whether a part is a text: no file, unless it says that it is JSON, as browsers send
// the texts that a script gave a media type.
func holdsText(part *multipart.Part) bool {
	return part.FileName() == "" || isJSON(http.Header(part.Header))
}

// renamed puts another name into a Content-Disposition and leaves all else as the client wrote
// it. It is false where the name is not there exactly once, plainly.
func renamed(disposition, name string) (string, bool) {
	var from, to, found int
	for i := strings.IndexByte(disposition, ';'); i >= 0 && i < len(disposition); {
		i++ // behind the semicolon
		start := i + len(disposition[i:]) - len(strings.TrimLeft(disposition[i:], " \t"))
		eq := strings.IndexByte(disposition[start:], '=')
		if eq < 0 {
			break
		}
		key := strings.TrimRight(disposition[start:start+eq], " \t")
		value := start + eq + 1
		value += len(disposition[value:]) - len(strings.TrimLeft(disposition[value:], " \t"))
		i = endOfValue(disposition, value)
		if strings.EqualFold(key, "name") {
			from, to, found = value, i, found+1
		} else if strings.EqualFold(key, "name*") {
			return "", false
		}
		for i < len(disposition) && disposition[i] != ';' {
			i++
		}
	}
	if found != 1 {
		return "", false
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	return disposition[:from] + quoted + disposition[to:], true
}

// endOfValue finds the end of the token or quoted string at i.
func endOfValue(s string, i int) int {
	if i >= len(s) || s[i] != '"' {
		if n := strings.IndexAny(s[i:], "; \t"); n >= 0 {
			return i + n
		}
		return len(s)
	}
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}
