package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Dialect is the kind of SQL that a database speaks. It is the name of the folder of its migrations, too.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Options is what a URL does not say. The zero value is what most want.
type Options struct {
	// Schema is where tables are kept in PostgreSQL; "" is "crossfade". Migrate makes it when it is missing.
	Schema string
	// Connections bounds the pool; 0 is 8. What listens has one connection beside it.
	Connections int
	// ConnectTimeout bounds one attempt to connect to PostgreSQL; 0 is 3 seconds.
	ConnectTimeout time.Duration
	// Timeout bounds one transaction from its first statement to its commit, and the wait for others
	// that write; 0 is 5 seconds. The server is told, so that it ends what a stopped process has begun.
	Timeout time.Duration
}

// DB is one database. Its methods may be called concurrently.
type DB struct {
	dialect Dialect
	sql     *sql.DB
	timeout time.Duration
	idle    int // connections that are kept

	schema string          // PostgreSQL
	config *pgx.ConnConfig // PostgreSQL: of the connection that listens

	writer chan struct{} // SQLite: one token, which a writer of this process holds

	migrating chan struct{}   // one token, for what is below
	migrated  map[string]bool // by version table
}

// Open reads a URL of the form sqlite:PATH, postgres://… or postgresql://…, and says what is wrong with it.
// It contacts nobody: a database that is away is found out by the first operation, as [ErrUnavailable].
func Open(url string, o Options) (*DB, error) {
	if o.Schema == "" {
		o.Schema = "crossfade"
	}
	if !regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`).MatchString(o.Schema) {
		return nil, fmt.Errorf("database schema: %q is not a name that needs no quotes (want a to z, 0 to 9 and _, at most 63)", o.Schema)
	}
	for _, bound := range []struct {
		name  string
		given bool
	}{
		{"connections", o.Connections < 0},
		{"connect timeout", o.ConnectTimeout < 0},
		{"timeout", o.Timeout < 0},
	} {
		if bound.given {
			return nil, fmt.Errorf("database %s: below 0", bound.name)
		}
	}
	if o.Connections == 0 {
		o.Connections = 8
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 3 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(rest, o)
	case "postgres", "postgresql":
		return openPostgres(url, o)
	default:
		return nil, errors.New("database URL: want sqlite:PATH or postgres://USER@HOST/DATABASE")
	}
}

// Dialect tells which SQL the database speaks.
func (db *DB) Dialect() Dialect { return db.dialect }

// SQL is the pool, for single statements that read and need no transaction. Its errors have to go through
// [Classify], and it has no bound but ctx (see Bound). What writes belongs into Write: here the driver may send a statement again whose answer was lost.
func (db *DB) SQL() *sql.DB { return db.sql }

// Bound is ctx with the bound of one transaction, for statements on SQL.
func (db *DB) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, db.timeout)
}

// ForUpdate is what ends a SELECT whose rows the transaction is going to change. In SQLite, where
// one transaction writes at a time, it is "".
func (db *DB) ForUpdate() string {
	if db.dialect == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// Now is the database's own clock, in UTC, to the microsecond: the time of the statement, not of the
// transaction's begin. SQLite has no clock but the process's.
func (db *DB) Now(ctx context.Context, tx *sql.Tx) (time.Time, error) {
	now := time.Now()
	if db.dialect == Postgres {
		if err := tx.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
			return time.Time{}, err
		}
	}
	return now.UTC().Truncate(time.Microsecond), nil
}

// Close gives the connections up. What runs is waited for.
func (db *DB) Close() error { return db.sql.Close() }
