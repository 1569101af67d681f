package proxy

import (
	"errors"
	"fmt"
	"hash/maphash"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

type form int

const (
	notForm form = iota
	urlencodedForm
	multipartForm
)

// formKind says by its media type what form a request is, and what separates the parts of one
// that has parts.
func formKind(h http.Header) (form, string) {
	v := h["Content-Type"]
	if len(v) != 1 {
		return notForm, ""
	}
	media, params, err := mime.ParseMediaType(v[0])
	switch {
	case err != nil:
	case media == "application/x-www-form-urlencoded":
		return urlencodedForm, ""
	case media == "multipart/form-data" && params["boundary"] != "":
		return multipartForm, params["boundary"]
	}
	return notForm, ""
}

// formToSession maps a form of media type application/x-www-form-urlencoded. Fields that no
// operation is about keep their bytes and all keep their order.
func formToSession(fields *transform.Fields, body []byte, job transform.Job) (transform.Result, error) {
	both := newPairs()
	var parts []string
	changed := false
	for _, p := range parseQuery(string(body)) {
		f, ok := fields.Find(p.name)
		if !ok {
			parts = append(parts, p.raw)
			continue
		}
		side, err := both.see(f, p.name)
		if err != nil {
			return transform.Result{}, err
		}
		value, mapped, err := fieldToSession(f, p.name, p.value, job)
		if err != nil {
			return transform.Result{}, err
		}
		side.add(value)
		if !side.kept {
			changed = true
			continue
		}
		if p.name == f.Session && !mapped {
			parts = append(parts, p.raw)
			continue
		}
		changed = true
		_, raw, hasValue := strings.Cut(p.raw, "=")
		if mapped {
			raw, hasValue = url.QueryEscape(value), true
		}
		name := url.QueryEscape(f.Session)
		if hasValue {
			name += "=" + raw
		}
		parts = append(parts, name)
	}
	if err := both.check(); err != nil {
		return transform.Result{}, err
	}
	if !changed {
		return transform.Result{Body: body}, nil
	}
	return transform.Result{Body: []byte(strings.Join(parts, "&")), Changed: true}, nil
}

// fieldToSession maps the text of a field. A text that its lens does not understand is the
// upstream's to judge.
func fieldToSession(f *transform.Field, name, text string, job transform.Job) (mapped string, changed bool, err error) {
	if name != f.Flow || !f.Maps() {
		return text, false, nil
	}
	result, err := f.ToSession([]byte(text), job)
	var fault *transform.Error
	if errors.Is(err, transform.ErrConflict) && errors.As(err, &fault) {
		return text, false, &conflict{[]FieldFault{{name + "." + fault.Path, fault.Err.Error(), "value_error"}}}
	}
	if err == nil && result.Changed {
		return string(result.Body), true, nil
	}
	return text, false, nil
}

// pairs sees to it that fields that are there in both shapes say the same. Only sums of their values are
// kept, so that forms of any size can stream by.
type pairs struct {
	seed maphash.Seed
	list []*pair
}

type pair struct {
	*transform.Field
	session, flow formSide
}

// formSide is a field under one of its names.
type formSide struct {
	kept bool // it is the one that goes on: the other one repeats it
	sum  maphash.Hash
	n    int
}

func newPairs() *pairs { return &pairs{seed: maphash.MakeSeed()} }

// see takes notice of a field, and says what becomes of it. Of two names, the first to come goes on.
func (ps *pairs) see(f *transform.Field, name string) (*formSide, error) {
	if name != f.Session && f.Refused != "" {
		return nil, &conflict{[]FieldFault{{name, f.Refused, "value_error"}}}
	}
	var p *pair
	for _, known := range ps.list {
		if known.Field == f {
			p = known
		}
	}
	if p == nil {
		p = &pair{Field: f}
		p.session.sum.SetSeed(ps.seed)
		p.flow.sum.SetSeed(ps.seed)
		side := p.side(name)
		side.kept = f.Session != "" // what the flow shape alone has goes
		ps.list = append(ps.list, p)
	}
	side := p.side(name)
	side.n++
	return side, nil
}

func (p *pair) side(name string) *formSide {
	if name == p.Session {
		return &p.session
	}
	return &p.flow
}

// add takes a whole value in.
func (s *formSide) add(value string) {
	_, _ = s.sum.WriteString(value)
	s.end(int64(len(value)))
}

// end is called behind each value, so that "ab" and "c" are not "a" and "bc".
func (s *formSide) end(length int64) {
	for range 8 {
		_ = s.sum.WriteByte(byte(length))
		length >>= 8
	}
}

// check complains of the first field whose two names say different things.
func (ps *pairs) check() error {
	for _, p := range ps.list {
		if p.session.n > 0 && p.flow.n > 0 && (p.session.n != p.flow.n || p.session.sum.Sum64() != p.flow.sum.Sum64()) {
			return &conflict{[]FieldFault{{p.Flow, bothShapes(p.Session, p.Flow), "value_error"}}}
		}
	}
	return nil
}

// bothShapes tells a conflict, as the lenses tell it of a body.
func bothShapes(session, flow string) string {
	return fmt.Sprintf("%v: %q and %q", transform.ErrConflict, session, flow)
}
