// Package sqlstore keeps flags and their journal in a database: a SQLite file, or PostgreSQL when there are
// several replicas.
//
// One row has the version of the State. Whoever writes locks it first, so that writers of all
// replicas come one after the other, and each finds the State that the one before has left. A write,
// its entry in the journal and the hint to other replicas are one transaction.
//
// Entries are chained by their hashes: [Store.Verify] finds one that was changed, removed or put in by other
// hands.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/internal/database"
)

//go:embed migrations
var migrations embed.FS

const (
	versionTable = "flag_migrations"
	channel      = "flags"
	// attempts is how often a write is tried that another transaction came between. They queue, so
	// it takes somebody else's transaction on our tables.
	attempts = 3
	// page is how many entries of the journal are read at once to verify them.
	page = 1000
)

// Store implements [flags.Store]. Its methods make the tables when they are missing.
type Store struct {
	db    *database.DB
	files fs.FS
}

var _ flags.Store = (*Store)(nil)

// New keeps flags in db, which stays its opener's to close. It contacts nobody.
func New(db *database.DB) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return &Store{db: db, files: files}, nil
}

// Read gives the newest State.
func (s *Store) Read(ctx context.Context) (state flags.State, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		state, err = s.state(ctx, tx, "")
		return err
	})
	return state, err
}

// Version gives the newest State's Version. It is one statement.
func (s *Store) Version(ctx context.Context) (version int64, err error) {
	if err := s.db.Migrate(ctx, s.files, versionTable); err != nil {
		return 0, meaning(err)
	}
	// PostgreSQL's own bound is for the server; the way to it may be cut.
	ctx, cancel := s.db.Bound(ctx)
	defer cancel()
	err = s.db.SQL().QueryRowContext(ctx, "SELECT version FROM flag_state").Scan(&version)
	return version, meaning(database.Classify(err))
}

// Write keeps what change makes of the newest State. The State that it gives has to be the next one.
func (s *Store) Write(ctx context.Context, change func(flags.State, time.Time) (flags.State, flags.Entry, error)) (flags.State, error) {
	if err := s.db.Migrate(ctx, s.files, versionTable); err != nil {
		return flags.State{}, meaning(err)
	}
	for attempt := 1; ; attempt++ {
		var after flags.State
		var refused error
		err := s.db.Write(ctx, func(tx *sql.Tx) error {
			before, err := s.state(ctx, tx, s.db.ForUpdate())
			if err != nil {
				return err
			}
			last, now, err := s.last(ctx, tx)
			if err != nil {
				return err
			}
			var entry flags.Entry
			after, entry, refused = change(before, now)
			if refused != nil {
				return refused
			}
			if after.Version != before.Version+1 || entry.Version != after.Version {
				return fmt.Errorf("flags store: a change of version %d led to %d, and to entry %d of the journal", before.Version, after.Version, entry.Version)
			}
			return errors.Join(s.keep(ctx, tx, before, after), s.journal(ctx, tx, entry.Seal(last.Hash)), s.db.Notify(ctx, tx, channel))
		})
		switch {
		case err == nil:
			return after, nil
		case refused != nil:
			return flags.State{}, refused
		case errors.Is(err, database.ErrConflict) && attempt < attempts:
			continue
		}
		return flags.State{}, meaning(err)
	}
}

// Listen calls hint when another replica has written, or may have while nobody listened.
func (s *Store) Listen(ctx context.Context, hint func()) { s.db.Listen(ctx, channel, hint) }

// Close does nothing: the database is not the store's alone.
func (s *Store) Close() error { return nil }

func (s *Store) read(ctx context.Context, work func(*sql.Tx) error) error {
	if err := s.db.Migrate(ctx, s.files, versionTable); err != nil {
		return meaning(err)
	}
	return meaning(s.db.Read(ctx, work))
}

// state reads the State; lock ends the statement that reads its version.
func (s *Store) state(ctx context.Context, tx *sql.Tx, lock string) (state flags.State, err error) {
	var kill, freezes sql.NullString
	if err := tx.QueryRowContext(ctx, "SELECT version, kill, freezes FROM flag_state"+lock).Scan(&state.Version, &kill, &freezes); err != nil {
		return flags.State{}, fmt.Errorf("read the state of flags: %w", err)
	}
	for _, member := range []struct {
		name string
		text sql.NullString
		to   any
	}{{"kill", kill, &state.Kill}, {"freezes", freezes, &state.Freezes}} {
		if member.text.Valid {
			if err := json.Unmarshal([]byte(member.text.String), member.to); err != nil {
				return flags.State{}, fmt.Errorf("flag_state.%s: %w", member.name, err)
			}
		}
	}
	rows, err := tx.QueryContext(ctx, "SELECT endpoint, flag FROM flag")
	if err != nil {
		return flags.State{}, fmt.Errorf("read flags: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var endpoint, text string
		if err := rows.Scan(&endpoint, &text); err != nil {
			return flags.State{}, fmt.Errorf("read flags: %w", err)
		}
		var flag flags.Flag
		if err := json.Unmarshal([]byte(text), &flag); err != nil {
			return flags.State{}, fmt.Errorf("flag of %s: %w", endpoint, err)
		}
		if flag.Endpoint != endpoint {
			return flags.State{}, fmt.Errorf("flag of %s: it says it is of %q", endpoint, flag.Endpoint)
		}
		state.Flags = append(state.Flags, flag)
	}
	if err := rows.Err(); err != nil {
		return flags.State{}, fmt.Errorf("read flags: %w", err)
	}
	// Databases differ in what comes first.
	slices.SortFunc(state.Flags, byEndpoint)
	return state, nil
}

func byEndpoint(a, b flags.Flag) int { return strings.Compare(a.Endpoint, b.Endpoint) }

// keep writes what is different after the change.
func (s *Store) keep(ctx context.Context, tx *sql.Tx, before, after flags.State) error {
	kill, err := text(after.Kill, after.Kill == nil)
	if err != nil {
		return fmt.Errorf("kill switch: %w", err)
	}
	freezes, err := text(after.Freezes, len(after.Freezes) == 0)
	if err != nil {
		return fmt.Errorf("freezes: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE flag_state SET version = $1, kill = $2, freezes = $3", after.Version, kill, freezes); err != nil {
		return fmt.Errorf("write the state of flags: %w", err)
	}
	had := map[string]string{}
	for _, flag := range before.Flags {
		json, err := text(flag, false)
		if err != nil {
			return fmt.Errorf("flag of %s: %w", flag.Endpoint, err)
		}
		had[flag.Endpoint] = json.String
	}
	for _, flag := range after.Flags {
		json, err := text(flag, false)
		if err != nil {
			return fmt.Errorf("flag of %s: %w", flag.Endpoint, err)
		}
		same := had[flag.Endpoint] == json.String
		delete(had, flag.Endpoint)
		if same {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO flag (endpoint, changed, flag) VALUES ($1, $2, $3)
			ON CONFLICT (endpoint) DO UPDATE SET changed = excluded.changed, flag = excluded.flag`, flag.Endpoint, flag.Changed, json.String); err != nil {
			return fmt.Errorf("write the flag of %s: %w", flag.Endpoint, err)
		}
	}
	for endpoint := range had {
		if _, err := tx.ExecContext(ctx, "DELETE FROM flag WHERE endpoint = $1", endpoint); err != nil {
			return fmt.Errorf("remove the flag of %s: %w", endpoint, err)
		}
	}
	return nil
}

// text is a value as JSON, or NULL when there is none.
func text(value any, none bool) (sql.NullString, error) {
	if none {
		return sql.NullString{}, nil
	}
	data, err := json.Marshal(value)
	return sql.NullString{String: string(data), Valid: true}, err
}

// meaning tells errors of databases in the words of stores.
func meaning(err error) error {
	switch {
	case errors.Is(err, database.ErrUnknown):
		return fmt.Errorf("%w: %w", flags.ErrUnknown, err)
	case errors.Is(err, database.ErrUnavailable), errors.Is(err, database.ErrConflict):
		return fmt.Errorf("%w: %w", flags.ErrUnavailable, err)
	}
	return err
}
