package database_test

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
)

//go:embed testdata/migrations
var testdata embed.FS

var server *postgrestest.Server

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m, &server)) }

func migrations(tb testing.TB) fs.FS {
	tb.Helper()
	files, err := fs.Sub(testdata, "testdata/migrations")
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func open(tb testing.TB, url string, o database.Options) *database.DB {
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
	return db
}

// both are an empty database of each dialect. Opened twice, the same database has two pools, as in two processes.
func both(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "data", "x.db"),
		"postgres": server.Database(t),
	}
}

func migrated(tb testing.TB, url string, o database.Options) *database.DB {
	tb.Helper()
	db := open(tb, url, o)
	if err := db.Migrate(tb.Context(), migrations(tb), "room_migrations"); err != nil {
		tb.Fatal(err)
	}
	return db
}

// count adds 1 to the only counter there is.
func count(ctx context.Context, db *database.DB) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		var n int64
		if err := tx.QueryRowContext(ctx, "SELECT n FROM counter WHERE name = $1"+db.ForUpdate(), "only").Scan(&n); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE counter SET n = $1 WHERE name = $2", n+1, "only")
		return err
	})
}

func counted(tb testing.TB, db *database.DB) (n int64) {
	tb.Helper()
	if err := db.Read(tb.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(tb.Context(), "SELECT n FROM counter").Scan(&n)
	}); err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, url, schema, want string }{
		{"nothing", "", "", "database URL: want sqlite:PATH or postgres://USER@HOST/DATABASE"},
		{"another scheme", "mysql://u:secret@h/d", "", "database URL: want sqlite:PATH or postgres://USER@HOST/DATABASE"},
		{"no file", "sqlite:", "", "database URL: sqlite: names no file (want sqlite:PATH)"},
		{"memory", "sqlite::memory:", "", "database URL: sqlite::memory: is not the path of a file; there are no options in it, and no memory (want sqlite:PATH)"},
		{"options of a file", "sqlite:x.db?mode=ro", "", "database URL: sqlite:x.db?mode=ro is not the path of a file; there are no options in it, and no memory (want sqlite:PATH)"},
		{
			"slash in a password", "postgres://u:se/cret@h/d", "",
			"database URL: cannot be read (want postgres://USER:PASSWORD@HOST:PORT/DATABASE; characters like / # ? @ in a password are written as %2F %23 %3F %40)",
		},
		{
			"unknown word", "postgres://u:secret@h/d?sslmode=perhaps", "",
			"database URL: is not one that PostgreSQL knows (want postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…; each parameter has to be known and the files it names to be there)",
		},
		{"schema with a quote", "postgres://h/d", `x"; DROP`, `database schema: "x\"; DROP" is not a name that needs no quotes (want a to z, 0 to 9 and _, at most 63)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := database.Open(c.url, database.Options{Schema: c.schema})
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := database.Open("sqlite:x.db", database.Options{Timeout: -1}); err == nil || err.Error() != "database timeout: below 0" {
		t.Errorf("a timeout below 0: %v", err)
	}
}

func TestWritersLoseNothing(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			const writers, each = 6, 20
			dbs := []*database.DB{migrated(t, url, database.Options{}), migrated(t, url, database.Options{})}
			var group sync.WaitGroup
			for i := range writers {
				group.Go(func() {
					for range each {
						if err := count(t.Context(), dbs[i%len(dbs)]); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			if n := counted(t, dbs[0]); n != writers*each {
				t.Errorf("counted to %d, want %d", n, writers*each)
			}
		})
	}
}

func TestWorkThatFailsLeavesNothing(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			db := migrated(t, url, database.Options{})
			refused := errors.New("refused")
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(t.Context(), "UPDATE counter SET n = 7"); err != nil {
					return err
				}
				return refused
			})
			if !errors.Is(err, refused) || err.Error() != "refused" {
				t.Errorf("the error of the work came back as %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			err = db.Write(ctx, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "UPDATE counter SET n = 7")
				cancel()
				return err
			})
			if !errors.Is(err, context.Canceled) || errors.Is(err, database.ErrUnknown) {
				t.Errorf("a context that ended before the commit gave %v", err)
			}
			if n := counted(t, db); n != 0 {
				t.Errorf("counted to %d, want 0", n)
			}
		})
	}
}

func TestReadSeesOneSnapshotAndKeepsNothing(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			db := migrated(t, url, database.Options{})
			err := db.Read(t.Context(), func(tx *sql.Tx) error {
				var before, after int64
				err := tx.QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&before)
				err = errors.Join(err, count(t.Context(), db), tx.QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&after))
				if before != after {
					t.Errorf("read %d, then %d", before, after)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := counted(t, db); n != 1 {
				t.Errorf("counted to %d, want 1", n)
			}
			err = db.Read(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), "UPDATE counter SET n = 7")
				return err
			})
			if db.Dialect() == database.Postgres && !errors.Is(err, database.ErrUnavailable) {
				t.Errorf("a write in a read gave %v", err)
			}
			if n := counted(t, db); n != 1 {
				t.Errorf("a read wrote %d", n)
			}
		})
	}
}

func TestErrorsHaveAMeaning(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			db := migrated(t, url, database.Options{})
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), "INSERT INTO counter (name, n) VALUES ('only', 1)")
				return err
			})
			if !errors.Is(err, database.ErrDuplicate) {
				t.Errorf("a second row with the same key gave %v", err)
			}
			err = db.Write(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), "INSERT INTO nowhere (name) VALUES ('x')")
				return err
			})
			for _, meaning := range []error{database.ErrUnavailable, database.ErrUnknown, database.ErrConflict, database.ErrDuplicate} {
				if err == nil || errors.Is(err, meaning) {
					t.Errorf("a mistake of ours gave %v", err)
				}
			}
		})
	}
}

func TestReplicasMigrateAtOnce(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			var group sync.WaitGroup
			for i := range 6 {
				db := open(t, url, database.Options{})
				room := fmt.Sprintf("room%d_migrations", i%2)
				group.Go(func() {
					files := migrations(t)
					if i%2 == 1 {
						files = os.DirFS("testdata/other")
					}
					if err := db.Migrate(t.Context(), files, room); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			// The second migration adds 100 to what the first one made: applied twice, it would show.
			db := open(t, url, database.Options{})
			var n int64
			if err := db.SQL().QueryRowContext(t.Context(), "SELECT n FROM marks").Scan(&n); err != nil || n != 100 {
				t.Errorf("the migrations left %d, want 100 (%v)", n, err)
			}
			if err := db.Migrate(t.Context(), migrations(t), "room0_migrations"); err != nil {
				t.Fatal(err)
			}
			if err := db.Down(t.Context(), migrations(t), "room0_migrations"); err != nil {
				t.Fatal(err)
			}
			if err := db.SQL().QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&n); err == nil {
				t.Error("Down left the table of its room")
			}
			if err := db.SQL().QueryRowContext(t.Context(), "SELECT n FROM marks").Scan(&n); err != nil {
				t.Errorf("Down took the table of another room: %v", err)
			}
			if err := db.Migrate(t.Context(), migrations(t), "room0_migrations"); err != nil {
				t.Fatal(err)
			}
			if n := counted(t, db); n != 0 {
				t.Errorf("counted to %d, want 0", n)
			}
		})
	}
}

func TestMigrationIsAppliedOnce(t *testing.T) {
	t.Run("sqlite: a second one fails whole", func(t *testing.T) {
		db := migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), database.Options{})
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "INSERT INTO room_migrations (version_id, is_applied) VALUES (1, 1)")
			return err
		})
		if !errors.Is(err, database.ErrDuplicate) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("postgres: a second one waits", func(t *testing.T) {
		url := server.Database(t)
		other, err := open(t, url, database.Options{}).SQL().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.ExecContext(t.Context(), "SELECT pg_advisory_lock(7205759403)"); err != nil {
			t.Fatal(err)
		}
		db := open(t, url, database.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := db.Migrate(ctx, migrations(t), "room_migrations"); !errors.Is(err, database.ErrUnavailable) {
			t.Errorf("while another migrates: %v", err)
		}
		if err := other.Close(); err != nil { // the lock stays with the connection in the pool
			t.Fatal(err)
		}
		if _, err := server.Disconnect("crossfade"); err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context(), migrations(t), "room_migrations"); err != nil {
			t.Error(err)
		}
	})
}

// While replicas are exchanged, the older ones go on with what the newer ones have migrated.
func TestOlderProcessGoesOnWithNewerTables(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			if err := open(t, url, database.Options{}).Migrate(t.Context(), os.DirFS("testdata/other"), "room_migrations"); err != nil {
				t.Fatal(err)
			}
			older := fstest.MapFS{}
			for _, dialect := range []string{"sqlite", "postgres"} {
				file := dialect + "/00001_marks.sql"
				data, err := os.ReadFile("testdata/other/" + file)
				if err != nil {
					t.Fatal(err)
				}
				older[file] = &fstest.MapFile{Data: data}
			}
			if err := open(t, url, database.Options{}).Migrate(t.Context(), older, "room_migrations"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNowIsTheDatabasesClock(t *testing.T) {
	for name, url := range both(t) {
		t.Run(name, func(t *testing.T) {
			db := migrated(t, url, database.Options{})
			var first, second time.Time
			if err := db.Write(t.Context(), func(tx *sql.Tx) (err error) {
				if first, err = db.Now(t.Context(), tx); err != nil {
					return err
				}
				for !second.After(first) && err == nil {
					second, err = db.Now(t.Context(), tx)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if first.Location() != time.UTC || first.Nanosecond()%1000 != 0 {
				t.Errorf("%v is not in UTC to the microsecond", first)
			}
		})
	}
}

func TestNoSecretInErrors(t *testing.T) {
	wrong := strings.Replace(server.URL("postgres"), "crossfade:", "somebody:", 1)
	for _, url := range []string{wrong, "postgres://u:p%2Fw%231@127.0.0.1:1/d", "postgres://u:p%2Fw%231@127.0.0.1:1/d?sslmode=verify-full"} {
		db := open(t, url, database.Options{})
		err := db.Migrate(t.Context(), migrations(t), "room_migrations")
		if !errors.Is(err, database.ErrUnavailable) {
			t.Errorf("%s gave %v", url, err)
		}
		for _, secret := range []string{postgrestest.Password, "p%2Fw%231"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the password is in %q", err)
			}
		}
	}
}
