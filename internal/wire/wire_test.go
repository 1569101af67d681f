package wire

import (
	"bufio"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// TestEnds: a head ends at its first empty line, in whatever pieces it comes.
func TestEnds(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		want int
	}{
		"nothing":              {"", 0},
		"no empty line":        {"GET / HTTP/1.1\r\nHost: h\r\n", 0},
		"half an empty line":   {"GET / HTTP/1.1\r\n\r", 0},
		"an empty line":        {"a\r\n\r\nb", 5},
		"line feeds alone":     {"a\n\nb", 3},
		"an empty line first":  {"\r\na\r\n\r\n", 2},
		"a blank is not empty": {"a\r\n \r\n\r\n", 8},
	} {
		t.Run(name, func(t *testing.T) {
			for piece := 1; piece <= max(len(row.text), 1); piece++ {
				var l Lines
				got := 0
				for n := piece; got == 0; n += piece {
					if got = l.End([]byte(row.text[:min(n, len(row.text))])); n >= len(row.text) {
						break
					}
				}
				if got != row.want {
					t.Errorf("in pieces of %d it ends at %d, want %d", piece, got, row.want)
				}
			}
		})
	}
}

// TestFieldLines: what becomes of lines, or why they are refused.
func TestFieldLines(t *testing.T) {
	for name, row := range map[string]struct {
		lines           string
		want            http.Header
		strict, lenient string // errors; "" for none
	}{
		"none":                             {"", http.Header{}, "", ""},
		"one":                              {"Host: h\r\n", http.Header{"Host": {"h"}}, "", ""},
		"small letters":                    {"x-flow-id: a\r\n", http.Header{"X-Flow-Id": {"a"}}, "", ""},
		"capital letters":                  {"X-FLOW-ID: a\r\n", http.Header{"X-Flow-Id": {"a"}}, "", ""},
		"odd tokens":                       {"!#$%&'*+-.^_`|~09: a\r\n", http.Header{"!#$%&'*+-.^_`|~09": {"a"}}, "", ""},
		"a name again":                     {"a: 1\r\nB: 2\r\nA: 3\r\na:4\r\n", http.Header{"A": {"1", "3", "4"}, "B": {"2"}}, "", ""},
		"no value":                         {"A:\r\nB: \t\r\n", http.Header{"A": {""}, "B": {""}}, "", ""},
		"blanks around the value":          {"A: \t a b \t \r\n", http.Header{"A": {"a b"}}, "", ""},
		"colons in the value":              {"A: b:c: d\r\n", http.Header{"A": {"b:c: d"}}, "", ""},
		"bytes beyond ASCII":               {"A: \xff\u00e9\x80\x81\x82\x83\x84\x85\x86\r\n", http.Header{"A": {"\xff\u00e9\x80\x81\x82\x83\x84\x85\x86"}}, "", ""},
		"a tab in the value":               {"A: 0123\t56789\t\r\n", http.Header{"A": {"0123\t56789"}}, "", ""},
		"a line feed alone":                {"A: 1\nB: 2\r\n", http.Header{"A": {"1"}, "B": {"2"}}, `a line "A: 1" that does not end with CR and LF`, ""},
		"a blank before the colon":         {"x : 1\r\n", http.Header{"x ": {"1"}}, `malformed field line "x : 1"`, ""},
		"a blank in the name":              {"x y: 1\r\nX: 2\r\n", http.Header{"x y": {"1"}, "X": {"2"}}, `malformed field line "x y: 1"`, ""},
		"a folded line":                    {"A: 1\r\n b\r\n", nil, `a folded field line " b"`, `a folded field line " b"`},
		"a line folded by a tab":           {"\tA: 1\r\n", nil, `a folded field line "\tA: 1"`, `a folded field line "\tA: 1"`},
		"no colon":                         {"A\r\n", nil, `malformed field line "A"`, `malformed field line "A"`},
		"no name":                          {": 1\r\n", nil, `malformed field line ": 1"`, `malformed field line ": 1"`},
		"a tab in the name":                {"A\t: 1\r\n", nil, `malformed field line "A\t: 1"`, `malformed field line "A\t: 1"`},
		"a name beyond ASCII":              {"\u00e9: 1\r\n", nil, `malformed field line "é: 1"`, `malformed field line "é: 1"`},
		"a name beyond ASCII, and a blank": {"a \u00e9: 1\r\n", nil, `malformed field line "a é: 1"`, `malformed field line "a é: 1"`},
		"a control character":              {"A: \x00\r\n", nil, `a control character in the field line "A: \x00"`, `a control character in the field line "A: \x00"`},
		"a control character among eight":  {"A: 0123456\x1f89\r\n", nil, `a control character in the field line "A: 0123456\x1f89"`, `a control character in the field line "A: 0123456\x1f89"`},
		"a byte that is deleted":           {"A: 012345678\x7f9\r\n", nil, `a control character in the field line "A: 012345678\x7f9"`, `a control character in the field line "A: 012345678\x7f9"`},
		"a carriage return inside":         {"A: 1\r2\r\n", nil, `a control character in the field line "A: 1\r2"`, `a control character in the field line "A: 1\r2"`},
		"a long line":                      {strings.Repeat("x", 100) + "\r\n", nil, `malformed field line "` + strings.Repeat("x", 80) + `"`, `malformed field line "` + strings.Repeat("x", 80) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, strict := range []bool{true, false} {
				text := []byte(row.lines + "\r\nbehind")
				fields, err := Canonicalise(text, strict)
				got, want := "", row.lenient
				if strict {
					want = row.strict
				}
				if err != nil {
					got = err.Error()
				}
				if got != want {
					t.Fatalf("strict %v: error %q, want %q", strict, got, want)
				}
				if err == nil && !equal(Split(string(text), fields), row.want) {
					t.Errorf("strict %v: %q, want %q", strict, Split(string(text), fields), row.want)
				}
			}
		})
	}
}

func equal(got, want http.Header) bool { return maps.EqualFunc(got, want, slices.Equal) }

// TestFieldsKeepToThemselves: who appends to the values of one field does not write over those of another.
func TestFieldsKeepToThemselves(t *testing.T) {
	for _, text := range []string{"A: 1\r\nB: 2\r\nC: 3\r\n\r\n", "A: 1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"} {
		h := Split(text, strings.Count(text, ":"))
		h["A"] = append(h["A"], "x", "y")
		if h.Get("B") != "2" || h.Get("C") != "3" {
			t.Errorf("%q became %q", text, h)
		}
	}
}

// TestBytes: the kinds of bytes, one by one, and in texts at every place.
func TestBytes(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		digit := '0' <= c && c <= '9'
		token := letter || digit || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
		value := c == '\t' || c >= ' ' && c != 0x7f
		if IsAlphanumeric(c) != (letter || digit) || IsDigit(c) != digit || IsTokenByte(c) != token || IsValueByte(c) != value {
			t.Errorf("%#x: alphanumeric %v, digit %v, token %v, value %v", c, IsAlphanumeric(c), IsDigit(c), IsTokenByte(c), IsValueByte(c))
		}
		for at := range 20 {
			text := strings.Repeat("x", at) + string([]byte{c}) + strings.Repeat("\xfe", 19-at)
			if IsValue(text) != value || IsValue([]byte(text)) != value {
				t.Errorf("%q is a value: %v, want %v", text, IsValue(text), value)
			}
			if name := strings.Repeat("x", at) + string([]byte{c}); IsToken(name) != token {
				t.Errorf("%q is a token: %v, want %v", name, IsToken(name), token)
			}
		}
	}
	if IsToken("") || !IsValue("") {
		t.Error("nothing is no token, and a value")
	}
}

// TestTokensInLists: words are found in letters of any case, and only whole.
func TestTokensInLists(t *testing.T) {
	for name, row := range map[string]struct {
		lists []string
		want  bool
	}{
		"no list": {nil, false}, "an empty list": {[]string{""}, false}, "alone": {[]string{"close"}, true}, "capital letters": {[]string{"CLOSE"}, true},
		"among others": {[]string{"a,\t close ,b"}, true}, "in the second list": {[]string{"a", "b,close"}, true},
		"a part of a word": {[]string{"closed, enclose"}, false}, "two words": {[]string{"close x"}, false},
	} {
		if got := HasToken(row.lists, "close"); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

// FuzzFieldLines: what is taken is what net/textproto reads, where that takes it as well; and strict, no more is taken.
func FuzzFieldLines(f *testing.F) {
	f.Add(head)
	for _, text := range []string{
		"\r\n", "A: 1\nB: 2\n\n", "a b: 1\r\n\r\n", "a: 1\r\nA: 2\r\nb:\r\n\r\n", "A: \xff\t1\r\n\r\n", "A: 1\r\n 2\r\n\r\n", "A: \x7f\r\n\r\n", "A: 1 \r\r\n\r\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l Lines
		end := l.End([]byte(text))
		if end == 0 {
			return
		}
		lenient, strict := []byte(text[:end]), []byte(text[:end])
		fields, err := Canonicalise(lenient, false)
		if n, strictErr := Canonicalise(strict, true); strictErr == nil && (err != nil || n != fields || string(strict) != string(lenient)) {
			t.Fatalf("%q: strict takes %d fields %q, lenient %d %q (%v)", text, n, strict, fields, lenient, err)
		}
		if err != nil {
			return
		}
		got := Split(string(lenient), fields)
		want, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text[:end]))).ReadMIMEHeader()
		if err == nil && !equal(got, http.Header(want)) {
			t.Errorf("%q is read as %q, by net/textproto as %q", text[:end], got, want)
		}
	})
}
