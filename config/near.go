package config

import (
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

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
	if h := near.Hint(name, slices.Compact(siblings)); h != "" || len(elsewhere) == 0 {
		return h
	}
	return " (did you mean " + list(elsewhere) + "?)"
}
