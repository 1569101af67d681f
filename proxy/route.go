package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/crossfade-proxy/crossfade/transform"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// side says which of an endpoint's two routes a path is.
type side string

const (
	sessionSide side = "session"
	flowSide    side = "flow"
	bothSides   side = "both" // the two shapes share the route
)

// endpoint is an endpoint of the contract with what the operator chose for it.
type endpoint struct {
	*contract.Endpoint
	policy Policy
	notice *notice           // of its session routes' end; nil: there is none
	fields *transform.Fields // of forms in its requests; nil: no form of it is mapped
}

// route is one path template of an endpoint.
type route struct {
	endpoint *endpoint
	side     side
	template template
	other    template // the same place on the endpoint's other side
}

// table finds the route of a path, in three sets.
type table struct {
	all       routes // every route
	mistaken  routes // session routes in lower case: see mistakable
	anyMethod routes // every route, whatever the method: see leadsTo
}

// routes is a set of routes. One without variables is looked up. For the others gorilla/mux matches; because it
// tries its routes one after the other, each with a regular expression, there is a router for
// each head (the text in front of the first variable), and paths that begin with none of them never meet one.
type routes struct {
	fixed  map[fixedKey]*route
	groups []group
}

// fixedKey is a path without variables, and a method of requests for it; "" for any.
type fixedKey struct{ path, method string }

// group is the routes with variables that have one head. Groups are tried from the longest head to the shortest,
// and routes from the fewest variables to the most: of two that match, the more specific one wins.
type group struct {
	head   string
	router *mux.Router
	routes map[*mux.Route]*route
}

// match is a route that was found.
type match struct {
	route *route
	vars  map[string]string // as the path spells them
	// slash is what the path has at its end beside the template: one slash more or one less.
	// Backends redirect from the one to the other, or take both.
	slash slash
}

type slash int

const (
	slashSame slash = iota
	slashMore
	slashLess
)

// newTable builds the table of all enabled endpoints. dates are for those that have none of their own.
func newTable(c *contract.Contract, policies map[string]Policy, dates contract.Dates) (*table, error) {
	var errs []error
	known := map[string]bool{}
	var all []*route
	taken := map[string]string{}
	for _, e := range c.Endpoints {
		known[e.Name] = true
		if err := policies[e.Name].check(); err != nil {
			errs = append(errs, fmt.Errorf("endpoint %s: %w", e.Name, err))
		}
		if !e.Enabled {
			continue
		}
		if len(e.Routes) == 0 {
			errs = append(errs, fmt.Errorf("endpoint %s: no route", e.Name))
		}
		ep := &endpoint{e, policies[e.Name], newNotice(datesOf(e, dates, c.Dates)), nil}
		if e.Request != nil {
			ep.fields = e.Request.Fields()
		}
		for _, pair := range e.Routes {
			routes, err := ep.sides(template(pair.Session), template(pair.Flow))
			if err != nil {
				errs = append(errs, fmt.Errorf("endpoint %s: %w", e.Name, err))
				continue
			}
			for _, r := range routes {
				key := e.Method + " " + string(r.template)
				if first, ok := taken[key]; ok {
					errs = append(errs, fmt.Errorf("endpoint %s: %s is a route of endpoint %s already", e.Name, key, first))
				}
				taken[key] = e.Name
				all = append(all, r)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("policy for endpoint %q: the contract declares no such endpoint", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	session := func(r *route) bool { return r.side != flowSide }
	return &table{
		all:       newRoutes(all, true, template.itself, func(*route) bool { return true }),
		mistaken:  newRoutes(all, true, template.lower, session),
		anyMethod: newRoutes(all, false, template.itself, func(*route) bool { return true }),
	}, nil
}

// sides gives the routes of a pair of templates: one if the shapes share it.
func (e *endpoint) sides(session, flow template) ([]*route, error) {
	if err := errors.Join(session.check(), flow.check()); err != nil {
		return nil, err
	}
	if !slices.Equal(session.variables(), flow.variables()) {
		return nil, fmt.Errorf("routes %s and %s: want the same variables in both", session, flow)
	}
	if session == flow {
		return []*route{{e, bothSides, session, session}}, nil
	}
	return []*route{{e, sessionSide, session, flow}, {e, flowSide, flow, session}}, nil
}

// newRoutes makes the set of the routes that want says yes to, each matched as spell writes it; with methods, only
// for requests of theirs.
func newRoutes(all []*route, methods bool, spell func(template) template, want func(*route) bool) routes {
	all = slices.DeleteFunc(slices.Clone(all), func(r *route) bool { return !want(r) })
	slices.SortStableFunc(all, func(a, b *route) int {
		return cmp.Compare(len(a.template.variables()), len(b.template.variables()))
	})
	fixed := map[fixedKey]*route{}
	var groups []group
	for _, r := range all {
		t := spell(r.template)
		of := []string{""}
		if methods {
			of = r.endpoint.methods()
		}
		if len(t.variables()) == 0 {
			for _, method := range of {
				key := fixedKey{string(t), method}
				if fixed[key] == nil { // the first one wins, as with mux
					fixed[key] = r
				}
			}
			continue
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.head == t.head() })
		if i < 0 {
			i = len(groups)
			router := mux.NewRouter().SkipClean(true).UseEncodedPath()
			groups = append(groups, group{t.head(), router, map[*mux.Route]*route{}})
		}
		// Without a handler mux never takes back that an earlier route had another method.
		m := groups[i].router.Handle(string(t), http.NotFoundHandler())
		if methods {
			m.Methods(of...)
		}
		groups[i].routes[m] = r
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(len(b.head), len(a.head)) })
	return routes{fixed, groups}
}

// methods are the methods of requests for the endpoint: HEAD asks what GET would answer.
func (e *endpoint) methods() []string {
	if e.Method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{e.Method}
}

// find looks for the route of a path exactly as it is spelled. r is the request it is the
// path of; nil if there is none.
func (all routes) find(r *http.Request, method, path string) (match, bool) {
	if fixed := cmp.Or(all.fixed[fixedKey{path, method}], all.fixed[fixedKey{path, ""}]); fixed != nil {
		return match{route: fixed}, true
	}
	for i := range all.groups {
		g := &all.groups[i]
		if !strings.HasPrefix(path, g.head) {
			continue
		}
		if r == nil {
			r = asking(method, path)
		}
		var m mux.RouteMatch
		if g.router.Match(r, &m) && m.MatchErr == nil {
			return match{route: g.routes[m.Route], vars: m.Vars}, true
		}
	}
	return match{}, false
}

// findSlash is find for the path with a slash more or less at its end.
func (all routes) findSlash(method, path string) (match, bool) {
	spelled, how := path+"/", slashLess
	if short, ok := strings.CutSuffix(path, "/"); ok {
		spelled, how = short, slashMore
	}
	m, ok := all.find(nil, method, spelled)
	m.slash = how
	return m, ok
}

// findLike is find, and where that fails findSlash.
func (all routes) findLike(method, path string) (match, bool) {
	if m, ok := all.find(nil, method, path); ok {
		return m, true
	}
	return all.findSlash(method, path)
}

// asking is a request for mux to match.
func asking(method, path string) *http.Request {
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path
	}
	return &http.Request{Method: method, URL: &url.URL{Path: plain, RawPath: path}}
}

// counterpart is the path of the endpoint's other side, spelled as the found path was.
func (m match) counterpart() string {
	path := m.route.other.fill(m.vars)
	switch m.slash {
	case slashMore:
		return path + "/"
	case slashLess:
		return strings.TrimSuffix(path, "/")
	case slashSame:
	}
	return path
}

// leadsTo finds what a path in a message leads to, for a request of a method; where there is no route
// of that method, for any other.
func (t *table) leadsTo(method, path string) (match, bool) {
	if !plain(path) {
		path = normal(path)
	}
	if m, ok := t.all.findLike(method, path); ok {
		return m, true
	}
	return t.anyMethod.findLike(method, path)
}
