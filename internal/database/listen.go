package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// listenRetry and listenRetryMax bound how soon a lost connection is tried again. What listens also polls.
	listenRetry    = 50 * time.Millisecond
	listenRetryMax = time.Second
	// listenQuiet is how long nothing may be heard before the connection is asked whether it lives.
	listenQuiet = 10 * time.Second
)

// Notify makes every listener of the channel hear a hint when tx is committed. In SQLite it does nothing:
// other processes have to ask.
func (db *DB) Notify(ctx context.Context, tx *sql.Tx, channel string) error {
	if db.dialect != Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_notify($1, '')", db.channel(channel))
	return err
}

// Listen calls hint when a transaction with a Notify of the channel was committed, and whenever it has
// (re)connected, since what was told meanwhile is lost. It returns when ctx is done. Hints get lost, come late and come for
// nothing; whoever needs to know asks the tables, too.
func (db *DB) Listen(ctx context.Context, channel string, hint func()) {
	if db.dialect != Postgres {
		<-ctx.Done()
		return
	}
	wait := listenRetry
	for ctx.Err() == nil {
		if db.listenOnce(ctx, channel, hint) {
			wait = listenRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, listenRetryMax)
		}
	}
}

// listenOnce listens until the connection is lost, and tells whether it ever had one.
func (db *DB) listenOnce(ctx context.Context, channel string, hint func()) bool {
	config := db.config.Copy()
	config.RuntimeParams["application_name"] = "crossfade listener"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(bye) // it is given up, whatever the server says to that
	}()
	if err := ask(ctx, db.timeout, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{db.channel(channel)}.Sanitize())
		return err
	}); err != nil {
		return false
	}
	hint()
	for {
		err := ask(ctx, listenQuiet, func(ctx context.Context) error {
			_, err := conn.WaitForNotification(ctx)
			return err
		})
		if err == nil {
			hint()
			continue
		}
		if ctx.Err() != nil || conn.IsClosed() || ask(ctx, db.timeout, conn.Ping) != nil {
			return true
		}
	}
}

func ask(ctx context.Context, bound time.Duration, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return question(ctx)
}

// channel: names of channels are of the whole database, and there may be one crossfade in each schema.
func (db *DB) channel(name string) string { return db.schema + "." + name }
