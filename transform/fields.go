package transform

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Fields is what the request lens of an endpoint makes of a form. A form is flat: it has names and texts. A
// member's name in it is its path, with dots (context.flow_id) or brackets (context[flow_id]); a text that
// is a JSON object or list may hold what is below. Fields is immutable and safe for concurrent use.
type Fields struct {
	byName map[string]*Field
}

// Field is one field of a form.
type Field struct {
	// Session is its name in the session shape, "" where only the flow shape has it: then it is
	// left out on the way to the session shape. Flow is its name in the flow shape.
	Session, Flow string
	// Refused says why a form in the flow shape cannot be mapped when it has this field; "" if it can.
	Refused string

	text  *textMap
	inner *Lens
}

const refusedField = "a form cannot hold it in this shape: send the body as JSON"

// Fields reads the lens for forms. It is nil where nothing of the lens can be in one.
func (l *Lens) Fields() *Fields {
	b := fieldsBuilder{ops: l.ops, fields: map[string]*formField{}}
	below := map[string][]Op{}
	for _, op := range l.ops {
		b.op(op)
		if at, ok := place(op); ok && len(at) > 1 && at[0] != Each {
			below[at[0]] = append(below[at[0]], stripped(op))
		}
	}
	for name, ops := range below {
		// What compiles as part of a whole body compiles below one of its members as well.
		if inner, err := Compile(l.endpoint, l.side, ops); err == nil {
			b.field(Path{name}).inner = inner
		}
	}
	fs := &Fields{byName: map[string]*Field{}}
	for _, key := range slices.Sorted(maps.Keys(b.fields)) {
		b.fields[key].register(fs.byName)
	}
	if len(fs.byName) == 0 {
		return nil
	}
	return fs
}

// Find gives the field of a name, in either shape. A field below one that is refused is refused.
func (fs *Fields) Find(name string) (*Field, bool) {
	if f, ok := fs.byName[name]; ok {
		return f, true
	}
	for i := 1; i < len(name); i++ {
		if name[i] == '.' || name[i] == '[' {
			if f, ok := fs.byName[name[:i]]; ok && f.Refused != "" {
				return f, true
			}
		}
	}
	return nil, false
}

// Maps says whether texts of the field may change on the way to the session shape.
func (f *Field) Maps() bool { return f.text != nil || f.inner != nil }

// ToSession maps a text of the field. Errors are those of Lens.Map; a text that is no JSON is none.
func (f *Field) ToSession(text []byte, job Job) (Result, error) {
	job.Direction, job.Form = ToSession, Replace
	if f.inner != nil {
		if start := bytes.TrimLeft(text, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
			return f.inner.Map(nil, text, job)
		}
	}
	if f.text != nil {
		if mapped, changed := f.text.apply(&run{vars: job.Vars, links: job.Links}, nil, quote(nil, string(text))); changed {
			return Result{Body: unescape(nil, mapped), Changed: true}, nil
		}
	}
	return Result{Body: text}, nil
}

// fieldsBuilder collects the fields by their session paths.
type fieldsBuilder struct {
	ops    []Op
	fields map[string]*formField
}

// formField is a field before it is spelled.
type formField struct {
	Field
	session, flow Path // session is nil where only the flow shape has it
}

// field gives the field at a session path, made if need be. Its flow path differs in the last
// name at most: no operation is below a member that another one renames.
func (b *fieldsBuilder) field(at Path) *formField {
	key := strings.Join(at, "\x00")
	if b.fields[key] == nil {
		f := &formField{session: at, flow: at}
		for _, op := range b.ops {
			if r, ok := op.(Rename); ok && slices.Equal(r.At, at) {
				f.flow = at.sibling(r.To)
			}
		}
		b.fields[key] = f
	}
	return b.fields[key]
}

// made gives the field of a member that the flow shape alone has.
func (b *fieldsBuilder) made(at Path) *formField {
	f := b.field(at)
	f.session = nil
	return f
}

// op takes an operation in, as far as a form can have what it is about.
func (b *fieldsBuilder) op(op Op) {
	if at, ok := place(op); ok && slices.Contains(at, Each) {
		return // a form has no lists of objects
	}
	switch op := op.(type) {
	case Rename:
		b.field(op.At)
	case Words:
		b.field(op.At).text = wordMap(op.Table, ToSession)
	case Prefixes:
		b.field(op.At).text = prefixMap(op.Table, ToSession)
	case Text:
		b.field(op.At).text = exactMap(op.Session, op.Flow, ToSession)
	case Route:
		b.field(op.At).text = routeMap(ToSession)
	case URL:
		b.field(op.At).text = urlMap()
	case Add:
		b.made(op.In.with(op.Member))
	case Copy:
		b.made(op.At.sibling(op.To))
	case Project:
		b.made(op.At.sibling(op.To)).Refused = refusedField
	case Collect:
		b.made(op.At.sibling(op.To)).Refused = refusedField
	case Wrap, Filter, Drop: // the way back makes nothing of it
	}
}

// register enters the field under its names, in both notations.
func (f *formField) register(byName map[string]*Field) {
	for _, spell := range []func(Path) string{Path.String, bracketed} {
		spelled := f.Field
		spelled.Flow = spell(f.flow)
		if f.session != nil {
			spelled.Session = spell(f.session)
			byName[spelled.Session] = &spelled
		}
		byName[spelled.Flow] = &spelled
		if len(f.flow) == 1 {
			return // the notations differ below the top alone
		}
	}
}

// bracketed is the notation a[b][c].
func bracketed(p Path) string {
	if len(p) == 1 {
		return p[0]
	}
	return p[0] + "[" + strings.Join(p[1:], "][") + "]"
}

// stripped gives the operation as one of the object that stands under the first name of its path.
func stripped(op Op) Op {
	switch op := op.(type) {
	case Rename:
		op.At = op.At[1:]
		return op
	case Project:
		op.At = op.At[1:]
		return op
	case Collect:
		op.At = op.At[1:]
		return op
	case Add:
		op.In = op.In[1:]
		return op
	case Copy:
		op.At = op.At[1:]
		return op
	case Words:
		op.At = op.At[1:]
		return op
	case Prefixes:
		op.At = op.At[1:]
		return op
	case Text:
		op.At = op.At[1:]
		return op
	case Route:
		op.At = op.At[1:]
		return op
	case URL:
		op.At = op.At[1:]
		return op
	case Drop:
		op.At = op.At[1:]
		return op
	case Wrap, Filter: // stand at no member
	}
	return op
}
