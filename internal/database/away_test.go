package database_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
)

func do(t *testing.T, f func() error) {
	t.Helper()
	if err := f(); err != nil {
		t.Fatal(err)
	}
}

func TestServerThatComesAndGoes(t *testing.T) {
	s := postgrestest.Own(t, postgrestest.Options{})
	db := open(t, s.URL("postgres"), database.Options{Timeout: time.Second})
	do(t, s.Stop)
	for _, what := range []string{"before the first contact", "again"} {
		if err := db.Migrate(t.Context(), migrations(t), "room_migrations"); !errors.Is(err, database.ErrUnavailable) {
			t.Errorf("stopped, %s: %v", what, err)
		}
	}
	do(t, s.Start)
	do(t, func() error { return db.Migrate(t.Context(), migrations(t), "room_migrations") })
	for i, end := range []func() error{s.Stop, s.Kill} {
		do(t, func() error { return count(t.Context(), db) })
		do(t, end)
		if err := count(t.Context(), db); !errors.Is(err, database.ErrUnavailable) {
			t.Errorf("with the server away: %v", err)
		}
		do(t, s.Start)
		// The pool has dead connections; the first write after them succeeds.
		do(t, func() error { return count(t.Context(), db) })
		if n := counted(t, db); n != int64(2*i+2) {
			t.Errorf("counted to %d, want %d", n, 2*i+2)
		}
	}
	// All connections at once are ended by the server, and nobody notices.
	if _, err := s.Disconnect("crossfade"); err != nil {
		t.Fatal(err)
	}
	do(t, func() error { return count(t.Context(), db) })
	do(t, s.Pause)
	if err := count(t.Context(), db); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("with the server paused: %v", err)
	}
	do(t, s.Resume)
	do(t, func() error { return count(t.Context(), db) })
	if n := counted(t, db); n != 6 {
		t.Errorf("counted to %d, want 6", n)
	}
}

func TestTransactionThatTakesTooLongKeepsNobodyWaiting(t *testing.T) {
	url := server.Database(t)
	db, stopped := migrated(t, url, database.Options{}), open(t, url, database.Options{Timeout: 500 * time.Millisecond})
	holds, over := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- stopped.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE counter SET n = 7")
			close(holds)
			<-over
			return err
		})
	}()
	<-holds
	do(t, func() error { return count(t.Context(), db) })
	close(over)
	if err := <-done; !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("the one that was too slow got %v", err)
	}
	if n := counted(t, db); n != 1 {
		t.Errorf("counted to %d, want 1", n)
	}
}

func TestCommitThatNobodyAnswersIsUnknown(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(s *postgrestest.Server) error
	}{
		{"the server is killed", (*postgrestest.Server).Kill},
		{"the server is stopped", (*postgrestest.Server).Stop},
		{"the connection is ended", func(s *postgrestest.Server) error { _, err := s.Disconnect("crossfade"); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := postgrestest.Own(t, postgrestest.Options{})
			db := migrated(t, s.URL("postgres"), database.Options{Timeout: 30 * time.Second})
			do(t, func() error { return s.SlowCommits(s.URL("postgres"), "crossfade.counter") })
			done := make(chan error)
			go func() { done <- count(t.Context(), db) }()
			do(t, s.AwaitCommit)
			do(t, func() error { return c.harm(s) })
			if err := <-done; !errors.Is(err, database.ErrUnknown) || errors.Is(err, database.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestServerThatTakesNoWrites(t *testing.T) {
	s := postgrestest.Own(t, postgrestest.Options{})
	db := migrated(t, s.URL("postgres"), database.Options{})
	do(t, func() error { return s.Exec("ALTER SYSTEM SET default_transaction_read_only = on") })
	do(t, func() error { return s.Exec("SELECT pg_reload_conf()") })
	waitFor(t, "read-only", func() bool {
		var on string
		return db.SQL().QueryRowContext(t.Context(), "SHOW default_transaction_read_only").Scan(&on) == nil && on == "on"
	})
	if err := count(t.Context(), db); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("on a connection from before: %v", err)
	}
	// That one was given up, and the next one sees at once that this is no server to write to.
	if err := count(t.Context(), db); !errors.Is(err, database.ErrUnavailable) || !strings.Contains(err.Error(), "read only connection") {
		t.Errorf("on a new connection: %v", err)
	}
}

func TestRoleThatMayNotMakeTheSchemaUsesIt(t *testing.T) {
	url := server.Database(t)
	admin := open(t, url, database.Options{Schema: "public"})
	for _, statement := range []string{
		"DROP ROLE IF EXISTS limited", "CREATE ROLE limited LOGIN PASSWORD 'x'", "CREATE SCHEMA crossfade AUTHORIZATION limited",
	} {
		if _, err := admin.SQL().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	limited := strings.Replace(url, "crossfade:p%2Fw%231@", "limited:x@", 1)
	db := migrated(t, limited, database.Options{})
	do(t, func() error { return count(t.Context(), db) })
	// Another schema it may not make, and says so.
	err := open(t, limited, database.Options{Schema: "other"}).Migrate(t.Context(), migrations(t), "room_migrations")
	if !errors.Is(err, database.ErrUnavailable) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
	do(t, func() error { return db.Down(t.Context(), migrations(t), "room_migrations") })
	for _, statement := range []string{"DROP SCHEMA crossfade CASCADE", "DROP ROLE limited"} {
		if _, err := admin.SQL().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileIsForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b", "data", "x%20?.db")
	path = strings.ReplaceAll(path, "?", "#")
	db := migrated(t, "sqlite:"+path, database.Options{})
	do(t, func() error { return count(t.Context(), db) })
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", file, info.Mode().Perm())
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has %v, %v", info, err)
	}
}

// What a commit has said outlives a power loss only so; no test can pull the plug.
func TestEachConnectionIsSetUpToKeepWhatItSays(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"sqlite": {"PRAGMA synchronous": "2", "PRAGMA journal_mode": "wal", "PRAGMA foreign_keys": "1", "PRAGMA busy_timeout": "5000"},
		"postgres": {"SHOW synchronous_commit": "on", "SHOW fsync": "on", "SHOW search_path": "crossfade", "SHOW statement_timeout": "5s", "SHOW lock_timeout": "5s",
			// Of a process that is stopped in a transaction nobody else would hear.
			"SHOW idle_in_transaction_session_timeout": "5s"},
	} {
		t.Run(name, func(t *testing.T) {
			db := migrated(t, both(t)[name], database.Options{})
			do(t, func() error {
				return db.Read(t.Context(), func(tx *sql.Tx) error { // one connection is busy, the other is new
					for question, want := range settings {
						var here, there string
						if err := errors.Join(tx.QueryRowContext(t.Context(), question).Scan(&here), db.SQL().QueryRowContext(t.Context(), question).Scan(&there)); err != nil {
							return err
						}
						if here != want || there != want {
							t.Errorf("%s: %s and %s, want %s", question, here, there, want)
						}
					}
					return nil
				})
			})
		})
	}
}

// TestFileThatWasTakenAway: SQLite goes on writing to a file that has no name any more, and all of it is lost.
func TestFileThatWasTakenAway(t *testing.T) {
	for name, options := range map[string]database.Options{"one connection": {Connections: 1}, "several": {}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			db := migrated(t, "sqlite:"+path, options)
			do(t, func() error { return count(t.Context(), db) })
			do(t, func() error { return os.Rename(path, path+".old") })
			for range 2 { // it does not come back empty either
				if err := count(t.Context(), db); !errors.Is(err, database.ErrUnavailable) {
					t.Fatalf("writing: %v", err)
				}
			}
			var n int
			err := db.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM counter").Scan(&n)
			if !errors.Is(database.Classify(err), database.ErrUnavailable) {
				t.Errorf("reading: %v", err)
			}
			do(t, func() error { return os.Rename(path+".old", path) })
			do(t, func() error { return count(t.Context(), db) })
			if n := counted(t, db); n != 2 {
				t.Errorf("counted to %d, want 2", n)
			}
		})
	}
}

func TestFileThatWasReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	do(t, func() error {
		other := migrated(t, "sqlite:"+path+".other", database.Options{})
		return errors.Join(count(t.Context(), other), count(t.Context(), other), other.Close())
	})
	db := migrated(t, "sqlite:"+path, database.Options{})
	do(t, func() error { return count(t.Context(), db) })
	for _, beside := range []string{"-wal", "-shm"} {
		do(t, func() error { return os.Rename(path+beside, path+".old"+beside) })
	}
	do(t, func() error { return os.Rename(path+".other", path) })
	do(t, func() error { return count(t.Context(), db) })
	if n := counted(t, db); n != 3 {
		t.Errorf("counted to %d, want 3: two were in the file that took the place, and one came since", n)
	}
}

func TestFolderThatCannotBeMadeIsFoundOutLater(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	do(t, func() error { return os.WriteFile(file, nil, 0o600) })
	db := open(t, "sqlite:"+file+"/x.db", database.Options{})
	if err := db.Migrate(t.Context(), migrations(t), "room_migrations"); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestFullFileKeepsWhatItHas(t *testing.T) {
	db := migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), database.Options{Connections: 1})
	do(t, func() error { return count(t.Context(), db) })
	if _, err := db.SQL().ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // it cannot grow any more
		t.Fatal(err)
	}
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO counter (name, n) VALUES ($1, 0)", strings.Repeat("x", 100_000))
		return err
	})
	if !errors.Is(err, database.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("got %v", err)
	}
	do(t, func() error { return count(t.Context(), db) })
	if n := counted(t, db); n != 2 {
		t.Errorf("counted to %d, want 2", n)
	}
}

func TestAnotherProcessThatWritesForTooLong(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	db, other := migrated(t, url, database.Options{Timeout: 200 * time.Millisecond}), open(t, url, database.Options{})
	do(t, func() error {
		return other.Write(t.Context(), func(*sql.Tx) error {
			if err := count(t.Context(), db); !errors.Is(err, database.ErrUnavailable) {
				t.Errorf("while another writes: %v", err)
			}
			if n := counted(t, db); n != 0 {
				t.Errorf("read %d while another writes", n)
			}
			return nil
		})
	})
	do(t, func() error { return count(t.Context(), db) })
}

func TestWriterWaitsForAnotherOnlyAsLongAsItsCaller(t *testing.T) {
	db := migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), database.Options{})
	do(t, func() error {
		return db.Write(t.Context(), func(*sql.Tx) error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := count(ctx, db); !errors.Is(err, database.ErrUnavailable) || err.Error() != "wait for the writer before: context deadline exceeded" {
				t.Errorf("got %v", err)
			}
			return nil
		})
	})
}

func TestListenHearsWhatWasCommitted(t *testing.T) {
	s := postgrestest.Own(t, postgrestest.Options{})
	db := migrated(t, s.URL("postgres"), database.Options{})
	hints := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		db.Listen(ctx, "room", func() { hints <- struct{}{} })
		close(ended)
	}()
	tell := func(fail error) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error { return errors.Join(db.Notify(t.Context(), tx, "room"), fail) })
	}
	heard := func(why string) {
		t.Helper()
		select {
		case <-hints:
		case <-time.After(30 * time.Second):
			t.Fatalf("no hint %s", why)
		}
	}
	heard("on the first connection")
	do(t, func() error { return tell(nil) })
	heard("after a commit")
	if tell(errors.New("no")) == nil || len(hints) != 0 {
		t.Errorf("%d hints of a transaction that was rolled back", len(hints))
	}
	if n, err := s.Disconnect("crossfade listener"); n != 1 || err != nil {
		t.Fatalf("%d listeners, %v", n, err)
	}
	heard("on the second connection")
	do(t, func() error { return tell(nil) })
	heard("on the second connection, after a commit")
	do(t, s.Stop)
	do(t, s.Start)
	heard("on the third connection")
	cancel()
	<-ended
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
