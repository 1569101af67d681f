package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// last gives the newest entry of the journal, the zero one when there is none, and what time it is: by
// the database's clock, but never before the entry, since clocks are set back and servers replaced.
func (s *Store) last(ctx context.Context, tx *sql.Tx) (flags.Entry, time.Time, error) {
	now, err := s.db.Now(ctx, tx)
	if err != nil {
		return flags.Entry{}, time.Time{}, fmt.Errorf("read the clock: %w", err)
	}
	rows, err := journaled(ctx, tx, "ORDER BY version DESC LIMIT 1")
	if err != nil || len(rows) == 0 {
		return flags.Entry{}, now, err
	}
	newest := rows[0].entry
	if now.Before(newest.At) {
		now = newest.At
	}
	return newest, now, nil
}

// journal adds an entry.
func (s *Store) journal(ctx context.Context, tx *sql.Tx, e flags.Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("entry %d of the journal: %w", e.Version, err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO flag_journal (version, endpoint, entry) VALUES ($1, $2, $3)", e.Version, e.Endpoint, string(data)); err != nil {
		return fmt.Errorf("write entry %d of the journal: %w", e.Version, err)
	}
	return nil
}

// History gives entries of the journal, newest first.
func (s *Store) History(ctx context.Context, q flags.Query) (found []flags.Entry, err error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	if q.Before <= 0 {
		q.Before = math.MaxInt64
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := journaled(ctx, tx, "WHERE version < $1 AND ($2 = '' OR endpoint = $2) ORDER BY version DESC LIMIT $3", q.Before, q.Endpoint, q.Limit)
		for _, row := range rows {
			found = append(found, row.entry)
		}
		return err
	})
	return found, err
}

// Verify reads the whole journal and says which is the first entry that was changed, removed or put in by other
// hands; or how many entries there are, when all is well.
func (s *Store) Verify(ctx context.Context) (int, error) {
	var version int64
	var last []flags.Entry // the newest one that was verified
	err := s.read(ctx, func(tx *sql.Tx) error {
		// In one snapshot: the journal goes on meanwhile.
		state, err := s.state(ctx, tx, "")
		if err != nil {
			return err
		}
		version = state.Version
		for {
			from := int64(0)
			if len(last) > 0 {
				from = last[0].Version
			}
			rows, err := journaled(ctx, tx, "WHERE version > $1 ORDER BY version LIMIT $2", from, page)
			if err != nil || len(rows) == 0 {
				return err
			}
			next := last
			for _, row := range rows {
				if row.version != row.entry.Version || row.endpoint != row.entry.Endpoint {
					return fmt.Errorf("row %d of the journal, of %q, has entry %d, of %q", row.version, row.endpoint, row.entry.Version, row.entry.Endpoint)
				}
				next = append(next, row.entry)
			}
			if from == 0 && next[0].Version != 1 {
				return fmt.Errorf("the journal begins with entry %d: those before it were removed", next[0].Version)
			}
			if err := flags.VerifyChain(next); err != nil {
				return err
			}
			last = slices.Clone(next[len(next)-1:])
		}
	})
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	if len(last) > 0 {
		newest = last[0].Version
	}
	if newest != version {
		return 0, fmt.Errorf("the journal ends with entry %d, and the flags are of version %d: entries were removed or put in", newest, version)
	}
	return int(newest), nil
}

// row is one of the table flag_journal: what is looked for by, and the entry itself.
type row struct {
	version  int64
	endpoint string
	entry    flags.Entry
}

// journaled reads the rows that a query ends with.
func journaled(ctx context.Context, tx *sql.Tx, which string, args ...any) (found []row, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT version, endpoint, entry FROM flag_journal "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		var text string
		if err := rows.Scan(&r.version, &r.endpoint, &text); err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &r.entry); err != nil {
			return nil, fmt.Errorf("entry %d of the journal: %w", r.version, err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return found, nil
}
