package config

import (
	"slices"
	"testing"
)

func TestRestartNeeded(t *testing.T) {
	before := load(t, options("server: {listen: ':80'}\nmode: dual\n"))
	after := load(t, options("server: {listen: ':81'}\nmode: flow_only\ndata_dir: /x\nlimits: {max_depth: 9}\n"))
	if got, want := after.RestartNeeded(before), []string{"server.listen", "data_dir"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := after.RestartNeeded(after); got != nil {
		t.Errorf("the same config: %q", got)
	}
}

// Nobody can change a Config through what it gives away.
func TestSettingsAreACopy(t *testing.T) {
	c := load(t, options(""))
	c.Settings()[0].Value = "x"
	if got := c.Settings()[0].Value; got != "1" {
		t.Errorf("version is %q now", got)
	}
}
