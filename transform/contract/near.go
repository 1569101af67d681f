package contract

import (
	"fmt"
	"slices"
	"strings"
)

// hint tells what a mistyped name may have meant: ` (did you mean "rename"?)` when one of
// the known names is near, else the known names where they are few, else nothing.
func hint(name string, known []string) string {
	const few = 12
	best, distance := "", min(len(name)/3+2, len(name))
	for _, k := range known {
		if d := levenshtein(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(" (did you mean %q?)", best)
	case len(known) > 0 && len(known) <= few:
		known = slices.Clone(known)
		slices.Sort(known)
		return fmt.Sprintf(" (want %s)", strings.Join(known, ", "))
	}
	return ""
}

// levenshtein counts the letters to add, take away or change between a and b. Names beyond
// a sane length are simply far apart.
func levenshtein(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
