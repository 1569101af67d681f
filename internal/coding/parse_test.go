package coding

import (
	"fmt"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"no field", nil, "[]"},
		{"an empty field", []string{""}, "[]"},
		{"identity", []string{"Identity"}, "[]"},
		{"gzip", []string{"gzip"}, "[gzip]"},
		{"gzip by its old name, in capitals", []string{" X-GZIP "}, "[gzip]"},
		{"a stack", []string{"gzip, br"}, "[gzip br]"},
		{"a stack in two lines, with nothing in between", []string{"deflate,", ",identity,\tzstd"}, "[deflate zstd]"},
		{"a coding nobody knows", []string{"gzip, compress"}, `unknown coding "compress" (want gzip, deflate, br or zstd)`},
		{"a coding with a parameter", []string{"gzip;q=1"}, `unknown coding "gzip;q=1" (want gzip, deflate, br or zstd)`},
		{"too many", []string{"gzip, br, gzip, zstd"}, "more than 3 codings on top of each other"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			layers, err := Parse(tc.fields)
			got := fmt.Sprint(layers)
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAccept(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fields   []string
		first    Coding
		want     Coding
		identity bool // is accepted
	}{
		{"nothing said", nil, Gzip, Identity, true},
		{"nothing wanted", []string{""}, Gzip, Identity, true},
		{"one, not the first choice", []string{"gzip"}, Brotli, Gzip, true},
		{"the first choice among equals", []string{"gzip, deflate, br, zstd"}, Deflate, Deflate, true},
		{"no first choice: the cheapest", []string{"gzip, deflate, br, zstd"}, Identity, Zstd, true},
		{"no first choice, as older browsers", []string{"gzip, deflate, br"}, Identity, Brotli, true},
		{"another is wanted more", []string{"gzip;q=0.5, br;q=0.9"}, Gzip, Brotli, true},
		{"the weight counts to the third digit", []string{"gzip;q=0.998, br;q=0.999"}, Gzip, Brotli, true},
		{"in two lines and by the old name", []string{"br;q=0.1", "x-gzip"}, Brotli, Gzip, true},
		{"odd spaces and capitals", []string{" GZIP ;\tQ=0.5 ,,Br ; Q=1"}, Gzip, Brotli, true},
		{"identity is wanted more", []string{"gzip;q=0.5, identity"}, Gzip, Identity, true},
		{"identity is wanted as much", []string{"gzip, identity"}, Gzip, Gzip, true},
		{"identity is not wanted", []string{"identity;q=0, gzip;q=0.1"}, Identity, Gzip, false},
		{"neither is anything else", []string{"identity;q=0"}, Gzip, Identity, false},
		{"any", []string{"*"}, Brotli, Brotli, true},
		{"any but the first choice", []string{"br;q=0, *"}, Brotli, Zstd, true},
		{"any other a little", []string{"gzip, *;q=0.1"}, Brotli, Gzip, true},
		{"none other, not even identity", []string{"gzip, *;q=0"}, Brotli, Gzip, false},
		{"identity, none other", []string{"identity, *;q=0"}, Brotli, Identity, true},
		{"twice: the lower weight counts", []string{"gzip, gzip;q=0"}, Gzip, Identity, true},
		{"a coding nobody knows", []string{"compress, dcb"}, Gzip, Identity, true},
		{"a weight that is none", []string{"gzip;q=x, br;q="}, Gzip, Identity, true},
		{"a weight above one", []string{"gzip;q=2"}, Gzip, Identity, true},
		{"a weight below zero", []string{"gzip;q=-1"}, Gzip, Identity, true},
		{"a weight in another notation", []string{"gzip;q=1e0, br;q=0x1"}, Gzip, Identity, true},
		{"a weight with too many digits", []string{"gzip;q=0.9999"}, Gzip, Identity, true},
		{"another parameter in front", []string{"gzip;x=1;q=0"}, Gzip, Identity, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := ParseAccept(tc.fields)
			if got := a.Choose(tc.first); got != tc.want {
				t.Errorf("chosen %s, want %s", got, tc.want)
			}
			if a.Accepts(Identity) != tc.identity {
				t.Errorf("identity accepted: %t", !tc.identity)
			}
		})
	}
}

// FuzzAccept: what is chosen is accepted, whatever the field says.
func FuzzAccept(f *testing.F) {
	f.Add("gzip;q=0.5, br, *;q=0", 1)
	f.Fuzz(func(t *testing.T, field string, first int) {
		a := ParseAccept([]string{field})
		c := a.Choose(Coding(uint(first) % uint(Zstd+1)))
		if c != Identity && !a.Accepts(c) {
			t.Errorf("%s is chosen and not accepted", c)
		}
		if c == Identity && !a.Accepts(c) {
			for _, other := range all() {
				if a.Accepts(other) {
					t.Errorf("identity is chosen and not accepted, %s would be", other)
				}
			}
		}
	})
}
