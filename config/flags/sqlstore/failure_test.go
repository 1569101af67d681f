package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
)

func do(t *testing.T, f func() error) {
	t.Helper()
	if err := f(); err != nil {
		t.Fatal(err)
	}
}

func TestStoreThatIsAwaySaysSoAndComesBack(t *testing.T) {
	s := postgrestest.Own(t, postgrestest.Options{})
	store, _ := openBoth(t, s.URL("postgres"), database.Options{Timeout: time.Second})
	away := func(when string) {
		t.Helper()
		_, read := store.Read(t.Context())
		_, version := store.Version(t.Context())
		_, write := store.Write(t.Context(), set("a", flags.Verify, "lost"))
		_, history := store.History(t.Context(), flags.Query{})
		_, verify := store.Verify(t.Context())
		for what, err := range map[string]error{"read": read, "version": version, "write": write, "history": history, "verify": verify} {
			if !errors.Is(err, flags.ErrUnavailable) || !strings.HasPrefix(err.Error(), "the store is not available: ") {
				t.Errorf("%s, %s: %v", when, what, err)
			}
		}
	}
	do(t, s.Stop)
	away("before the first contact")
	do(t, s.Start)
	want := write(t, store, set("a", flags.Dual, "kept"))
	for _, c := range []struct {
		when       string
		begin, end func() error
	}{
		{"stopped", s.Stop, s.Start},
		{"killed", s.Kill, s.Start},
		{"paused", s.Pause, s.Resume},
	} {
		do(t, c.begin)
		away(c.when)
		do(t, c.end)
		if diff := cmp.Diff(want, read(t, store)); diff != "" {
			t.Errorf("%s: %s", c.when, diff)
		}
	}
	write(t, store, set("a", flags.FlowOnly, "and this"))
	if got := strings.Join(reasons(journal(t, store)), ", "); got != "kept, and this" {
		t.Errorf("the journal has %s", got)
	}
}

func TestWriteThatNobodyAnswersIsUnknown(t *testing.T) {
	s := postgrestest.Own(t, postgrestest.Options{})
	store, _ := openBoth(t, s.URL("postgres"), database.Options{Timeout: 30 * time.Second})
	write(t, store, set("a", flags.Dual, "kept"))
	do(t, func() error { return s.SlowCommits(s.URL("postgres"), "crossfade.flag_journal") })
	done := make(chan error)
	go func() {
		_, err := store.Write(t.Context(), set("a", flags.FlowOnly, "who knows"))
		done <- err
	}()
	do(t, s.AwaitCommit)
	do(t, s.Kill)
	if err := <-done; !errors.Is(err, flags.ErrUnknown) || errors.Is(err, flags.ErrUnavailable) || !strings.HasPrefix(err.Error(), "the store went away while it wrote: ") {
		t.Errorf("got %v", err)
	}
	do(t, s.Start)
	// A later read tells: this one was not kept.
	if state := read(t, store); state.Version != 1 {
		t.Errorf("version %d", state.Version)
	}
}

func TestDiskThatIsFullKeepsTheOldState(t *testing.T) {
	store, db := openBoth(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), database.Options{Connections: 1})
	want := write(t, store, set("a", flags.Dual, "kept"))
	if _, err := db.SQL().ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // it cannot grow any more
		t.Fatal(err)
	}
	_, err := store.Write(t.Context(), set("a", flags.FlowOnly, strings.Repeat("too long ", 10_000)))
	if !errors.Is(err, flags.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(want, read(t, store)); diff != "" || len(journal(t, store)) != 1 {
		t.Errorf("a journal of %d, and %s", len(journal(t, store)), diff)
	}
	if _, err := db.SQL().ExecContext(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	write(t, store, set("a", flags.FlowOnly, "and this"))
}

// Root may write what is read-only, so the file is opened as one that may not be written.
func TestFileThatCannotBeWrittenIsRead(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	want := write(t, open(t, url), set("a", flags.Dual, "kept"))
	store, db := openBoth(t, url, database.Options{Connections: 1})
	if _, err := db.SQL().ExecContext(t.Context(), "PRAGMA query_only = on"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read(t, store)); diff != "" {
		t.Error(diff)
	}
	if _, err := store.Write(t.Context(), set("a", flags.FlowOnly, "lost")); !errors.Is(err, flags.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(want, read(t, store)); diff != "" {
		t.Error(diff)
	}
}

func TestCallerWhoLeavesWritesNothing(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) {
			store := open(t, url)
			write(t, store, set("a", flags.Dual, "kept"))
			ctx, cancel := context.WithCancel(t.Context())
			_, err := store.Write(ctx, func(s flags.State, now time.Time) (flags.State, flags.Entry, error) {
				cancel()
				return set("a", flags.FlowOnly, "lost")(s, now)
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if state := read(t, store); state.Version != 1 || len(journal(t, store)) != 1 {
				t.Errorf("version %d", state.Version)
			}
		})
	}
}

func TestVerifyFindsOtherHands(t *testing.T) {
	long := longJournal(t)
	for _, c := range []struct{ name, statement, want string }{
		{"nothing was done", "DELETE FROM flag_journal WHERE version = 1000000", ""},
		{"a reason was changed", "UPDATE flag_journal SET entry = replace(entry, 'reason 2', 'treason') WHERE version = 2", "entry 2 of the journal is not what was written: its hash differs"},
		{"an entry was removed", "DELETE FROM flag_journal WHERE version = 2", "the journal has entry 3 behind 1"},
		{"the first was removed", "DELETE FROM flag_journal WHERE version = 1", "the journal begins with entry 2: those before it were removed"},
		{"the last was removed", "DELETE FROM flag_journal WHERE version = 1200", "the journal ends with entry 1199, and the flags are of version 1200: entries were removed or put in"},
		{"all were removed", "DELETE FROM flag_journal", "the journal ends with entry 0, and the flags are of version 1200: entries were removed or put in"},
		{"an entry hides behind another endpoint", "UPDATE flag_journal SET endpoint = 'b' WHERE version = 3", `row 3 of the journal, of "b", has entry 3, of "a"`},
		{"behind a page", "UPDATE flag_journal SET entry = replace(entry, 'reason 1000', 'treason') WHERE version = 1000", "entry 1000 of the journal is not what was written: its hash differs"},
		{"at the edge of a page", "UPDATE flag_journal SET entry = replace(entry, 'reason 1001', 'treason') WHERE version = 1001", "entry 1001 of the journal is not what was written: its hash differs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(long)); err != nil {
				t.Fatal(err)
			}
			store, db := openBoth(t, "sqlite:"+filepath.Join(dir, "x.db"), database.Options{})
			if _, err := db.SQL().ExecContext(t.Context(), c.statement); err != nil {
				t.Fatal(err)
			}
			n, err := store.Verify(t.Context())
			if got := fmt.Sprint(err); c.want != "" && got != c.want || c.want == "" && (err != nil || n != 1200) {
				t.Errorf("got %d and %v, want %s", n, err, c.want)
			}
		})
	}
}

// longJournal makes a store of 1,200 entries, which is more than are read at once, and gives its folder.
func longJournal(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	db, err := database.Open("sqlite:"+filepath.Join(dir, "x.db"), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.New(db)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 1200 {
		write(t, store, set("a", flags.Dual, fmt.Sprintf("reason %d", n+1)))
	}
	do(t, db.Close)
	return dir
}

// A process that writes one flag after the other is killed in the middle of it, again and again: all that
// it was told to be written is there.
func TestAcknowledgedWritesSurviveKills(t *testing.T) {
	for name, url := range databases(t) {
		t.Run(name, func(t *testing.T) { killWriters(t, url, 8, func() error { return nil }) })
	}
	t.Run("postgres is killed with it", func(t *testing.T) {
		s := postgrestest.Own(t, postgrestest.Options{})
		killWriters(t, s.URL("postgres"), 4, func() error { return errors.Join(s.Kill(), s.Start()) })
	})
}

func killWriters(t *testing.T, url string, rounds int, between func() error) {
	t.Helper()
	seeded := rand.New(rand.NewPCG(1, 2))
	acknowledged := map[int64]string{}
	for range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SQLSTORE_TEST_WRITER="+url)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		do(t, cmd.Start)
		lines := bufio.NewScanner(out)
		enough := 1 + seeded.IntN(40)
		for n := 0; lines.Scan(); n++ {
			var version int64
			var reason string
			if _, err := fmt.Sscan(lines.Text(), &version, &reason); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			acknowledged[version] = reason
			if n == enough {
				do(t, cmd.Process.Kill)
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the writer ended by itself: %v", err)
		}
		do(t, between)
		entries := journal(t, open(t, url))
		for version, reason := range acknowledged {
			if version > int64(len(entries)) || entries[version-1].Reason != reason {
				t.Fatalf("version %d, %s, was acknowledged and is not there (a journal of %d)", version, reason, len(entries))
			}
		}
		if state := read(t, open(t, url)); state.Version != int64(len(entries)) {
			t.Errorf("version %d and a journal of %d", state.Version, len(entries))
		}
	}
	if len(acknowledged) < rounds {
		t.Errorf("only %d writes were acknowledged", len(acknowledged))
	}
}
