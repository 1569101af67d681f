package transform

import (
	"testing"

	"pgregory.net/rapid"
)

// What looks at eight bytes at a time finds what a look at each byte finds.
func TestScanningByEightIsPlain(t *testing.T) {
	plain := func(b []byte, i int, goesOn func(c byte) bool) int {
		for i < len(b) && goesOn(b[i]) {
			i++
		}
		return i
	}
	space := func(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
	text := func(c byte) bool { return c != '"' && c != '\\' && c >= 0x20 }
	check := func(t interface{ Fatalf(string, ...any) }, b []byte) {
		for i := range len(b) + 1 {
			if got, want := skipSpace(b, i), plain(b, i, space); got != want {
				t.Fatalf("white space of %q from %d: to %d, want %d", b, i, got, want)
			}
			if got, want := skipText(b, i), plain(b, i, text); got != want {
				t.Fatalf("text of %q from %d: to %d, want %d", b, i, got, want)
			}
		}
	}
	t.Run("every byte at every place", func(t *testing.T) {
		for c := range 256 {
			for at := range 20 {
				for _, around := range []byte{' ', 'a', 0x80, 0xFF, '!', '#', '[', ']'} {
					b := make([]byte, 20)
					for i := range b {
						b[i] = around
					}
					b[at] = byte(c)
					check(t, b)
				}
			}
		}
	})
	t.Run("any bytes", func(t *testing.T) {
		some := rapid.SampledFrom([]byte(" \n\r\t\v\x00\x1f!\"#[\\]a\x7f\x80\xa2\xdc\xff"))
		rapid.Check(t, func(t *rapid.T) { check(t, rapid.SliceOfN(some, 0, 40).Draw(t, "bytes")) })
	})
}
