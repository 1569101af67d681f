//go:build suites

package conformance

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/conformance/process"
)

// TestHTTPCacheTests: through passthrough, a client and a server that test caches see no more and no
// less than through a bare ReverseProxy, test by test. In the other modes too, since none of the
// tests' routes is an endpoint's.
func TestHTTPCacheTests(t *testing.T) {
	dir := suite(t, "http-cache-tests-0.4.5")
	upstream := cacheServer(t, dir)
	address, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	bare := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(address); r.Out.URL.RawQuery = r.In.URL.RawQuery },
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
		ErrorLog:  zap.NewStdLog(zap.NewNop()),
	})
	t.Cleanup(bare.Close)
	bases := map[string]string{"bare": bare.URL}
	for _, mode := range []string{passthrough, dual, flowOnly} {
		bases[mode] = "http://" + process.Start(t, process.Options{Config: config(mode, upstream)}).Address
	}
	results := map[string]map[string]string{}
	for name := range bases {
		results[name] = map[string]string{}
	}
	var clients sync.WaitGroup
	for name, base := range bases {
		clients.Go(func() {
			for id, result := range cacheClient(t, dir, base) {
				results[name][id] = string(result)
			}
		})
	}
	clients.Wait()
	want := results["bare"]
	passed := 0
	for _, result := range want {
		if result == "true" {
			passed++
		}
	}
	t.Logf("%d tests, of which a bare ReverseProxy passes %d", len(want), passed)
	if len(want) < 250 || passed == 0 {
		t.Fatalf("%d tests ran, and %d passed: something is wrong with the suite", len(want), passed)
	}
	for _, mode := range []string{passthrough, dual, flowOnly} {
		if len(results[mode]) != len(want) {
			t.Errorf("%s: %d tests, want %d", mode, len(results[mode]), len(want))
		}
		for id, w := range want {
			if got := results[mode][id]; got != w {
				t.Errorf("%s: %s: got %s, through a bare ReverseProxy %s", mode, id, got, w)
			}
		}
	}
}

// cacheServer starts the server and gives its address.
func cacheServer(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("node", "testdata/cachetests.mjs", "server", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install Node.js 18 or later", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server of http-cache-tests: %v", err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// cacheClient runs the client and gives its results by the tests' names: true, or why not.
func cacheClient(t *testing.T, dir, base string) map[string]json.RawMessage {
	t.Helper()
	cmd := exec.Command("node", "--no-warnings", "testdata/cachetests.mjs", "client", dir, base)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("the client of http-cache-tests: %v", err)
		return nil
	}
	var results map[string]json.RawMessage
	// What else the client has to say stands in front.
	if err := json.Unmarshal(out[strings.LastIndex(strings.TrimSpace(string(out)), "\n")+1:], &results); err != nil {
		t.Errorf("the results of http-cache-tests: %v", err)
	}
	return results
}
