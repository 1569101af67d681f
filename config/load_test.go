package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// declaredEndpoints is what the contracts of the tests declare.
func declaredEndpoints() []Declared {
	return []Declared{{"context-me", true}, {"session-switch", true}, {"sessions-list", false}}
}

// files is a file system of a few texts.
type files map[string]string

func (f files) read(path string) ([]byte, error) {
	if text, ok := f[path]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// options are those of a process whose proxy.yaml has a text; "" for no file.
func options(text string, environ ...string) Options {
	f := files{}
	if text != "" {
		f[DefaultFile] = text
	}
	return Options{
		Environ:   environ,
		ReadFile:  f.read,
		Endpoints: func([]string) ([]Declared, error) { return declaredEndpoints(), nil },
	}
}

func load(t *testing.T, o Options) *Config {
	t.Helper()
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want\n%s", strings.Join(want, "\n"))
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestNothingAtAllGivesTheDefaults(t *testing.T) {
	got := load(t, options(""))
	want := &Config{
		Version:     1,
		Mode:        Passthrough,
		NoTransform: TransformRewrite,
		Server: Server{
			Listen:            "127.0.0.1:8080",
			OwnLoop:           true,
			TrustedProxies:    []netip.Prefix{},
			ReadHeaderTimeout: 10 * time.Second,
			BodyIdleTimeout:   30 * time.Second,
			WriteIdleTimeout:  60 * time.Second,
			IdleTimeout:       120 * time.Second,
			MaxHeaderBytes:    64 * KiB,
			ShutdownTimeout:   30 * time.Second,
		},
		CORS: CORS{
			AllowedOrigins: []string{},
			AllowedMethods: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
			AllowedHeaders: []string{
				"Authorization", "Content-Type", "X-Request-ID", "X-User-ID", "X-User-Role", "X-Client-Account-ID",
				"X-Engagement-ID", "X-Flow-ID", "X-Session-ID", "X-Client-ID", "X-Requested-With", "X-Trace-ID",
			},
			ExposedHeaders: []string{
				"X-Request-ID", "X-Trace-ID", "Deprecation", "Sunset", "Link", "Crossfade-Mode", "Crossfade-Fallback",
			},
			AllowCredentials: true,
			MaxAge:           10 * time.Minute,
		},
		Upstream: Upstream{
			TLS:                   UpstreamTLS{HandshakeTimeout: 3 * time.Second},
			DialTimeout:           2 * time.Second,
			SendTimeout:           60 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
			BodyIdleTimeout:       30 * time.Second,
			BodyTimeout:           2 * time.Minute,
			IdleTimeout:           90 * time.Second,
			MaxIdleConnections:    256,
			MaxHeaderBytes:        MiB,
			Breaker:               UpstreamBreaker{Failures: 5, OpenFor: time.Second, Counts: "connect"},
			Health:                UpstreamHealth{Interval: 5 * time.Second, Timeout: 2 * time.Second, Fall: 3, Rise: 2},
		},
		Flows: Flows{
			Memory: true, Activate: ActivateAuto, Sources: []string{},
			SourceTimeout: 300 * time.Millisecond, RecallTimeout: 250 * time.Millisecond, ForgetAfter: 30 * 24 * time.Hour,
		},
		Limits: Limits{
			MaxBody: 16 * MiB, StreamAbove: 256 * KiB, MaxMessage: MiB, MaxDepth: 512, MaxRatio: 200, MaxHeaderFields: 100,
			MaxConnections: 16384, MaxRequests: 4096, MaxMemory: 256 * MiB,
		},
		Admin:   Admin{Listen: "127.0.0.1:9901", Hosts: []string{}, OpenMetrics: true},
		Flags:   Flags{BucketBy: []string{"token", "user_id", "tenant"}, WithoutKey: "skip", OverrideHeader: "Crossfade-Override", OverrideNetworks: []netip.Prefix{}, OverrideTenants: []string{}, Freezes: []Freeze{}, ProviderContext: []Attribute{}},
		Log:     Log{Level: "info", Format: "auto"},
		DataDir: "./data",
		Endpoints: []Endpoint{
			{"context-me", Passthrough, "", true, SessionGone, FailureRefuse, TransformRewrite},
			{"session-switch", Passthrough, "", true, SessionGone, FailureRefuse, TransformRewrite},
			{"sessions-list", Passthrough, "", false, SessionGone, FailureRefuse, TransformRewrite},
		},
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".settings" || p.Last().String() == ".said" || p.Last().String() == ".rules"
	}, cmp.Ignore())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range got.Settings() {
		if s.Source != "default" && s.Source != "contract" {
			t.Errorf("%s comes from %s", s.Key, s.Source)
		}
	}
}

// Every key is given by every layer that may give it, and the highest layer there is wins.
func TestLaterLayersWin(t *testing.T) {
	for _, k := range Keys() {
		if !k.scalar() || len(k.Env) == 0 {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			texts, beside := others(t, k), companions(k)
			o := options(yamlOf(k, texts[0]), beside...)
			check := func(value, source string) {
				t.Helper()
				if k.Values == "secret" {
					value = masked
				}
				c := load(t, o)
				if got, from := c.value(k.Name), c.Source(k.Name); got != value || from != source {
					t.Errorf("%q from %s, want %q from %s", got, from, value, source)
				}
			}
			check(texts[0], "proxy.yaml:"+fileLine(k))
			for _, variable := range k.Env {
				if isStage(k.Name) { // the file is stronger
					o.ReadFile = options("").ReadFile
				}
				o.Environ = append(slices.Clip(beside), variable+"="+texts[1])
				check(texts[1], "environment "+variable)
			}
			if k.Flag != "" {
				o.Flags = map[string]string{k.Flag: texts[2]}
				check(texts[2], "flag --"+k.Flag)
			}
		})
	}
}

// others gives three values of a key that are not its default, as its layers.
func others(t *testing.T, k Key) [3]string {
	t.Helper()
	switch k.Values {
	case "duration":
		if k.Name == "flows.forget_after" {
			return [3]string{"1h", "3h", "5h"}
		}
		return [3]string{"1s", "3s", "5s"}
	case "size":
		if k.Name == "limits.max_memory" {
			return [3]string{"64MiB", "65MiB", "66MiB"}
		}
		return [3]string{"5KiB", "6KiB", "7KiB"}
	case "number":
		return [3]string{"21", "22", "23"}
	case "boolean":
		return [3]string{strconv.FormatBool(k.Default != "true"), k.Default, ""} // no flag sets one
	case "address":
		return [3]string{"127.0.0.2:1", ":2", "[::1]:3"}
	case "URL":
		return [3]string{"http://a:1", "https://b", "http://[::1]:8000/base"}
	case "store":
		return [3]string{"sqlite:a/b.db", "postgres://u@h/d?sslmode=disable", "none"}
	case "schema":
		return [3]string{"public", "platform", "p_1"}
	case "list of sources":
		return [3]string{"master_flows", "master_flows, sessions", "discovery_flows"}
	case "date":
		return [3]string{"2026-11-30", "2026-11-30T12:00:00+01:00", "2027-01-01"}
	case "link":
		return [3]string{"https://a/b", "http://c", "https://d?e"}
	case "list of networks":
		return [3]string{"10.0.0.0/8", "10.0.0.1/32, fd00::/8", "192.168.0.0/16"}
	case "list of origins":
		return [3]string{"https://a", "http://b:81, https://c.example", "https://d"}
	case "list of methods", "list of header names":
		return [3]string{"A", "B, C", "D"}
	case "list of host names":
		return [3]string{"a", "b, c", "d"}
	case "list of tenants":
		return [3]string{"1", "2, 3", "4"}
	case "list of bucket keys":
		return [3]string{"tenant", "user_id, header:X-A, cookie:b", "token"}
	case "list of freezes":
		return [3]string{"2026-12-20T00:00:00Z/2027-01-02T00:00:00Z", "2026-12-20T00:00:00Z/2026-12-20T00:00:01Z", ""}
	case "provider":
		return [3]string{"flagd:grpc:flagd:8015", "flagd:grpcs:[::1]:1", "flagd:file:/a"}
	case "list of attributes":
		return [3]string{"a=b", "c=d, e=", "f=g=h"}
	case "secret": // which is not shown
		return [3]string{"sixteen-letters-1", "sixteen-letters-2", "sixteen-letters-3"}
	case "header name":
		return [3]string{"A", "B", "C"}
	case "path":
		return [3]string{"/a", "/b", "/c"}
	case "text", "file":
		return [3]string{"/a", "b", "c"}
	default:
		words := slices.DeleteFunc(strings.Split(k.Values, ", "), func(w string) bool { return w == k.Default })
		if len(words) == 0 {
			t.Fatalf("no values for the kind %s", k.Values)
		}
		if len(words) == 1 {
			return [3]string{words[0], k.Default, ""} // no flag sets one
		}
		return [3]string{words[0], words[1], words[0]}
	}
}

// companions are variables for the keys that a key must not be without.
func companions(k Key) []string {
	var beside []string
	if k.Name == "flows.platform_schema" {
		beside = append(beside, "CROSSFADE_STORE_URL=postgres://h/d")
	}
	for _, section := range []string{"server.tls.", "upstream.tls."} {
		if !strings.HasPrefix(k.Name, section) || !strings.HasSuffix(k.Name, "_file") {
			continue
		}
		for _, name := range []string{"cert_file", "key_file"} {
			if name = section + name; name != k.Name {
				beside = append(beside, "CROSSFADE_"+strings.ToUpper(strings.ReplaceAll(name, ".", "_"))+"=x")
			}
		}
	}
	return beside
}

func yamlOf(k Key, text string) string {
	if k.kind.scalar == listScalar {
		text = "['" + strings.ReplaceAll(text, ", ", "', '") + "']"
	}
	parts := strings.Split(k.Name, ".")
	for i, name := range parts {
		parts[i] = strings.Repeat("  ", i) + name + ":"
	}
	return strings.Join(parts, "\n") + " " + text + "\n"
}

func fileLine(k Key) string { return strconv.Itoa(strings.Count(k.Name, ".") + 1) }

// What is wrong with the contracts is told with the rest, and names that only they could
// tell are not judged.
func TestProblemsOfContractsAreJoined(t *testing.T) {
	o := options("mode: dul\nendpoints:\n  - name: perhaps\n    mode: dul\n",
		"CROSSFADE_ENDPOINTS_PERHAPS_MODE=dual", "CROSSFADE_MOD=dual")
	o.Endpoints = func([]string) ([]Declared, error) { return nil, errors.New("a.yaml:3:1: unknown key") }
	_, err := Load(o)
	wantError(t, err,
		`proxy.yaml:1: mode: unknown mode "dul" (want passthrough, verify, dual or flow_only)`,
		`proxy.yaml:4: endpoints[0].mode: unknown mode "dul" (want passthrough, verify, dual or flow_only)`,
		`a.yaml:3:1: unknown key`,
		`environment CROSSFADE_MOD: unknown variable (did you mean "CROSSFADE_MODE"?)`)
}

// A file that does not tell its contracts cannot be judged by those of another one.
func TestUnknownContractsAreNotAskedFor(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML":       "contracts: [\n",
		"not a list":     "contracts: a.yaml\n",
		"a bad item":     "contracts: [3]\n",
		"nothing in it":  "# nothing\n",
		"two documents":  "mode: dual\n---\nmode: dual\n",
		"not UTF-8":      "mode: \xff\n",
		"far too large":  "# " + strings.Repeat("x", int(maxFile)),
		"a bad contract": "contracts: ['']\n",
	} {
		t.Run(name, func(t *testing.T) {
			o := options(text, "CROSSFADE_ENDPOINTS_PERHAPS_MODE=dual")
			o.Endpoints = func([]string) ([]Declared, error) {
				t.Error("asked for endpoints")
				return nil, nil
			}
			if _, err := Load(o); err == nil || strings.Contains(err.Error(), "PERHAPS") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestUnknownFlag(t *testing.T) {
	o := options("")
	o.Flags = map[string]string{"lisen": ":80", "mode": "dul"}
	_, err := Load(o)
	wantError(t, err,
		`flag --mode: mode: unknown mode "dul" (want passthrough, verify, dual or flow_only)`,
		`flag --lisen: unknown flag (did you mean "listen"?)`)
}
