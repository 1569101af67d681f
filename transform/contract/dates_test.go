package contract

import (
	"errors"
	"testing"
	"time"
)

// TestDates: an endpoint's own dates count before those of the contract, and a later file's
// before an earlier one's.
func TestDates(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	const own = first + "dates: {deprecation: 2026-01-31, sunset: 2026-06-30T12:00:00+02:00, link: 'https://docs.example.com/flows?a=b#c'}\n"
	for _, tc := range []struct {
		name                 string
		texts                []string
		whole, ofE, ofAnyone Dates
	}{
		{"none", []string{first}, Dates{}, Dates{}, Dates{}},
		{"a file's are for every endpoint", []string{own},
			Dates{day("2026-01-31"), day("2026-06-30").Add(10 * time.Hour), "https://docs.example.com/flows?a=b#c"}, Dates{}, Dates{}},
		{"the last file's count", []string{own, "version: 1\ndates: {sunset: 2027-01-01}\n"},
			Dates{Sunset: day("2027-01-01")}, Dates{}, Dates{}},
		{"an endpoint has its own by an extension", []string{first, "version: 1\nendpoints: [{name: e, extend: true, dates: {deprecation: 2026-02-01}}]\n"},
			Dates{}, Dates{Deprecation: day("2026-02-01")}, Dates{}},
		{"both on one day", []string{first, "version: 1\ndates: {deprecation: 2026-02-01, sunset: 2026-02-01}\n"},
			Dates{Deprecation: day("2026-02-01"), Sunset: day("2026-02-01")}, Dates{}, Dates{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := parse(t, tc.texts...)
			switched, err := c.Switch(map[string]bool{"other": false})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []*Contract{c, switched} {
				if c.Dates != tc.whole || c.Endpoints[0].Dates != tc.ofE || c.Endpoints[1].Dates != tc.ofAnyone {
					t.Errorf("got %v, %v, %v", c.Dates, c.Endpoints[0].Dates, c.Endpoints[1].Dates)
				}
			}
		})
	}
}

// TestBadDates: what cannot be told in a header, or contradicts itself, is refused where it stands.
func TestBadDates(t *testing.T) {
	for _, tc := range []struct{ name, dates, want string }{
		{"sunset first", "{deprecation: 2026-02-01, sunset: 2026-01-31}",
			"1.yaml:2:1: dates: sunset 2026-01-31T00:00:00Z is before deprecation 2026-02-01T00:00:00Z: what is gone can no longer be deprecated"},
		{"a link alone", "{link: 'https://a/b'}",
			"1.yaml:2:1: dates: nothing is said: want deprecation, sunset or both"},
		{"nothing", "{}", "1.yaml:2:1: dates: nothing is said: want deprecation, sunset or both"},
		{"a day that is none", "{sunset: 2026-02-30}",
			`1.yaml:2:17: dates.sunset: want a date such as 2026-11-30 (midnight UTC) or 2026-11-30T12:00:00Z, got "2026-02-30"`},
		{"a time without a zone", "{sunset: 2026-02-01T00:00:00}",
			`1.yaml:2:17: dates.sunset: want a date such as 2026-11-30 (midnight UTC) or 2026-11-30T12:00:00Z, got "2026-02-01T00:00:00"`},
		{"a number", "{sunset: 2026}", "1.yaml:2:17: dates.sunset: want a text, got a number"},
		{"a path", "{sunset: 2026-02-01, link: /docs}",
			`1.yaml:2:35: dates.link: want the address of a page such as https://docs.example.com/flows, got "/docs"`},
		{"a link that would end the header's", "{sunset: 2026-02-01, link: 'https://a/>; rel=x'}",
			`1.yaml:2:35: dates.link: want the address of a page such as https://docs.example.com/flows, got "https://a/>; rel=x"`},
		{"a misspelt key", "{deprecation: 2026-02-01, sunsett: 2026-02-01}", `1.yaml:2:34: dates: unknown key "sunsett" (did you mean "sunset"?)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse(sources("version: 1\ndates: " + tc.dates + "\n")...)
			if err == nil {
				t.Fatal("it loads")
			}
			var all *LoadError
			if got := err.Error(); !errors.As(err, &all) || got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}
