package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/legacy"
)

// asked makes a call as the demo's user and gives the status and what is under a path of names.
func (r *running) asked(method, path, body string, names ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	c := call{tenant: true, body: body}
	for _, h := range c.headers() {
		req.Header.Set(h[0], h[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var v any
	_ = json.Unmarshal(text, &v)
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, _ := v.(string)
	return res.StatusCode, s
}

// What was activated is remembered over a restart, shared by processes, and left out by a reload that switches it off.
func TestServeRemembersFlows(t *testing.T) {
	there := httptest.NewServer(legacy.New(legacy.Options{Paper: true}))
	t.Cleanup(there.Close)
	file := filepath.Join(t.TempDir(), "proxy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const managed = "flows: {manage: true}\n"
	write(managed)
	store := "sqlite:" + filepath.Join(t.TempDir(), "there", "flows.db")
	args := []string{"--config", file, "--upstream", there.URL, "--mode", "dual", "--store", store}
	first, second := start(t, nil, args...), start(t, nil, args...)

	status, id := first.asked("POST", "/api/v1/flows", `{"name":"F","flow_type":"planning","engagement_id":"`+legacy.AzureEngagement+`"}`, "id")
	if status != 201 {
		t.Fatalf("status %d", status)
	}
	if status, _ := first.asked("POST", "/api/v1/context/flow/activate", `{"flow_id":"`+id+`"}`); status != 200 {
		t.Fatalf("status %d", status)
	}
	current := func(r *running) string {
		t.Helper()
		_, id := r.asked("GET", "/api/v1/context/me", "", "current_flow", "id")
		return id
	}
	if got := current(second); got != id {
		t.Errorf("the other process says %s, want %s", got, id)
	}
	first.cancel()
	first.wait()
	third := start(t, nil, args...)
	if got := current(third); got != id {
		t.Errorf("after a restart %s, want %s", got, id)
	}
	write("flows: {memory: false}\n")
	third.reload <- syscall.SIGHUP
	third.log.wait(t, "reloaded")
	if got := current(third); got != legacy.AzureEngagement {
		t.Errorf("without memory %s", got)
	}
	if status, _ := third.asked("GET", "/api/v1/flows/"+id, ""); status == 200 {
		t.Error("flows are managed without memory")
	}
}

// A store that cannot be had is no reason not to serve.
func TestServeWithoutItsStore(t *testing.T) {
	there := httptest.NewServer(legacy.New(legacy.Options{}))
	t.Cleanup(there.Close)
	file := filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// With nothing known of the flags everything would pass through, so there has been a start before.
	data := t.TempDir()
	before := start(t, nil, "--upstream", there.URL, "--mode", "dual", "--data", data)
	before.cancel()
	before.wait()
	r := start(t, nil, "--upstream", there.URL, "--mode", "dual", "--data", data, "--store", "sqlite:"+filepath.Join(file, "x.db"))
	r.log.wait(t, "the store is away; flows have no memory until it is there (store.url: none does without)")
	if status, id := r.asked("GET", "/api/v1/context/me", "", "current_flow", "id"); status != 200 || id != legacy.AzureEngagement {
		t.Errorf("status %d, current %s", status, id)
	}
	if status, said := r.asked("POST", "/api/v1/context/flow/activate", `{"flow_id":"`+legacy.AzureEngagement+`"}`, "error", "details", "original_message"); status != 503 || !strings.HasPrefix(said, "Error activating flow: what is remembered of flows is not available") {
		t.Errorf("status %d: %s", status, said)
	}
}
