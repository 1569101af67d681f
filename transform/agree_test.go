package transform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"

	"pgregory.net/rapid"
)

// jobs are the ways to map a body.
func jobs() []Job {
	return []Job{
		{Direction: ToFlow, Form: Union, Vars: testVars, Links: testLinks(ToFlow)},
		{Direction: ToFlow, Form: Replace, Vars: testVars, Links: testLinks(ToFlow)},
		{Direction: ToSession, Form: Replace, Vars: testVars, Links: testLinks(ToSession)},
	}
}

func tell(job Job) string {
	if job.Form == Union {
		return "union"
	}
	return job.Direction.String()
}

// agree checks that the engine and the reference make the same of a body, and what every
// result has to be. It gives the complaint.
func agree(l *Lens, body string, job Job) string {
	given := []byte(body)
	got, err := l.Map(nil, given, job)
	if string(given) != body {
		return "the given body was changed"
	}
	if job.Form == Union && !l.HasUnion() {
		if err != nil || string(got.Body) != body {
			return "a lens without a union changed the body"
		}
		return ""
	}
	want, refused := refer(l.Ops(), body, job)
	switch {
	case err != nil && refused != nil:
		if got.Body != nil || got.Changed || got.Native {
			return "there is an error and a result"
		}
		return ""
	case err != nil:
		return fmt.Sprintf("refused (%v), want %s", err, want.text())
	case refused != nil:
		return fmt.Sprintf("%v, but the engine makes %s", refused, got.Body)
	case !json.Valid(got.Body):
		return fmt.Sprintf("the result is not JSON: %s", got.Body)
	case got.Changed == bytes.Equal(got.Body, given) && !got.Changed:
		return ""
	case !got.Changed && string(got.Body) != body:
		return "changed, but does not say so"
	case got.Native != (want.native && !got.Changed):
		return fmt.Sprintf("native is %v", got.Native)
	}
	tree, err := parse(string(got.Body), 1<<20)
	if err != nil {
		return fmt.Sprintf("%v: %s", err, got.Body)
	}
	if d := difference(want.tree, tree); d != "" {
		return d + "\n got " + string(got.Body) + "\nwant " + want.text()
	}
	return ""
}

// TestAgree compares the engine with the reference: lenses made at random from all operations,
// and bodies of their session shape, of the flow shape, of both, and of neither.
func TestAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapidDice{t}
		ops := newLensDice(d).ops()
		l, err := Compile("e", Response, ops)
		if err != nil {
			t.Fatalf("%v\n%s", err, describe(ops))
		}
		agreeOn(t, d, l)
	})
}

// TestAgreeFixed does so for the lenses of the platform.
func TestAgreeFixed(t *testing.T) {
	for _, fixed := range fixedOps() {
		t.Run(fixed.name, func(t *testing.T) {
			l := compile(t, fixed.ops)
			rapid.Check(t, func(t *rapid.T) { agreeOn(t, rapidDice{t}, l) })
		})
	}
}

func agreeOn(t *rapid.T, d dice, l *Lens) {
	s := sketchOf(l.Ops())
	b := newBodyDice(d)
	session := b.session(s)
	bodies := []string{b.write(session)}
	for _, job := range jobs() { // and what these make of it
		if res, err := l.Map(nil, []byte(bodies[0]), job); err == nil {
			bodies = append(bodies, string(res.Body))
		}
	}
	for _, body := range bodies {
		bodies = append(bodies, b.write(b.spoil(mustParse(body), s)))
	}
	for _, body := range bodies {
		for _, job := range jobs() {
			if complaint := agree(l, body, job); complaint != "" {
				t.Fatalf("%s of %s\n%s\n%s", tell(job), body, describe(l.Ops()), complaint)
			}
		}
	}
}

// describe tells operations with all their attributes.
func describe(ops []Op) string {
	text, err := json.MarshalIndent(ops, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
