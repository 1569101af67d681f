package main

import (
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/internal/legacy"
)

// TestFrontendsIsTrue runs every command of docs/frontends.md in a shell, against a crossfade in dual: each has to have the
// status and the mode that its comment says.
func TestFrontendsIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/frontends.md")
	if err != nil {
		t.Fatal(err)
	}
	there := httptest.NewServer(legacy.New(legacy.Options{}))
	t.Cleanup(there.Close)
	const secret = "a-secret-of-this-test-of-32-bytes"
	r := start(t, []string{"CROSSFADE_OFREP_LISTEN=127.0.0.1:0", "CROSSFADE_FLAGS_OVERRIDE_SECRET=" + secret}, "--upstream", there.URL, "--mode", "dual")
	environ := append(os.Environ(), "API="+r.url, "OFREP="+r.ofrep,
		"OVERRIDE="+flags.OverrideHeader+": "+flags.SignOverride([]byte(secret), flags.FlowOnly, "*", time.Now().Add(time.Hour)))
	for _, h := range (call{tenant: true}).headers() {
		name := map[string]string{"Authorization": "TOKEN", "X-Client-Account-ID": "TENANT", "X-Engagement-ID": "ENGAGEMENT", "X-User-ID": "CALLER"}[h[0]]
		environ = append(environ, name+"="+strings.TrimPrefix(h[1], "Bearer "))
		if name == "ENGAGEMENT" {
			environ = append(environ, "FLOW="+h[1]) // its default session has the same id
		}
	}
	define, ran := "", 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			if strings.HasPrefix(line, "call() ") {
				define = line
				continue
			}
			command, comment, _ := strings.Cut(line, "  # ")
			var status int
			var mode string
			if _, err := fmt.Sscan(comment, &status); err != nil {
				t.Fatalf("no status behind %q", line)
			}
			_, _ = fmt.Sscan(comment, &status, &mode)
			ran++
			shell := exec.CommandContext(t.Context(), "bash", "-c", define+command)
			shell.Env = environ
			answer, err := shell.CombinedOutput()
			head, _, _ := strings.Cut(string(answer), "\r\n\r\n")
			if err != nil || !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", status)) ||
				mode != "" && !strings.Contains(head, "\r\nCrossfade-Mode: "+mode) {
				t.Errorf("%s%v\n%s", line, err, answer)
			}
		}
	}
	if ran < 10 {
		t.Errorf("only %d commands were found", ran)
	}
}

// TestLinksOfDocuments wants each relative link of a document to lead to a file, and to a heading where it names one.
func TestLinksOfDocuments(t *testing.T) {
	t.Parallel()
	const root = "../.."
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(name, ".") && path != root: // what tools install, .git
			return fs.SkipDir
		case filepath.Ext(name) == ".md":
			text, err := os.ReadFile(path) //nolint:gosec // a document of this repository
			// Nothing in a listing is a link or a heading.
			texts[path] = regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(string(text), "")
			return err
		}
		return nil
	})
	if err != nil || len(texts) < 20 {
		t.Fatalf("%d documents: %v", len(texts), err)
	}
	links := 0
	for path, text := range texts {
		for _, found := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			link, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(link, ":") {
				continue // elsewhere
			}
			links++
			to := path
			if link != "" {
				to = filepath.Join(filepath.Dir(path), link)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", path, found[1])
			} else if anchor != "" && !hasHeading(texts[to], anchor) {
				t.Errorf("%s: the link to %s names no heading", path, found[1])
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links were found", links)
	}
}

// hasHeading is whether a document has a heading that an anchor names: in small letters, with hyphens for
// blanks, without punctuation.
func hasHeading(text, anchor string) bool {
	for _, found := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, found[1])
		if name == anchor {
			return true
		}
	}
	return false
}
