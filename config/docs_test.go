package config

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files and generated documents anew")

// golden compares a text with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it by go test ./config -update, then read it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// table is the part of docs/configuration.md that Keys tells.
func table() string {
	var b strings.Builder
	b.WriteString("| key | default | values | variable | flag | meaning |\n|---|---|---|---|---|---|\n")
	for _, k := range Keys() {
		mark := ""
		if k.Restart {
			mark = " †"
		}
		def := k.Default
		switch {
		case k.kind.scalar == listScalar:
			def = "`[" + def + "]`"
		case strings.Contains(def, " "):
		case def == "" && k.kind.parse != nil && !k.fileOnly:
			def = "`\"\"`"
		case def != "":
			def = "`" + def + "`"
		}
		var env []string
		for _, v := range k.Env {
			env = append(env, "`"+v+"`")
		}
		flag := ""
		if k.Flag != "" {
			flag = "`--" + k.Flag + "`"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s | %s | %s |\n", k.Name, mark, def, k.Values, strings.Join(env, ", "), flag, k.Meaning)
	}
	return b.String()
}

func TestDocumentHasEveryKey(t *testing.T) {
	const path = "../docs/configuration.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(data), "go test ./config -update -->\n")
	_, tail, ends := strings.Cut(rest, "<!-- end of keys -->")
	if !begins || !ends {
		t.Fatalf("%s has no marks for the table of keys", path)
	}
	golden(t, path, head+"go test ./config -update -->\n"+table()+"<!-- end of keys -->"+tail)
}

// docs/limits.md has every key that is a limit, with its default.
func TestDocumentHasEveryLimit(t *testing.T) {
	data, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range Keys() {
		section, _, _ := strings.Cut(k.Name, ".")
		limit := k.Values == "duration" || k.Values == "size" || k.Values == "number"
		if !limit || !slices.Contains([]string{"server", "limits", "upstream"}, section) || strings.HasPrefix(k.Name, "upstream.health.") {
			continue // the health checks have one row for all of them
		}
		found := false
		for row := range strings.Lines(string(data)) {
			found = found || strings.Contains(row, "`"+k.Name+"`") && strings.Contains(strings.ReplaceAll(row, " ", ""), k.Default)
		}
		if !found {
			t.Errorf("docs/limits.md has no row for %s with its default %s", k.Name, k.Default)
		}
	}
}

// proxy.yaml has every key with its default, and says so in the comment above it.
func TestShippedFile(t *testing.T) {
	data, err := os.ReadFile("../proxy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	c, defaults := load(t, options(text)), load(t, options(""))
	lines := strings.Split(text, "\n")
	for _, k := range Keys() {
		if strings.HasPrefix(k.Name, endpointPrefix) || k.Name == "endpoints" {
			continue
		}
		if isStage(k.Name) { // it would be stronger than the environment
			if !strings.Contains(text, "\n# mode: "+k.Default+"\n") {
				t.Errorf("%s is not in proxy.yaml as a comment", k.Name)
			}
			continue
		}
		line, found := strings.CutPrefix(c.Source(k.Name), "proxy.yaml:")
		n, err := strconv.Atoi(line)
		if !found || err != nil {
			t.Errorf("%s is not in proxy.yaml", k.Name)
			continue
		}
		if got, want := c.value(k.Name), defaults.value(k.Name); got != want {
			t.Errorf("%s is %q, its default is %q", k.Name, got, want)
		}
		comment := ""
		for i := n - 2; i >= 0 && strings.HasPrefix(strings.TrimSpace(lines[i]), "#"); i-- {
			comment = strings.TrimLeft(lines[i], " #") + " " + comment
		}
		want := "Default: " + k.Default
		switch {
		case k.kind.parse == nil, k.kind.scalar == listScalar && k.Default == "":
			want = "Default: none"
		case k.Default == "":
			want = `Default: ""`
		}
		if !strings.Contains(comment, want) {
			t.Errorf("the comment above %s does not say %q: %s", k.Name, want, comment)
		}
	}
	for _, k := range Keys() {
		if name, ok := strings.CutPrefix(k.Name, endpointPrefix); ok && !strings.Contains(text, name+":") {
			t.Errorf("%s is not in proxy.yaml's example", k.Name)
		}
	}
}

// The examples that proxy.yaml has in comments hold once the comment signs are taken away.
func TestExamplesInTheShippedFile(t *testing.T) {
	data, err := os.ReadFile("../proxy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	example := false
	for line := range strings.Lines(string(data)) {
		if line == "endpoints: []\n" || line == "contracts: []\n" {
			continue
		}
		example = strings.HasPrefix(line, "# endpoints:") || strings.HasPrefix(line, "# contracts:") ||
			example && strings.HasPrefix(line, "#")
		if example {
			line = strings.TrimPrefix(line, "# ")
		}
		lines = append(lines, line)
	}
	c := load(t, options(strings.Join(lines, "")))
	if want := (Endpoint{"context-me", Dual, "context", true, SessionGone, FailureRefuse, TransformRewrite}); c.Endpoints[0] != want {
		t.Errorf("context-me is %+v, want %+v", c.Endpoints[0], want)
	}
	if len(c.Contracts) != 1 {
		t.Errorf("contracts %q", c.Contracts)
	}
}
