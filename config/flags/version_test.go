package flags

import (
	"testing"

	"pgregory.net/rapid"
)

// TestVersionsInOrder has the order of the specification of semantic versions, each before the next.
func TestVersionsInOrder(t *testing.T) {
	ordered := []string{"0.0.1", "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
		"1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "1.10.0", "2", "2.3.0-x.7.z.92", "2.3", "2.3.1", "10.0.0", "999999999999999999.0.0"}
	for i, a := range ordered {
		for j, b := range ordered {
			v, _, ok := parseVersion(a)
			w, _, ok2 := parseVersion(b)
			if !ok || !ok2 {
				t.Fatalf("%s or %s is no version", a, b)
			}
			want := 0
			if i != j {
				want = order(i < j)
			}
			if got := v.compare(w); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestWhatIsNoVersion(t *testing.T) {
	for _, text := range []string{"", "v", "x", "1.", ".1", "1..2", "1.2.3.4", "01.2", "1.02", "1.2.3-", "1.2.3-a..b", "1.2.3+", "1.2.3-ä", "1.2 ", " 1.2",
		"-1", "1e3", "1.2.3+a+b", "1000000000000000000.0.0", "1.2.3-" + string(make([]byte, 80))} {
		if v, _, ok := parseVersion(text); ok {
			t.Errorf("%q is taken for version %v", text, v)
		}
	}
}

func TestVersionRanges(t *testing.T) {
	for _, row := range []struct {
		text    string
		in, out []string
	}{
		{">= 2.3", []string{"2.3", "2.3.0", "v2.3.1", "2.10", "3"}, []string{"2.2.9", "2.3.0-beta", "1", "abc", "", "2.3.x"}},
		{">=2.3 <4", []string{"2.3", "3.99.99"}, []string{"4", "4.0.0", "2.2"}},
		{">= 2.3, < 4.0.0-0", []string{"3.99.99"}, []string{"4.0.0-alpha", "4.0.0-0"}},
		{"> 1.2.3", []string{"1.2.4", "2"}, []string{"1.2.3", "1.2.3+build"}},
		{"<= 1.2.3", []string{"1.2.3", "1.2", "1.2.3+build"}, []string{"1.2.4"}},
		{"= 1.2.3", []string{"1.2.3", "1.2.3+x", "v1.2.3"}, []string{"1.2.3-rc.1", "1.2"}},
		{"!= 1.2.3 >= 1", []string{"1.2.4"}, []string{"1.2.3", "0.9"}},
	} {
		r, err := parseVersionRange(row.text)
		if err != nil {
			t.Errorf("%s: %v", row.text, err)
		}
		for _, v := range row.in {
			if !r.has(v) {
				t.Errorf("%s is not in %s", v, row.text)
			}
		}
		for _, v := range row.out {
			if r.has(v) {
				t.Errorf("%s is in %s", v, row.text)
			}
		}
	}
}

func TestBadVersionRanges(t *testing.T) {
	for text, want := range map[string]string{
		"":         `want a range of versions such as ">= 2.3 < 4"`,
		"  ":       `want a range of versions such as ">= 2.3 < 4"`,
		"2.3":      `want >=, <, >, <=, = or != before a version, got "2.3"`,
		"~2.3":     `want >=, <, >, <=, = or != before a version, got "~2.3"`,
		">= 2.x":   `"2.x" is no semantic version such as 2.3 or 2.3.1`,
		">=":       `"" is no semantic version such as 2.3 or 2.3.1`,
		"> 2.3":    `> wants all three numbers, got "2.3"`,
		">= 2 < =": `"" is no semantic version such as 2.3 or 2.3.1`,
	} {
		if _, err := parseVersionRange(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestComparingIsAnOrder: what is said of two versions and of three fits together.
func TestComparingIsAnOrder(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) version {
		text := rapid.StringMatching(`[0-3]\.[0-3]\.[0-3](-(a|b|1|10|2)(\.(a|1|10|b-1))?)?`).Draw(t, "version")
		v, _, ok := parseVersion(text)
		if !ok {
			t.Fatalf("%s is no version", text)
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw.Draw(t, "a"), draw.Draw(t, "b"), draw.Draw(t, "c")
		if a.compare(b) != -b.compare(a) {
			t.Fatal("not symmetric")
		}
		if (a.compare(b) == 0) != (a == b) {
			t.Fatal("equal without being the same")
		}
		if a.compare(b) <= 0 && b.compare(c) <= 0 && a.compare(c) > 0 {
			t.Fatal("not transitive")
		}
	})
}
