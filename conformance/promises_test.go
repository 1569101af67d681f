package conformance

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/conformance/process"
)

func TestMain(m *testing.M) { process.Main(m) }

// promise is a row: a fault or an attack, what crossfade does then, and the test of that. The
// test runs in each mode.
type promise struct {
	fault, ours string
	test        func(t *testing.T, mode string)
}

// section is the rows of one subject.
type section struct {
	name     string
	promises []promise
}

func sections() []section {
	return []section{
		{"json", jsonPromises()},
		{"codings and lengths", codingPromises()},
		{"caching", cachingPromises()},
		{"requests", requestPromises()},
		{"answers", answerPromises()},
		{"faults", faultPromises()},
		{"streams", streamPromises()},
		{"resources", resourcePromises()},
		{"open or closed", policyPromises()},
		{"process", processPromises()},
	}
}

func TestPromises(t *testing.T) {
	for _, s := range sections() {
		t.Run(s.name, func(t *testing.T) {
			for _, p := range s.promises {
				t.Run(p.fault, func(t *testing.T) {
					for _, mode := range []string{passthrough, dual, flowOnly} {
						t.Run(mode, func(t *testing.T) {
							t.Parallel()
							p.test(t, mode)
						})
					}
				})
			}
		})
	}
}

var update = flag.Bool("update", false, "write the table of README.md anew")

// TestTheTableIsInTheReadme: every row can be found where readers look for it.
func TestTheTableIsInTheReadme(t *testing.T) {
	const begin, end = "<!-- rows: written by go test ./conformance -update -->\n", "<!-- end of rows -->\n"
	var b strings.Builder
	for _, s := range sections() {
		fmt.Fprintf(&b, "\n### %s\n\n| what may go wrong | what crossfade does | test |\n|---|---|---|\n", s.name)
		for _, p := range s.promises {
			name := runtime.FuncForPC(reflect.ValueOf(p.test).Pointer()).Name()
			fmt.Fprintf(&b, "| %s | %s | `%s` |\n", p.fault, p.ours, name[strings.LastIndexByte(name, '.')+1:])
		}
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	front, rest, ok := strings.Cut(string(text), begin)
	_, back, more := strings.Cut(rest, end)
	if !ok || !more {
		t.Fatalf("README.md lacks the line %q or %q", begin, end)
	}
	want := front + begin + b.String() + "\n" + end + back
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("the table in README.md is not that of promises_test.go: run go test ./conformance -run Readme -update")
	}
}
