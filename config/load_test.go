package config

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// contract is what the tests' contracts declare.
func contract() []Declared {
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
		Endpoints: func([]string) ([]Declared, error) { return contract(), nil },
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
		Version: 1,
		Mode:    Passthrough,
		Server: Server{
			Listen:            "127.0.0.1:8080",
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       120 * time.Second,
			MaxHeaderBytes:    64 * KiB,
			ShutdownTimeout:   30 * time.Second,
		},
		Admin: Admin{Listen: "127.0.0.1:9901"},
		Upstream: Upstream{
			DialTimeout:           2 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
			IdleTimeout:           90 * time.Second,
			MaxIdleConnections:    256,
		},
		Limits:  Limits{MaxBody: 16 * MiB, MaxDepth: 512},
		Log:     Log{Level: "info", Format: "auto"},
		DataDir: "./data",
		Endpoints: []Endpoint{
			{"context-me", Passthrough, true, SessionGone, FailureRefuse},
			{"session-switch", Passthrough, true, SessionGone, FailureRefuse},
			{"sessions-list", Passthrough, false, SessionGone, FailureRefuse},
		},
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".settings" }, cmp.Ignore())); diff != "" {
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
			texts := others(t, k)
			o := options(yamlOf(k, texts[0]))
			check := func(value, source string) {
				t.Helper()
				c := load(t, o)
				if got, from := c.value(k.Name), c.Source(k.Name); got != value || from != source {
					t.Errorf("%q from %s, want %q from %s", got, from, value, source)
				}
			}
			check(texts[0], "proxy.yaml:"+fileLine(k))
			for _, variable := range k.Env {
				o.Environ = []string{variable + "=" + texts[1]}
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
		return [3]string{"1s", "3s", "5s"}
	case "size":
		return [3]string{"5KiB", "6KiB", "7KiB"}
	case "number":
		return [3]string{"11", "12", "13"}
	case "address":
		return [3]string{"127.0.0.2:1", ":2", "[::1]:3"}
	case "URL":
		return [3]string{"http://a:1", "https://b", "http://[::1]:8000/base"}
	case "text":
		return [3]string{"a", "b", "c"}
	default:
		words := slices.DeleteFunc(strings.Split(k.Values, ", "), func(w string) bool { return w == k.Default })
		if len(words) < 2 {
			t.Fatalf("no values for the kind %s", k.Values)
		}
		return [3]string{words[0], words[1], words[0]}
	}
}

func yamlOf(k Key, text string) string {
	if section, name, nested := strings.Cut(k.Name, "."); nested {
		return section + ":\n  " + name + ": " + text + "\n"
	}
	return k.Name + ": " + text + "\n"
}

func fileLine(k Key) string {
	if strings.Contains(k.Name, ".") {
		return "2"
	}
	return "1"
}

// What is wrong with the contracts is told with the rest, and names that only they could
// tell are not judged.
func TestProblemsOfContractsAreJoined(t *testing.T) {
	o := options("mode: dul\nendpoints:\n  - name: perhaps\n    mode: dul\n",
		"CROSSFADE_ENDPOINTS_PERHAPS_MODE=dual", "CROSSFADE_MOD=dual")
	o.Endpoints = func([]string) ([]Declared, error) { return nil, errors.New("a.yaml:3:1: unknown key") }
	_, err := Load(o)
	wantError(t, err,
		`proxy.yaml:1: mode: unknown mode "dul" (want passthrough, dual or flow_only)`,
		`proxy.yaml:4: endpoints[0].mode: unknown mode "dul" (want passthrough, dual or flow_only)`,
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
		`flag --mode: mode: unknown mode "dul" (want passthrough, dual or flow_only)`,
		`flag --lisen: unknown flag (did you mean "listen"?)`)
}
