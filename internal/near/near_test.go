package near_test

import (
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

func TestNearest(t *testing.T) {
	names := []string{"mode", "listen", "read_header_timeout", "url", "log"}
	for name, want := range map[string]string{
		"mode": "mode", "moed": "mode", "mod": "mode", "modes": "mode", "MODE": "mode", "lisen": "listen", "Listen": "listen",
		"readheadertimeout": "read_header_timeout", "read-header-timeout": "read_header_timeout", "uri": "url", "lgo": "log",
		"": "", "x": "", "xyz": "", "model_name": "", "timeout": "", strings.Repeat("mode", 100): "",
	} {
		if got := near.Nearest(name, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if got := near.Nearest("a", nil); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}

func TestHint(t *testing.T) {
	if got, want := near.Hint("lisen", []string{"listen", "log"}), ` (did you mean "listen"?)`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := near.Hint("verbosity", []string{"listen", "log"}); got != "" {
		t.Errorf("hint at nothing near: %q", got)
	}
}
