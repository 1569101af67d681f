package wire

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"
)

// TestContentLength: one plain number, however often it is said.
func TestContentLength(t *testing.T) {
	for name, tt := range map[string]struct {
		values []string
		want   int64
		err    string
	}{
		"none":              {nil, -1, ""},
		"one":               {[]string{"5"}, 5, ""},
		"the same twice":    {[]string{"5", "5"}, 5, ""},
		"two that differ":   {[]string{"5", "6"}, 0, `several Content-Length fields that differ: ["5" "6"]`},
		"two spellings":     {[]string{"5", "05"}, 0, `several Content-Length fields that differ: ["5" "05"]`},
		"a list":            {[]string{"5, 5"}, 0, `bad Content-Length "5, 5"`},
		"a sign":            {[]string{"+5"}, 0, `bad Content-Length "+5"`},
		"less than nothing": {[]string{"-5"}, 0, `bad Content-Length "-5"`},
		"nothing":           {[]string{""}, 0, `bad Content-Length ""`},
		"hexadecimal":       {[]string{"0x5"}, 0, `bad Content-Length "0x5"`},
		"the most":          {[]string{"9223372036854775807"}, 1<<63 - 1, ""},
		"one more":          {[]string{"9223372036854775808"}, 0, `bad Content-Length "9223372036854775808"`},
	} {
		h := http.Header{"Content-Length": tt.values}
		got, err := ContentLength(h)
		if said := fmt.Sprint(err); got != tt.want || (tt.err == "") != (err == nil) || err != nil && said != tt.err {
			t.Errorf("%s: got %d, %v", name, got, err)
		}
		if err == nil && len(h["Content-Length"]) > 1 {
			t.Errorf("%s: %q is left", name, h["Content-Length"])
		}
	}
}

// TestTakeTrailer: what is announced, and never what frames a message.
func TestTakeTrailer(t *testing.T) {
	for name, tt := range map[string]struct {
		values []string
		want   http.Header
		err    string
	}{
		"none":            {nil, nil, ""},
		"several":         {[]string{"x-a, ETag", "X-B"}, http.Header{"X-A": nil, "Etag": nil, "X-B": nil}, ""},
		"empty ones":      {[]string{" , ,"}, nil, ""},
		"a length":        {[]string{"X-A, content-length"}, nil, "a trailer Content-Length, which a trailer cannot be"},
		"a coding":        {[]string{"Transfer-Encoding"}, nil, "a trailer Transfer-Encoding, which a trailer cannot be"},
		"trailers of its": {[]string{"trailer"}, nil, "a trailer Trailer, which a trailer cannot be"},
	} {
		h := http.Header{"Trailer": tt.values, "X-Kept": {"a"}}
		got, err := TakeTrailer(h)
		if !reflect.DeepEqual(got, tt.want) || (tt.err == "") != (err == nil) || err != nil && err.Error() != tt.err {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if _, left := h["Trailer"]; err == nil && left || h.Get("X-Kept") != "a" {
			t.Errorf("%s: left %v", name, h)
		}
	}
}
