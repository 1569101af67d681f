package sqlstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
)

var server *postgrestest.Server

func TestMain(m *testing.M) {
	if url := os.Getenv("SQLSTORE_TEST_WRITER"); url != "" {
		os.Exit(writer(url))
	}
	os.Exit(postgrestest.Main(m, &server))
}

// kinds are the stores that have to behave alike. Each call of the function gives another handle, with
// connections of its own, of one and the same store; in memory there is only one.
func kinds(t *testing.T) map[string]func(testing.TB) flags.Store {
	t.Helper()
	memory := flags.NewMemory()
	return map[string]func(testing.TB) flags.Store{
		"memory":   func(testing.TB) flags.Store { return memory },
		"sqlite":   handles("sqlite:" + filepath.Join(t.TempDir(), "x.db")),
		"postgres": handles(server.Database(t)),
	}
}

// databases are the kinds that outlive a process.
func databases(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "postgres": server.Database(t)}
}

func handles(url string) func(testing.TB) flags.Store {
	return func(tb testing.TB) flags.Store {
		tb.Helper()
		return open(tb, url)
	}
}

func open(tb testing.TB, url string) *sqlstore.Store {
	tb.Helper()
	store, _ := openBoth(tb, url, database.Options{})
	return store
}

// openBoth gives the database under the store, too.
func openBoth(tb testing.TB, url string, o database.Options) (*sqlstore.Store, *database.DB) {
	tb.Helper()
	db, err := database.Open(url, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	store, err := sqlstore.New(db)
	if err != nil {
		tb.Fatal(err)
	}
	return store, db
}

type change = func(flags.State, time.Time) (flags.State, flags.Entry, error)

// next is a change that does edit to a copy of the State and describes it as core changes do.
func next(action, endpoint, reason string, edit func(s *flags.State)) change {
	return func(before flags.State, now time.Time) (flags.State, flags.Entry, error) {
		after := before
		after.Flags, after.Freezes = slices.Clone(before.Flags), slices.Clone(before.Freezes)
		after.Version++
		edit(&after)
		return after, flags.Entry{
			Version: after.Version, At: now.UTC().Truncate(time.Microsecond), By: "ops", Action: action, Endpoint: endpoint, Reason: reason,
			From: found(before, endpoint), To: found(after, endpoint),
		}, nil
	}
}

func found(s flags.State, endpoint string) json.RawMessage {
	for _, flag := range s.Flags {
		if flag.Endpoint == endpoint {
			data, err := json.Marshal(flag)
			if err != nil {
				panic(err)
			}
			return data
		}
	}
	return nil
}

// set puts a flag with nothing but a stage in the place of the one there was.
func set(endpoint string, stage flags.Stage, reason string) change {
	return next("set", endpoint, reason, func(s *flags.State) { place(s, flags.Flag{Endpoint: endpoint, Stage: stage}) })
}

func place(s *flags.State, flag flags.Flag) {
	flag.Changed = s.Version
	remove(s, flag.Endpoint)
	s.Flags = append(s.Flags, flag)
	slices.SortFunc(s.Flags, func(a, b flags.Flag) int { return strings.Compare(a.Endpoint, b.Endpoint) })
}

func remove(s *flags.State, endpoint string) {
	s.Flags = slices.DeleteFunc(s.Flags, func(f flags.Flag) bool { return f.Endpoint == endpoint })
	if len(s.Flags) == 0 {
		s.Flags = nil
	}
}

func write(tb testing.TB, store flags.Store, c change) flags.State {
	tb.Helper()
	state, err := store.Write(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return state
}

func read(tb testing.TB, store flags.Store) flags.State {
	tb.Helper()
	state, err := store.Read(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	version, err := store.Version(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	if version < state.Version {
		tb.Errorf("version %d after a State of version %d", version, state.Version)
	}
	return state
}

// journal gives the whole journal, in the order in which it was written, verified.
func journal(tb testing.TB, store flags.Store) []flags.Entry {
	tb.Helper()
	entries, err := store.History(tb.Context(), flags.Query{Limit: 1_000_000})
	if err != nil {
		tb.Fatal(err)
	}
	slices.Reverse(entries)
	if err := flags.VerifyChain(entries); err != nil {
		tb.Error(err)
	}
	for i, e := range entries {
		if e.Version != int64(i+1) {
			tb.Fatalf("entry %d of the journal has version %d", i+1, e.Version)
		}
	}
	if s, ok := store.(*sqlstore.Store); ok {
		if n, err := s.Verify(tb.Context()); err != nil || n < len(entries) {
			tb.Errorf("verified %d of %d entries: %v", n, len(entries), err)
		}
	}
	return entries
}

func reasons(entries []flags.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Reason)
	}
	return all
}

// full is a State that has everything that a State can have.
func full(s *flags.State) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	share, yes := flags.Share(1234), true
	// The snowman and the signs are what databases and JSON may take for something else.
	cohort := flags.Cohort{
		Tenants: []string{"11111111-1111-1111-1111-111111111111", "☃'\"\\$1\x7f<&>\u2028"}, Engagements: []string{"e"}, Users: []string{"u"},
		Headers: []flags.Match{{Name: "X-App", Version: ">= 2.3 < 4"}}, Cookies: []flags.Match{{Name: "c", Present: &yes}},
		Claims: []flags.Match{{Name: "role", Values: []string{"a", "b"}}}, UserAgents: []string{"curl"}, Origins: []string{"https://x"},
		Share: &share,
	}
	s.Kill = &flags.Kill{At: at, By: "ops", Reason: "☃"}
	s.Freezes = []flags.Freeze{{Name: "friday", From: at, Until: at.Add(time.Hour)}}
	place(s, flags.Flag{
		Endpoint: "context-me", Stage: flags.Verify, Journey: "j", Rules: []flags.Rule{{Name: "r", Cohort: cohort, Stage: flags.Dual}},
		Ramp:    &flags.Ramp{Rule: "r", Steps: []flags.Step{{Share: 100, Hold: flags.Hold(time.Minute)}, {Share: 10_000}}, Since: at},
		Window:  &flags.Window{Stage: flags.FlowOnly, Cohort: cohort, From: at, Until: at.Add(time.Minute)},
		Expires: &flags.Expiry{At: at, To: &flags.Flag{Endpoint: "context-me", Stage: flags.Passthrough}},
	})
	for _, endpoint := range []string{"a_b", "aB", "B", flags.DefaultFlag, "zz", "a-b"} {
		place(s, flags.Flag{Endpoint: endpoint, Stage: flags.Dual})
	}
}

// writer is the process that is killed: it writes one flag after the other and says, line by line, which versions were
// acknowledged.
func writer(url string) int {
	db, err := database.Open(url, database.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	store, err := sqlstore.New(db)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for n := 0; ; n++ {
		reason := fmt.Sprintf("%d/%d", os.Getpid(), n)
		state, err := store.Write(context.Background(), set(fmt.Sprintf("endpoint-%d", n%5), flags.Dual, reason))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Fprintf(os.Stdout, "%d %s\n", state.Version, reason)
	}
}
