package config

import (
	"net/url"
	"testing"
)

func TestRequire(t *testing.T) {
	tests := map[string]struct {
		file string
		flag string
		err  []string
	}{
		"given":           {file: "upstream: {url: http://a}"},
		"given by a flag": {flag: "http://a"},
		"not given": {err: []string{
			"upstream.url: missing: give it by upstream.url in proxy.yaml, CROSSFADE_UPSTREAM or --upstream"}},
		"given badly": {file: "upstream: {url: a}", err: []string{
			`proxy.yaml:1: upstream.url: want a URL such as http://127.0.0.1:8000 or unix:///run/backend.sock, got "a"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(tt.file)
			o.Require = []string{"upstream.url"}
			if tt.flag != "" {
				o.Flags = map[string]string{"upstream": tt.flag}
			}
			c, err := Load(o)
			if tt.err != nil {
				wantError(t, err, tt.err...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := (&url.URL{Scheme: "http", Host: "a"}); len(c.Upstream.URLs) != 1 || *c.Upstream.URLs[0] != *want {
				t.Errorf("upstream %v, want %v", c.Upstream.URLs, want)
			}
		})
	}
	o := options("")
	o.Require = []string{"upstream.ulr"}
	_, err := Load(o)
	wantError(t, err, "upstream.ulr: missing: there is no such key")
}

func TestAddressesThatMeet(t *testing.T) {
	tests := map[string]struct {
		listen, admin, upstream string
		err                     string
	}{
		"two ports":                           {"127.0.0.1:80", "127.0.0.1:81", "http://127.0.0.1:82", ""},
		"two addresses":                       {"10.0.0.1:80", "127.0.0.1:80", "http://10.0.0.2:80", ""},
		"port 0 is never the same":            {"127.0.0.1:0", "127.0.0.1:0", "http://127.0.0.1:1", ""},
		"no admin listener":                   {"127.0.0.1:80", "", "", ""},
		"another host on our port":            {":80", "127.0.0.1:81", "http://backend", ""},
		"admin is the same":                   {"127.0.0.1:80", "127.0.0.1:80", "", `flag --admin: admin.listen: "127.0.0.1:80" meets server.listen "127.0.0.1:80" (flag --listen): give them two ports`},
		"admin within every interface":        {":80", "127.0.0.1:80", "", `flag --admin: admin.listen: "127.0.0.1:80" meets server.listen ":80" (flag --listen): give them two ports`},
		"admin on every interface":            {"127.0.0.1:80", "0.0.0.0:80", "", `flag --admin: admin.listen: "0.0.0.0:80" meets server.listen "127.0.0.1:80" (flag --listen): give them two ports`},
		"upstream is crossfade":               {"127.0.0.1:8080", "", "http://localhost:8080/api", `flag --upstream: upstream.url: "http://localhost:8080/api" is where crossfade itself listens (server.listen "127.0.0.1:8080", flag --listen): it would call itself`},
		"upstream is crossfade at port 80":    {":80", "", "http://127.0.0.1", `flag --upstream: upstream.url: "http://127.0.0.1" is where crossfade itself listens (server.listen ":80", flag --listen): it would call itself`},
		"upstream is crossfade at port 443":   {"[::1]:443", "", "https://[::1]", `flag --upstream: upstream.url: "https://[::1]" is where crossfade itself listens (server.listen "[::1]:443", flag --listen): it would call itself`},
		"one bad address is not told as both": {"80", "127.0.0.1:8080", "http://127.0.0.1:8080", `flag --listen: server.listen: want an address such as 127.0.0.1:8080, :8080 for every interface, or unix: and an absolute path, got "80"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options("")
			o.Flags = map[string]string{"listen": tt.listen, "admin": tt.admin, "upstream": tt.upstream}
			if _, err := Load(o); tt.err != "" {
				wantError(t, err, tt.err)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
