// Package near finds the name that somebody meant who wrote another one.
package near

import "strings"

// Hint gives ` (did you mean "listen"?)` for the candidate nearest to a name, or "".
func Hint(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return ` (did you mean "` + n + `"?)`
	}
	return ""
}

// Nearest finds the candidate that a name was probably meant to be, the first of equally near
// ones; "" if none is near. Case does not count.
func Nearest(name string, candidates []string) string {
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
