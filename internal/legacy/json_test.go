package legacy

import (
	"errors"
	"strings"
	"testing"
)

func TestBodiesComeBackAsPythonWritesThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"white space goes", " { \"a\" : [ 1 , { } ] } \n", `{"a":[1,{}]}`},
		{"order stays", `{"b":1,"a":{"d":1,"c":2}}`, `{"b":1,"a":{"d":1,"c":2}}`},
		{"of equal names the last value, in the first place", `{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		{"escapes that need not be go", `"sess\u0069on \u00fc \ud83d\ude00 \/ \u2028"`, "\"session ü 😀 / \u2028\""},
		{"escapes that must be stay", `"\" \\ \b\f\n\r\t \u0000\u001F \u007f"`, "\"\\\" \\\\ \\b\\f\\n\\r\\t \\u0000\\u001f \x7f\""},
		{"HTML is text", `"<b>&amp;</b>"`, `"<b>&amp;</b>"`},
		{"integers keep every digit", `[12345678901234567890,-7,-0]`, `[12345678901234567890,-7,0]`},
		{"floats keep a fraction", `[1.0,1.50,1e3,-0.0]`, `[1.0,1.5,1000.0,-0.0]`},
		{"floats have an exponent beyond sixteen digits", `[1e15,1e16,123456789012345678.0]`,
			`[1000000000000000.0,1e+16,1.2345678901234568e+17]`},
		{"floats have an exponent below a ten-thousandth", `[0.0001,0.00001,1.5E-7]`, `[0.0001,1e-05,1.5e-07]`},
		{"words", `[true,false,null]`, `[true,false,null]`},
		{"empty names", `{"":{"":[]}}`, `{"":{"":[]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := decode([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(encode(v)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     int // where Python stops
	}{
		{"nothing but space", "  ", 2},
		{"a word", "nonsense", 0},
		{"half a word", `{"a": tru}`, 6},
		{"cut off", `{"a":`, 5},
		{"a comma too much", `{"a":1,}`, 7},
		{"more behind it", `{"a":1} x`, 8},
		{"a bracket of the other kind", `[1}`, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := decode([]byte(tt.in))
			var broken syntaxError
			if !errors.As(err, &broken) || int(broken) != tt.want {
				t.Errorf("got %v, want an error at byte %d", err, tt.want)
			}
		})
	}
}

func TestWhatCannotBeParsed(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"not UTF-8":          "\"\xff\"",
		"too deep":           strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		"too deep, and open": strings.Repeat(`{"a":`, maxDepth+1),
	} {
		if _, err := decode([]byte(in)); !errors.Is(err, errUnreadable) {
			t.Errorf("%s: got %v, want %v", name, err, errUnreadable)
		}
	}
	for name, in := range map[string]string{
		"as deep as may be":   strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
		"brackets in strings": `"` + strings.Repeat(`[\"`, maxDepth+1) + `"`,
	} {
		if _, err := decode([]byte(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
