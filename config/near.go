package config

import (
	"slices"
	"strings"
)

// hint gives ` (did you mean "listen"?)` for the candidate nearest to a name, or "".
func hint(name string, candidates []string) string {
	if n := nearest(name, candidates); n != "" {
		return ` (did you mean "` + n + `"?)`
	}
	return ""
}

// nearest finds the candidate that a name was probably meant to be, the first of equally near
// ones; "" if none is near. Case does not count.
func nearest(name string, candidates []string) string {
	const longest = 100 // characters; nobody meant a name that is longer, and the time is bounded
	if len(name) > longest {
		return ""
	}
	// A third of the letters may be wrong, one always.
	best, limit := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < limit {
			best, limit = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their neighbour.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// hintKey hints at a key of the same section, else at every key elsewhere that ends in the
// name: the commonest mistake is a key in the wrong section.
func hintKey(name, section string, keys []Key) string {
	if strings.Contains(name, ".") {
		return ": keys are nested, not dotted"
	}
	var siblings, elsewhere []string
	for _, k := range keys {
		if rest, ok := strings.CutPrefix(k.Name, section); ok {
			first, _, _ := strings.Cut(rest, ".")
			siblings = append(siblings, strings.TrimSuffix(first, "[]"))
		}
		if strings.HasSuffix(k.Name, "."+name) {
			elsewhere = append(elsewhere, `"`+k.Name+`"`)
		}
	}
	if h := hint(name, slices.Compact(siblings)); h != "" || len(elsewhere) == 0 {
		return h
	}
	return " (did you mean " + list(elsewhere) + "?)"
}
