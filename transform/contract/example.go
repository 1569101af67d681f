package contract

import (
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// datedExample is an example and the file it stands in.
type datedExample struct {
	Example
	file int
}

// current leaves out examples that are older than the newest part of their lens: a later file
// changed what they show, and brings examples of its own.
func current(all []datedExample, sides []*side) []Example {
	var out []Example
	for _, x := range all {
		for _, s := range sides {
			if s.side == x.Side && x.file >= s.age {
				out = append(out, x.Example)
			}
		}
	}
	return out
}

func (r *resolver) examples(e *Endpoint, p part) []datedExample {
	var out []datedExample
	for _, v := range p.list("examples") {
		o, ok := v.object()
		if !ok {
			continue
		}
		x := Example{Name: o.needStr("name"), Source: v.place(), Side: transform.Response}
		if word, ok := o.get("side"); ok {
			if x.Side = transform.Side(word.str()); !slices.Contains(Sides(), x.Side) {
				word.fail("unknown side %q%s", x.Side, hint(string(x.Side), sideWords()))
			}
		}
		x.Session, x.Flow = needBody(o, "session"), needBody(o, "flow")
		if dual, ok := o.get("dual"); ok {
			x.Dual = dual.body()
			if !HasDual(x.Side) {
				dual.fail("only what goes to the client has a dual form, and no error")
			}
		}
		if vars, ok := o.get("vars"); ok {
			x.Vars = map[string]string{}
			for _, v := range vars.entries() {
				x.Vars[v.key] = v.str()
				spaces := []string{"path", "query", "flow", "client", "upstream"}
				if space, _, _ := strings.Cut(v.key, "."); !slices.Contains(spaces, space) {
					v.fail("unknown variable%s", hint(space, spaces))
				}
				e.checkVariable(v.value, v.key)
			}
		}
		o.done()
		if slices.ContainsFunc(out, func(o datedExample) bool { return o.Name == x.Name }) {
			v.fail("example %q is there twice", x.Name)
			continue
		}
		out = append(out, datedExample{x, v.file})
	}
	return out
}

func needBody(o *object, key string) string {
	if v, ok := o.need(key); ok {
		return v.body()
	}
	return ""
}
