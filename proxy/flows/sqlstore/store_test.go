package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

func TestOneFlowIsCurrentInEachEngagement(t *testing.T) {
	everywhere(t, func(b *bed) {
		other := b.replica()
		for _, flow := range []string{one, two, one, three} {
			must(b, b.Activate(t.Context(), annEast, flow))
			if got := b.current(other, annEast); got != flow {
				t.Errorf("another replica says %q, want %q", got, flow)
			}
		}
		// Other users and engagements are not touched.
		annWest := flows.Caller{User: ann, Engagement: west}
		if got := b.current(other, annWest) + b.current(other, flows.Caller{User: bob, Engagement: east}); got != "" {
			t.Errorf("somebody else has %q", got)
		}
		// A flow that moves to another engagement is current there alone.
		must(b, b.Activate(t.Context(), annWest, three))
		if e, w := b.current(other, annEast), b.current(other, annWest); e != "" || w != three {
			t.Errorf("east %q, west %q", e, w)
		}
		was, err := b.Deactivate(t.Context(), annWest, three)
		must(b, err)
		again, err := b.Deactivate(t.Context(), annWest, three)
		must(b, err)
		if !was || again || b.current(other, annWest) != "" {
			t.Errorf("deactivated %v, then %v, current %q", was, again, b.current(other, annWest))
		}
	})
}

func TestAHundredActivatesLeaveOneCurrent(t *testing.T) {
	everywhere(t, func(b *bed) {
		stores := []*Store{b.Store, b.replica()}
		var all sync.WaitGroup
		for n := range 100 {
			all.Go(func() {
				flow := fmt.Sprintf("ffffffff-0000-4000-8000-%012d", n%10)
				if err := stores[n%2].Activate(t.Context(), annEast, flow); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if b.current(b.Store, annEast) == "" { // it tells of two itself
			t.Error("none is current")
		}
		if r := b.recalled(b.Store, annEast); len(r.Activated) != 10 || r.Version != 100 {
			t.Errorf("%d rows, version %d; want 10 and 100", len(r.Activated), r.Version)
		}
	})
}

// The index alone holds it, whoever writes.
func TestTheDatabaseRefusesASecondCurrentFlow(t *testing.T) {
	everywhere(t, func(b *bed) {
		must(b, b.Activate(t.Context(), annEast, one))
		_, err := b.db.SQL().ExecContext(t.Context(), b.names.Replace(`INSERT INTO {active} (user_id, flow_id, engagement_id, is_current)
			VALUES ($1, $2, $3, TRUE)`), ann, two, east)
		if !errors.Is(database.Classify(err), database.ErrDuplicate) {
			t.Errorf("got %v", err)
		}
	})
}

func TestVersionsTellOfChanges(t *testing.T) {
	everywhere(t, func(b *bed) {
		version := func() int64 {
			t.Helper()
			n, err := b.Version(t.Context(), east)
			must(b, err)
			return n
		}
		if n := version(); n != 0 {
			t.Errorf("nothing was ever written: version %d", n)
		}
		must(b, b.Describe(t.Context(), one, details1()))
		r := b.recalled(b.Store, annEast, one, two)
		if r.Details[one].Type != "assessment" || string(r.Details[one].Metadata) == "" || version() != r.Version {
			t.Errorf("version %d of %+v", version(), r)
		}
		// Another engagement's changes do not matter, this one's do, from any replica.
		other := b.replica()
		must(b, other.Activate(t.Context(), flows.Caller{User: ann, Engagement: west}, two))
		if version() != r.Version {
			t.Error("changed by another engagement")
		}
		must(b, other.Activate(t.Context(), flows.Caller{User: bob, Engagement: east}, two))
		if version() <= r.Version {
			t.Error("a replica's change was not seen")
		}
		// Nothing is known without asking, since nobody follows.
		if _, known := b.Known(east); known || b.Empty() {
			t.Error("something is known without asking")
		}
	})
}

func details1() flows.Details {
	return flows.Details{Type: "assessment", Status: "paused", Engagement: east, CreatedBy: ann, Metadata: []byte(`{"wave": 12345678901234567890, "q": [1.50, null]}`)}
}

func TestDescribeKeepsWhatIsNotNamed(t *testing.T) {
	everywhere(t, func(b *bed) {
		must(b, b.Describe(t.Context(), one, details1()))
		must(b, b.Describe(t.Context(), one, flows.Details{Status: "failed", Engagement: east}))
		d, err := b.Details(t.Context(), []string{one, two})
		must(b, err)
		if len(d) != 1 || d[one].Type != "assessment" || d[one].Status != "failed" || !strings.Contains(string(d[one].Metadata), "12345678901234567890") {
			t.Errorf("got %+v", d)
		}
		must(b, b.Activate(t.Context(), annEast, one))
		must(b, b.Remove(t.Context(), one, east))
		if r := b.recalled(b.Store, annEast, one); len(r.Details)+len(r.Activated) != 0 {
			t.Errorf("left: %+v", r)
		}
	})
}

func TestIntents(t *testing.T) {
	everywhere(t, func(b *bed) {
		i := flows.Intent{ID: one, User: ann, Key: "k", Digest: "d", Details: details1(), Name: "N", Lease: time.Minute}
		_, fresh, err := b.Begin(t.Context(), i)
		must(b, err)
		second := i
		second.ID, second.Digest = two, "other"
		held, again, err := b.replica().Begin(t.Context(), second)
		must(b, err)
		if !fresh || again || held.ID != one || held.Digest != "d" || held.Finished || held.Waiting <= 0 {
			t.Errorf("fresh %v, again %v, held %+v", fresh, again, held)
		}
		if left, err := b.Unfinished(t.Context(), ann); err != nil || len(left) != 0 {
			t.Errorf("somebody works on it: %v, %v", left, err)
		}
		if ok, err := b.Take(t.Context(), one, time.Minute); err != nil || ok {
			t.Errorf("taken while somebody works on it (%v)", err)
		}
		b.clock.add(2 * time.Minute)
		left, err := b.Unfinished(t.Context(), ann)
		must(b, err)
		if len(left) != 1 || left[0].Details.CreatedBy != ann || left[0].Name != "N" || left[0].Details.Status != "paused" {
			t.Fatalf("got %+v", left)
		}
		first, err1 := b.Take(t.Context(), one, time.Minute)
		late, err2 := b.Take(t.Context(), one, time.Minute)
		if !first || late || errors.Join(err1, err2) != nil {
			t.Errorf("taken %v and %v (%v, %v)", first, late, err1, err2)
		}
		must(b, b.Finish(t.Context(), left[0], three, []byte(`{"id":"x"}`)))
		must(b, b.Drop(t.Context(), one)) // too late: it is finished
		held, _, err = b.Begin(t.Context(), second)
		must(b, err)
		if !held.Finished || string(held.Answer) != `{"id":"x"}` {
			t.Errorf("held %+v", held)
		}
		if d, err := b.Details(t.Context(), []string{three}); err != nil || d[three].Type != "assessment" {
			t.Errorf("got %+v, %v", d, err)
		}
		b.clock.add(25 * time.Hour)
		if _, fresh, err := b.Begin(t.Context(), second); err != nil || !fresh {
			t.Errorf("a day later the key is new: %v, %v", fresh, err)
		}
		must(b, b.Drop(t.Context(), two))
		if _, fresh, err := b.Begin(t.Context(), second); err != nil || !fresh {
			t.Errorf("dropped, so the key is new: %v, %v", fresh, err)
		}
	})
}

func TestWhatIsListedNoMoreIsForgotten(t *testing.T) {
	const grace = time.Hour
	everywhere(t, func(b *bed) {
		must(b, b.Activate(t.Context(), annEast, one))
		must(b, b.Activate(t.Context(), annEast, two))
		must(b, b.Describe(t.Context(), one, details1()))
		theirs := details1()
		theirs.CreatedBy = bob
		must(b, b.Describe(t.Context(), two, theirs))
		gone := []string{one, two}
		must(b, b.Reconcile(t.Context(), annEast, gone, nil, grace))
		b.clock.add(grace / 2)
		must(b, b.Reconcile(t.Context(), annEast, []string{one}, []string{two}, grace)) // two is back
		if r := b.recalled(b.Store, annEast); len(r.Activated) != 2 {
			t.Errorf("forgotten too early: %+v", r)
		}
		b.clock.add(grace/2 + time.Second)
		must(b, b.Reconcile(t.Context(), annEast, gone, nil, grace))
		r := b.recalled(b.Store, annEast, one, two)
		if len(r.Activated) != 1 || r.Activated[0].Flow != two || r.Activated[0].Gone.IsZero() {
			t.Errorf("want two, noted as absent: %+v", r.Activated)
		}
		if _, left := r.Details[one]; left {
			t.Error("details of what she made and nobody lists are left")
		}
		b.clock.add(2 * grace)
		must(b, b.Reconcile(t.Context(), annEast, gone, nil, grace))
		r = b.recalled(b.Store, annEast, one, two)
		if _, kept := r.Details[two]; len(r.Activated) != 0 || !kept {
			t.Errorf("want no rows of hers, and the details that somebody else made: %+v", r)
		}
	})
}

func TestExportAndImportAreExact(t *testing.T) {
	everywhere(t, func(b *bed) {
		must(b, b.Activate(t.Context(), annEast, one))
		b.clock.add(1500 * time.Microsecond)
		must(b, b.Activate(t.Context(), annEast, two))
		must(b, b.Activate(t.Context(), flows.Caller{User: bob, Engagement: west}, two))
		must(b, b.Describe(t.Context(), one, details1()))
		plain := details1()
		plain.Metadata = nil
		must(b, b.Describe(t.Context(), two, plain))
		var first, second bytes.Buffer
		must(b, b.Export(t.Context(), &first))
		must(b, b.Down(t.Context())) // with rows in place
		must(b, b.Migrate(t.Context()))
		var none bytes.Buffer
		must(b, b.Export(t.Context(), &none))
		if none.Len() != 0 {
			t.Errorf("left after down and up: %s", none.String())
		}
		for range 2 { // twice is as good as once
			n, err := b.Import(t.Context(), bytes.NewReader(first.Bytes()))
			must(b, err)
			if n != 5 {
				t.Errorf("%d rows, want 5", n)
			}
		}
		must(b, b.Export(t.Context(), &second))
		if diff := cmp.Diff(first.String(), second.String()); diff != "" {
			t.Error(diff)
		}
		// Onto a database in which another flow is current.
		must(b, b.Activate(t.Context(), annEast, three))
		_, err := b.Import(t.Context(), bytes.NewReader(first.Bytes()))
		must(b, err)
		if got := b.current(b.Store, annEast); got != two {
			t.Errorf("current %s, want %s", got, two)
		}
	})
}

func TestImportRefuses(t *testing.T) {
	for _, test := range []struct{ name, lines, want string }{
		{"another table", `{"table":"users"}`, `line 1: unknown table "users" (want user_active_flows or flow_metadata)`},
		{"another column", "\n" + `{"table":"flow_metadata","flow":"x"}`, `line 2: json: unknown field "flow"`},
		{"no JSON", `flow`, `line 1: invalid character 'l' in literal false (expecting 'a')`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t, "sqlite:"+t.TempDir()+"/x.db", "")
			if _, err := b.Import(t.Context(), strings.NewReader(test.lines)); err == nil || err.Error() != test.want {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestAUsersRowsGoWithTheUser(t *testing.T) {
	fill := func(b *bed) {
		must(b, b.Activate(t.Context(), annEast, one))
		must(b, b.Describe(t.Context(), one, details1()))
		must(b, b.Activate(t.Context(), flows.Caller{User: bob, Engagement: east}, one))
	}
	check := func(b *bed) {
		b.Helper()
		if r := b.recalled(b.Store, annEast, one); len(r.Activated)+len(r.Details) != 0 {
			b.Errorf("left of Ann: %+v", r)
		}
		if got := b.current(b.Store, flows.Caller{User: bob, Engagement: east}); got != one {
			b.Errorf("Bob has %q", got)
		}
	}
	t.Run("by the platform's foreign keys", func(t *testing.T) {
		b := inPlatform(t)
		fill(b)
		_, err := b.db.SQL().ExecContext(t.Context(), `DELETE FROM public.users WHERE id = $1`, ann)
		must(t, err)
		check(b)
		if err := b.Activate(t.Context(), annEast, one); err == nil || !strings.Contains(err.Error(), "violates foreign key") {
			t.Errorf("a user who is not there: %v", err)
		}
	})
	everywhere(t, func(b *bed) {
		fill(b)
		n, err := b.ForgetUser(t.Context(), ann)
		must(b, err)
		if n != 2 {
			t.Errorf("%d rows, want 2", n)
		}
		check(b)
	})
}

func TestDDLRuns(t *testing.T) {
	for _, test := range []struct {
		name, url, platform string
	}{
		{"sqlite", "sqlite:" + t.TempDir() + "/a.db", ""},
		{"postgres", server.Database(t), ""},
		{"postgres, platform", server.Database(t), "public"},
		{"sqlite, platform", "sqlite:" + t.TempDir() + "/b.db", "public"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBed(t, test.url, test.platform)
			text, err := DDL(b.db.Dialect(), test.platform)
			must(t, err)
			if strings.ContainsAny(text, "{}") {
				t.Errorf("left to fill in:\n%s", text)
			}
			for _, statement := range []string{"CREATE SCHEMA crossfade", platformTables} {
				if b.db.Dialect() == database.SQLite {
					statement = "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY); CREATE TABLE IF NOT EXISTS engagements (id TEXT PRIMARY KEY)"
				}
				_, err = b.db.SQL().ExecContext(t.Context(), statement)
				must(t, err)
			}
			_, err = b.db.SQL().ExecContext(t.Context(), text)
			must(t, err)
			// And the store takes tables that somebody else has made.
			if b.db.Dialect() == database.Postgres {
				must(t, b.Activate(t.Context(), annEast, one))
			}
		})
	}
	if _, err := DDL("mysql", ""); err == nil || err.Error() != `unknown dialect "mysql" (want postgres or sqlite)` {
		t.Errorf("got %v", err)
	}
	if _, err := DDL(database.Postgres, "x; DROP"); err == nil || err.Error() != `schema of the platform: "x; DROP" is not a name that needs no quotes (want a to z, 0 to 9 and _)` {
		t.Errorf("got %v", err)
	}
}

func TestReadyWritesNothing(t *testing.T) {
	everywhere(t, func(b *bed) {
		must(b, b.Ready(t.Context()))
		var n int
		must(b, b.db.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM flow_versions").Scan(&n))
		if n != 0 {
			t.Errorf("%d rows", n)
		}
		must(b, b.db.Close())
		if err := b.Ready(t.Context()); err == nil {
			t.Error("ready without a database")
		}
	})
}
