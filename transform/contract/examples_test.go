package contract

import (
	"os"
	"path/filepath"
	"testing"
)

// The contracts that operators are told to start from load beside the built-in one and keep
// what their examples say.
func TestExampleContracts(t *testing.T) {
	files, err := filepath.Glob("../../examples/contracts/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no example contracts (%v)", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Load(Source{name, data})
			if err != nil {
				t.Fatalf("it does not load:\n%v", err)
			}
			for _, f := range c.Check() {
				t.Error(f)
			}
			own := 0
			for _, e := range c.Endpoints {
				for _, x := range e.Examples {
					if len(x.Source) > len(name) && x.Source[:len(name)] == name {
						own++
					}
				}
			}
			if own == 0 {
				t.Error("it has no example of its own")
			}
		})
	}
}
