package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// looks says after how many looks a change was told; 0 for not within a few.
func looks(f *Files) int {
	for i := range 4 {
		if f.look() {
			return i + 1
		}
	}
	return 0
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesSeeEachWayToChange(t *testing.T) {
	tests := map[string]func(dir, path string) error{
		"written in place": func(_, path string) error { return os.WriteFile(path, []byte("other text"), 0o600) },
		"same length, written later": func(_, path string) error {
			return errors.Join(os.WriteFile(path, []byte("then"), 0o600), os.Chtimes(path, time.Time{}, time.Unix(5, 0)))
		},
		"same length and time, renamed": func(dir, path string) error {
			beside := filepath.Join(dir, "new")
			return errors.Join(os.WriteFile(beside, []byte("then"), 0o600), os.Chtimes(beside, time.Time{}, time.Unix(1, 0)), os.Rename(beside, path))
		},
		"gone":    func(_, path string) error { return os.Remove(path) },
		"emptied": func(_, path string) error { return os.Truncate(path, 0) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "proxy.yaml")
			write(t, path, "text")
			do(t, os.Chtimes(path, time.Time{}, time.Unix(1, 0)))
			var f Files
			if _, err := f.ReadFile(path); err != nil {
				t.Fatal(err)
			}
			if n := looks(&f); n != 0 {
				t.Fatalf("a change after %d looks, before any", n)
			}
			do(t, change(dir, path))
			if n := looks(&f); n != 2 {
				t.Errorf("told after %d looks, want 2", n)
			}
			if n := looks(&f); n != 0 {
				t.Errorf("told again after %d looks", n)
			}
		})
	}
}

func TestFilesSeeAFileAppear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.yaml")
	var f Files
	if _, err := f.ReadFile(path); !os.IsNotExist(err) {
		t.Fatalf("error %v", err)
	}
	if n := looks(&f); n != 0 {
		t.Fatalf("a change after %d looks, before any", n)
	}
	write(t, path, "mode: dual\n")
	if n := looks(&f); n != 2 {
		t.Errorf("told after %d looks, want 2", n)
	}
}

// Kubernetes mounts proxy.yaml -> ..data/proxy.yaml and ..data -> ..2024, and swaps ..data.
func TestFilesSeeASwappedLink(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"..1", "..2"} {
		do(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "proxy.yaml"), version)
		do(t, os.Chtimes(filepath.Join(dir, version, "proxy.yaml"), time.Time{}, time.Unix(1, 0)))
	}
	do(t, os.Symlink("..1", filepath.Join(dir, "..data")))
	path := filepath.Join(dir, "proxy.yaml")
	do(t, os.Symlink("..data/proxy.yaml", path))
	var f Files
	if data, err := f.ReadFile(path); string(data) != "..1" || err != nil {
		t.Fatalf("%q, %v", data, err)
	}
	do(t, os.Symlink("..2", filepath.Join(dir, "..tmp")))
	do(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	if n := looks(&f); n != 2 {
		t.Errorf("told after %d looks, want 2", n)
	}
	if data, err := f.ReadFile(path); string(data) != "..2" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

// While files still move, nothing is told; a change that is taken back is none.
func TestFilesWaitUntilNothingMoves(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "1")
	write(t, b, "1")
	var f Files
	for _, path := range []string{a, b} {
		if _, err := f.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	step := func(what string, want bool) {
		t.Helper()
		if got := f.look(); got != want {
			t.Errorf("%s: told %v, want %v", what, got, want)
		}
	}
	write(t, a, "12")
	step("the first is being written", false)
	write(t, a, "123")
	step("it is still being written", false)
	write(t, b, "12")
	step("the second begins", false)
	step("both stand still", true)
	step("told once", false)

	do(t, os.Rename(a, a+".old"))
	step("a file is away", false)
	do(t, os.Rename(a+".old", a))
	step("it is back", false)
	step("as it was", false)
}

// A change between reading a file and watching it is not lost.
func TestFilesSeeAChangeBeforeTheFirstLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.yaml")
	write(t, path, "text")
	var f Files
	if _, err := f.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "other text")
	if n := looks(&f); n != 2 {
		t.Errorf("told after %d looks, want 2", n)
	}
}

// A reload that reads the file again is not told of what it read itself.
func TestFilesRememberTheLastRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.yaml")
	write(t, path, "text")
	var f Files
	for _, text := range []string{"text", "other text"} {
		write(t, path, text)
		if _, err := f.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if n := looks(&f); n != 0 {
		t.Errorf("told after %d looks", n)
	}
}

func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "proxy.yaml")
	write(t, path, "text")
	var f Files
	if _, err := f.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changed, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		f.Watch(ctx, func() {
			if _, err := f.ReadFile(path); err != nil {
				t.Error(err)
			}
			changed <- struct{}{}
		})
	}()
	write(t, path, "other text")
	select {
	case <-changed:
	case <-time.After(30 * time.Second):
		t.Fatal("no change told")
	}
	cancel()
	<-done
}
