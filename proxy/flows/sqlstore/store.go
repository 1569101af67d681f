// Package sqlstore keeps the memory of package flows in SQLite or PostgreSQL.
//
// The plan's two tables, user_active_flows and flow_metadata, are as the plan has them, so that a backend can take
// them over one day; they are in crossfade's own schema, or in the platform's, where they get the plan's foreign
// keys. Beside them are three tables of crossfade's own: flow_versions, by which replicas see each other's
// changes, flow_intents, for creating exactly once, and flow_absences, for cleaning up.
//
// Each change begins with its engagement's row in flow_versions, whose lock makes writers of one engagement queue.
// That there is one current flow is held by a partial unique index all the same.
package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

// Options is how a Store differs from the usual one.
type Options struct {
	// Platform is the schema of the platform's own tables users and engagements, in the same database;
	// the plan's tables are made beside them. "" keeps them with crossfade's own.
	Platform string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Store is a flows.Store. It makes its tables when it is first used, and again after the database was away.
type Store struct {
	db    *database.DB
	files fs.FS
	now   func() time.Time
	names *strings.Replacer // of the tables and of what the dialects say differently

	recall  string                // the statement of Recall
	known   atomic.Pointer[known] // nil while nothing is, see Follow
	looking sync.Mutex
}

var _ flows.Store = (*Store)(nil)

// New gives the store in a database. It contacts nobody.
func New(db *database.DB, o Options) (*Store, error) {
	files, err := migrations(db.Dialect(), o.Platform)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, files: files, now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	schema, among := "", "IN (SELECT value FROM json_each($ids))"
	if db.Dialect() == database.Postgres {
		among = "IN (SELECT CAST(value AS UUID) FROM json_array_elements_text(CAST($ids AS JSON)))"
		if o.Platform != "" {
			schema = o.Platform + "."
		}
	}
	s.names = strings.NewReplacer(
		"{active}", schema+"user_active_flows", "{metadata}", schema+"flow_metadata",
		"{among 3}", strings.ReplaceAll(among, "$ids", "$3"), "{among 1}", strings.ReplaceAll(among, "$ids", "$1"),
	)
	s.recall = s.names.Replace(recall)
	return s, nil
}

// Migrate makes the tables, if that has not been done.
func (s *Store) Migrate(ctx context.Context) error { return s.db.Migrate(ctx, s.files, versions) }

// Down takes the tables away with all that is in them. It is for tests.
func (s *Store) Down(ctx context.Context) error { return s.db.Down(ctx, s.files, versions) }

// write runs a change. All that is remembered of an engagement has another version afterwards.
func (s *Store) write(ctx context.Context, work func(t *change) error) error {
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		return work(&change{ctx, tx, s})
	})
	if err == nil || errors.Is(err, database.ErrUnknown) {
		s.written(ctx)
	}
	return err
}

// change is a transaction that writes.
type change struct {
	ctx   context.Context
	tx    *sql.Tx
	store *Store
}

func (t *change) do(statement string, args ...any) (int64, error) {
	result, err := t.tx.ExecContext(t.ctx, t.store.names.Replace(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// all runs statements with the same arguments, each of which uses every one of them.
func (t *change) all(args []any, statements ...string) error {
	for _, statement := range statements {
		if _, err := t.do(statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// in begins the change of engagements. Its locks are taken in the same order by everybody.
func (t *change) in(engagements ...string) error {
	slices.Sort(engagements)
	for _, e := range slices.Compact(engagements) {
		if _, err := t.do(`INSERT INTO flow_versions (engagement_id, version) VALUES ($1, 1)
			ON CONFLICT (engagement_id) DO UPDATE SET version = flow_versions.version + 1`, e); err != nil {
			return err
		}
	}
	return nil
}

// recall reads what is remembered for a caller. The version and what it is the version of are of one snapshot, since they
// are of one statement.
const recall = `
	SELECT v.version, d.kind, d.flow_id, d.flow_type, d.status, d.engagement_id, d.created_by, d.metadata, d.since
	FROM (SELECT COALESCE((SELECT version FROM flow_versions WHERE engagement_id = $4), 0) AS version) v
	LEFT JOIN (
		SELECT CASE WHEN a.is_current THEN 'current' ELSE 'activated' END AS kind, CAST(a.flow_id AS TEXT) AS flow_id,
			'' AS flow_type, '' AS status, '' AS engagement_id, '' AS created_by, NULL AS metadata, b.since
		FROM {active} a LEFT JOIN flow_absences b ON b.user_id = $5 AND b.flow_id = CAST(a.flow_id AS TEXT)
		WHERE a.user_id = $1 AND a.engagement_id = $2
		UNION ALL
		SELECT 'details', CAST(m.flow_id AS TEXT), m.flow_type, m.status, CAST(m.engagement_id AS TEXT),
			CAST(m.created_by AS TEXT), CAST(m.metadata AS TEXT), b.since
		FROM {metadata} m LEFT JOIN flow_absences b ON b.user_id = $5 AND b.flow_id = CAST(m.flow_id AS TEXT)
		WHERE m.engagement_id = $2 AND (m.flow_id {among 3} OR m.created_by = $1)
	) d ON TRUE`

// Recall implements flows.Store.
func (s *Store) Recall(ctx context.Context, c flows.Caller, ids []string) (flows.Recollection, error) {
	if err := s.Migrate(ctx); err != nil {
		return flows.Recollection{}, err
	}
	rows, err := s.db.SQL().QueryContext(ctx, s.recall, c.User, c.Engagement, list(ids), c.Engagement, c.User)
	if err != nil {
		return flows.Recollection{}, database.Classify(err)
	}
	defer rows.Close()
	r := flows.Recollection{Details: map[string]flows.Details{}}
	for rows.Next() {
		var kind, flow sql.NullString
		var d details
		if err := rows.Scan(&r.Version, &kind, &flow, &d.kind, &d.status, &d.engagement, &d.createdBy, &d.metadata, &d.since); err != nil {
			return flows.Recollection{}, database.Classify(err)
		}
		switch {
		case !kind.Valid:
		case kind.String == "details":
			r.Details[flow.String] = d.value()
		default:
			r.Activated = append(r.Activated, flows.Activated{Flow: flow.String, Current: kind.String == "current", Gone: d.gone()})
		}
	}
	return r, database.Classify(rows.Err())
}

// Version implements flows.Store. The driver of PostgreSQL prepares it once for each connection.
func (s *Store) Version(ctx context.Context, engagement string) (int64, error) {
	if err := s.Migrate(ctx); err != nil {
		return 0, err
	}
	var n int64
	err := s.db.SQL().QueryRowContext(ctx, `SELECT version FROM flow_versions WHERE engagement_id = $1`, engagement).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, database.Classify(err)
}

// details is a row of flow_metadata while it is read.
type details struct {
	kind, status, engagement, createdBy, metadata sql.NullString
	since                                         sql.NullInt64
}

func (d details) gone() time.Time {
	if !d.since.Valid {
		return time.Time{}
	}
	return time.UnixMicro(d.since.Int64).UTC()
}

func (d details) value() flows.Details {
	out := flows.Details{Type: d.kind.String, Status: d.status.String, Engagement: d.engagement.String, CreatedBy: d.createdBy.String, Gone: d.gone()}
	if d.metadata.Valid {
		out.Metadata = json.RawMessage(d.metadata.String)
	}
	return out
}

// Details implements flows.Store.
func (s *Store) Details(ctx context.Context, ids []string) (map[string]flows.Details, error) {
	out := map[string]flows.Details{}
	if len(ids) == 0 {
		return out, nil
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, err
	}
	rows, err := s.db.SQL().QueryContext(ctx, s.names.Replace(`
		SELECT CAST(flow_id AS TEXT), flow_type, status, CAST(engagement_id AS TEXT), CAST(created_by AS TEXT), CAST(metadata AS TEXT)
		FROM {metadata} WHERE flow_id {among 1}`), list(ids))
	if err != nil {
		return nil, database.Classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var flow string
		var d details
		if err := rows.Scan(&flow, &d.kind, &d.status, &d.engagement, &d.createdBy, &d.metadata); err != nil {
			return nil, database.Classify(err)
		}
		out[flow] = d.value()
	}
	return out, database.Classify(rows.Err())
}

// errUndo makes a transaction that only tried be undone.
var errUndo = errors.New("undo")

// Ready implements flows.Store: it writes, and takes it back.
func (s *Store) Ready(ctx context.Context) error {
	err := s.write(ctx, func(t *change) error { return errors.Join(t.in(""), errUndo) })
	if errors.Is(err, database.ErrUnavailable) || !errors.Is(err, errUndo) {
		return err
	}
	return nil
}

// list is ids as a JSON array, which both dialects can take apart.
func list(ids []string) string {
	if len(ids) == 0 {
		return "[]"
	}
	return `["` + strings.Join(ids, `","`) + `"]`
}

func (s *Store) micros() int64 { return s.now().UnixMicro() }

// stamp is a time as both dialects take it.
func (s *Store) stamp() string { return s.now().UTC().Format(stampForm) }

const stampForm = "2006-01-02T15:04:05.000000Z"
