package proxy

import (
	"iter"
	"net/http"
	"strings"
)

// entityTag is a validator (RFC 9110 section 8.8.3).
type entityTag struct {
	weak   bool
	opaque string // between the quotes
}

func (t entityTag) String() string {
	if t.weak {
		return `W/"` + t.opaque + `"`
	}
	return `"` + t.opaque + `"`
}

// parseTag reads the value of ETag. ok is false for anything but one tag as it should be.
func parseTag(values []string) (tag entityTag, ok bool) {
	if len(values) != 1 {
		return entityTag{}, false
	}
	return readTag(strings.Trim(values[0], " \t"))
}

func readTag(text string) (tag entityTag, ok bool) {
	text, tag.weak = strings.CutPrefix(text, "W/")
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return entityTag{}, false
	}
	tag.opaque = text[1 : len(text)-1]
	return tag, !strings.ContainsAny(tag.opaque, "\" \t")
}

// parseTags reads the values of If-Match or If-None-Match: tags, or a star, which stands for all. ok is
// false if there is something else among them, or nothing.
func parseTags(values []string) (tags []entityTag, star, ok bool) {
	for _, value := range values {
		for text := range elements(value) {
			if text == "*" {
				star = true
				continue
			}
			tag, ok := readTag(text)
			if !ok {
				return nil, false, false
			}
			tags = append(tags, tag)
		}
	}
	return tags, star, star != (len(tags) > 0)
}

// setTags writes a list of tags.
func setTags(h http.Header, name string, tags []entityTag) {
	var b strings.Builder
	for i, tag := range tags {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(tag.String())
	}
	h[name] = []string{b.String()}
}

// elements gives the parts of a list (RFC 9110 section 5.6.1) that are not empty. A comma between quotes
// is no end of a part.
func elements(value string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for begin := 0; begin < len(value); {
			end, quoted := begin, false
			for ; end < len(value) && (quoted || value[end] != ','); end++ {
				quoted = quoted != (value[end] == '"')
			}
			if part := strings.Trim(value[begin:end], " \t"); part != "" && !yield(part) {
				return
			}
			begin = end + 1
		}
	}
}
