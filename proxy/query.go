package proxy

import (
	"encoding/hex"
	"errors"
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
// names and words that the upstream knows. What it does not touch keeps its bytes. It is false when the
// request has been answered already.
func (x *exchange) queryToSession() bool {
	e := x.route.endpoint
	if x.query == "" || len(e.Query) == 0 && len(e.Filters) == 0 {
		return true
	}
	x.params = parseQuery(x.query)
	var faults []FieldFault
	drop := map[string]bool{}
	if x.flowParameters() {
		for _, f := range e.Filters {
			faults = append(faults, x.checkFilter(f)...)
			drop[f.Param] = !f.Forward
		}
	}
	mapped := map[string]*mappedParam{}
	for i := range e.Query {
		q := &e.Query[i]
		// A word that both shapes may have is the flow's where parameters are.
		if q.Session == q.Flow && !x.flowParameters() {
			continue
		}
		m, fault := x.paramToSession(q)
		switch {
		case fault != nil:
			faults = append(faults, *fault)
		case m != nil:
			mapped[q.Flow] = m
			x.spokeFlow = x.spokeFlow || q.Session != q.Flow && !m.drop
		}
	}
	if len(faults) > 0 {
		x.invalid(errors.New("query parameters are not valid"), faults)
		return false
	}
	var parts []string
	for _, p := range x.params {
		switch m := mapped[p.name]; {
		case drop[p.name]:
			x.applied = append(x.applied, p)
		case m != nil && m.drop:
		case m != nil:
			parts = m.appendTo(parts, p)
		default:
			parts = append(parts, p.raw)
		}
	}
	x.query = strings.Join(parts, "&")
	return true
}

// mappedParam is what becomes of a parameter in all the places where it stands in a query.
type mappedParam struct {
	*contract.QueryParam
	drop  bool       // it is there under its session name as well, and says the same
	words [][]string // where it has words: those of the session shape, by place
}

// paramToSession maps the values of a parameter that is there under its flow name; nil if it is not. A
// value that the upstream cannot be asked for is a fault: to leave it out, or to ask for something near,
// would give the client rows that it did not ask for.
func (x *exchange) paramToSession(q *contract.QueryParam) (*mappedParam, *FieldFault) {
	m := &mappedParam{QueryParam: q}
	var flow, session []string // all values, in session words
	for _, p := range x.params {
		switch p.name {
		case q.Flow:
			words, fault := wordsToSession(q, p.value)
			if fault != nil {
				return nil, fault
			}
			m.words = append(m.words, words)
			flow = append(flow, words...)
		case q.Session:
			session = append(session, splitValue(q, p.value)...)
		}
	}
	switch {
	case len(flow) == 0:
		return nil, nil
	case len(session) == 0:
	case !slices.Equal(session, flow):
		return nil, &FieldFault{"query." + q.Flow, bothShapes(q.Session, q.Flow), "value_error"}
	default:
		m.drop = true
	}
	return m, nil
}

// wordsToSession gives the words of the session shape that a value of the flow shape means.
func wordsToSession(q *contract.QueryParam, value string) ([]string, *FieldFault) {
	if q.Words == nil {
		return []string{value}, nil
	}
	var out []string
	for _, word := range splitValue(q, value) {
		words, all := q.Words.SessionWords(word)
		switch {
		case !all || len(words) > 1 && q.List == contract.ListNone:
			return nil, &FieldFault{"query." + q.Flow, "the backend has several words for '" + word + "' and cannot be asked for all of them", "value_error"}
		case len(words) == 0:
			return nil, &FieldFault{"query." + q.Flow, "Input should be " + alternatives(q.Words.FlowWords()), "enum"}
		}
		out = append(out, words...)
	}
	return out, nil
}

// splitValue gives the values that one parameter holds.
func splitValue(q *contract.QueryParam, value string) []string {
	if q.List == contract.ListComma {
		return strings.Split(value, ",")
	}
	return []string{value}
}

// appendTo appends the parameter as the upstream knows it. Places are taken in order.
func (m *mappedParam) appendTo(parts []string, p queryParam) []string {
	words := m.words[0]
	m.words = m.words[1:]
	name, value, hasValue := strings.Cut(p.raw, "=")
	if m.Session != m.Flow {
		name = url.QueryEscape(m.Session)
	}
	if m.Words == nil || slices.Equal(words, splitValue(m.QueryParam, p.value)) {
		if hasValue {
			name += "=" + value
		}
		return append(parts, name)
	}
	for i, w := range words {
		words[i] = url.QueryEscape(w)
	}
	if m.List == contract.ListComma {
		return append(parts, name+"="+strings.Join(words, ","))
	}
	for _, w := range words {
		parts = append(parts, name+"="+w)
	}
	return parts
}

// checkFilter checks a parameter's value in the words that the backend's validation has, and
// brings a UUID to the spelling that bodies have.
func (x *exchange) checkFilter(f contract.QueryFilter) []FieldFault {
	value, ok := x.queryValue(f.Param)
	if !ok {
		return nil
	}
	if len(f.Words) > 0 && !slices.Contains(f.Words, value) {
		return []FieldFault{{"query." + f.Param, "Input should be " + alternatives(f.Words), "enum"}}
	}
	if !f.UUID {
		return nil
	}
	canonical, ok := parseUUID(value)
	if !ok {
		return []FieldFault{{"query." + f.Param, "Input should be a valid UUID", "uuid_parsing"}}
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
