package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// value is a node on its way into the contract: it knows where it stands, so that whatever
// is wrong with it can be told.
type value struct {
	problems *problems
	file     int    // index of the source
	name     string // "endpoints[context-me].response[1]"
	*node
}

// fail reports a fault of the value.
func (v value) fail(format string, args ...any) {
	v.problems.add(v.file, v.at, orRoot(v.name)+": "+fmt.Sprintf(format, args...))
}

// place is the file and line of the value.
func (v value) place() string { return fmt.Sprintf("%s:%d", v.problems.sources[v.file], v.at.line) }

// is reports whether the value is of kind k, and complains if not.
func (v value) is(k kind) bool {
	if v.kind != k {
		v.fail("want %s, got %s", k, v.kind)
	}
	return v.kind == k
}

func (v value) child(name string, n *node) value {
	return value{v.problems, v.file, name, n}
}

// str gives the value as a text that is not empty, or "" after a complaint.
func (v value) str() string {
	if v.is(kindString) && v.text == "" {
		v.fail("an empty text")
	}
	if v.kind != kindString {
		return ""
	}
	return v.text
}

func (v value) boolean() bool { return v.is(kindBool) && v.text == "true" }

// list gives the elements, none after a complaint.
func (v value) list() []value {
	if !v.is(kindList) {
		return nil
	}
	out := make([]value, len(v.items))
	for i, n := range v.items {
		out[i] = v.child(fmt.Sprintf("%s[%d]", v.name, i), n)
	}
	return out
}

// strings gives a list of different texts.
func (v value) strings() []string {
	var out []string
	for _, item := range v.list() {
		s := item.str()
		if slices.Contains(out, s) {
			item.fail("%q is there twice", s)
			continue
		}
		out = append(out, s)
	}
	return out
}

// path gives a path in either notation, nil after a complaint.
func (v value) path() transform.Path {
	if v.kind == kindList {
		var p transform.Path
		for _, item := range v.list() {
			if item.is(kindString) { // a JSON member may be called ""
				p = append(p, item.text)
			}
		}
		if len(p) == 0 {
			v.fail("an empty path")
		}
		return p
	}
	s := v.str()
	if s == "" {
		return nil
	}
	p, err := transform.ParsePath(s)
	if err != nil {
		v.fail("%v", err)
		return nil
	}
	return p
}

// named gives the value of a pair, placed at its key where that is where a reader looks.
func (p pair) named() *node {
	if k := p.value.kind; k != kindNull && k != kindMap && k != kindList {
		return p.value
	}
	n := *p.value
	n.at = p.at
	return &n
}

// entry is one pair of a mapping whose keys are names.
type entry struct {
	key string
	value
}

// entries gives the pairs of a mapping of names, in order and each once.
func (v value) entries() []entry {
	if !v.is(kindMap) {
		return nil
	}
	var out []entry
	seen := map[string]bool{}
	for _, p := range v.pairs {
		e := entry{p.key, v.child(fmt.Sprintf("%s[%s]", v.name, p.key), p.named())}
		switch {
		case p.key == "":
			v.problems.add(v.file, p.at, v.name+": an empty name")
		case seen[p.key]:
			v.problems.add(v.file, p.at, fmt.Sprintf("%s: %q is there twice", v.name, p.key))
		default:
			seen[p.key] = true
			out = append(out, e)
		}
	}
	return out
}

// object is a mapping with known keys. Keys are known by being asked for; done complains
// about the others.
type object struct {
	value
	fields map[string]value
	asked  []string
}

// object reads a mapping; ok is false after a complaint.
func (v value) object() (o *object, ok bool) {
	o = &object{value: v, fields: map[string]value{}}
	if !v.is(kindMap) {
		return o, false
	}
	for _, p := range v.pairs {
		if _, twice := o.fields[p.key]; twice {
			v.problems.add(v.file, p.at, fmt.Sprintf("%s: key %q is there twice", v.name, p.key))
			continue
		}
		o.fields[p.key] = v.child(strings.TrimPrefix(v.name+"."+p.key, "."), p.named())
	}
	return o, true
}

// get gives the value of a key, if it is there.
func (o *object) get(key string) (value, bool) {
	o.asked = append(o.asked, key)
	v, ok := o.fields[key]
	return v, ok
}

// has reports whether a key is there.
func (o *object) has(key string) bool { _, ok := o.fields[key]; return ok }

// need is get with a complaint when the key is missing.
func (o *object) need(key string) (value, bool) {
	v, ok := o.get(key)
	if !ok {
		o.fail("%s is missing", key)
	}
	return v, ok
}

// str gives a text, or "" where the key is absent.
func (o *object) str(key string) string {
	if v, ok := o.get(key); ok {
		return v.str()
	}
	return ""
}

// needStr gives a text that has to be there.
func (o *object) needStr(key string) string {
	if v, ok := o.need(key); ok {
		return v.str()
	}
	return ""
}

// flag gives a boolean; absent is false.
func (o *object) flag(key string) bool {
	v, ok := o.get(key)
	return ok && v.boolean()
}

// needPath gives a path that has to be there.
func (o *object) needPath(key string) transform.Path {
	if v, ok := o.need(key); ok {
		return v.path()
	}
	return nil
}

// list gives the elements of a list, none where the key is absent.
func (o *object) list(key string) []value {
	if v, ok := o.get(key); ok {
		return v.list()
	}
	return nil
}

// one complains when more than one of the keys is there.
func (o *object) one(keys ...string) {
	var there []string
	for _, k := range keys {
		if o.has(k) {
			there = append(there, k)
		}
	}
	if len(there) > 1 {
		o.fail("%s exclude each other", strings.Join(there, " and "))
	}
}

// done complains about the keys that nobody asked for.
func (o *object) done() {
	for _, p := range o.pairs {
		if !slices.Contains(o.asked, p.key) {
			o.problems.add(o.file, p.at, fmt.Sprintf("%s: unknown key %q%s", orRoot(o.name), p.key, hint(p.key, o.asked)))
		}
	}
}

func orRoot(name string) string {
	if name == "" {
		return "the file"
	}
	return name
}
