package framing

import (
	"bytes"
	"strings"
	"testing"
)

func TestNDJSONFrames(t *testing.T) {
	long := strings.Repeat("x", 30)
	for _, tc := range []struct {
		name, stream string
		sizes        []int
		want         []string
	}{
		{"lines", "{}\n[1]\n", []int{100}, []string{`message  "{}"`, `message  "[1]"`}},
		{"a last line without an end", "{}\n{}", []int{100}, []string{`message  "{}"`, `message  "{}"`}},
		{"CRLF", "{}\r\n{}\r\n", []int{100}, []string{`message  "{}"`, `message  "{}"`}},
		{"white space is kept", " {} \t\n", []int{100}, []string{`message  " {} \t"`}},
		{"blank lines", "\n \t\r\n{}\n\n", []int{100}, []string{`other "\n"`, `other " \t\r\n"`, `message  "{}"`, `other "\n"`}},
		{"in small pieces", "{}\r\n\n{ }\n", []int{1}, []string{`message  "{}"`, `other "\n"`, `message  "{ }"`}},
		{"exactly the limit", long[:19] + "\n", []int{7}, []string{`message  "` + long[:19] + `"`}},
		{"one byte more", long[:20] + "\n{}\n", []int{100}, []string{`too large "` + long[:20] + `\n"`, `message  "{}"`}},
		{"far more, in pieces", long + "\n{}\n", []int{15}, []string{`too large "` + long[:15] + `"`, `rest "` + long[:15] + `"`, `rest "\n"`, `message  "{}"`}},
		{"far more, without an end", long, []int{25}, []string{`too large "` + long[:25] + `"`, `rest "` + long[:5] + `"`}},
		{"nothing", "", []int{1}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := cutAll(NewNDJSON(20, nil), tc.stream, tc.sizes...)
			want(t, "frames", got.frames, tc.want)
			if got.joined != tc.stream {
				t.Errorf("joined: %q", got.joined)
			}
		})
	}
}

func TestNDJSONAppend(t *testing.T) {
	for _, tc := range []struct{ name, stream, data, want string }{
		{"the line end stays", "1\n2\r\n3", "[]", "[]\n[]\r\n[]"},
		{"blank lines stay", "1\n\n2\n", "[]", "[]\n\n[]\n"},
		{"data in several lines becomes one line", "1\n", "{\n\n}", "{  }\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, size := range []int{1, 100} {
				if got := replaced(NewNDJSON(100, nil), tc.stream, func([]byte) []byte { return []byte(tc.data) }, size); got != tc.want {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			}
		})
	}
}

// Whatever the chunks, the pieces are the stream, and the messages its lines.
func FuzzNDJSON(f *testing.F) {
	for _, seed := range []string{"{}\n{}\n", "{}\r\n\r\n[1]", "\n\n \n", "{\"a\":1}\n{"} {
		f.Add(seed, []byte{1, 2, 100}, 1000)
		f.Add(seed, []byte{3}, 2)
	}
	f.Fuzz(func(t *testing.T, stream string, chunks []byte, limit int) {
		sizes := []int{1}
		for _, c := range chunks {
			sizes = append(sizes, int(c))
		}
		if got := cutAll(NewNDJSON(max(limit&0xffff, 1), nil), stream, sizes...); got.joined != stream {
			t.Fatalf("limit %d, joined: %q", limit, got.joined)
		}
		got := cutAll(NewNDJSON(len(stream)+1, nil), stream, sizes...)
		if got.joined != stream {
			t.Fatalf("joined: %q", got.joined)
		}
		n := 0
		for line := range strings.Lines(stream) {
			if strings.Trim(line, " \t\r\n") != "" {
				n++
			}
		}
		if n != len(got.messages) {
			t.Errorf("%d messages, want %d: %q", len(got.messages), n, got.messages)
		}
		if same := replaced(NewNDJSON(len(stream)+1, nil), stream, bytes.Clone, sizes...); same != stream {
			t.Errorf("with the same data: %q", same)
		}
	})
}
