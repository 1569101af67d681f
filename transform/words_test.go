package transform

import (
	"slices"
	"testing"
)

// TestSessionWords: a request that asks for a flow word means every session word that becomes it.
func TestSessionWords(t *testing.T) {
	closed := &WordTable{
		Name: "closed",
		Entries: []WordEntry{
			{"initialized", "pending"}, {"complete", "completed"}, {"archived", "completed"}, {"waiting_*", "paused"},
			{"waiting_room", "active"}, {"begun", "running"},
		},
		Same: []string{"active", "completed", "failed", "running"}, Else: "pending", Back: []WordEntry{{"begun", "running"}},
	}
	open := &WordTable{Name: "open", Entries: []WordEntry{{"started", "open"}, {"ended", "closed"}}}
	for _, tc := range []struct {
		name  string
		table *WordTable
		flow  string
		words []string
		all   bool
	}{
		{"a word that both share", closed, "failed", []string{"failed"}, true},
		{"one word that becomes another, and back", closed, "running", []string{"begun"}, true},
		{"several words that become one", closed, "completed", []string{"completed", "complete", "archived"}, true},
		{"any word with a beginning", closed, "paused", nil, false},
		{"any other word", closed, "pending", []string{"initialized"}, false},
		{"an exact entry behind a beginning that fits it", closed, "active", []string{"active", "waiting_room"}, true},
		{"a word of the session shape alone", closed, "archived", nil, true},
		{"a word that nobody knows, where others are mapped", closed, "odd", nil, true},
		{"one word, where others are kept", open, "open", []string{"started"}, true},
		{"a word that nobody knows is kept", open, "odd", []string{"odd"}, true},
		{"a word of the session shape alone, where others are kept", open, "started", nil, true},
		{"no word", open, "", []string{""}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := NewVocabulary(tc.table)
			words, all := v.SessionWords(tc.flow)
			if !slices.Equal(words, tc.words) || all != tc.all {
				t.Errorf("got %q, %t; want %q, %t", words, all, tc.words, tc.all)
			}
			for _, w := range words {
				if got := v.FlowWord(w); got != tc.flow {
					t.Errorf("%s becomes %s", w, got)
				}
			}
		})
	}
	if got, want := NewVocabulary(closed).FlowWords(), []string{"active", "completed", "failed", "running", "pending", "paused"}; !slices.Equal(got, want) {
		t.Errorf("flow words %q, want %q", got, want)
	}
}
