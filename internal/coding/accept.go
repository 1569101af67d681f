package coding

import (
	"strconv"
	"strings"
)

// Accept is what a client says in Accept-Encoding. The zero value is that of a client that
// says nothing: it gets no coding, although it would have to take any.
type Accept struct {
	weights [Zstd + 1]weight
	others  weight // of "*"
}

// weight is a quality in thousandths, plus one: 0 is a coding that was not mentioned, 1 one that
// is not wanted.
type weight int

const (
	unsaid   weight = 0
	unwanted weight = 1
)

// ParseAccept reads the values of Accept-Encoding. Of what it does not understand it takes
// nothing as accepted. A coding that is there twice has the lower of its weights.
func ParseAccept(fields []string) Accept {
	var a Accept
	for _, field := range fields {
		for element := range strings.SplitSeq(field, ",") {
			name, parameters, _ := strings.Cut(element, ";")
			name = strings.Trim(name, " \t")
			w := parseWeight(parameters)
			if name == "*" {
				a.others = lower(a.others, w)
			} else if c, ok := named(name); ok {
				a.weights[c] = lower(a.weights[c], w)
			}
		}
	}
	return a
}

func lower(before, now weight) weight {
	if before == unsaid {
		return now
	}
	return min(before, now)
}

// parseWeight reads what stands behind a coding's name.
func parseWeight(parameters string) weight {
	for p := range strings.SplitSeq(parameters, ";") {
		key, value, ok := strings.Cut(strings.Trim(p, " \t"), "=")
		if !ok || !strings.EqualFold(key, "q") {
			continue
		}
		// RFC 9110 section 12.4.2 has three digits at most, and neither signs nor exponents.
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || len(value) > len("0.000") || strings.Trim(value, "0123456789.") != "" || q > 1 {
			return unwanted
		}
		return unwanted + weight(q*1000+0.5)
	}
	return unwanted + 1000
}

// of gives the weight of a coding, unwanted or more. Identity is wanted least where nothing is
// said of it.
func (a Accept) of(c Coding) weight {
	switch {
	case a.weights[c] != unsaid:
		return a.weights[c]
	case a.others != unsaid:
		return a.others
	case c == Identity:
		return unwanted + 1
	}
	return unwanted
}

// Accepts says whether a body may have the coding. Identity may be what is not accepted.
func (a Accept) Accepts(c Coding) bool { return a.of(c) > unwanted }

// Choose gives the coding to answer in: the one wanted most, and among equals first, then the
// cheapest. It is never one that is not accepted, but for Identity, when nothing else is.
func (a Accept) Choose(first Coding) Coding {
	best, most := Identity, max(a.of(Identity), unwanted+1)
	if w := a.of(first); w >= most {
		best, most = first, w
	}
	for _, c := range all() {
		if w := a.of(c); w > most || w == most && best == Identity {
			best, most = c, w
		}
	}
	return best
}
