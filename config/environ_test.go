package config

import "testing"

func TestEnvironment(t *testing.T) {
	tests := map[string]struct {
		environ []string
		err     []string
		mode    Mode
	}{
		"none":                      {nil, nil, Passthrough},
		"other programs' variables": {[]string{"PATH=/bin", "MODE=dual", "crossfade_mode=dual", "XCROSSFADE_MODE=dual"}, nil, Passthrough},
		"a mode":                    {[]string{"CROSSFADE_MODE=dual"}, nil, Dual},
		"an empty one is not set":   {[]string{"CROSSFADE_MODE=", "CROSSFADE_UPSTREAM_URL=", "CROSSFADE_OF_NOBODY="}, nil, Passthrough},
		"one without =":             {[]string{"CROSSFADE_MODE"}, nil, Passthrough},
		"an empty one beside its file": {
			[]string{"CROSSFADE_MODE=", "CROSSFADE_MODE_FILE=/run/mode"}, nil, FlowOnly},
		"a value with = in it": {[]string{"CROSSFADE_DATA_DIR=/a=b", "CROSSFADE_MODE=dual"}, nil, Dual},
		"variables of a service called crossfade": {
			[]string{
				"CROSSFADE_SERVICE_HOST=10.0.0.1", "CROSSFADE_SERVICE_PORT=8080", "CROSSFADE_SERVICE_PORT_HTTP=8080",
				"CROSSFADE_PORT=tcp://10.0.0.1:8080", "CROSSFADE_PORT_8080_TCP=tcp://10.0.0.1:8080", "CROSSFADE_PORT_8080_TCP_PROTO=tcp",
				"CROSSFADE_PORT_8080_TCP_PORT=8080", "CROSSFADE_PORT_8080_TCP_ADDR=10.0.0.1",
				"CROSSFADE_ADMIN_SERVICE_HOST=10.0.0.2", "CROSSFADE_ADMIN_PORT=tcp://10.0.0.2:9901", "CROSSFADE_ADMIN_PORT_9901_TCP_ADDR=10.0.0.2",
			}, nil, Passthrough},

		"a word that is no mode": {
			[]string{"CROSSFADE_MODE=dul"},
			[]string{`environment CROSSFADE_MODE: mode: unknown mode "dul" (want passthrough, verify, dual or flow_only)`}, ""},
		"a number that is no mode": {
			[]string{"CROSSFADE_MODE=3"},
			[]string{`environment CROSSFADE_MODE: mode: unknown mode "3" (want passthrough, verify, dual or flow_only)`}, ""},
		"another way to say true": {
			[]string{"CROSSFADE_ENDPOINTS_CONTEXT_ME_ENABLED=1"},
			[]string{`environment CROSSFADE_ENDPOINTS_CONTEXT_ME_ENABLED: endpoints.context-me.enabled: want true or false, got "1"`}, ""},
		"a port that is no tcp link": {
			[]string{"CROSSFADE_PORT=8080"},
			[]string{`environment CROSSFADE_PORT: unknown variable`}, ""},
		"a misspelt key": {
			[]string{"CROSSFADE_UPSTREAM_URI=http://a"},
			[]string{`environment CROSSFADE_UPSTREAM_URI: unknown variable (did you mean "CROSSFADE_UPSTREAM_URL"?)`}, ""},
		"a misspelt endpoint": {
			[]string{"CROSSFADE_ENDPOINTS_CONTXT_ME_MODE=dual"},
			[]string{`environment CROSSFADE_ENDPOINTS_CONTXT_ME_MODE: unknown variable (did you mean "CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE"?)`}, ""},
		"an attribute that there is not": {
			[]string{"CROSSFADE_ENDPOINTS_CONTEXT_ME_MODUS=dual"},
			[]string{`environment CROSSFADE_ENDPOINTS_CONTEXT_ME_MODUS: unknown variable (did you mean "CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE"?)`}, ""},
		"the name of an endpoint": {
			[]string{"CROSSFADE_ENDPOINTS_CONTEXT_ME_NAME=x"},
			[]string{`environment CROSSFADE_ENDPOINTS_CONTEXT_ME_NAME: unknown variable (did you mean "CROSSFADE_ENDPOINTS_CONTEXT_ME_MODE"?)`}, ""},
		"keys that the file alone gives": {
			[]string{"CROSSFADE_VERSION=1", "CROSSFADE_CONTRACTS=a", "CROSSFADE_ENDPOINTS=b"},
			[]string{
				`environment CROSSFADE_CONTRACTS: unknown variable: contracts is given in proxy.yaml alone`,
				`environment CROSSFADE_ENDPOINTS: unknown variable: endpoints is given in proxy.yaml alone`,
				`environment CROSSFADE_VERSION: unknown variable: version is given in proxy.yaml alone`,
			}, ""},
		"a key and its short name": {
			[]string{"CROSSFADE_UPSTREAM=http://a", "CROSSFADE_UPSTREAM_URL=http://b"},
			[]string{`environment CROSSFADE_UPSTREAM_URL, CROSSFADE_UPSTREAM: upstream.url: given more than once: keep one`}, ""},
		"a value and its file": {
			[]string{"CROSSFADE_MODE=dual", "CROSSFADE_MODE_FILE=/run/mode"},
			[]string{`environment CROSSFADE_MODE, CROSSFADE_MODE_FILE: mode: given more than once: keep one`}, ""},
		"a file that is not there": {
			[]string{"CROSSFADE_MODE_FILE=/run/nothing"},
			[]string{`environment CROSSFADE_MODE_FILE: mode: open /run/nothing: file does not exist`}, ""},
		"a file with a bad value": {
			[]string{"CROSSFADE_LOG_LEVEL_FILE=/run/mode"},
			[]string{`environment CROSSFADE_LOG_LEVEL_FILE: log.level: unknown level "flow_only" (want debug, info, warn or error)`}, ""},
		"several, in order": {
			[]string{"CROSSFADE_ZZZ=1", "CROSSFADE_LOG_LEVEL=x", "CROSSFADE_AAA=1", "CROSSFADE_MODE=x"},
			[]string{
				`environment CROSSFADE_MODE: mode: unknown mode "x" (want passthrough, verify, dual or flow_only)`,
				`environment CROSSFADE_LOG_LEVEL: log.level: unknown level "x" (want debug, info, warn or error)`,
				`environment CROSSFADE_AAA: unknown variable`,
				`environment CROSSFADE_ZZZ: unknown variable`,
			}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options("", tt.environ...)
			o.ReadFile = files{"/run/mode": "flow_only\n"}.read
			c, err := Load(o)
			if tt.err != nil {
				wantError(t, err, tt.err...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Mode != tt.mode {
				t.Errorf("mode %s, want %s", c.Mode, tt.mode)
			}
		})
	}
}

// The password in an address must not get into a log by way of an error.
func TestCredentialsAreNotRepeated(t *testing.T) {
	for _, text := range []string{"http://user:secret@host", "http://user:secret@host:port", "user:secret@host"} {
		_, err := Load(options("", "CROSSFADE_UPSTREAM="+text))
		wantError(t, err, "environment CROSSFADE_UPSTREAM: upstream.url: want no user or password in it: crossfade hands the client's own credentials on")
	}
}

// Two keys with one variable would give one value to both.
func TestVariablesAndFlagsAreUnique(t *testing.T) {
	names := map[string]string{configVariable: "the path of proxy.yaml", "--config": "the path of proxy.yaml"}
	for _, k := range Keys() {
		all := k.Env
		if k.Flag != "" {
			all = append(all, "--"+k.Flag)
		}
		for _, name := range all {
			if other, taken := names[name]; taken {
				t.Errorf("%s is %s and %s", name, other, k.Name)
			}
			names[name] = k.Name
			if isServiceLink(name, "8080") {
				t.Errorf("%s looks like a service link", name)
			}
		}
	}
}
