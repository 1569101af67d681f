package legacy

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// route is a row of the table of routes: what a call must be, and who answers it.
type route struct {
	method string
	path   string // {name} stands for one segment that is not empty
	handle handler

	signedIn bool        // asks for a bearer token
	body     check       // what a JSON body must be; nil: no body is read
	query    []parameter // what the handler reads of the query
}

// handler answers a checked call: with a value that becomes JSON with status 200, or with an *answer. It runs
// under the backend's lock.
type handler func(c *call) (any, error)

// match returns the path variables if the route's path is that path.
func (r *route) match(path string) (map[string]string, bool) {
	want, got := strings.Split(r.path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	var vars map[string]string
	for i, w := range want {
		name, isVar := strings.CutPrefix(w, "{")
		switch {
		case !isVar && w != got[i], isVar && got[i] == "":
			return nil, false
		case isVar:
			if vars == nil {
				vars = map[string]string{}
			}
			vars[strings.TrimSuffix(name, "}")] = got[i]
		}
	}
	return vars, true
}

// find returns the route of a call. Without one, known tells whether the path has routes for other methods.
func (b *backend) find(method, path string) (found *route, vars map[string]string, known bool) {
	for i := range b.routes {
		r := &b.routes[i]
		vars, ok := r.match(path)
		if ok && r.method == method {
			return r, vars, true
		}
		known = known || ok
	}
	return nil, nil, known
}

// dispatch runs the route of a call. The order of what can go wrong is the framework's: unreadable body, token,
// then everything that is wrong with query and body at once.
func (b *backend) dispatch(c *call) (*answer, error) {
	path := c.URL.Path // decoded: %2F is a slash here
	r, vars, known := b.find(c.Method, path)
	if r == nil {
		if known {
			return nil, fail(http.StatusMethodNotAllowed, "Method Not Allowed")
		}
		if a := b.otherSlash(c); a != nil {
			return a, nil
		}
		return nil, fail(http.StatusNotFound, "Not Found")
	}
	c.vars = vars

	present := false
	if r.body != nil {
		var err error
		if c.body, present, err = readBody(c.Request); err != nil {
			return nil, err
		}
	}
	if r.signedIn {
		token, ok := bearer(c.Header)
		if !ok {
			return nil, fail(http.StatusUnauthorized, "Not authenticated")
		}
		c.user = b.store.caller(token)
	}
	if wrong := r.check(c, present); wrong != nil {
		return nil, wrong
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	v, err := r.handle(c)
	if err != nil {
		return nil, err
	}
	if a, ok := v.(*answer); ok {
		return a, nil
	}
	return jsonAnswer(http.StatusOK, v), nil
}

// check reads the query parameters and checks them and the body.
func (r *route) check(c *call, bodyPresent bool) error {
	var found invalid
	if r.query != nil {
		given := c.URL.Query()
		c.query = make(map[string]int, len(r.query))
		for _, p := range r.query {
			n, wrong := p.read(given[p.name])
			c.query[p.name] = n
			found = append(found, wrong...)
		}
	}
	switch {
	case r.body == nil:
	case !bodyPresent:
		found = append(found, missing("")...)
	default:
		found = append(found, r.body("", c.body)...)
	}
	if found == nil {
		return nil
	}
	return found
}

// readBody reads a JSON body; null is as good as none. A body of another type is handed on as text, for the check
// to refuse.
func readBody(r *http.Request) (v any, present bool, err error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, false, err
	}
	if len(data) == 0 {
		return nil, false, nil
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return string(data), true, nil
	}
	v, err = decode(data)
	var broken syntaxError
	switch {
	case errors.As(err, &broken):
		return nil, false, invalid(wrong(strconv.Itoa(int(broken)), "JSON decode error", "json_invalid"))
	case err != nil:
		return nil, false, fail(http.StatusBadRequest, "There was an error parsing the body")
	}
	return v, v != nil, nil
}

// isJSON tells whether a content type is read as JSON; none at all is.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || kind == "application/json" ||
		strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// otherSlash redirects to the same path with, or without, its trailing slash if that one has a route.
func (b *backend) otherSlash(c *call) *answer {
	path := c.URL.Path
	if path == "/" {
		return nil
	}
	other := strings.TrimRight(path, "/")
	if other == path {
		other += "/"
	}
	if _, _, known := b.find(c.Method, other); !known {
		return nil
	}
	scheme := "http"
	if c.TLS != nil {
		scheme = "https"
	}
	location := scheme + "://" + c.Host + other
	if c.URL.RawQuery != "" {
		location += "?" + c.URL.RawQuery
	}
	return &answer{
		status: http.StatusTemporaryRedirect,
		header: http.Header{"Location": {quote(location)}},
	}
}

// quote escapes what may not stand in a URL and leaves escapes alone.
func quote(url string) string {
	const safe = ":/%#?=@[]!$&'()*+,;_.-~"
	var b strings.Builder
	for _, c := range []byte(url) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(safe, c) >= 0:
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// page cuts the rows of a page out of a list.
func page[T any](rows []T, number, size int) []T {
	if number-1 > len(rows)/size {
		return nil
	}
	start := min((number-1)*size, len(rows))
	return rows[start:min(start+size, len(rows))]
}
