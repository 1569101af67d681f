package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWhichFile(t *testing.T) {
	there := files{"proxy.yaml": "mode: dual\n", "/etc/a.yaml": "mode: flow_only\n", "/etc/b.yaml": "mode: passthrough\n"}
	tests := map[string]struct {
		files   files
		named   string
		environ []string
		want    string // Config.File
		err     string
	}{
		"proxy.yaml of the working directory": {files: there, want: "proxy.yaml"},
		"no proxy.yaml":                       {files: files{}, want: ""},
		"the flag":                            {files: there, named: "/etc/a.yaml", want: "/etc/a.yaml"},
		"the variable":                        {files: there, environ: []string{"CROSSFADE_CONFIG=/etc/a.yaml"}, want: "/etc/a.yaml"},
		"the flag over the variable":          {files: there, named: "/etc/b.yaml", environ: []string{"CROSSFADE_CONFIG=/etc/a.yaml"}, want: "/etc/b.yaml"},
		"the flag names a file that is gone":  {files: there, named: "/etc/c.yaml", err: "flag --config: open /etc/c.yaml: file does not exist"},
		"the variable names a file that is gone": {files: there, environ: []string{"CROSSFADE_CONFIG=/etc/c.yaml"},
			err: "environment CROSSFADE_CONFIG: open /etc/c.yaml: file does not exist"},
		"proxy.yaml named and gone": {files: files{}, named: "proxy.yaml", err: "flag --config: open proxy.yaml: file does not exist"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Load(Options{File: tt.named, Environ: tt.environ, ReadFile: tt.files.read})
			if tt.err != "" {
				wantError(t, err, tt.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.File != tt.want {
				t.Errorf("read %q, want %q", c.File, tt.want)
			}
		})
	}
}

func TestUnreadableDefaultFileIsAnError(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir(DefaultFile, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{})
	wantError(t, err, "read proxy.yaml: is a directory")
}

func TestContractsAreRelativeToTheFile(t *testing.T) {
	o := options("")
	o.File = "/etc/crossfade/proxy.yaml"
	o.ReadFile = files{o.File: "contracts:\n  - a.yaml\n  - ../b.yaml\n  - /c.yaml\n"}.read
	var asked []string
	o.Endpoints = func(contracts []string) ([]Declared, error) {
		asked = contracts
		return declaredEndpoints(), nil
	}
	c := load(t, o)
	want := []string{"/etc/crossfade/a.yaml", "/etc/b.yaml", "/c.yaml"}
	if !slices.Equal(c.Contracts, want) || !slices.Equal(asked, want) {
		t.Errorf("contracts %q, asked for %q, want %q", c.Contracts, asked, want)
	}
	if got := c.Source("contracts"); got != "/etc/crossfade/proxy.yaml:2" {
		t.Errorf("contracts come from %s", got)
	}
	if got := c.value("contracts"); got != strings.Join(want, ", ") {
		t.Errorf("contracts are told as %q", got)
	}
}

// Each bad file stands beside the error that it gives.
func TestBadFiles(t *testing.T) {
	paths, err := filepath.Glob("../testdata/config/bad/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no bad files (%v)", err)
	}
	texts, err := filepath.Glob("../testdata/config/bad/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, text := range texts {
		left[text] = true
	}
	for _, path := range paths {
		beside := strings.TrimSuffix(path, ".yaml") + ".txt"
		delete(left, beside)
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(options(string(data)))
			if err == nil {
				t.Fatal("it loads")
			}
			golden(t, beside, err.Error()+"\n")
		})
	}
	if len(left) > 0 {
		t.Errorf("errors without a file: %q", slices.Sorted(maps.Keys(left)))
	}
}
