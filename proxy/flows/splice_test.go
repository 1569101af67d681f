package flows

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawObject draws the text of an object with odd names, values and white space, and its members in order.
func drawObject(t *rapid.T) (text string, names, values []string) {
	space := rapid.SampledFrom([]string{"", " ", "\n\t", "  "})
	name := rapid.SampledFrom([]string{"a", "b", "metadata", "a.b", "*", "#", `q"`, "ü", "", "flow_type"})
	value := rapid.SampledFrom([]string{
		"1.50", "12345678901234567890", `"x\u0041}"`, "null", "true", "[1, {\"a\":2}]", `{"a":{"b":"]"} }`, "[]", "{ }", `"\\\""`,
	})
	names = rapid.SliceOfNDistinct(name, 0, 6, rapid.ID[string]).Draw(t, "names")
	var b strings.Builder
	b.WriteString(space.Draw(t, "space") + "{")
	for i, n := range names {
		if i > 0 {
			b.WriteString(",")
		}
		v := value.Draw(t, "value")
		values = append(values, v)
		fmt.Fprintf(&b, "%s%s%s:%s%s%s", space.Draw(t, "space"), quoted(n), space.Draw(t, "space"), space.Draw(t, "space"), v, space.Draw(t, "space"))
	}
	b.WriteString("}" + space.Draw(t, "space"))
	return b.String(), names, values
}

// Members are found where they stand, and what is put in changes nothing else.
func TestWithChangesOnlyWhatIsNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, names, values := drawObject(t)
		list, ok := members([]byte(text))
		if !ok || len(list) != len(names) {
			t.Fatalf("%s: %d members, %v", text, len(list), ok)
		}
		for i, m := range list {
			if m.name != names[i] || text[m.from:m.to] != values[i] {
				t.Fatalf("%s: member %d is %q, %s", text, i, m.name, text[m.from:m.to])
			}
		}
		puts := []put{{"new\n", []byte(`{"x":1}`)}}
		want := map[string]string{"new\n": `{"x":1}`}
		for i, n := range names {
			if want[n] = values[i]; rapid.Bool().Draw(t, "put") {
				want[n] = `"put"`
				puts = append(puts, put{n, []byte(want[n])})
			}
		}
		out := with([]byte(text), list, puts...)
		after, ok := members(out)
		got := map[string]string{}
		for _, m := range after {
			got[m.name] = m.value.Raw
		}
		if diff := cmp.Diff(want, got); diff != "" || !ok || !json.Valid(out) {
			t.Fatalf("%s\n%s\n%s", text, out, diff)
		}
		if len(puts) == 1 && !strings.HasPrefix(string(out), strings.TrimRight(text, "} \n\t")) {
			t.Fatalf("something else changed: %s\n%s", text, out)
		}
	})
}

func TestMembersTwiceAreNoObject(t *testing.T) {
	for _, text := range []string{`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `[]`, `"x"`, ``, `null`} {
		if _, ok := members([]byte(text)); ok {
			t.Errorf("%s is taken for an object", text)
		}
	}
}

func TestShownFlows(t *testing.T) {
	const before = `{"id":"F","flow_type":"discovery","status":"active","metadata":{"a":1.50,"crossfade_intent":"x"}}`
	for _, test := range []struct {
		name, flow string
		details    Details
		remembered bool
		want       string
	}{
		{"nothing remembered", before, Details{}, false, `{"id":"F","flow_type":"discovery","status":"active","metadata":{"a":1.50}}`},
		{"the mark alone", `{"id":"F","metadata":{"crossfade_intent":"x"}}`, Details{}, false, `{"id":"F","metadata":null}`},
		{"no mark", `{"id":"F" , "metadata":{"a":[ ]}}`, Details{}, false, `{"id":"F" , "metadata":{"a":[ ]}}`},
		{"remembered without metadata", before, Details{Type: "finops", Status: "paused"}, true, `{"id":"F","flow_type":"finops","status":"paused","metadata":{"a":1.50}}`},
		{"remembered with metadata", before, Details{Type: "finops", Status: "paused", Metadata: []byte(`{"b":2}`)}, true, `{"id":"F","flow_type":"finops","status":"paused","metadata":{"b":2}}`},
		{"members that were not there", `{"id":"F"}`, Details{Type: "finops", Status: "paused", Metadata: []byte(`{}`)}, true, `{"id":"F","flow_type":"finops","status":"paused","metadata":{}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, ok := flowOf(test.flow)
			if !ok {
				t.Fatal("no flow")
			}
			if got := string(f.shown(test.details, test.remembered).text); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestUUIDs(t *testing.T) {
	for text, want := range map[string]string{
		"AAAAAAAA-0000-4000-8000-00000000000f": "aaaaaaaa-0000-4000-8000-00000000000f",
		"aaaaaaaa-0000-4000-8000-00000000000g": "", "aaaaaaaa00004000800000000000000f": "", "": "",
		"aaaaaaaa-0000-4000-8000_00000000000f": "", "{aaaaaaa-0000-4000-8000-00000000000f": "", "'aaaaaaa-0000-4000-8000-00000000000f": "",
	} {
		if got, ok := uuid(text); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", text, got, ok)
		}
	}
	if id, ok := uuid(randomID()); !ok || id == randomID() {
		t.Errorf("made %q, %v", id, ok)
	}
}
