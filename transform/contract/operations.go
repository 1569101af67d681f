package contract

import (
	"errors"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// reader reads operations and remembers what they use.
type reader struct {
	*resolver
	age    int       // the newest file that anything read or used comes from
	parts  int       // members and operations read and used
	vars   []usedVar // variables that they read
	broken bool      // something used has a fault that was reported elsewhere
}

// usedVar is a variable and the operation that reads it.
type usedVar struct {
	name string
	by   value
}

// operation is one word of the language.
type operation struct {
	name string
	read func(*reader, *object) transform.Op
}

// operationWords is the closed set of operations, by the words that contracts use.
func operationWords() []operation {
	return []operation{
		{"rename", (*reader).rename},
		{"project", (*reader).project},
		{"collect", (*reader).collect},
		{"add", (*reader).add},
		{"copy", (*reader).copy},
		{"words", (*reader).words},
		{"prefixes", (*reader).prefixes},
		{"text", (*reader).text},
		{"route", (*reader).route},
		{"url", (*reader).url},
		{"wrap", (*reader).wrap},
		{"filter", (*reader).filter},
		{"drop", (*reader).drop},
	}
}

// operations reads a list of operations, with the place of each.
func (r *reader) operations(list []value) (ops []transform.Op, at []value) {
	words := operationWords()
	for _, v := range list {
		if v.kind != kindMap || len(v.pairs) != 1 {
			v.fail("want one operation with its attributes, like {rename: {at: …, to: …}}")
			continue
		}
		word := v.pairs[0].key
		i := slices.IndexFunc(words, func(o operation) bool { return o.name == word })
		if i < 0 {
			var known []string
			for _, o := range words {
				known = append(known, o.name)
			}
			v.fail("unknown operation %q%s", word, hint(word, known))
			continue
		}
		attributes := v.child(v.name+"."+word, v.pairs[0].value)
		o, ok := attributes.object()
		if !ok {
			continue
		}
		r.age = max(r.age, v.file)
		r.parts++
		op := words[i].read(r, o)
		o.done()
		ops, at = append(ops, op), append(at, v)
	}
	return ops, at
}

func (r *reader) rename(o *object) transform.Op {
	return transform.Rename{At: o.needPath("at"), To: o.needStr("to"), Optional: o.flag("optional")}
}

func (r *reader) project(o *object) transform.Op {
	return transform.Project{At: o.needPath("at"), To: o.needStr("to"), Shape: r.shape(o), Optional: o.flag("optional")}
}

func (r *reader) collect(o *object) transform.Op {
	op := transform.Collect{
		At: o.needPath("at"), To: o.needStr("to"), Shape: r.shape(o), Optional: o.flag("optional"),
		First: o.str("first"), Key: o.str("key"), Loss: o.str("loss"),
	}
	if o.has("first") != o.has("key") {
		o.fail("first and key go together: key tells whether the first one is in the list already")
	}
	return op
}

func (r *reader) add(o *object) transform.Op {
	op := transform.Add{Member: o.needStr("name"), After: o.str("after"), Optional: o.flag("optional")}
	if v, ok := o.get("in"); ok {
		op.In = v.path()
	}
	op.Sources = r.valueOrSources(o)
	if len(op.Sources) == 0 && !o.has("from") && !o.has("value") {
		o.fail("value or from is missing")
	}
	return op
}

// valueOrSources reads value, or from with a default.
func (r *reader) valueOrSources(o *object) []transform.Source {
	o.one("value", "from")
	o.one("value", "default")
	if v, ok := o.get("value"); ok {
		o.get("from")
		o.get("default")
		return []transform.Source{{Value: v.json()}}
	}
	var out []transform.Source
	if v, ok := o.get("from"); ok {
		out = r.sources(v)
	} else if o.has("default") {
		o.fail("default goes with from; alone, it is a value")
	}
	if v, ok := o.get("default"); ok {
		out = append(out, transform.Source{Value: v.json()})
	}
	return out
}

func (r *reader) copy(o *object) transform.Op {
	op := transform.Copy{At: o.needPath("at"), To: o.needStr("to"), Optional: o.flag("optional")}
	if v, ok := o.get("else"); ok {
		op.Else = r.sources(v)
	}
	if v, ok := o.get("default"); ok {
		op.Else = append(op.Else, transform.Source{Value: v.json()})
	}
	return op
}

func (r *reader) words(o *object) transform.Op {
	op := transform.Words{At: o.needPath("at"), Optional: o.flag("optional")}
	if v, ok := o.need("table"); ok {
		op.Table = r.wordTable(v)
	}
	return op
}

func (r *reader) prefixes(o *object) transform.Op {
	op := transform.Prefixes{At: o.needPath("at"), Optional: o.flag("optional")}
	if v, ok := o.need("table"); ok {
		op.Table = r.prefixTable(v)
	}
	return op
}

func (r *reader) text(o *object) transform.Op {
	return transform.Text{
		At: o.needPath("at"), Session: o.needStr("session"), Flow: o.needStr("flow"),
		Optional: o.flag("optional"),
	}
}

func (r *reader) route(o *object) transform.Op {
	return transform.Route{At: o.needPath("at"), Optional: o.flag("optional")}
}

func (r *reader) url(o *object) transform.Op {
	return transform.URL{At: o.needPath("at"), Optional: o.flag("optional")}
}

func (r *reader) wrap(o *object) transform.Op {
	op := transform.Wrap{List: o.needStr("list"), Shape: r.shape(o), Total: o.str("total")}
	if v, ok := o.get("members"); ok {
		op.Members = r.members(v)
		for _, m := range op.Members {
			if m.From != "" || len(m.Nest) > 0 {
				v.fail("member %q: a list has no members to take it from; want value, or from with a variable", m.Name)
			}
		}
	}
	return op
}

func (r *reader) filter(o *object) transform.Op {
	op := transform.Filter{List: o.needPath("list"), Count: o.str("count")}
	if v, ok := o.need("by"); ok {
		for _, e := range v.entries() {
			s, ok := e.source()
			if !ok {
				continue
			}
			if !strings.HasPrefix(s.Var, "query.") {
				e.fail("a filter compares with a query parameter: $query.…")
				continue
			}
			r.vars = append(r.vars, usedVar{s.Var, o.value})
			op.By = append(op.By, transform.Condition{Member: e.key, Var: s.Var})
		}
	}
	return op
}

func (r *reader) drop(o *object) transform.Op {
	return transform.Drop{At: o.needPath("at"), Optional: o.flag("optional"), Loss: o.needStr("loss")}
}

// shape reads the name of a shape.
func (r *reader) shape(o *object) *transform.Shape {
	v, ok := o.need("shape")
	if !ok {
		return nil
	}
	d := r.shapes.find(v, v.str())
	if d == nil {
		return nil
	}
	s := r.shapeOf(v, d)
	if s == nil {
		return nil
	}
	r.age = max(r.age, s.age)
	r.parts += s.parts
	r.broken = r.broken || s.broken
	for _, name := range s.vars {
		r.vars = append(r.vars, usedVar{name, o.value})
	}
	return s.Shape
}

func (r *reader) wordTable(v value) *transform.WordTable {
	if t := r.table(v); t != nil {
		if t.words == nil && !t.broken {
			v.fail("table %q is a prefix table; want a word table", v.text)
		}
		return t.words
	}
	return nil
}

func (r *reader) prefixTable(v value) *transform.PrefixTable {
	if t := r.table(v); t != nil {
		if t.prefixes == nil && !t.broken {
			v.fail("table %q is a word table; want a prefix table", v.text)
		}
		return t.prefixes
	}
	return nil
}

// table reads the name of a table.
func (r *reader) table(v value) *table {
	d := r.tables.find(v, v.str())
	if d == nil {
		return nil
	}
	t := readTable(d)
	r.age = max(r.age, d.file)
	r.broken = r.broken || t.broken
	return t
}

// sources reads one source or a list of them.
func (r *reader) sources(v value) []transform.Source {
	list := []value{v}
	if v.kind == kindList {
		list = v.list()
	}
	var out []transform.Source
	for _, item := range list {
		s, ok := item.source()
		if !ok {
			continue
		}
		if s.Var != "" {
			r.vars = append(r.vars, usedVar{s.Var, item})
		}
		out = append(out, s)
	}
	return out
}

// source reads a variable ($path.id) or a path from the body's root.
func (v value) source() (transform.Source, bool) {
	if v.kind == kindString && strings.HasPrefix(v.text, "$") {
		name := v.text[1:]
		space, rest, _ := strings.Cut(name, ".")
		spaces := []string{"path", "query", "flow"}
		if rest == "" || !slices.Contains(spaces, space) {
			v.fail("unknown variable %q (want $path.NAME, $query.NAME or $flow.NAME)", v.text)
			return transform.Source{}, false
		}
		return transform.Source{Var: name}, true
	}
	p := v.path()
	return transform.Source{Path: p}, p != nil
}

// compiles asks the engine for the faults of a list of operations and reports them: at tells where
// each operation stands, whole where the list does.
func compiles(whole value, name string, ops []transform.Op, at []value) bool {
	_, err := transform.Compile(name, transform.Response, ops)
	return !report(whole, at, err)
}

// report reports the faults that the engine found, each at its operation.
func report(whole value, at []value, err error) (faulty bool) {
	var joined interface{ Unwrap() []error }
	var fault *transform.DeclarationError
	switch {
	case err == nil:
		return false
	case errors.As(err, &joined):
		for _, one := range joined.Unwrap() {
			report(whole, at, one)
		}
	case errors.As(err, &fault) && fault.Index >= 0 && fault.Index < len(at):
		at[fault.Index].fail("%v", fault)
	case fault != nil:
		whole.fail("%v", fault.Err)
	default:
		whole.fail("%v", err)
	}
	return true
}
