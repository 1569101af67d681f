package flags

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestUndo goes through the journal of a Live, which fetches what an undo is about.
func TestUndo(t *testing.T) {
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Verify}, Flag{Endpoint: "login", Stage: Dual}) // versions 1 and 2
	ctx := context.Background()
	do := func(c Change) {
		t.Helper()
		if _, _, err := l.Change(ctx, c, forced(), nil, false); err != nil {
			t.Fatalf("%T: %v", c, err)
		}
	}
	undo := func(version int64, want string, is error) {
		t.Helper()
		_, _, err := l.Change(ctx, Undo{version}, ann, nil, false)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || err.Error() != want), is != nil && !errors.Is(err, is):
			t.Fatalf("undo of %d: %v, want %s", version, err, want)
		}
	}
	shown := func(want string) {
		t.Helper()
		got := ""
		for _, f := range l.State().Flags {
			got += fmt.Sprintf("%s %s %d rules; ", f.Endpoint, f.Stage, len(f.Rules))
		}
		if got != want {
			t.Fatalf("%s\nwant %s", got, want)
		}
	}
	do(set("context-me", FlowOnly, pilot(Dual))) // 3, forced
	undo(1, "changed meanwhile: flag context-me has been changed since, by ann in version 3 (set: a test): undo that first", ErrStale)
	undo(9, "no such entry: the journal has no version 9", ErrNoEntry)
	undo(0, "no such entry: the journal has no version 0", ErrNoEntry)
	undo(3, "", nil) // 4: back over two stages, without force
	shown("context-me verify 0 rules; login dual 0 rules; ")
	undo(3, "changed meanwhile: flag context-me has been changed since, by ann in version 4 (undo: a test): undo that first", ErrStale)
	undo(4, "", nil) // 5: an undo is undone
	shown("context-me flow_only 1 rules; login dual 0 rules; ")
	undo(2, "", nil) // 6: what has not been changed since, while others have
	shown("context-me flow_only 1 rules; ")
	undo(6, "", nil) // 7
	do(RemoveFlag{"login"})
	undo(8, "", nil) // 9: a flag that was removed is there again
	shown("context-me flow_only 1 rules; login dual 0 rules; ")
	do(SwitchKill{On: true}) // 10
	undo(10, "version: version 10 changed no flag (kill): the kill switch and freezes are switched, added and removed", nil)
}

func TestUndoOfWhatTimeDid(t *testing.T) {
	flag := Flag{Endpoint: "context-me", Stage: Dual, Rules: []Rule{rising(0)}}
	s := applied(t, State{}, SetFlag{flag}, StartRamp{"context-me", Ramp{Rule: "rising", Steps: steps(100, 200, 300)}})
	undo := func(s State, e Entry, now time.Time) (State, error) {
		around := surroundings()
		around.Journal, around.Journaled = []Entry{e}, s.Version
		after, _, err := Apply(s, Undo{e.Version}, ann, around, now)
		return after, err
	}
	stepped, e, err := Apply(s, advance{}, ann, surroundings(), in(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	back, err := undo(stepped, e, in(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if f := back.Flags[0]; *f.Rules[0].Cohort.Share != 100 || !f.Ramp.Paused || f.Ramp.Step != 0 {
		t.Errorf("undoing a step gives a ramp that is not held at the step before: %+v", f.Ramp)
	}
	if back.due(nil, in(100*time.Hour)) {
		t.Error("the step that was undone is due again")
	}

	flag.Expires = &Expiry{At: in(time.Hour)}
	s = applied(t, State{}, set("context-me", Verify), SetFlag{flag})
	expired, e, err := Apply(s, advance{}, ann, surroundings(), in(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	back, err = undo(expired, e, in(2*time.Hour))
	if f := back.Flags[0]; err != nil || f.Stage != Dual || f.Expires != nil {
		t.Errorf("undoing that a flag expired: %+v %v", f, err)
	}

	// A change of a flag that would have expired by now is undone: it is what it would have gone back to.
	changed, e, err := Apply(s, set("context-me", FlowOnly, rising(0)), ann, surroundings(), in(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	back, err = undo(changed, e, in(2*time.Hour))
	if f := back.Flags[0]; err != nil || f.Stage != Verify {
		t.Errorf("%+v %v", f, err)
	}

	// The journal has gone on: what was read of it says nothing.
	around := surroundings()
	around.Journal, around.Journaled = []Entry{e}, changed.Version-1
	if _, _, err := Apply(changed, Undo{e.Version}, ann, around, noon()); !errors.Is(err, errJournalMoved) {
		t.Errorf("an old journal: %v", err)
	}
	e.From = []byte(`{"endpoint":"context-me","stage":"dual","later":1}`)
	if _, err := undo(changed, e, noon()); err == nil || err.Error() != `what version 3 changed cannot be read: json: unknown field "later"` {
		t.Errorf("an entry of a later crossfade: %v", err)
	}
}
