package proxy

import (
	"fmt"
	"strings"
)

// Place is what a request's path leads to.
type Place struct {
	// Endpoint, Route (its template) and Side are as in a Record.
	Endpoint, Route, Side string
	// Ambiguous: the path is not the route, but a backend may take it for that one. flow_only refuses it.
	Ambiguous bool
}

// Lookup finds the endpoint of a request with the method and the path, which is as a client spells it, without
// a query. It is false for a path that is none of the contract's and passes untouched. It finds what requests
// find; nothing is decided, counted or logged.
func (p *Proxy) Lookup(method, path string) (Place, bool, error) {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return Place{}, false, fmt.Errorf("path %q: want one that begins with /, without a query", path)
	}
	found := p.routes.resolve(asking(method, path), method, path)
	if found.route == nil {
		return Place{}, false, nil
	}
	r := found.route
	return Place{r.endpoint.Name, string(r.template), string(r.side), found.ambiguous}, true, nil
}
