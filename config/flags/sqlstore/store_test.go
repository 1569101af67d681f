package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/internal/database"
)

// What every store does, wherever it keeps things.
func TestBehaviour(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func(testing.TB) flags.Store)
	}{
		{"nothing was set", emptyStore},
		{"what was written is read", writtenIsRead},
		{"a change sees the newest state and an error of it keeps nothing", changeThatRefuses},
		{"what is taken away is gone", takenAway},
		{"history is told newest first, by endpoint and page", historyPages},
		{"writers at once lose nothing", writersAtOnce},
		{"listening ends with its context", listeningEnds},
	} {
		t.Run(c.name, func(t *testing.T) {
			for kind, open := range kinds(t) {
				t.Run(kind, func(t *testing.T) { c.test(t, open) })
			}
		})
	}
}

func emptyStore(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	store := open(t)
	if diff := cmp.Diff(flags.State{}, read(t, store)); diff != "" {
		t.Error(diff)
	}
	if entries := journal(t, store); len(entries) != 0 {
		t.Errorf("a journal of %d", len(entries))
	}
}

func writtenIsRead(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	store := open(t)
	until := time.Date(2031, 1, 1, 0, 0, 0, 1000, time.UTC)
	everything := next("set", "context-me", "everything ☃ <&>", full)
	given := write(t, store, func(s flags.State, now time.Time) (flags.State, flags.Entry, error) {
		after, entry, err := everything(s, now)
		entry.Until, entry.Forced = &until, true
		return after, entry, err
	})
	for _, reader := range []flags.Store{store, open(t)} {
		if diff := cmp.Diff(given, read(t, reader)); diff != "" {
			t.Errorf("not the State that was written (-want +got):\n%s", diff)
		}
		entries := journal(t, reader)
		if len(entries) != 1 {
			t.Fatalf("a journal of %d", len(entries))
		}
		e := entries[0]
		if e.By != "ops" || e.Action != "set" || e.Endpoint != "context-me" || e.Reason != "everything ☃ <&>" || !e.Forced || !e.Until.Equal(until) || e.From != nil {
			t.Errorf("entry %+v", e)
		}
		if e.At.IsZero() || e.At.Nanosecond()%1000 != 0 || e.At.Location() != time.UTC {
			t.Errorf("at %v, want UTC to the microsecond", e.At)
		}
		if want := found(given, "context-me"); string(e.To) != string(want) {
			t.Errorf("to\n%s\nwant\n%s", e.To, want)
		}
	}
}

func changeThatRefuses(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	store, other := open(t), open(t)
	refused := errors.New("refused")
	for n := range 3 {
		_, err := other.Write(t.Context(), func(s flags.State, now time.Time) (flags.State, flags.Entry, error) {
			if s.Version != int64(n) || now.IsZero() {
				t.Errorf("a change of version %d at %v, want %d", s.Version, now, n)
			}
			after, entry, _ := set("a", flags.Dual, "no")(s, now)
			return after, entry, refused
		})
		if err != refused { //nolint:errorlint // the promise is the error itself
			t.Errorf("got %v", err)
		}
		if state := read(t, store); state.Version != int64(n) || len(journal(t, store)) != n {
			t.Errorf("version %d and a journal of %d after a refusal, want %d", state.Version, len(journal(t, store)), n)
		}
		write(t, store, set("a", flags.Dual, "yes"))
	}
}

func takenAway(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	store := open(t)
	write(t, store, next("set", "context-me", "everything", full))
	write(t, store, next("remove", "aB", "one", func(s *flags.State) { remove(s, "aB") }))
	if state := read(t, open(t)); len(state.Flags) != 6 || state.Kill == nil {
		t.Errorf("%d flags, kill %v", len(state.Flags), state.Kill)
	}
	want := write(t, store, next("undo", "", "all", func(s *flags.State) { s.Flags, s.Kill, s.Freezes = nil, nil, nil }))
	if diff := cmp.Diff(want, read(t, open(t))); diff != "" {
		t.Error(diff)
	}
}

func historyPages(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	store := open(t)
	var want []string
	for n := range 230 {
		endpoint := []string{"a", "b", ""}[n%3]
		write(t, store, next("set", endpoint, fmt.Sprint(n), func(*flags.State) {}))
		want = append(want, fmt.Sprint(n))
	}
	slices.Reverse(want)
	for _, c := range []struct {
		name string
		q    flags.Query
		want []string
	}{
		{"nothing asked for", flags.Query{}, want[:100]},
		{"a page", flags.Query{Limit: 7}, want[:7]},
		{"the page before", flags.Query{Limit: 7, Before: 224}, want[7:14]},
		{"more than there are", flags.Query{Limit: 500}, want},
		{"before the first", flags.Query{Before: 1}, nil},
		{"one endpoint", flags.Query{Endpoint: "b", Limit: 2}, []string{"229", "226"}},
		{"one endpoint, the page before", flags.Query{Endpoint: "b", Limit: 2, Before: 227}, []string{"223", "220"}},
		{"an endpoint that nobody knows", flags.Query{Endpoint: "c"}, nil},
	} {
		entries, err := store.History(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		if got := reasons(entries); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func writersAtOnce(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	const writers, each = 5, 12
	var group sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[int64]string{}
	for w := range writers {
		store := open(t)
		group.Go(func() {
			for n := range each {
				reason := fmt.Sprintf("%d/%d", w, n)
				state, err := store.Write(t.Context(), set(fmt.Sprintf("endpoint-%d", w%2), flags.Dual, reason))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if other, taken := acknowledged[state.Version]; taken {
					t.Errorf("version %d was given to %s and %s", state.Version, other, reason)
				}
				acknowledged[state.Version] = reason
				mu.Unlock()
			}
		})
	}
	group.Wait()
	entries := journal(t, open(t))
	if len(entries) != writers*each {
		t.Fatalf("a journal of %d, want %d", len(entries), writers*each)
	}
	for i, e := range entries {
		if acknowledged[e.Version] != e.Reason {
			t.Errorf("version %d is of %s, and was acknowledged to %s", e.Version, e.Reason, acknowledged[e.Version])
		}
		if i > 0 && e.At.Before(entries[i-1].At) {
			t.Errorf("entry %d is of %v, before the entry before", e.Version, e.At)
		}
	}
}

func listeningEnds(t *testing.T, open func(testing.TB) flags.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	store, ended := open(t), make(chan struct{})
	go func() {
		store.Listen(ctx, func() {})
		close(ended)
	}()
	cancel()
	<-ended
}

// Whatever is done to a store in memory and to one in a database, they answer alike.
func TestDatabasesDoWhatMemoryDoes(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			store, db := openBoth(t, url, database.Options{})
			rapid.Check(t, func(r *rapid.T) {
				memory := flags.NewMemory()
				read(t, store) // makes the tables
				for _, statement := range []string{"DELETE FROM flag", "DELETE FROM flag_journal", "UPDATE flag_state SET version = 0, kill = NULL, freezes = NULL"} {
					if _, err := db.SQL().ExecContext(t.Context(), statement); err != nil {
						r.Fatal(err)
					}
				}
				endpoints := rapid.SampledFrom([]string{"a", "b", "c", flags.DefaultFlag})
				stages := rapid.SampledFrom([]flags.Stage{flags.Passthrough, flags.Verify, flags.Dual, flags.FlowOnly})
				for range rapid.IntRange(1, 12).Draw(r, "changes") {
					endpoint, stage, reason := endpoints.Draw(r, "endpoint"), stages.Draw(r, "stage"), rapid.StringN(0, 20, 60).Draw(r, "reason")
					reason = strings.ToValidUTF8(reason, "?")
					c := rapid.SampledFrom([]change{
						set(endpoint, stage, reason),
						next("remove", endpoint, reason, func(s *flags.State) { remove(s, endpoint) }),
						next("kill", "", reason, func(s *flags.State) { s.Kill = &flags.Kill{By: "ops", Reason: reason} }),
						next("unkill", "", reason, func(s *flags.State) { s.Kill = nil }),
						func(flags.State, time.Time) (flags.State, flags.Entry, error) {
							return flags.State{}, flags.Entry{}, errors.New(reason)
						},
					}).Draw(r, "change")
					inMemory, err1 := memory.Write(t.Context(), c)
					inDatabase, err2 := store.Write(t.Context(), c)
					if (err1 == nil) != (err2 == nil) {
						r.Fatalf("%v in memory, %v in the database", err1, err2)
					}
					if diff := cmp.Diff(inMemory, inDatabase); diff != "" {
						r.Fatal(diff)
					}
				}
				if diff := cmp.Diff(read(t, memory), read(t, store)); diff != "" {
					r.Fatal(diff)
				}
				a, b := journal(t, memory), journal(t, store)
				for i := range a {
					// Each has its own clock, and hashes with it.
					a[i].At, a[i].Hash, a[i].Previous = time.Time{}, "", ""
					b[i].At, b[i].Hash, b[i].Previous = time.Time{}, "", ""
				}
				if diff := cmp.Diff(a, b); diff != "" {
					r.Fatal(diff)
				}
			})
		})
	}
}

func TestChangeThatLeadsNowhereIsRefused(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			store := open(t, url)
			write(t, store, set("a", flags.Dual, "first"))
			_, err := store.Write(t.Context(), func(s flags.State, now time.Time) (flags.State, flags.Entry, error) {
				after, entry, err := set("a", flags.Verify, "second")(s, now)
				after.Version++
				return after, entry, err
			})
			if err == nil || err.Error() != "flags store: a change of version 1 led to 3, and to entry 2 of the journal" {
				t.Errorf("got %v", err)
			}
			if state := read(t, store); state.Version != 1 || state.Flags[0].Stage != flags.Dual {
				t.Errorf("read %+v", state)
			}
		})
	}
}

func TestClockNeverGoesBehindTheJournal(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			store := open(t, url)
			ahead := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
			write(t, store, func(s flags.State, _ time.Time) (flags.State, flags.Entry, error) {
				return set("a", flags.Dual, "by a clock that was ahead")(s, ahead)
			})
			write(t, store, func(s flags.State, now time.Time) (flags.State, flags.Entry, error) {
				if !now.Equal(ahead) {
					t.Errorf("it is %v, want %v", now, ahead)
				}
				return set("a", flags.Dual, "next")(s, now)
			})
		})
	}
}

func TestListenersHearOfWritesElsewhere(t *testing.T) {
	url := server.Database(t)
	store, other := open(t, url), open(t, url)
	hints := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		store.Listen(ctx, func() { hints <- struct{}{} })
		close(ended)
	}()
	<-hints // it has connected
	write(t, other, set("a", flags.Dual, "heard"))
	<-hints
	cancel()
	<-ended
}
