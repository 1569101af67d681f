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
	ask := func(method string, header ...string) (status int, head http.Header) {
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
		return res.StatusCode, res.Header
	}
	preflight := func(origin string) (status int, head http.Header) {
		t.Helper()
		return ask(http.MethodOptions, "Origin", origin, "Access-Control-Request-Method", http.MethodPost,
			"Access-Control-Request-Headers", "authorization,content-type,if-none-match")
	}
	if status, head := preflight(page); status != http.StatusNoContent || head.Get("Access-Control-Allow-Origin") != page ||
		!strings.Contains(head.Get("Access-Control-Allow-Headers"), "if-none-match") {
		t.Errorf("the preflight got %d %v", status, head)
	}
	if _, head := preflight("https://elsewhere.example.com"); head.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another page was let in: %v", head)
	}
	status, head := ask(http.MethodPost, "Origin", page, "Content-Type", "application/json")
	if status != http.StatusOK || !strings.Contains(head.Get("Access-Control-Expose-Headers"), "Etag") {
		t.Errorf("the list got %d %v", status, head)
	}
	if status, _ := ask(http.MethodPost, "Origin", page, "Content-Type", "application/json", "If-None-Match", head.Get("ETag")); status != http.StatusNotModified {
		t.Errorf("the same list got %d, want 304", status)
	}
	if status, _ := ask(http.MethodOptions); status != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS that is no preflight got %d, want 405", status)
	}
}
