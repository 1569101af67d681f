package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/conformance/process"
	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// policyPromises decide what fails open and what fails closed.
func policyPromises() []promise {
	return []promise{
		{"a body that cannot be mapped", "dual is open: untouched, marked, counted; flow_only is closed: 502, or the original where the policy says so", unmappableIsOpenOrClosed},
		{"lenses that fail for every body", "passthrough is always open, and so is what is no endpoint's", passthroughIsOpen},
		{"no place to keep anything", "without a store, what the configuration says; with one that was never reached, passthrough: nobody knows what was flipped", noStoreIsNeeded},
		{"bombs, too deep, too large", "dual is open with the undecoded bytes, flow_only is closed", limitsAreOpenOrClosed},
	}
}

func unmappableIsOpenOrClosed(t *testing.T, mode string) {
	h := open(t, mode)
	body := `{"user":{"id":"u1"},"session":"x","available_sessions":[]}`
	a := h.context(body)
	unmapped(t, mode, a, 200, body)
	line := h.Access(1)
	switch mode {
	case dual:
		field(t, a, "Crossfade-Fallback", "unmappable")
		if line.Text("fallback") != "unmappable" || line.Text("level") != "warn" {
			t.Errorf("the access line is %v", line)
		}
	case flowOnly:
		if line.Text("problem") != "unmappable" || line.Text("level") != "error" {
			t.Errorf("the access line is %v", line)
		}
		h = before(t, mode, raw.Serve(t, answering(raw.JSON(body))), "CROSSFADE_ENDPOINTS_CONTEXT_ME_ON_FAILURE=original")
		a := h.ask("GET", me)
		whole(t, a, 200, body)
		field(t, a, "Crossfade-Fallback", "unmappable")
	}
}

func passthroughIsOpen(t *testing.T, mode string) {
	h := open(t, mode, answering(raw.JSON("\x00 nonsense")))
	target := other
	if mode == passthrough {
		target = me
	}
	a := h.ask("GET", target)
	whole(t, a, 200, "\x00 nonsense")
	field(t, a, "Crossfade-Fallback", "")
}

func noStoreIsNeeded(t *testing.T, mode string) {
	// A file where the data directory should be: nothing can be kept there.
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	upstream := raw.Serve(t, answering(raw.JSON(context)))
	for url, want := range map[string]string{"none": shaped(mode), "": context} { // the default is in the data directory
		p := process.Start(t, process.Options{Config: config(mode, upstream.URL()), Environ: []string{"CROSSFADE_STORE_URL=" + url, "CROSSFADE_DATA_DIR=" + file}})
		whole(t, raw.Ask(t, p.Address, "GET", request("GET", me)), 200, want)
		whole(t, raw.Ask(t, p.Address, "GET", request("GET", other)), 200, context)
	}
}

func limitsAreOpenOrClosed(t *testing.T, mode string) {
	h := before(t, mode, raw.Serve(t), "CROSSFADE_LIMITS_MAX_BODY=64KiB", "CROSSFADE_LIMITS_MAX_DEPTH=32")
	deep := contextWith(`,"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40), "1")
	long := contextWith(`,"x":"`+strings.Repeat("x", 70_000)+`"`, "1")
	bomb := encoders()["gzip"](long)
	for _, answer := range []struct{ answer, body string }{
		{raw.JSON(deep), deep},
		{raw.JSON(long), long},
		{raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked") + raw.Chunks(long[:9], long[9:]), long},
		{raw.JSON(bomb, "Content-Encoding: gzip"), bomb},
	} {
		unmapped(t, mode, h.gets(answer.answer), 200, answer.body)
	}
	// Within them everything is as ever.
	body := contextWith(`,"x":"`+strings.Repeat("x", 60_000)+`"`, strings.Repeat("[", 20)+strings.Repeat("]", 20))
	mapped(t, mode, h.context(body), body)
	// Requests: what is mapped is bounded, what only passes is not.
	large := `{"flow_id":"` + strings.Repeat("x", 70_000) + `"}`
	h.upstream.Script(echo())
	if a := h.post(activate, large); mode == passthrough {
		whole(t, a, 200, large)
	} else {
		refused(t, a, 413)
	}
	whole(t, h.post(other, large), 200, large)
}
