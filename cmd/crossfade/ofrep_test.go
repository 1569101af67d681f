package main

import (
	"net/http"
	"strings"
	"testing"
)

// A page of another origin asks for decisions as browsers have it: a preflight first, which is only good with a status
// of success, then the call; and later whether the list has changed.
func TestPagesAskForDecisions(t *testing.T) {
	t.Parallel()
	const page = "https://app.example.com"
	r := start(t, []string{"CROSSFADE_CORS_ALLOWED_ORIGINS=" + page, "CROSSFADE_OFREP_LISTEN=127.0.0.1:0"}, "--upstream", contextUpstream(t))
	ask := func(method string, header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, r.ofrep+"/ofrep/v1/evaluate/flags", strings.NewReader(`{"context": {}}`))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	preflight := func(origin string) *http.Response {
		t.Helper()
		return ask(http.MethodOptions, "Origin", origin, "Access-Control-Request-Method", http.MethodPost,
			"Access-Control-Request-Headers", "authorization,content-type,if-none-match")
	}
	if res := preflight(page); res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != page ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "if-none-match") {
		t.Errorf("the preflight got %d %v", res.StatusCode, res.Header)
	}
	if res := preflight("https://elsewhere.example.com"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another page was let in: %v", res.Header)
	}
	first := ask(http.MethodPost, "Origin", page, "Content-Type", "application/json")
	if first.StatusCode != http.StatusOK || !strings.Contains(first.Header.Get("Access-Control-Expose-Headers"), "Etag") {
		t.Errorf("the list got %d %v", first.StatusCode, first.Header)
	}
	again := ask(http.MethodPost, "Origin", page, "Content-Type", "application/json", "If-None-Match", first.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("the same list got %d, want 304", again.StatusCode)
	}
	if res := ask(http.MethodOptions); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS that is no preflight got %d, want 405", res.StatusCode)
	}
}
