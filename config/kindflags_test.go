package config

import (
	"path/filepath"
	"testing"
)

// TestFlagProvider: where another system has the flags, and what is wrong with other texts.
func TestFlagProvider(t *testing.T) {
	const want = `want flagd:file:PATH, flagd:grpc:HOST:PORT, flagd:grpcs:HOST:PORT, or "" for none, got `
	for _, tt := range []struct {
		name, text string
		want       FlagProvider
		err        string
	}{
		{"none", "", FlagProvider{}, ""},
		{"a file", "flagd:file:a:b.json", FlagProvider{File: "a:b.json"}, ""},
		{"a flagd", "flagd:grpc:flagd.internal:8015", FlagProvider{Address: "flagd.internal:8015"}, ""},
		{"a flagd with a certificate", "flagd:grpcs:[fd00::1]:443", FlagProvider{Address: "[fd00::1]:443", TLS: true}, ""},
		{"a file without a path", "flagd:file:", FlagProvider{}, want + `"flagd:file:"`},
		{"no port", "flagd:grpc:localhost", FlagProvider{}, want + `"flagd:grpc:localhost"`},
		{"port 0", "flagd:grpc:localhost:0", FlagProvider{}, want + `"flagd:grpc:localhost:0"`},
		{"no host", "flagd:grpc::8015", FlagProvider{}, want + `"flagd:grpc::8015"`},
		{"a URL", "flagd:grpc://localhost:8015", FlagProvider{}, want + `"flagd:grpc://localhost:8015"`},
		{"another system", "unleash:file:a", FlagProvider{}, want + `"unleash:file:a"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := flagProvider().parse(tt.text)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want || tt.want.String() != tt.text {
				t.Errorf("got %+v, %v; written %q", got, err, tt.want)
			}
		})
	}
}

// TestFlagProviderIsBesideTheFile: a relative path is one from the directory of proxy.yaml, as with every other file.
func TestFlagProviderIsBesideTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.yaml")
	write(t, path, "version: 1\nflags: {provider: \"flagd:file:flags.json\", provider_context: [environment=staging]}\n")
	c, err := Load(Options{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(path), "flags.json"); c.Flags.Provider.File != want || c.Flags.ProviderContext[0] != (Attribute{"environment", "staging"}) {
		t.Errorf("got %+v, want %s", c.Flags, want)
	}
}
