package contract

import (
	"net/textproto"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// endpointDecl is the declaration of an endpoint with the extensions of later files.
type endpointDecl struct {
	*declared[*Endpoint]
	extensions []value
	off        bool // a later file switched it off
}

// side collects the operations of one side of an endpoint, from wherever they stand.
type side struct {
	side transform.Side
	ops  []transform.Op
	at   []value
	reader
}

func (s *side) add(list []value) {
	ops, at := s.operations(list)
	s.ops, s.at = append(s.ops, ops...), append(s.at, at...)
}

// part is one mapping that says something about an endpoint: its declaration or an extension.
type part struct {
	*object
	extends bool
}

// endpoint builds one endpoint; common are the operations for error bodies of its file.
// It returns nil after a fault that leaves nothing to build.
func (r *resolver) endpoint(d *endpointDecl, common []value) *Endpoint {
	before := len(r.problems.list)
	o, ok := d.object()
	if !ok {
		return nil
	}
	e := &Endpoint{
		Name:    d.name,
		Source:  d.place(),
		Enabled: !d.off,
	}
	r.head(e, o, d.off)
	parts := []part{{o, false}}
	for _, v := range d.extensions {
		if o, ok := v.object(); ok {
			for _, key := range []string{"summary", "method", "session", "flow", "journey", "enabled"} {
				if o.has(key) {
					o.get(key)
					o.fields[key].fail("an extension cannot change it (declare the endpoint whole, with replace: true)")
				}
			}
			parts = append(parts, part{o, true})
		}
	}

	var sides []*side
	for _, s := range Sides() {
		sides = append(sides, &side{side: s, reader: reader{resolver: r}})
	}
	keys := []string{"response", "request", "errors"} // further ones are in stream
	sides[2].add(common)
	var examples []datedExample
	for _, p := range parts {
		p.get("name")
		p.get("replace")
		p.get("extend")
		for i, key := range keys {
			sides[i].add(p.list(key))
		}
		r.stream(e, p, sides)
		r.routes(e, p)
		r.query(e, p)
		r.headers(e, p)
		if v, ok := p.get("dates"); ok {
			e.Dates = v.dates()
		}
		examples = append(examples, r.examples(e, p)...)
		p.done()
	}
	for _, s := range sides {
		r.checkVariables(e, s)
	}
	if len(r.problems.list) > before {
		return nil
	}
	for _, s := range sides {
		if len(s.ops) == 0 || s.broken {
			continue
		}
		lens, err := transform.Compile(e.Name, s.side, s.ops)
		if !report(d.value, s.at, err) {
			*e.slot(s.side) = lens
		}
	}
	e.Examples = current(examples, sides)
	return e
}

// head reads what only a declaration may say.
func (r *resolver) head(e *Endpoint, o *object, off bool) {
	if strings.ToLower(e.Name) != e.Name || strings.Trim(e.Name, alphanumeric+"-") != "" ||
		strings.HasPrefix(e.Name, "-") || strings.HasSuffix(e.Name, "-") {
		o.fail("bad endpoint name %q: want lower-case words joined by -", e.Name)
	}
	e.Summary = o.needStr("summary")
	e.Method = o.needStr("method")
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	if e.Method != "" && !slices.Contains(methods, e.Method) {
		o.fields["method"].fail("unknown method %q%s", e.Method, hint(e.Method, methods))
	}
	e.Journey = o.str("journey")
	if enabled, ok := o.get("enabled"); ok {
		e.Enabled = enabled.boolean() && !off
	}
	if rt, ok := r.route(o); ok {
		e.Routes = append(e.Routes, rt)
	}
}

// routes reads the further routes of a declaration or extension.
func (r *resolver) routes(e *Endpoint, p part) {
	for _, v := range p.list("also") {
		o, ok := v.object()
		if !ok {
			continue
		}
		rt, ok := r.route(o)
		o.done()
		switch {
		case !ok:
		case slices.Contains(e.Routes, rt):
			v.fail("%s is a route of this endpoint already", rt.Session)
		case len(e.Routes) > 0 && !slices.Equal(variables(rt.Session), variables(e.Routes[0].Session)):
			v.fail("%s has not the variables of %s", rt.Session, e.Routes[0].Session)
		default:
			e.Routes = append(e.Routes, rt)
		}
	}
}

// route reads a pair of path templates.
func (r *resolver) route(o *object) (Route, bool) {
	rt := Route{Session: o.needStr("session")}
	rt.Flow = rt.Session
	if v, ok := o.get("flow"); ok {
		rt.Flow = v.str()
	}
	for _, key := range []string{"session", "flow"} {
		if v, ok := o.fields[key]; ok && v.kind == kindString && v.text != "" {
			if err := checkTemplate(v.text); err != nil {
				v.fail("%v", err)
				return rt, false
			}
		}
	}
	if rt.Session == "" || rt.Flow == "" {
		return rt, false
	}
	if a, b := variables(rt.Session), variables(rt.Flow); !slices.Equal(a, b) {
		o.fields["flow"].fail("the variables of %s are not those of %s", rt.Flow, rt.Session)
		return rt, false
	}
	return rt, true
}

// headers reads the renames of request headers.
func (r *resolver) headers(e *Endpoint, p part) {
	for _, v := range p.list("headers") {
		o, ok := v.object()
		if !ok {
			continue
		}
		h := HeaderRename{headerName(o, "from"), headerName(o, "to")}
		o.done()
		switch {
		case h.From == "" || h.To == "":
		case h.From == h.To:
			v.fail("both names are %q", h.From)
		case slices.ContainsFunc(e.Headers, func(other HeaderRename) bool { return other.From == h.From || other.To == h.To }):
			v.fail("%s or %s is renamed already", h.From, h.To)
		default:
			e.Headers = append(e.Headers, h)
		}
	}
}

// headerName reads the name of a header, in its canonical spelling.
func headerName(o *object, key string) string {
	name := o.needStr(key)
	if name == "" {
		return ""
	}
	// No _ although RFC 9110 has it: servers behind a proxy take it for a -.
	if strings.Trim(name, alphanumeric+"!#$%&'*+.^`|~-") != "" {
		o.fields[key].fail("bad header name %q", name)
		return ""
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

// checkVariables complains about variables that no request of the endpoint can have.
func (r *resolver) checkVariables(e *Endpoint, s *side) {
	for _, v := range s.vars {
		e.checkVariable(v.by, v.name)
	}
}

func (e *Endpoint) checkVariable(by value, variable string) {
	if len(e.Routes) == 0 { // said so
		return
	}
	space, name, _ := strings.Cut(variable, ".")
	if space == "path" {
		if known := variables(e.Routes[0].Session); !slices.Contains(known, name) {
			by.fail("%s has no variable {%s}%s", e.Routes[0].Session, name, hint(name, known))
		}
	}
	if space == "query" {
		var known []string
		for _, f := range e.Filters {
			known = append(known, f.Param)
		}
		if !slices.Contains(known, name) {
			by.fail("the endpoint's query has no filter %q%s", name, hint(name, known))
		}
	}
}
