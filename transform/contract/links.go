package contract

import (
	"cmp"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// Links maps URLs between the two routes of the enabled endpoints, for bodies that are mapped without
// a proxy around them: a path, or a URL of whatever host. What comes behind the path is kept.
func (c *Contract) Links(dir transform.Direction) transform.Links {
	var pairs []Route // from, to
	for _, e := range c.Endpoints {
		for _, r := range e.Routes {
			switch {
			case !e.Enabled || r.Session == r.Flow:
			case dir == transform.ToFlow:
				pairs = append(pairs, Route{r.Session, r.Flow})
			default:
				pairs = append(pairs, Route{r.Flow, r.Session})
			}
		}
	}
	// Of two that match, the one with the fixed segment is meant.
	slices.SortStableFunc(pairs, func(a, b Route) int {
		return cmp.Compare(len(variables(a.Session)), len(variables(b.Session)))
	})
	return func(url string) (string, bool) {
		start, end := pathOf(url)
		for _, p := range pairs {
			if values, ok := match(p.Session, url[start:end]); ok {
				return url[:start] + fill(p.Flow, values) + url[end:], true
			}
		}
		return url, false
	}
}

// pathOf finds the path in a URL that has one, from its root.
func pathOf(url string) (start, end int) {
	end = len(url)
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		end = i
	}
	if scheme := strings.Index(url[:end], "://"); scheme > 0 && !strings.Contains(url[:scheme], "/") {
		start = scheme + len("://")
		if i := strings.IndexByte(url[start:end], '/'); i >= 0 {
			return start + i, end
		}
		return end, end
	}
	return 0, end
}

// match gives the segments that stand for the variables of a template, if the path fits it.
func match(template, path string) (map[string]string, bool) {
	ts, ps := strings.Split(template, "/"), strings.Split(path, "/")
	if len(ts) != len(ps) {
		return nil, false
	}
	values := map[string]string{}
	for i, t := range ts {
		name, ok := variable(t)
		switch {
		case ok && ps[i] != "":
			values[name] = ps[i]
		case ok || t != ps[i]:
			return nil, false
		}
	}
	return values, true
}

// fill puts segments into the places of a template's variables.
func fill(template string, values map[string]string) string {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if name, ok := variable(s); ok {
			segments[i] = values[name]
		}
	}
	return strings.Join(segments, "/")
}
