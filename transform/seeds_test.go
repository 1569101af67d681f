package transform_test

import (
	"os"
	"path/filepath"
	"testing"
)

// bodies are the bodies of testdata: of the session shape, of the flow shape, of both.
func bodies(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/bodies/*.json")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no bodies in testdata/bodies (%v)", err)
	}
	out := make([]string, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		out[i] = string(text)
	}
	return out
}
