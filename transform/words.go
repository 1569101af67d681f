package transform

import (
	"slices"
	"strings"
)

// Vocabulary is a word table for words outside bodies, in query parameters and URLs. It is
// immutable.
type Vocabulary struct {
	toFlow  *textMap
	known   []string            // flow words, each once, those that both shapes share first
	session map[string][]string // by flow word: what becomes it
	partly  map[string]bool     // flow words that more becomes than can be listed
	closed  bool                // every word has an answer in the table
}

// NewVocabulary reads a table.
func NewVocabulary(t *WordTable) *Vocabulary {
	v := &Vocabulary{
		toFlow: wordMap(t, ToFlow), session: map[string][]string{}, partly: map[string]bool{t.Else: true}, closed: t.Else != "",
	}
	for _, w := range slices.Concat(t.Same, flowWords(t.Entries), flowWords(t.Back), elseWord(t)) {
		if !slices.Contains(v.known, w) {
			v.known = append(v.known, w)
		}
	}
	// A word that goes back to another one is the flow shape's alone, though the table keeps it.
	candidates := slices.DeleteFunc(slices.Clone(t.Same), func(w string) bool {
		return slices.ContainsFunc(t.Back, func(e WordEntry) bool { return e.Flow == w && e.Session != w })
	})
	for _, e := range t.Entries {
		if strings.HasSuffix(e.Session, "*") {
			v.partly[e.Flow] = true
		} else {
			candidates = append(candidates, e.Session)
		}
	}
	for _, w := range candidates {
		flow := v.FlowWord(w)
		if !slices.Contains(v.session[flow], w) {
			v.session[flow] = append(v.session[flow], w)
		}
	}
	return v
}

// FlowWords lists the words of the flow shape that the table knows, each once.
func (v *Vocabulary) FlowWords() []string { return v.known }

// FlowWord is the word of the flow shape for one of the session shape. One that the table keeps is itself.
func (v *Vocabulary) FlowWord(session string) string {
	mapped, changed := v.toFlow.apply(&run{}, nil, quote(nil, session))
	if !changed {
		return session
	}
	return string(unescape(nil, mapped))
}

// SessionWords lists the words of the session shape that become flow, for a request that has to
// mean all of them: none for what is no word of the flow shape. all is false where there are more
// than can be listed: any word with some beginning becomes flow, or any that no entry knows.
func (v *Vocabulary) SessionWords(flow string) (words []string, all bool) {
	if !slices.Contains(v.known, flow) {
		if v.closed || v.FlowWord(flow) != flow {
			return nil, true
		}
		return []string{flow}, true // kept in both directions
	}
	return v.session[flow], !v.partly[flow]
}
