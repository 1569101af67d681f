package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

func TestEntityTags(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []string
		want   string
	}{
		{"no field", nil, "nothing"},
		{"nothing in it", []string{" , "}, "nothing"},
		{"one", []string{`"a"`}, `["a"]`},
		{"a weak one", []string{`W/"a"`}, `[W/"a"]`},
		{"an empty one", []string{`""`}, `[""]`},
		{"several, with commas in them, in two lines", []string{`"a,b" ,W/"c"`, `,"d"`}, `["a,b" W/"c" "d"]`},
		{"any", []string{"*"}, "any"},
		{"any and one", []string{`*, "a"`}, "nothing"},
		{"without quotes", []string{`"a", b`}, "nothing"},
		{"a quote left open", []string{`"a`}, "nothing"},
		{"a quote in it", []string{`"a"b"`}, "nothing"},
		{"a space in it", []string{`"a b"`}, "nothing"},
		{"weak in another way", []string{`w/"a"`}, "nothing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tags, star, ok := parseTags(tc.values)
			got := fmt.Sprint(tags)
			if star {
				got = "any"
			}
			if !ok {
				got = "nothing"
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	for _, values := range [][]string{nil, {`"a"`, `"b"`}, {`"a", "b"`}, {"a"}, {""}} {
		if tag, ok := parseTag(values); ok {
			t.Errorf("ETag %q is read as %s", values, tag)
		}
	}
}

// TestMarks: what was put on a tag comes off again, of the same mode and revision alone; nothing
// else looks like it.
func TestMarks(t *testing.T) {
	now, other := newMarks("0123456789ab", "v1"), newMarks("0123456789ab", "v2")
	rapid.Check(t, func(t *rapid.T) {
		tag := entityTag{rapid.Bool().Draw(t, "weak"), rapid.StringMatching(`([!#-~]|;cf-dual-){0,12}`).Draw(t, "opaque")}
		mode := rapid.SampledFrom([]Mode{Dual, FlowOnly}).Draw(t, "mode")
		c := rapid.SampledFrom([]coding.Coding{coding.Identity, coding.Gzip, coding.Brotli, coding.Zstd, coding.Deflate}).Draw(t, "coding")
		put := now.put(tag, mode, "", c)
		if again, ok := parseTag([]string{put.String()}); !ok || again != put {
			t.Fatalf("%s is no tag", put)
		}
		for _, m := range []Mode{Dual, FlowOnly} {
			bare, d, ok := now.take(put, m)
			if ok != (m == mode) || ok && (bare != tag || c != d) {
				t.Errorf("%s taken for %s: %s %s %t", put, m, bare, d, ok)
			}
			if _, _, ok := other.take(put, m); ok {
				t.Errorf("%s is of another build", put)
			}
			if bare, _, ok := now.take(tag, m); ok {
				t.Errorf("%s had no mark, %s is left", tag, bare)
			}
		}
		remembered := now.put(tag, mode, "0123456789abcdef", c)
		if bare, _, ok := now.take(remembered, mode); ok {
			t.Errorf("%s is of what memory has changed, %s is left", remembered, bare)
		}
		for _, put := range []entityTag{put, remembered} {
			h := http.Header{"If-Match": {put.String() + `, "x"`}}
			if unmark(h, "If-Match"); !slices.Equal(h["If-Match"], []string{tag.String() + `, "x"`}) {
				t.Errorf("%s without its mark: %s", put, h["If-Match"])
			}
		}
	})
	for _, opaque := range []string{
		"a;cf-dual-0123456", "a;cf-dual-0123456g", "a;cf-dual-0123456789", "a;cf-dual-01234567-", "a;cf-dual-01234567-x", "a;cf-dual-01234567xgzip",
		"a;cf-dual-01234567-gzip,br", "a;cf-dual-01234567-identity", "a;cf-passthrough-01234567", "a;cf-", "a;cf-dual-ABCDEF01", "a;cf-dual-01234567;",
		"a;cf-dual-01234567-m", "a;cf-dual-01234567-m0123456789abcde", "a;cf-dual-01234567-m0123456789abcdefg", "a;cf-dual-01234567-m0123456789abcdef-x",
	} {
		if tag, ok := splitTag(opaque); ok {
			t.Errorf("%s is taken for %+v", opaque, tag)
		}
	}
}
