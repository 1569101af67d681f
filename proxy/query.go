package proxy

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// queryParam is one parameter of a query: raw is its text there, name and value what it means.
type queryParam struct{ raw, name, value string }

// parseQuery reads a query as the backend does: parts at &, plus signs and escapes undone, wrong
// escapes kept as they are.
func parseQuery(raw string) []queryParam {
	var out []queryParam
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		out = append(out, queryParam{part, queryText(name), queryText(value)})
	}
	return out
}

func queryText(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return strings.ReplaceAll(s, "+", " ")
}

// queryValue gives the value of a parameter; of several the last, as the backend does.
func (x *exchange) queryValue(name string) (string, bool) {
	for _, p := range slices.Backward(x.params) {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

// queryToSession checks the parameters that crossfade itself applies, and gives the others the
// names that the upstream knows. What it does not touch keeps its bytes. It is false when the
// request has been answered already.
func (x *exchange) queryToSession() bool {
	e := x.route.endpoint
	if x.query == "" || len(e.Query) == 0 && len(e.Filters) == 0 {
		return true
	}
	x.params = parseQuery(x.query)
	var faults []fieldError
	drop := map[string]bool{}
	if x.flowParameters() {
		for _, f := range e.Filters {
			faults = append(faults, x.checkFilter(f)...)
			drop[f.Param] = !f.Forward
		}
	}
	renames := map[string]string{}
	for _, q := range e.Query {
		flow, ok := x.queryValue(q.Flow)
		if !ok {
			continue
		}
		session, both := x.queryValue(q.Session)
		switch {
		case both && session != flow:
			message := fmt.Sprintf("both shapes are there and differ: %q and %q", q.Session, q.Flow)
			faults = append(faults, fieldError{"query." + q.Flow, message, "value_error"})
		case both:
			drop[q.Flow] = true
		default:
			renames[q.Flow] = q.Session
			x.spokeFlow = true
		}
	}
	if len(faults) > 0 {
		x.invalid(errors.New("query parameters are not valid"), faults)
		return false
	}
	var parts []string
	for _, p := range x.params {
		if drop[p.name] {
			continue
		}
		if session, ok := renames[p.name]; ok {
			_, value, hasValue := strings.Cut(p.raw, "=")
			if p.raw = url.QueryEscape(session); hasValue {
				p.raw += "=" + value
			}
		}
		parts = append(parts, p.raw)
	}
	x.query = strings.Join(parts, "&")
	return true
}

// checkFilter checks a parameter's value in the words that the backend's validation has, and
// brings a UUID to the spelling that bodies have.
func (x *exchange) checkFilter(f contract.QueryFilter) []fieldError {
	value, ok := x.queryValue(f.Param)
	if !ok {
		return nil
	}
	if len(f.Words) > 0 && !slices.Contains(f.Words, value) {
		return []fieldError{{"query." + f.Param, "Input should be " + alternatives(f.Words), "enum"}}
	}
	if !f.UUID {
		return nil
	}
	canonical, ok := parseUUID(value)
	if !ok {
		return []fieldError{{"query." + f.Param, "Input should be a valid UUID", "uuid_parsing"}}
	}
	for i := range x.params {
		if x.params[i].name == f.Param {
			x.params[i].value = canonical
		}
	}
	return nil
}

// alternatives lists words: 'a', 'b' or 'c'.
func alternatives(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return "'" + words[0] + "'"
	}
	return "'" + strings.Join(words[:last], "', '") + "' or '" + words[last] + "'"
}

// parseUUID reads the spellings of a UUID that the backend takes, and gives the usual one.
func parseUUID(s string) (string, bool) {
	s = strings.ToLower(s)
	s = strings.TrimPrefix(s, "urn:uuid:")
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		if s, ok = strings.CutSuffix(inner, "}"); !ok {
			return "", false
		}
	}
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if _, err := hex.DecodeString(s); err != nil || len(s) != 32 {
		return "", false
	}
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}
