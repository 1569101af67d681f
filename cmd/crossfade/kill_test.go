package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKillByTheFile: the file of this machine is the way where the admin API that was named is one of this machine, or its data directory was named.
func TestKillByTheFile(t *testing.T) {
	data := t.TempDir()
	file := filepath.Join(data, killFile)
	for _, c := range []struct {
		name  string
		code  int
		wrote bool
		said  string
		args  []string
	}{
		{"nothing was named", 0, true, `wrote .*kill: `, nil},
		{"an address of this machine", 0, true, `wrote .*kill: `, []string{"--admin", "http://127.0.0.1:1"}},
		{"an address of this machine, by name", 0, true, `wrote .*kill: `, []string{"--admin", "http://localhost:1"}},
		{"an address elsewhere", exitAway, false, `nothing was changed: run crossfade kill on the machine of http://crossfade\.invalid:1`, []string{"--admin", "http://crossfade.invalid:1"}},
		{"an address elsewhere, and a folder here", 0, true, `wrote .*kill: `, []string{"--admin", "http://crossfade.invalid:1", "--data", data}},
		{"a folder that is not there", 1, false, `nothing was changed: no crossfade keeps its data in .*elsewhere \(name the folder with --data`,
			[]string{"--local", "--data", filepath.Join(data, "elsewhere")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &operator{t: t, data: data, environ: []string{"CROSSFADE_ADMIN=127.0.0.1:1"}}
			o.wantBare(c.code, c.said, append([]string{"kill"}, c.args...)...)
			err := os.Remove(file)
			if wrote := err == nil; wrote != c.wrote {
				t.Errorf("the file was there: %t, want %t", wrote, c.wrote)
			}
		})
	}
}

// TestUnkillEndsWhenItHolds: with the file gone the very next request counts flags again; where it stays, unkill does not say that all is well.
func TestUnkillEndsWhenItHolds(t *testing.T) {
	o := operate(t, nil, "--mode", "dual")
	o.mode("dual")
	o.wantBare(0, `wrote`, "kill", "--local", "--data", o.data)
	o.soon("passthrough")
	o.want(1, `everything still passes through: the crossfade at http://[^ ]+ has a kill file`, "unkill")
	o.mode("passthrough")
	o.want(0, `(?s)took .*away.*off already`, "unkill", "--data", o.data)
	o.mode("dual")
}

// TestUndoAfterTheKillSwitch: undo without a version is about the last change of a flag, whatever was switched since.
func TestUndoAfterTheKillSwitch(t *testing.T) {
	o := operate(t, nil)
	o.want(1, `no flag was changed yet`, "flags", "undo", "--reason", "what?")
	o.want(0, `version 1`, "flags", "set", "context-me", "verify", "--reason", "see")
	o.want(0, `version 2`, "flags", "set", "context-me", "dual", "--reason", "on")
	o.want(0, `version 3`, "kill")
	o.want(0, `version 4`, "unkill")
	o.mode("dual")
	o.want(0, `version 5: undo context-me`, "flags", "undo", "--reason", "it was that")
	o.mode("passthrough")
}
