package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

var server *postgrestest.Server

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m, &server)) }

// Ids of the tests.
const (
	ann, bob    = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
	east, west  = "eeeeeeee-0000-4000-8000-000000000001", "eeeeeeee-0000-4000-8000-000000000002"
	one, two    = "ffffffff-0000-4000-8000-000000000001", "ffffffff-0000-4000-8000-000000000002"
	three, four = "ffffffff-0000-4000-8000-000000000003", "ffffffff-0000-4000-8000-000000000004"
)

var annEast = flows.Caller{User: ann, Engagement: east}

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bed is a database with a clock, and stores in it, as replicas have them.
type bed struct {
	testing.TB
	url      string
	platform string
	clock    clock
	*Store
}

// replica is another store in the same database.
func (b *bed) replica() *Store {
	b.Helper()
	db, err := database.Open(b.url, database.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	s, err := New(db, Options{Platform: b.platform, Now: b.clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func newBed(tb testing.TB, url, platform string) *bed {
	tb.Helper()
	b := &bed{TB: tb, url: url, platform: platform, clock: clock{now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}}
	b.Store = b.replica()
	return b
}

// platformTables are what the platform's database has of its own.
const platformTables = `CREATE TABLE public.users (id UUID PRIMARY KEY); CREATE TABLE public.engagements (id UUID PRIMARY KEY);
	INSERT INTO public.users VALUES ('` + ann + `'), ('` + bob + `');
	INSERT INTO public.engagements VALUES ('` + east + `'), ('` + west + `')`

// everywhere runs a test on each kind of database.
func everywhere(t *testing.T, test func(b *bed)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(newBed(t, "sqlite:"+filepath.Join(t.TempDir(), "flows.db"), ""))
	})
	t.Run("postgres", func(t *testing.T) { test(newBed(t, server.Database(t), "")) })
	t.Run("platform", func(t *testing.T) { test(inPlatform(t)) })
}

// inPlatform is a store whose tables stand beside the platform's.
func inPlatform(t *testing.T) *bed {
	t.Helper()
	b := newBed(t, server.Database(t), "public")
	if _, err := b.db.SQL().ExecContext(t.Context(), platformTables); err != nil {
		t.Fatal(err)
	}
	return b
}

// must fails the test on an error.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// recalled is all that is remembered for a caller.
func (b *bed) recalled(s *Store, c flows.Caller, ids ...string) flows.Recollection {
	b.Helper()
	r, err := s.Recall(context.Background(), c, ids)
	must(b, err)
	return r
}

// current is the caller's current flow, "" if there is none.
func (b *bed) current(s *Store, c flows.Caller) string {
	b.Helper()
	found := ""
	for _, a := range b.recalled(s, c).Activated {
		if a.Current {
			if found != "" {
				b.Errorf("two current flows: %s and %s", found, a.Flow)
			}
			found = a.Flow
		}
	}
	return found
}
