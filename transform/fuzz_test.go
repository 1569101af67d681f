package transform_test

import (
	"os"
	"path/filepath"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// seedBodies adds the bodies of all case folders, and fails where there are none.
func seedBodies(f *testing.F, add func(body string)) {
	f.Helper()
	files, err := filepath.Glob("../testdata/endpoints/*/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(string(body))
	}
}

// FuzzMap gives any bytes to the platform's lenses, in all directions and forms: the engine
// does not panic, and does what the reference does.
func FuzzMap(f *testing.F) {
	fixed := fixedOps()
	lenses := make([]*Lens, len(fixed))
	for i := range fixed {
		lenses[i] = compile(f, fixed[i].ops)
	}
	seedBodies(f, func(body string) {
		for i := range lenses {
			f.Add(byte(i), body)
		}
	})
	f.Fuzz(func(t *testing.T, which byte, body string) {
		l := lenses[int(which)%len(lenses)]
		for _, job := range jobs() {
			if complaint := agree(l, body, job); complaint != "" {
				t.Errorf("%s of %s by %s: %s", tell(job), body, fixed[int(which)%len(lenses)].name, complaint)
			}
		}
	})
}

// FuzzProgram rolls a lens and bodies for it from the fuzzer's bytes.
func FuzzProgram(f *testing.F) {
	seedBodies(f, func(body string) { f.Add([]byte(body)) })
	f.Fuzz(func(t *testing.T, rolls []byte) {
		d := &byteDice{left: rolls}
		ops := newLensDice(d).ops()
		l, err := Compile("e", Response, ops)
		if err != nil {
			t.Fatalf("%v\n%s", err, describe(ops))
		}
		b := newBodyDice(d)
		s := sketchOf(ops)
		session := b.session(s)
		for _, body := range []string{b.write(session), b.write(b.spoil(session, s))} {
			for _, job := range jobs() {
				if complaint := agree(l, body, job); complaint != "" {
					t.Errorf("%s of %s\n%s\n%s", tell(job), body, describe(ops), complaint)
				}
			}
		}
	})
}
