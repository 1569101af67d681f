package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// Write runs work in one transaction and commits it. With no error, what work did is on disk. An error of
// work is returned, classified, and nothing is kept. [ErrUnknown] alone means that it cannot be told.
//
// In SQLite writers come one after the other. In PostgreSQL the isolation is read committed: work locks
// the rows that it decides by (see ForUpdate).
func (db *DB) Write(ctx context.Context, work func(tx *sql.Tx) error) error {
	ctx, cancel := db.Bound(ctx)
	defer cancel()
	// Writers of one process take turns here, in the order of their coming; SQLite itself would let them poll.
	if db.writer != nil {
		select {
		case db.writer <- struct{}{}:
			defer func() { <-db.writer }()
		case <-ctx.Done():
			return Classify(fmt.Errorf("wait for the writer before: %w", ctx.Err()))
		}
	}
	err := db.write(ctx, work)
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknown) {
		// A server that has become a replica keeps its connections; another may be the primary now.
		db.forget()
	}
	return err
}

func (db *DB) write(ctx context.Context, work func(tx *sql.Tx) error) error {
	tx, err := db.begin(ctx, nil)
	if err != nil {
		return Classify(err)
	}
	err = work(tx)
	if err == nil {
		// Beyond this line a context that ends leaves open what became of the transaction.
		err = ctx.Err()
	}
	if err != nil {
		return Classify(rollback(tx, err))
	}
	if err := tx.Commit(); err != nil {
		return classifyCommit(err)
	}
	return nil
}

// Read runs work in one transaction that sees one snapshot and of which nothing is kept.
func (db *DB) Read(ctx context.Context, work func(tx *sql.Tx) error) error {
	ctx, cancel := db.Bound(ctx)
	defer cancel()
	options := &sql.TxOptions{ReadOnly: true}
	if db.dialect == Postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.begin(ctx, options)
	if err != nil {
		return Classify(err)
	}
	// There is nothing to commit, and what was read is read.
	return Classify(rollback(tx, work(tx)))
}

// begin tries twice when the connection at hand turns out to be dead: nothing has been asked for yet.
func (db *DB) begin(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	tx, err := db.sql.BeginTx(ctx, options)
	var refused *pgconn.ConnectError
	if err == nil || db.dialect != Postgres || ctx.Err() != nil || errors.As(err, &refused) || !errors.Is(Classify(err), ErrUnavailable) {
		return tx, err
	}
	db.forget()
	return db.sql.BeginTx(ctx, options)
}

// rollback ends tx and gives the error that led to it, with that of the rollback if it is worth telling: not that the
// transaction is over already, nor that the connection is gone and the transaction with it.
func rollback(tx *sql.Tx, led error) error {
	err := tx.Rollback()
	if err == nil || errors.Is(err, sql.ErrTxDone) || errors.Is(Classify(err), ErrUnavailable) {
		return led
	}
	return errors.Join(led, err)
}
