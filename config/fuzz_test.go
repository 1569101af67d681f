package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob("../testdata/config/bad/*.yaml")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, path := range append(paths, "../proxy.yaml") {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "MODE=dual", "127.0.0.1:80")
	}
	f.Add("", "ENDPOINTS_CONTEXT_ME_MODE=flow_only", "[::1]:0")
	f.Add("version: 1", "UPSTREAM_URL_FILE=proxy.yaml", ":65535")
	f.Fuzz(func(t *testing.T, file, variable, listen string) {
		o := options(file, "CROSSFADE_"+variable)
		o.Flags = map[string]string{"listen": listen}
		c, err := Load(o)
		if err != nil {
			if c != nil || err.Error() == "" {
				t.Errorf("config %v with error %q", c, err)
			}
			return
		}
		checkValid(t, c)
	})
}

// checkValid holds a Config to what its comments promise.
func checkValid(t *testing.T, c *Config) {
	t.Helper()
	if c.Version != 1 {
		t.Errorf("version %d", c.Version)
	}
	if err := c.Mode.Check(); err != nil {
		t.Error(err)
	}
	if len(c.Endpoints) != len(declaredEndpoints()) {
		t.Errorf("%d endpoints", len(c.Endpoints))
	}
	for _, e := range c.Endpoints {
		if err := errors.Join(e.Mode.Check(), checkWord("session_route", e.SessionRoute, sessionRoutes()), checkWord("on_failure", e.OnFailure, onFailures()),
			checkWord("no_transform", e.NoTransform, noTransforms())); err != nil {
			t.Error(err)
		}
	}
	if s, u := c.Server, c.Upstream; s.ReadHeaderTimeout <= 0 || u.DialTimeout <= 0 || u.ResponseHeaderTimeout <= 0 || u.IdleTimeout <= 0 ||
		s.IdleTimeout < 0 || s.DrainDelay < 0 || s.ShutdownTimeout < 0 {
		t.Errorf("timeouts in %+v, %+v", s, u)
	}
	if c.Limits.MaxBody < KiB || c.Limits.MaxBody > GiB || c.Limits.MaxDepth < 8 || c.Limits.MaxDepth > 10000 {
		t.Errorf("limits %+v", c.Limits)
	}
	for _, u := range c.Upstream.URLs {
		if u.Host == "" && u.Scheme != "unix" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("upstream %q", u)
		}
	}
	for _, s := range c.Settings() {
		if s.Source == "" || c.Source(s.Key) != s.Source {
			t.Errorf("%s: source %q", s.Key, s.Source)
		}
	}
}
