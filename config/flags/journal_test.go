package flags

import (
	"encoding/json"
	"testing"
	"time"
)

// written gives the journal of some changes, the first entry first.
func written(t *testing.T) []Entry {
	t.Helper()
	store := NewMemory()
	l, err := Open(t.Context(), LiveOptions{Store: store, Settings: Settings{Endpoints: []string{"context-me"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Change{set("context-me", Verify, pilot(Dual)), set("context-me", Dual), SwitchKill{On: true}, SwitchKill{}, SetFlag{Flag{Endpoint: "context-me", Stage: FlowOnly, Expires: &Expiry{At: time.Now().Add(time.Hour)}}}} {
		changed(t, l, c)
	}
	newest, err := store.History(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	for i := len(newest) - 1; i >= 0; i-- {
		entries = append(entries, newest[i])
	}
	return entries
}

func TestChainOfTheJournal(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(e []Entry) []Entry
		want   string
	}{
		{"as it was written", func(e []Entry) []Entry { return e }, ""},
		{"from the middle on", func(e []Entry) []Entry { return e[2:] }, ""},
		{"none", func([]Entry) []Entry { return nil }, ""},
		{"in another time zone", func(e []Entry) []Entry {
			for i := range e {
				e[i].At = e[i].At.In(time.FixedZone("", 3600))
				if e[i].Until != nil {
					until := e[i].Until.In(time.FixedZone("", 3600))
					e[i].Until = &until
				}
			}
			return e
		}, ""},
		{"another author", func(e []Entry) []Entry { e[1].By = "bob"; return e }, "entry 2 of the journal is not what was written: its hash differs"},
		{"another flag", func(e []Entry) []Entry { e[1].To = json.RawMessage(`{}`); return e }, "entry 2 of the journal is not what was written: its hash differs"},
		{"what is no JSON", func(e []Entry) []Entry { e[1].To = json.RawMessage(`{`); return e }, "entry 2 of the journal is not what was written: its hash differs"},
		{"one is gone", func(e []Entry) []Entry { return append(e[:1], e[2:]...) }, "the journal has entry 3 behind 1"},
		{"the first is gone, and the second says that it is it", func(e []Entry) []Entry { e[1].Version = 1; return []Entry{e[1].Seal(e[0].Hash)} }, "entry 1 of the journal is not the first that was written"},
		{"one was written anew", func(e []Entry) []Entry { e[1].By = "bob"; e[1] = e[1].Seal(e[0].Hash); return e }, "entry 3 of the journal does not follow 2: one of them was exchanged"},
	} {
		err := VerifyChain(row.change(written(t)))
		if got := ""; err != nil && err.Error() != row.want || err == nil && row.want != got {
			t.Errorf("%s: %v, want %s", row.name, err, row.want)
		}
	}
}

func TestMemoryTellsItsHistory(t *testing.T) {
	store := NewMemory()
	l, err := Open(t.Context(), LiveOptions{Store: store, Settings: Settings{Endpoints: []string{"context-me", "login"}}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		changed(t, l, set([]string{"context-me", "login"}[i%2], []Stage{Dual, FlowOnly}[i/2%2]))
		changed(t, l, SwitchKill{On: true})
	}
	for _, row := range []struct {
		query       Query
		count       int
		first, last int64
	}{
		{Query{}, 100, 120, 21},
		{Query{Limit: 2}, 2, 120, 119},
		{Query{Before: 5}, 4, 4, 1},
		{Query{Endpoint: "login", Limit: 3}, 3, 119, 111},
		{Query{Endpoint: "login", Before: 111, Limit: 1}, 1, 107, 107},
	} {
		got, err := l.History(t.Context(), row.query)
		if err != nil || len(got) != row.count || got[0].Version != row.first || got[len(got)-1].Version != row.last {
			t.Errorf("%+v: %d entries, %v", row.query, len(got), err)
		}
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
