package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestRolloutIsTrue runs every command of docs/rollout.md, in order, against a running serve: each has to succeed.
func TestRolloutIsTrue(t *testing.T) {
	text, err := os.ReadFile("../../docs/rollout.md")
	if err != nil {
		t.Fatal(err)
	}
	o := operate(t, nil)
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			args := words(t, strings.TrimSpace(line))
			if args[0] != "crossfade" {
				t.Fatalf("%q is no command of crossfade's", line)
			}
			ran++
			if code, stdout, stderr := o.run(args[1:]...); code != 0 {
				t.Errorf("%s: exit code %d\n%s%s", line, code, stdout, stderr)
			}
		}
	}
	if ran < 20 {
		t.Errorf("only %d commands were found", ran)
	}
}

// words splits a line as a shell does, where nothing but quotes is special.
func words(t *testing.T, line string) []string {
	t.Helper()
	var all []string
	for _, found := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|([^\s'"]+)`).FindAllStringSubmatch(line, -1) {
		all = append(all, found[1]+found[2]+found[3])
	}
	if len(all) == 0 {
		t.Fatalf("no words in %q", line)
	}
	return all
}
