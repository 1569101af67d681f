package transform

import (
	"bytes"
	"strings"
)

// textMap is a compiled table: it maps one string token to another.
type textMap struct {
	words   map[string]string // whole words, of which a table may have many
	entries []textEntry       // beginnings and whole texts, in order
	strict  bool              // only strings and null are expected (words)
	same    map[string]bool
	other   string // for any other text; "" keeps it
	hasElse bool
	// from and to are variables for Route: the text of the one becomes the text of the other.
	from, to string
	links    bool // the text is a URL: Job.Links maps it
}

type textEntry struct {
	from  string
	to    string // escaped, behind its opening quote
	whole bool   // the whole text, not only its beginning
}

func entry(from, to string, whole bool) textEntry {
	return textEntry{from, string(escape([]byte{'"'}, to)), whole}
}

// apply appends the mapped token to dst and says whether it differs from the token given;
// if not, nothing was appended.
func (m *textMap) apply(r *run, dst, token []byte) ([]byte, bool) {
	switch {
	case m.from != "":
		return m.applyRoute(r, dst, token)
	case m.links:
		return m.applyLinks(r, dst, token)
	}
	if m.strict {
		var short [64]byte
		text := token[1 : len(token)-1]
		for _, c := range text {
			if c == '\\' {
				text = unescape(short[:0], token)
				break
			}
		}
		if to, ok := m.words[string(text)]; ok {
			return quote(dst, to), true
		}
		if m.same[string(text)] {
			return dst, false
		}
	}
	plain := len(m.entries) > 0 && bytes.IndexByte(token, '\\') < 0
	for i := range m.entries {
		e := &m.entries[i]
		at := -1
		if !plain {
			at = begins(token, e.from)
		} else if len(token) > len(e.from)+1 && string(token[1:1+len(e.from)]) == e.from {
			at = 1 + len(e.from)
		}
		if at < 0 || e.whole && at != len(token)-1 {
			continue
		}
		if m.strict { // a word is mapped whole, however much of it the entry told
			at = len(token) - 1
		}
		dst = append(dst, e.to...)
		return append(dst, token[at:]...), true
	}
	if m.hasElse {
		r.result.Unknown++
		return quote(dst, m.other), true
	}
	return dst, false
}

func (m *textMap) applyRoute(r *run, dst, token []byte) ([]byte, bool) {
	from, ok := r.variable(m.from)
	if !ok || !spells(token, from) {
		return dst, false
	}
	to, ok := r.variable(m.to)
	if !ok || to == from {
		return dst, false
	}
	return quote(dst, to), true
}

func (m *textMap) applyLinks(r *run, dst, token []byte) ([]byte, bool) {
	if r.links == nil {
		return dst, false
	}
	text := string(unescape(nil, token))
	to, ok := r.links(text)
	if !ok || to == text {
		return dst, false
	}
	return quote(dst, to), true
}

func wordMap(t *WordTable, dir Direction) *textMap {
	m := &textMap{strict: true, words: map[string]string{}, same: map[string]bool{}}
	if dir == ToSession {
		for _, e := range t.Back {
			m.words[e.Flow] = e.Session
		}
		return m
	}
	for _, e := range t.Entries {
		if begin, ok := strings.CutSuffix(e.Session, "*"); ok {
			m.entries = append(m.entries, entry(begin, e.Flow, false))
		} else if _, earlier := m.words[e.Session]; !earlier {
			m.words[e.Session] = e.Flow
		}
	}
	for _, w := range t.Same {
		m.same[w] = true
	}
	m.other, m.hasElse = t.Else, t.Else != ""
	return m
}

func prefixMap(t *PrefixTable, dir Direction) *textMap {
	m := &textMap{}
	entries := t.Entries
	if dir == ToSession {
		entries = t.Back
	}
	for _, e := range entries {
		from, to := e.Session, e.Flow
		if dir == ToSession {
			from, to = to, from
		}
		m.entries = append(m.entries, entry(from, to, e.Whole))
	}
	return m
}

func exactMap(session, flow string, dir Direction) *textMap {
	if dir == ToSession {
		session, flow = flow, session
	}
	return &textMap{entries: []textEntry{entry(session, flow, true)}}
}

func routeMap(dir Direction) *textMap {
	m := &textMap{from: "upstream.path", to: "client.path"}
	if dir == ToSession {
		m.from, m.to = m.to, m.from
	}
	return m
}

func urlMap() *textMap { return &textMap{links: true} }
