package contract

import (
	"fmt"
	"slices"
	"strings"
)

// checkTemplate says what is wrong with a path template, nil if nothing is.
func checkTemplate(t string) error {
	const want = "want /segments/{variable}/more"
	switch {
	case !strings.HasPrefix(t, "/"):
		return fmt.Errorf("bad path template %q: it does not begin with / (%s)", t, want)
	case strings.ContainsAny(t, "?#"):
		return fmt.Errorf("bad path template %q: no query and no fragment (parameters go into query)", t)
	}
	segments := strings.Split(t[1:], "/")
	seen := map[string]bool{}
	for i, s := range segments {
		if s == "" && i < len(segments)-1 || s == "." || s == ".." {
			return fmt.Errorf("bad path template %q: an empty or dot segment", t)
		}
		name, ok := variable(s)
		switch {
		case ok && seen[name]:
			return fmt.Errorf("bad path template %q: {%s} is there twice", t, name)
		case ok:
			seen[name] = true
		case strings.Trim(s, segmentLetters) != "":
			return fmt.Errorf("bad path template %q: bad segment %q (%s)", t, s, want)
		}
	}
	return nil
}

const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	// segmentLetters is what a path segment may hold unescaped (RFC 3986), but for the ; that
	// servers read in different ways.
	segmentLetters = alphanumeric + "._~!$&'()*+,=:@-"
)

// variable gives the name in a segment like {id}.
func variable(segment string) (string, bool) {
	name, ok := strings.CutPrefix(segment, "{")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}")
	return name, ok && name != "" && strings.Trim(name, alphanumeric+"_") == ""
}

// variables lists the variables of a template, sorted.
func variables(template string) []string {
	var out []string
	for s := range strings.SplitSeq(template, "/") {
		if name, ok := variable(s); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// relation says how two templates stand to each other.
type relation int

const (
	apart     relation = iota // no path matches both
	same                      // the same paths match both
	narrower                  // the first matches only some of what the second does
	wider                     // the other way round
	ambiguous                 // some paths match both, and neither is the more specific one
)

// compare compares two templates. A variable stands for any segment that is not empty.
func compare(a, b string) relation {
	aNarrower, bNarrower := false, false
	for more := true; more; { // without slices of segments: every route is compared with every other
		aSegment, aRest, aMore := strings.Cut(a, "/")
		bSegment, bRest, bMore := strings.Cut(b, "/")
		if aMore != bMore {
			return apart
		}
		_, av := variable(aSegment)
		_, bv := variable(bSegment)
		switch {
		case av && bv:
		case av && bSegment == "", bv && aSegment == "":
			return apart
		case av:
			bNarrower = true
		case bv:
			aNarrower = true
		case aSegment != bSegment:
			return apart
		}
		a, b, more = aRest, bRest, aMore
	}
	switch {
	case aNarrower && bNarrower:
		return ambiguous
	case aNarrower:
		return narrower
	case bNarrower:
		return wider
	}
	return same
}

// clash is a pair of routes of two enabled endpoints that the same request may mean.
type clash struct {
	one, other  *Endpoint // in order of declaration
	a, b        string    // their templates
	isAmbiguous bool      // neither is the same as the other, and neither more specific
}

func (c clash) String() string {
	if c.isAmbiguous {
		return fmt.Sprintf("%s %s may be the same path as %s of endpoint %q (%s), and neither is more specific",
			c.other.Method, c.b, c.a, c.one.Name, c.one.Source)
	}
	return fmt.Sprintf("%s %s is a route of endpoint %q already (%s)", c.other.Method, c.b, c.one.Name, c.one.Source)
}

// clashes finds enabled endpoints on one route, of whichever shape. Of two templates where
// one is more specific (a fixed segment where the other has a variable), that one wins, and
// there is no clash.
func clashes(endpoints []*Endpoint) []clash {
	type routed struct {
		e        *Endpoint
		template string
	}
	var all []routed
	for _, e := range endpoints {
		if !e.Enabled {
			continue
		}
		for _, r := range e.Routes {
			all = append(all, routed{e, r.Session})
			if r.Flow != r.Session {
				all = append(all, routed{e, r.Flow})
			}
		}
	}
	var out []clash
	for i, b := range all {
		for _, a := range all[:i] {
			if a.e.Method != b.e.Method || a.e == b.e && a.template != b.template {
				continue
			}
			if r := compare(a.template, b.template); r == same || r == ambiguous {
				out = append(out, clash{a.e, b.e, a.template, b.template, r == ambiguous})
				break
			}
		}
	}
	return out
}
