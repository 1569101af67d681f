package config

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestSizes(t *testing.T) {
	good := map[string]Size{
		"0B": 0, "1B": 1, "512B": 512, "1KiB": 1024, "64KiB": 65536, "16MiB": 16 << 20, "1GiB": 1 << 30, "007KiB": 7 << 10,
		"9223372036854775807B": math.MaxInt64, "8589934591GiB": 8589934591 << 30,
	}
	for text, want := range good {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "1", "B", "KiB", "1 KiB", " 1KiB", "1KiB ", "-1KiB", "+1KiB", "1.5MiB", "1KB", "1MB", "1M", "1Mi", "1mib", "1kib", "1BB", "1KiBB",
		"0x10KiB", "1e3B", "9223372036854775808B", "8589934592GiB", "99999999999999999999B", "1TiB", "1iB", "١KiB",
	} {
		want := fmt.Sprintf("bad size %q (want a whole number with a unit, such as 512B, 64KiB, 16MiB or 1GiB)", text)
		if got, err := ParseSize(text); err == nil || err.Error() != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %s", text, got, err, want)
		}
	}
	for want, size := range map[string]Size{"0B": 0, "1023B": 1023, "1KiB": KiB, "1536KiB": 1536 * KiB, "2MiB": 2 * MiB, "3GiB": 3 * GiB, "-1B": -1} {
		if got := size.String(); got != want {
			t.Errorf("%d is written %s, want %s", int64(size), got, want)
		}
	}
}

// What each kind takes and refuses, as text; the way YAML writes it is tested by bad files.
func TestKinds(t *testing.T) {
	tests := map[string]struct {
		kind      kind
		good, bad []string
		want      string // of the error, before ", got …"
	}{
		"durations": {duration(0), []string{"0s", "500ms", "1h30m", "1.5s"}, []string{"", "0", "10", "10 s", "-1s", "1d", "s", "9999999h9999999h"},
			"want a duration such as 500ms, 30s or 2m"},
		"durations that may not be 0": {duration(1e6), []string{"1ms", "1h"}, []string{"0s", "999us", "-1h"},
			"want a duration of at least 1ms, such as 500ms, 30s or 2m"},
		"sizes": {size(KiB, MiB), []string{"1KiB", "1024B", "1MiB"}, []string{"1023B", "1025KiB", "1K", "2048", ""},
			"want a size from 1KiB to 1MiB, such as 64KiB"},
		"numbers": {number(1, 99), []string{"1", "99"}, []string{"0", "100", "-1", "+1", "01", "1.0", "1e1", "0x1", "1_0", " 1", "", "one", "99999999999999999999"},
			"want a whole number from 1 to 99"},
		"addresses": {address(false), []string{":80", "127.0.0.1:80", "[::1]:80", "localhost:0", "a-b.example:65535", "[fe80::1%eth0]:80"},
			[]string{"", "80", "localhost", "127.0.0.1", ":", ":65536", ":-1", ":080", ":http", "::1:80", "[::1]", "a b:80", "http://a:80", "a/b:80", "-a:80", "a@b:80"},
			"want an address such as 127.0.0.1:8080, or :8080 for every interface"},
		"addresses or none": {address(true), []string{"", ":80"}, []string{"none", "80"},
			`want an address such as 127.0.0.1:8080, or :8080 for every interface, or "" for none`},
		"URLs": {upstreamURL(), []string{"", "http://a", "https://a.example:8443", "http://127.0.0.1:8000/", "http://[::1]:8000/base", "HTTP://A"},
			[]string{"a", "a:80", "//a", "http:", "http://", "http:///x", "http://:80", "ftp://a", "unix:///x", "http://a:", "http://a:0x", "http://a:99999", "http://a b", "http://a/%zz", "/a", "http:a"},
			"want a URL such as http://127.0.0.1:8000"},
		"URLs with too much": {upstreamURL(), nil, []string{"http://a?", "http://a?x=1", "http://a#", "http://a/#x"},
			"want a URL such as http://127.0.0.1:8000, without a query or fragment"},
		"booleans": {boolean(), []string{"true", "false"}, []string{"True", "TRUE", "yes", "on", "1", "t", ""},
			"want true or false"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, text := range tt.good {
				if _, err := tt.kind.parse(text); err != nil {
					t.Errorf("%q: %v", text, err)
				}
			}
			for _, text := range tt.bad {
				want := fmt.Sprintf("%s, got %q", tt.want, text)
				if v, err := tt.kind.parse(text); err == nil || err.Error() != want {
					t.Errorf("%q gives %v and the error\n%v, want\n%s", text, v, err, want)
				}
			}
		})
	}
}

func TestModeCheck(t *testing.T) {
	for _, m := range []Mode{Passthrough, Dual, FlowOnly} {
		if err := m.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, m := range []Mode{"", "Dual", "flow-only", "verify", "dual "} {
		want := fmt.Sprintf("unknown mode %q (want passthrough, dual or flow_only)", string(m))
		if err := m.Check(); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", m, err, want)
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	_, err := Load(options("", "CROSSFADE_MODE="+strings.Repeat("ä", 1000)))
	wantError(t, err, `environment CROSSFADE_MODE: mode: unknown mode "`+strings.Repeat("ä", 60)+`"… (want passthrough, dual or flow_only)`)
}

func TestNearest(t *testing.T) {
	names := []string{"mode", "listen", "read_header_timeout", "url", "log"}
	for name, want := range map[string]string{
		"mode": "mode", "moed": "mode", "mod": "mode", "modes": "mode", "MODE": "mode", "lisen": "listen", "Listen": "listen",
		"readheadertimeout": "read_header_timeout", "read-header-timeout": "read_header_timeout", "uri": "url", "lgo": "log",
		"": "", "x": "", "xyz": "", "model_name": "", "timeout": "", strings.Repeat("mode", 100): "",
	} {
		if got := nearest(name, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", name, got, want)
		}
	}
	if got := nearest("a", nil); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}
