package database

import (
	"context"
	"database/sql"
	"time"
)

// Watch calls changed when it begins, and whenever somebody has committed something to a file since: this process or
// another one, which it finds out within every. It returns when ctx is done. A file that cannot be read is tried again,
// and counts as changed when it can. It is for SQLite; with PostgreSQL, see Listen, it only waits for the end of ctx.
//
// It keeps one connection for itself, and asks it for a number that SQLite has in memory: no page of the file is read.
func (db *DB) Watch(ctx context.Context, every time.Duration, changed func()) {
	if db.dialect != SQLite {
		<-ctx.Done()
		return
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for ctx.Err() == nil {
		db.watchOnce(ctx, ticks.C, changed)
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
}

// watchOnce watches until it cannot read the number, which is of its connection alone.
func (db *DB) watchOnce(ctx context.Context, ticks <-chan time.Time, changed func()) {
	conn, err := db.sql.Conn(ctx)
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // it has read, and no more
	statement, err := conn.PrepareContext(ctx, "PRAGMA data_version")
	if err != nil {
		return
	}
	defer statement.Close() //nolint:errcheck // as above
	seen, err := number(ctx, statement)
	if err != nil {
		return
	}
	changed()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		now, err := number(ctx, statement)
		if err != nil {
			return
		}
		if now != seen {
			seen = now
			changed()
		}
	}
}

func number(ctx context.Context, statement *sql.Stmt) (n int64, err error) {
	err = statement.QueryRowContext(ctx).Scan(&n)
	return n, err
}
