package openfeature

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/open-feature/go-sdk/openfeature/memprovider"
)

// TestDocs: every variant of the file in docs/openfeature.md is taken.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../../docs/openfeature.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```json\n")
	block, _, _ = strings.Cut(block, "```")
	var file struct {
		Flags map[string]struct {
			State          memprovider.State
			Variants       map[string]any
			DefaultVariant string
		}
	}
	if err := json.Unmarshal([]byte(block), &file); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for key, f := range file.Flags {
		for variant := range f.Variants {
			provider := memprovider.NewInMemoryProvider(set{key: {State: f.State, Variants: f.Variants, DefaultVariant: variant}})
			s := newStore(t, provider, func(o *Options) { o.Prefix = "crossfade-" })
			state, err := s.Read(t.Context())
			if err != nil || len(state.Flags) == 0 && key != "crossfade-"+KillSwitch {
				t.Errorf("%s, %s: %+v, %v", key, variant, state, err)
			}
			tried++
		}
	}
	if tried != 8 {
		t.Errorf("%d variants were tried", tried)
	}
}
