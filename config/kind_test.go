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
		"addresses": {address(false), []string{":80", "127.0.0.1:80", "[::1]:80", "localhost:0", "a-b.example:65535", "[fe80::1%eth0]:80", "unix:/run/a.sock", "unix:/" + strings.Repeat("a", 106)},
			[]string{"", "unix:", "unix:a.sock", "unix:/a\nb", "80", "localhost", "127.0.0.1", ":", ":65536", ":-1", ":080", ":http", "::1:80", "[::1]", "a b:80", "http://a:80", "a/b:80", "-a:80", "a@b:80"},
			"want an address such as 127.0.0.1:8080, :8080 for every interface, or unix: and an absolute path"},
		"addresses or none": {address(true), []string{"", ":80"}, []string{"none", "80"},
			`want an address such as 127.0.0.1:8080, :8080 for every interface, or unix: and an absolute path, or "" for none`},
		"URLs": {upstreamURLs(), []string{"", "http://a", "https://a.example:8443", "http://127.0.0.1:8000/", "http://[::1]:8000/base", "HTTP://A",
			"unix:///run/a.sock", "unix:/a", "http://a,http://a:81", "http://a/b, http://c/b", "unix:///a, unix:///b"},
			[]string{"a", "a:80", "//a", "http:", "http://", "http:///x", "http://:80", "ftp://a", "http://a:", "http://a:0x", "http://a:99999", "http://a b", "http://a/%zz", "/a", "http:a",
				"unix:", "unix:///", "unix://a/b", "unix:a", "unix:///a/../b"},
			"want a URL such as http://127.0.0.1:8000 or unix:///run/backend.sock"},
		"URLs with too much": {upstreamURLs(), nil, []string{"http://a?", "http://a?x=1", "http://a#", "http://a/#x"},
			"want a URL such as http://127.0.0.1:8000 or unix:///run/backend.sock, without a query or fragment"},
		"paths to ask for": {upstreamPath(), []string{"", "/", "/health?deep=1", "/a%20b"}, []string{"health", "//h", "http://a/", "/a#b", "/a b", "/%zz", "/a\nb"},
			`want a path such as /health, or "" for none`},
		"networks": {networks(), []string{"", "10.0.0.0/8", "10.0.0.1, fd00::/8", "::1,127.0.0.0/8"},
			[]string{"10", "10.0.0.0/33", "a/8", "fe80::1%eth0", "fe80::%eth0/10"},
			"want networks such as 10.0.0.0/8, or addresses"},
		"origins": {origins(), []string{"", "*", "http://localhost:8081", "https://a.example, https://b.example", "http://[::1]:3000"},
			[]string{"a", "null", "a.example", "https://", "https://A.example", "https://a.example/", "https://a.example:443", "http://a:80", "ftp://a", "https://*.example", "https://u@a", "https://a?b", "https://a#b", "https://a:", "HTTPS://a"},
			"want origins as browsers write them, such as https://app.example.com (lower case, no path, no default port), or * for every page"},
		"methods": {tokens("methods", "GET"), []string{"", "GET", "GET, PUT,X-_~!"}, []string{"G T", "*", "GET/1", "Ä", "\""},
			"want methods such as GET"},
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

func TestSocketPathsThatTheKernelRefuses(t *testing.T) {
	_, err := address(false).parse("unix:/" + strings.Repeat("a", 107))
	wantError(t, err, `want an address such as 127.0.0.1:8080, :8080 for every interface, or unix: and an absolute path, got "unix:/`+strings.Repeat("a", 54)+`"…`)
	_, err = upstreamURLs().parse("unix:///" + strings.Repeat("a", 107))
	wantError(t, err, `want a URL such as http://127.0.0.1:8000 or unix:///run/backend.sock, got "unix:///`+strings.Repeat("a", 52)+`"…`)
}

func TestModeCheck(t *testing.T) {
	for _, m := range []Mode{Passthrough, Verify, Dual, FlowOnly} {
		if err := m.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, m := range []Mode{"", "Dual", "flow-only", "verified", "dual "} {
		want := fmt.Sprintf("unknown mode %q (want passthrough, verify, dual or flow_only)", string(m))
		if err := m.Check(); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", m, err, want)
		}
	}
}

func TestLongValuesAreCut(t *testing.T) {
	_, err := Load(options("", "CROSSFADE_MODE="+strings.Repeat("ä", 1000)))
	wantError(t, err, `environment CROSSFADE_MODE: mode: unknown mode "`+strings.Repeat("ä", 60)+`"… (want passthrough, verify, dual or flow_only)`)
}
