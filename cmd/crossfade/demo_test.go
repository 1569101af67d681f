package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestDemo takes the tour and then does by hand what it prints.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	p := process{stdin: strings.NewReader(""), stdout: &out, stderr: &out}
	if code := p.run(t.Context(), []string{"demo", "--once"}); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out.String())
	}
	for _, want := range []string{
		"Crossfade-Mode: passthrough\n", "Crossfade-Mode: dual\n", "Crossfade-Mode: flow_only\n",
		`"field": "upload_context.validation_flow_id"`, `"total": 2`, "410 Gone",
		"discovery  Discovery Flow - Azure Transformation 2025\n  after ", "assessment  Assessment of the mainframe\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tour does not show %q", want)
		}
	}
	if strings.Contains(out.String(), "502 Bad Gateway") { // the number alone may be in an id
		t.Errorf("something failed on the tour:\n%s", out.String())
	}
}

// TestDemoCurlLines runs each curl line of the tour in a shell, against the demo as it serves on.
func TestDemoCurlLines(t *testing.T) {
	var out bytes.Buffer
	d := newDemo(&out)
	defer d.close()
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	if err := d.tour(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^  curl -s(?:.*\\\n)*.*$`).FindAllString(out.String(), -1)
	if len(lines) < 6 {
		t.Fatalf("%d curl lines on the tour, want one for each call", len(lines))
	}
	for _, line := range lines {
		answer, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output()
		if err != nil || !bytes.HasPrefix(answer, []byte("{")) {
			t.Errorf("%s\n%v: %s", line, err, answer)
		}
	}
}
