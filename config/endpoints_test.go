package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModeOfAnEndpoint(t *testing.T) {
	const (
		all  = "mode: dual\n"
		own  = "endpoints:\n  - name: context-me\n    mode: passthrough\n"
		envs = "CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE=flow_only"
	)
	tests := map[string]struct {
		file    string
		environ []string
		flag    string
		want    Mode
		source  string
	}{
		"nothing said":                                {"", nil, "", Passthrough, "default"},
		"the mode of all from the file":               {all, nil, "", Dual, "proxy.yaml:1"},
		"the mode of all from the environment":        {"", []string{"CROSSFADE_MODE=flow_only"}, "", FlowOnly, "environment CROSSFADE_MODE"},
		"the mode of all from both":                   {all, []string{"CROSSFADE_MODE=flow_only"}, "", Dual, "proxy.yaml:1"},
		"its own from the file":                       {all + own, nil, "", Passthrough, "proxy.yaml:4"},
		"its own from the file, all from environment": {own, []string{"CROSSFADE_MODE=dual"}, "", Passthrough, "proxy.yaml:3"},
		"its own from the environment":                {all, []string{envs}, "", FlowOnly, "environment CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE"},
		"its own from both":                           {all + own, []string{envs, "CROSSFADE_MODE=dual"}, "", Passthrough, "proxy.yaml:4"},
		"the flag over its own from the file":         {all + own, nil, "dual", Dual, "flag --mode"},
		"the flag over its own from the environment":  {all, []string{envs}, "dual", Dual, "flag --mode"},
		"the flag over everything":                    {all + own, []string{envs, "CROSSFADE_MODE=dual"}, "passthrough", Passthrough, "flag --mode"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(tt.file, tt.environ...)
			if tt.flag != "" {
				o.Flags = map[string]string{"mode": tt.flag}
			}
			c := load(t, o)
			if got, from := c.Endpoints[0].Mode, c.Source("endpoints.context-me.mode"); got != tt.want || from != tt.source {
				t.Errorf("%s from %s, want %s from %s", got, from, tt.want, tt.source)
			}
			// The neighbour has nothing of its own.
			if got, from := c.Endpoints[1].Mode, c.Source("endpoints.session-switch.mode"); got != c.Mode || from != c.Source("mode") {
				t.Errorf("the neighbour: %s from %s, want %s from %s", got, from, c.Mode, c.Source("mode"))
			}
		})
	}
}

func TestAttributesOfAnEndpoint(t *testing.T) {
	o := options(`
endpoints:
  - name: sessions-list
    enabled: true
    session_route: serve
  - {name: context-me, journey: login, on_failure: original, no_transform: pass, enabled: true}
`, "CROSSFADE_ENDPOINTS_CONTEXT_ME_ENABLED=false",
		"CROSSFADE_ENDPOINTS_SESSIONS_LIST_ON_FAILURE_FILE=/run/policy",
		"CROSSFADE_ENDPOINTS_SESSION_SWITCH_SESSION_ROUTE=serve")
	read := o.ReadFile
	o.ReadFile = func(path string) ([]byte, error) {
		if path == "/run/policy" {
			return []byte("original\r\n"), nil
		}
		return read(path)
	}
	c := load(t, o)
	want := []Endpoint{
		{"context-me", Passthrough, "login", false, SessionGone, FailureOriginal, TransformPass},
		{"session-switch", Passthrough, "", true, SessionServe, FailureRefuse, TransformRewrite},
		{"sessions-list", Passthrough, "", true, SessionServe, FailureOriginal, TransformRewrite},
	}
	if diff := cmp.Diff(want, c.Endpoints); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for key, want := range map[string]string{
		"endpoints.context-me.enabled":           "environment CROSSFADE_ENDPOINTS_CONTEXT_ME_ENABLED",
		"endpoints.context-me.session_route":     "default",
		"endpoints.context-me.on_failure":        "proxy.yaml:6",
		"endpoints.context-me.no_transform":      "proxy.yaml:6",
		"endpoints.session-switch.no_transform":  "default",
		"endpoints.session-switch.enabled":       "contract",
		"endpoints.session-switch.session_route": "environment CROSSFADE_ENDPOINTS_SESSION_SWITCH_SESSION_ROUTE",
		"endpoints.sessions-list.enabled":        "proxy.yaml:4",
		"endpoints.sessions-list.on_failure":     "environment CROSSFADE_ENDPOINTS_SESSIONS_LIST_ON_FAILURE_FILE",
		"endpoints.of-nobody.mode":               "",
	} {
		if got := c.Source(key); got != want {
			t.Errorf("%s comes from %q, want %q", key, got, want)
		}
	}
}
