package contract

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzParse looks for texts that make the parser panic or take too long, and for contracts
// that load although their laws cannot be checked.
func FuzzParse(f *testing.F) {
	// Not the built-in contract: checking it takes a thousand times as long as these do.
	patterns := []string{"testdata/bad/*.yaml", "../../examples/contracts/*.yaml"}
	for _, pattern := range patterns {
		seeds, err := filepath.Glob(pattern)
		if err != nil || len(seeds) == 0 {
			f.Fatalf("no seeds in %s (%v)", pattern, err)
		}
		for _, seed := range seeds {
			data, err := os.ReadFile(seed)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		started := time.Now()
		c, err := Parse(Source{"fuzz.yaml", data})
		// Far above what any file within the bounds takes, and far below what a bomb would.
		if took := time.Since(started); took > 20*time.Second {
			t.Fatalf("it took %v", took)
		}
		if err != nil {
			return
		}
		c.Check()
	})
}
