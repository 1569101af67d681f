package transform

import (
	"slices"
	"strings"
)

// words checks a word table: that every flow word stays what it is when it is mapped again
// and when it goes back and comes again, that no entry is behind one that matches first, and
// that its losses are declared.
func (c *checker) words(op Op, t *WordTable) {
	if t == nil {
		return
	}
	if len(t.Entries) == 0 {
		c.fail(op, "table %s has no entries", t.Name)
	}
	to, back := wordMap(t, ToFlow), wordMap(t, ToSession)
	through := func(m *textMap, word string) string {
		r := run{}
		token := quote(nil, word)
		if mapped, changed := m.apply(&r, nil, token); changed {
			token = mapped
		}
		return string(unescape(nil, token))
	}
	lossy, known := t.Else != "", len(c.errs)
	for i, e := range t.Entries {
		for _, earlier := range t.Entries[:i] {
			if begin, star := strings.CutSuffix(earlier.Session, "*"); earlier.Session == e.Session || star && strings.HasPrefix(e.Session, begin) {
				c.fail(op, "table %s: %s can match nothing: %s before it matches first", t.Name, e.Session, earlier.Session)
			}
		}
		if slices.Contains(t.Same, e.Session) {
			c.fail(op, "table %s: %s is mapped and also the same on both sides", t.Name, e.Session)
		}
		if strings.HasSuffix(e.Session, "*") || through(back, through(to, e.Session)) != e.Session {
			lossy = true
		}
	}
	for i, e := range t.Back {
		if slices.ContainsFunc(t.Back[:i], func(earlier WordEntry) bool { return earlier.Flow == e.Flow }) {
			c.fail(op, "table %s: back: %s is there twice; the second can match nothing", t.Name, e.Flow)
		}
	}
	if len(c.errs) > known {
		return // what comes of such a table says nothing
	}
	for _, w := range slices.Concat(t.Same, flowWords(t.Entries), flowWords(t.Back), elseWord(t)) {
		session := through(back, w)
		if twice := through(to, w); twice != w {
			c.fail(op, "table %s: the flow word %s would become %s when it is mapped again; list it under same", t.Name, w, twice)
			return
		}
		if again := through(to, session); again != w {
			c.fail(op, "table %s: the flow word %s goes back to %s and comes again as %s; mend back", t.Name, w, session, again)
			return
		}
		if session != w {
			lossy = true
		}
	}
	c.tableLoss(op, t.Name, lossy, t.Loss)
}

func flowWords(list []WordEntry) (words []string) {
	for _, e := range list {
		words = append(words, e.Flow)
	}
	return words
}

func elseWord(t *WordTable) []string {
	if t.Else == "" {
		return nil
	}
	return []string{t.Else}
}

// prefixes checks a prefix table, as words does a word table. A text that begins like a
// result without having been mapped is always possible, so such a table always loses.
func (c *checker) prefixes(op Op, t *PrefixTable) {
	if t == nil {
		return
	}
	if len(t.Entries) == 0 {
		c.fail(op, "table %s has no entries", t.Name)
	}
	for i, e := range t.Entries {
		for _, earlier := range t.Entries[:i] {
			if hides(earlier, e, earlier.Session, e.Session) {
				c.fail(op, "table %s: %q can match nothing: %q before it matches first", t.Name, e.Session, earlier.Session)
			}
		}
		if !becomes(t.Entries, e.Flow, e.Whole, e.Flow) {
			c.fail(op, "table %s: what became %q would be mapped once more when it is mapped again", t.Name, e.Flow)
		}
	}
	for i, e := range t.Back {
		for _, earlier := range t.Back[:i] {
			if hides(earlier, e, earlier.Flow, e.Flow) {
				c.fail(op, "table %s: back: %q can match nothing: %q before it matches first", t.Name, e.Flow, earlier.Flow)
			}
		}
		if !becomes(t.Entries, e.Session, e.Whole, e.Flow) {
			c.fail(op, "table %s: %q goes back to %q, which does not always come again as it was; mend back", t.Name, e.Flow, e.Session)
		}
	}
	c.tableLoss(op, t.Name, true, t.Loss)
}

// hides says whether an earlier entry, which looks for one text, matches whatever a later one
// would match, which looks for another.
func hides(earlier, later PrefixEntry, one, another string) bool {
	if earlier.Whole {
		return later.Whole && one == another
	}
	return strings.HasPrefix(another, one)
}

// becomes says whether entries make want of text and, unless it is whole, of all texts that
// begin with it what begins with want and goes on in the same way.
func becomes(entries []PrefixEntry, text string, whole bool, want string) bool {
	for _, e := range entries {
		switch {
		case !e.Whole && strings.HasPrefix(text, e.Session):
			return e.Flow+text[len(e.Session):] == want
		case e.Whole && whole && text == e.Session:
			return e.Flow == want
		case !whole && strings.HasPrefix(e.Session, text): // a text that goes on like this
			if e.Flow != want+e.Session[len(text):] {
				return false
			}
		}
	}
	return text == want
}

func (c *checker) tableLoss(op Op, name string, lossy bool, why string) {
	switch {
	case lossy && why == "":
		c.fail(op, "table %s: an undeclared loss: not every text comes back as it was; say so with loss: WHY", name)
	case !lossy && why != "":
		c.fail(op, "table %s: a loss is declared (%q) but every word comes back as it was", name, why)
	}
}
