package database

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrationLock is of all rooms and replicas: they migrate one after the other. The number is arbitrary
// and of crossfade alone, since other programs of a shared database may use the same tool.
const migrationLock = 7_205_759_403

// migrationTime bounds a migration with its wait for those of other replicas.
const migrationTime = time.Minute

// Migrate brings the tables of one room to their newest form. files has the folders sqlite and postgres with
// migrations for goose (00001_name.sql, each with Up and Down); table is where the room's versions are kept.
// Replicas that start at once do not come between each other.
//
// A table that was migrated once by this DB is not asked for again, so a room calls Migrate before
// each operation and needs no start of its own.
func (db *DB) Migrate(ctx context.Context, files fs.FS, table string) error {
	ctx, cancel := context.WithTimeout(ctx, migrationTime)
	defer cancel()
	if err := db.lockMigrations(ctx); err != nil {
		return err
	}
	defer func() { <-db.migrating }()
	if db.migrated[table] {
		return nil
	}
	provider, err := db.provider(files, table)
	if err != nil {
		return err
	}
	if err := db.up(ctx, provider, table); err != nil {
		return Classify(fmt.Errorf("migrate %s: %w", table, err))
	}
	db.migrated[table] = true
	return nil
}

// Down takes all tables of one room away, with everything in them. It is for tests of migrations.
func (db *DB) Down(ctx context.Context, files fs.FS, table string) error {
	if err := db.lockMigrations(ctx); err != nil {
		return err
	}
	defer func() { <-db.migrating }()
	provider, err := db.provider(files, table)
	if err != nil {
		return err
	}
	if _, err := provider.DownTo(ctx, 0); err != nil {
		return Classify(fmt.Errorf("migrate %s down: %w", table, err))
	}
	delete(db.migrated, table)
	return nil
}

func (db *DB) lockMigrations(ctx context.Context) error {
	select {
	case db.migrating <- struct{}{}:
		return nil
	case <-ctx.Done():
		return Classify(fmt.Errorf("wait for the tables to be made: %w", ctx.Err()))
	}
}

func (db *DB) provider(files fs.FS, table string) (*goose.Provider, error) {
	folder, err := fs.Sub(files, string(db.dialect))
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", table, err)
	}
	options := []goose.ProviderOption{goose.WithTableName(table), goose.WithDisableGlobalRegistry(true)}
	dialect := goose.DialectSQLite3
	if db.dialect == Postgres {
		dialect = goose.DialectPostgres
		// Asks every second, for half a minute.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 30), lock.WithUnlockTimeout(1, 3))
		if err != nil {
			return nil, fmt.Errorf("migrations of %s: %w", table, err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, db.sql, folder, options...)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", table, err)
	}
	return provider, nil
}

// makeSchema asks first: a role that may not make schemas may well use one that was made for it.
func (db *DB) makeSchema(ctx context.Context) error {
	const there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)"
	var found bool
	if err := db.sql.QueryRowContext(ctx, there, db.schema).Scan(&found); err != nil || found {
		return err
	}
	_, err := db.sql.ExecContext(ctx, "CREATE SCHEMA "+db.schema)
	// A replica that starts at the same time may have been faster, which shows as more than one error.
	if again := db.sql.QueryRowContext(ctx, there, db.schema).Scan(&found); again == nil && found {
		return nil
	}
	return err
}

// up writes nothing when there is nothing to do: whoever may only read can read.
func (db *DB) up(ctx context.Context, provider *goose.Provider, table string) error {
	if db.dialect == Postgres {
		if err := db.makeSchema(ctx); err != nil {
			return err
		}
	}
	pending, err := provider.HasPending(ctx)
	if err == nil && !pending {
		return nil
	}
	if db.dialect == SQLite {
		db.writer <- struct{}{}
		defer func() { <-db.writer }()
		if err := db.makeVersionsUnique(ctx, provider, table); err != nil {
			return err
		}
	}
	if _, err = provider.Up(ctx); err == nil || db.dialect == Postgres {
		return err
	}
	// Another process was faster, or something else is wrong, which it will be once more.
	_, err = provider.Up(ctx)
	return err
}

// makeVersionsUnique makes it impossible to apply a migration twice. SQLite has no lock for processes that
// migrate at once; each migration and its version are one transaction, and of two the second now fails whole.
func (db *DB) makeVersionsUnique(ctx context.Context, provider *goose.Provider, table string) error {
	_, err := provider.GetDBVersion(ctx)
	if err != nil {
		// What makes the version table is one transaction, too: the second finds it made when it looks again.
		if _, err = provider.GetDBVersion(ctx); err != nil {
			return err
		}
	}
	_, err = db.sql.ExecContext(ctx, "CREATE UNIQUE INDEX IF NOT EXISTS "+table+"_once ON "+table+" (version_id)")
	return err
}
