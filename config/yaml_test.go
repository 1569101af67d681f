package config

import (
	"fmt"
	"strings"
	"testing"
)

// A wrong file is refused before the parser spends minutes or the stack on it.
func TestExcess(t *testing.T) {
	many := func(n int, text string) string { return strings.Repeat(text, n) }
	tests := map[string]struct{ text, err string }{
		"brackets":         {many(100_000, "["), "proxy.yaml:1: nested too deep: this is no proxy.yaml"},
		"braces":           {"mode: dual\nlimits: " + many(50_000, "{a: "), "proxy.yaml:2: nested too deep: this is no proxy.yaml"},
		"lists of lists":   {many(100_000, "- "), "proxy.yaml:1: nested too deep: this is no proxy.yaml"},
		"keys of keys":     {many(100_000, "? "), "proxy.yaml:1: nested too deep: this is no proxy.yaml"},
		"very many keys":   {many(20_000, "a: b\n"), "proxy.yaml:6667: too long: this is no proxy.yaml"},
		"a very long text": {"mode: " + many(int(maxFile), "x"), "proxy.yaml: larger than 256KiB: this is no proxy.yaml"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Load(options(tt.text))
			wantError(t, err, tt.err)
		})
	}
	var thousand strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&thousand, "  # why this one differs\n  - name: endpoint-%d\n    mode: dual\n    session_route: serve\n    on_failure: original\n    enabled: true\n", i)
	}
	o := options("endpoints:\n" + thousand.String())
	o.Endpoints = func([]string) ([]Declared, error) {
		var all []Declared
		for i := range 1000 {
			all = append(all, Declared{fmt.Sprintf("endpoint-%d", i), true})
		}
		return all, nil
	}
	if c := load(t, o); c.Endpoints[999].Mode != Dual {
		t.Errorf("endpoint-999 is %+v", c.Endpoints[999])
	}
}
