package database

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

func openPostgres(raw string, o Options) (*DB, error) {
	// The reasons that parsers give quote what they could not read, which may be half of a password.
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("database URL: cannot be read (want postgres://USER:PASSWORD@HOST:PORT/DATABASE; characters like / # ? @ in a password are written as %2F %23 %3F %40)")
	}
	config, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, errors.New("database URL: is not one that PostgreSQL knows (want postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…; each parameter has to be known and the files it names to be there)")
	}
	// Of several hosts the one that takes writes: what was a primary may be a replica by now.
	if !u.Query().Has("target_session_attrs") {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if !u.Query().Has("connect_timeout") {
		config.ConnectTimeout = o.ConnectTimeout
	}
	milliseconds := strconv.FormatInt(o.Timeout.Milliseconds(), 10)
	for name, value := range map[string]string{
		"application_name":  "crossfade",
		"search_path":       o.Schema,
		"statement_timeout": milliseconds,
		"lock_timeout":      milliseconds,
		// A process that is stopped in the middle of a transaction holds locks that others wait for.
		"idle_in_transaction_session_timeout": milliseconds,
		"timezone":                            "UTC",
	} {
		if !u.Query().Has(name) {
			config.RuntimeParams[name] = value
		}
	}
	db := &DB{
		dialect: Postgres, timeout: o.Timeout, idle: o.Connections,
		sql:    stdlib.OpenDB(*config),
		schema: o.Schema, config: config,
		migrating: make(chan struct{}, 1), migrated: map[string]bool{},
	}
	db.sql.SetMaxOpenConns(o.Connections)
	db.sql.SetMaxIdleConns(o.Connections)
	// Short enough to find the way to a new primary, long enough not to count.
	db.sql.SetConnMaxIdleTime(5 * time.Minute)
	db.sql.SetConnMaxLifetime(30 * time.Minute)
	return db, nil
}

// forget closes the connections that nobody uses: a server that ended one has ended the others.
func (db *DB) forget() {
	if db.dialect == Postgres {
		db.sql.SetMaxIdleConns(-1)
		db.sql.SetMaxIdleConns(db.idle)
	}
}
