//go:build !race

// The race detector makes pools forget on purpose, so what is allocated says nothing there.

package transform_test

import (
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

func TestAllocations(t *testing.T) {
	l := compile(t, contextOps())
	for _, size := range benchSizes() {
		if size.name == "16MB" {
			continue // each run makes the collector empty the pools
		}
		body := contextBody(size.sessions)
		large := make([]byte, 0, 3*len(body))
		for _, form := range []Form{Union, Replace} {
			for _, row := range []struct {
				name string
				dst  []byte
				most float64
			}{{"no destination", nil, 2}, {"a large one", large, 0}} {
				if got := testing.AllocsPerRun(20, func() {
					if _, err := l.Map(row.dst, body, Job{Form: form}); err != nil {
						t.Fatal(err)
					}
				}); got > row.most {
					t.Errorf("%s, form %d, %s: %v allocations, want at most %v", size.name, form, row.name, got, row.most)
				}
			}
		}
	}
}
