//go:build suites

package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/crossfade-proxy/crossfade/conformance/process"
)

// The tests of files with this build tag run public suites, which make conformance installs first.

// suite gives the path of what scripts/suites.sh has installed.
func suite(t *testing.T, name string) string {
	t.Helper()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, ".cache", "suites", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run scripts/suites.sh (or make conformance, which does)", err)
	}
	return path
}
