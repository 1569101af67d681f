package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

// Activate implements flows.Store.
func (s *Store) Activate(ctx context.Context, c flows.Caller, flow string) error {
	return s.write(ctx, func(t *change) error {
		engagements := []string{c.Engagement}
		// A flow that has moved to another engagement is current in the old one no more.
		var before string
		err := t.tx.QueryRowContext(ctx, s.names.Replace(
			`SELECT CAST(engagement_id AS TEXT) FROM {active} WHERE user_id = $1 AND flow_id = $2`), c.User, flow).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if before != "" {
			engagements = append(engagements, before)
		}
		if err := t.in(engagements...); err != nil {
			return err
		}
		if _, err := t.do(`UPDATE {active} SET is_current = FALSE WHERE user_id = $1 AND engagement_id = $2 AND is_current AND flow_id <> $3`,
			c.User, c.Engagement, flow); err != nil {
			return err
		}
		if _, err := t.do(`INSERT INTO {active} (user_id, flow_id, engagement_id, activated_at, is_current) VALUES ($1, $2, $3, $4, TRUE)
			ON CONFLICT (user_id, flow_id) DO UPDATE SET engagement_id = excluded.engagement_id, activated_at = excluded.activated_at, is_current = TRUE`,
			c.User, flow, c.Engagement, s.stamp()); err != nil {
			return err
		}
		_, err = t.do(`DELETE FROM flow_absences WHERE user_id = $1 AND flow_id = $2`, c.User, flow)
		return err
	})
}

// Deactivate implements flows.Store.
func (s *Store) Deactivate(ctx context.Context, c flows.Caller, flow string) (bool, error) {
	var n int64
	err := s.write(ctx, func(t *change) error {
		err := t.in(c.Engagement)
		if err == nil {
			n, err = t.do(`UPDATE {active} SET is_current = FALSE WHERE user_id = $1 AND flow_id = $2 AND is_current`, c.User, flow)
		}
		return err
	})
	return n > 0, err
}

// Describe implements flows.Store.
func (s *Store) Describe(ctx context.Context, flow string, d flows.Details) error {
	return s.write(ctx, func(t *change) error {
		if err := t.in(d.Engagement); err != nil {
			return err
		}
		n, err := t.do(`UPDATE {metadata} SET flow_type = COALESCE($2, flow_type), status = COALESCE($3, status),
			metadata = COALESCE($4, metadata), updated_at = $5 WHERE flow_id = $1`,
			flow, orNull(d.Type), orNull(d.Status), orNull(string(d.Metadata)), s.stamp())
		if err != nil || n > 0 {
			return err
		}
		return t.describe(flow, d)
	})
}

// describe writes a row of flow_metadata, where there is none.
func (t *change) describe(flow string, d flows.Details) error {
	_, err := t.do(`INSERT INTO {metadata} (flow_id, flow_type, status, engagement_id, created_by, metadata, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (flow_id) DO NOTHING`,
		flow, d.Type, d.Status, d.Engagement, d.CreatedBy, orNull(string(d.Metadata)), t.store.stamp(), t.store.stamp())
	return err
}

// Remove implements flows.Store.
func (s *Store) Remove(ctx context.Context, flow, engagement string) error {
	return s.write(ctx, func(t *change) error {
		if err := t.in(engagement); err != nil {
			return err
		}
		return t.all([]any{flow},
			`DELETE FROM {active} WHERE flow_id = $1`,
			`DELETE FROM {metadata} WHERE flow_id = $1`,
			`DELETE FROM flow_absences WHERE flow_id = $1`)
	})
}

// ForgetUser takes everything away that is remembered of a user, as a foreign key does where the platform's users
// are beside it. It gives the number of rows.
func (s *Store) ForgetUser(ctx context.Context, user string) (int64, error) {
	var sum int64
	err := s.write(ctx, func(t *change) error {
		// Whoever has read any of it is to read anew.
		if _, err := t.do(`UPDATE flow_versions SET version = version + 1`); err != nil {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM {active} WHERE user_id = $1`,
			`DELETE FROM {metadata} WHERE created_by = $1`,
			`DELETE FROM flow_intents WHERE user_id = $1`,
			`DELETE FROM flow_absences WHERE user_id = $1`,
		} {
			n, err := t.do(statement, user)
			if err != nil {
				return err
			}
			sum += n
		}
		return nil
	})
	return sum, err
}

// Reconcile implements flows.Store.
func (s *Store) Reconcile(ctx context.Context, c flows.Caller, absent, present []string, grace time.Duration) error {
	now := s.micros()
	return s.write(ctx, func(t *change) error {
		if err := t.in(c.Engagement); err != nil {
			return err
		}
		for _, flow := range present {
			if _, err := t.do(`DELETE FROM flow_absences WHERE user_id = $1 AND flow_id = $2`, c.User, flow); err != nil {
				return err
			}
		}
		for _, flow := range absent {
			if _, err := t.do(`INSERT INTO flow_absences (user_id, flow_id, since) VALUES ($1, $2, $3)
				ON CONFLICT (user_id, flow_id) DO NOTHING`, c.User, flow, now); err != nil {
				return err
			}
			var since int64
			if err := t.tx.QueryRowContext(ctx, `SELECT since FROM flow_absences WHERE user_id = $1 AND flow_id = $2`,
				c.User, flow).Scan(&since); err != nil {
				return err
			}
			if now-since < grace.Microseconds() {
				continue
			}
			if err := t.all([]any{c.User, flow},
				`DELETE FROM {active} WHERE user_id = $1 AND flow_id = $2`,
				`DELETE FROM {metadata} WHERE created_by = $1 AND flow_id = $2`); err != nil {
				return err
			}
			if _, err := t.do(`DELETE FROM flow_absences WHERE user_id = $1 AND flow_id = $2`, c.User, flow); err != nil {
				return err
			}
		}
		return nil
	})
}

// orNull is "" as NULL.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
