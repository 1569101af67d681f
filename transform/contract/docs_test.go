package contract

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The YAML of docs/contract.md, block after block, is a contract that keeps its promises.
func TestDocsLoad(t *testing.T) {
	text, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []Source
	for i, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		yaml := block[1]
		if !strings.HasPrefix(yaml, "version:") {
			yaml = "version: 1\n" + yaml
		}
		files = append(files, Source{fmt.Sprintf("block %d", i+1), []byte(yaml)})
	}
	if len(files) == 0 {
		t.Fatal("docs/contract.md has no YAML")
	}
	c, err := Parse(files...)
	if err != nil {
		t.Fatalf("\n%v", err)
	}
	for _, f := range c.Check() {
		t.Error(f)
	}
	for _, o := range operationWords() {
		if !strings.Contains(string(text), "`"+o.name+": {") {
			t.Errorf("operation %s is not in the table of docs/contract.md", o.name)
		}
	}
}
