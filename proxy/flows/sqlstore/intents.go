package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

// keptFor is how long the answer to an Idempotency-Key is kept: longer than any client tries again.
const keptFor = 24 * time.Hour

// Begin implements flows.Store.
func (s *Store) Begin(ctx context.Context, i flows.Intent) (flows.Intent, bool, error) {
	held, fresh := i, false
	err := s.write(ctx, func(t *change) error {
		now := s.micros()
		if _, err := t.do(`DELETE FROM flow_intents WHERE answer IS NOT NULL AND created_at < $1`, now-keptFor.Microseconds()); err != nil {
			return err
		}
		n, err := t.do(`INSERT INTO flow_intents (id, user_id, idempotency_key, digest, engagement_id, flow_type, status, name, metadata, lease_until, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (user_id, idempotency_key) DO NOTHING`,
			i.ID, i.User, orNull(i.Key), i.Digest, i.Details.Engagement, i.Details.Type, i.Details.Status, i.Name,
			orNull(string(i.Details.Metadata)), now+i.Lease.Microseconds(), now)
		if fresh = n > 0; err != nil || fresh {
			return err
		}
		rows, err := t.tx.QueryContext(ctx, intents+` WHERE user_id = $1 AND idempotency_key = $2`, i.User, i.Key)
		if err != nil {
			return err
		}
		found, err := s.readIntents(rows)
		if err == nil && len(found) != 1 {
			err = errors.New("an intent that was there is gone")
		}
		if err == nil {
			held = found[0]
		}
		return err
	})
	return held, fresh, err
}

const intents = `SELECT id, user_id, idempotency_key, digest, engagement_id, flow_type, status, name, metadata, lease_until, answer FROM flow_intents`

func (s *Store) readIntents(rows *sql.Rows) ([]flows.Intent, error) {
	defer rows.Close()
	var out []flows.Intent
	for rows.Next() {
		var i flows.Intent
		var key, metadata, answer sql.NullString
		var until int64
		if err := rows.Scan(&i.ID, &i.User, &key, &i.Digest, &i.Details.Engagement, &i.Details.Type, &i.Details.Status, &i.Name,
			&metadata, &until, &answer); err != nil {
			return nil, err
		}
		i.Key, i.Details.CreatedBy, i.Finished = key.String, i.User, answer.Valid
		i.Waiting = time.Duration(until-s.micros()) * time.Microsecond
		if metadata.Valid {
			i.Details.Metadata = []byte(metadata.String)
		}
		if answer.Valid {
			i.Answer = []byte(answer.String)
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// Unfinished implements flows.Store.
func (s *Store) Unfinished(ctx context.Context, user string) ([]flows.Intent, error) {
	if err := s.Migrate(ctx); err != nil {
		return nil, err
	}
	rows, err := s.db.SQL().QueryContext(ctx, intents+` WHERE user_id = $1 AND answer IS NULL AND lease_until <= $2 ORDER BY id`, user, s.micros())
	if err != nil {
		return nil, database.Classify(err)
	}
	found, err := s.readIntents(rows)
	return found, database.Classify(err)
}

// Take implements flows.Store.
func (s *Store) Take(ctx context.Context, id string, lease time.Duration) (bool, error) {
	var n int64
	err := s.write(ctx, func(t *change) error {
		var err error
		now := s.micros()
		n, err = t.do(`UPDATE flow_intents SET lease_until = $2 WHERE id = $1 AND answer IS NULL AND lease_until <= $3`, id, now+lease.Microseconds(), now)
		return err
	})
	return n > 0, err
}

// Finish implements flows.Store.
func (s *Store) Finish(ctx context.Context, i flows.Intent, flow string, answer []byte) error {
	return s.write(ctx, func(t *change) error {
		if err := t.in(i.Details.Engagement); err != nil {
			return err
		}
		if err := t.describe(flow, i.Details); err != nil {
			return err
		}
		if i.Key == "" { // nobody can ask for the answer again
			_, err := t.do(`DELETE FROM flow_intents WHERE id = $1`, i.ID)
			return err
		}
		_, err := t.do(`UPDATE flow_intents SET answer = $2 WHERE id = $1`, i.ID, string(answer))
		return err
	})
}

// Drop implements flows.Store.
func (s *Store) Drop(ctx context.Context, id string) error {
	return s.write(ctx, func(t *change) error {
		_, err := t.do(`DELETE FROM flow_intents WHERE id = $1 AND answer IS NULL`, id)
		return err
	})
}
