package sqlstore

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// activeRow and metadataRow are the rows of the plan's tables as lines of JSON, with the tables' own names.
type activeRow struct {
	Table       string `json:"table"` // user_active_flows
	ID          string `json:"id"`
	UserID      string `json:"user_id"`
	FlowID      string `json:"flow_id"`
	Engagement  string `json:"engagement_id"`
	ActivatedAt moment `json:"activated_at"`
	IsCurrent   bool   `json:"is_current"`
}

type metadataRow struct {
	Table      string          `json:"table"` // flow_metadata
	FlowID     string          `json:"flow_id"`
	FlowType   string          `json:"flow_type"`
	Status     string          `json:"status"`
	Engagement string          `json:"engagement_id"`
	CreatedBy  string          `json:"created_by"`
	Metadata   json.RawMessage `json:"metadata"`
	CreatedAt  moment          `json:"created_at"`
	UpdatedAt  moment          `json:"updated_at"`
}

const (
	activeTable   = "user_active_flows"
	metadataTable = "flow_metadata"
)

// moment is a time of a row: in UTC, to the microsecond, as both databases keep it.
type moment string

// Scan implements sql.Scanner.
func (m *moment) Scan(v any) error {
	switch v := v.(type) {
	case time.Time:
		*m = moment(v.UTC().Format(stampForm))
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return err
		}
		*m = moment(t.UTC().Format(stampForm))
	case nil:
		*m = ""
	default:
		return fmt.Errorf("a time is a %T", v)
	}
	return nil
}

// Export writes the rows of the plan's tables as JSON lines, in an order that is always the same, of one
// moment. What crossfade keeps for itself alone (versions, intents, absences) stays behind.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	buffered := bufio.NewWriter(w)
	lines := json.NewEncoder(buffered)
	lines.SetEscapeHTML(false)
	err := s.db.Read(ctx, func(tx *sql.Tx) error {
		return errors.Join(s.exportMetadata(ctx, tx, lines), s.exportActive(ctx, tx, lines))
	})
	return errors.Join(err, buffered.Flush())
}

func (s *Store) exportActive(ctx context.Context, tx *sql.Tx, lines *json.Encoder) error {
	rows, err := tx.QueryContext(ctx, s.names.Replace(`SELECT CAST(id AS TEXT), CAST(user_id AS TEXT), CAST(flow_id AS TEXT),
		CAST(engagement_id AS TEXT), activated_at, COALESCE(is_current, FALSE) FROM {active} ORDER BY 2, 3`))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r := activeRow{Table: activeTable}
		if err := rows.Scan(&r.ID, &r.UserID, &r.FlowID, &r.Engagement, &r.ActivatedAt, &r.IsCurrent); err != nil {
			return err
		}
		if err := lines.Encode(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *Store) exportMetadata(ctx context.Context, tx *sql.Tx, lines *json.Encoder) error {
	rows, err := tx.QueryContext(ctx, s.names.Replace(`SELECT CAST(flow_id AS TEXT), flow_type, status, CAST(engagement_id AS TEXT),
		CAST(created_by AS TEXT), CAST(metadata AS TEXT), created_at, updated_at FROM {metadata} ORDER BY 1`))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r := metadataRow{Table: metadataTable}
		var metadata sql.NullString
		if err := rows.Scan(&r.FlowID, &r.FlowType, &r.Status, &r.Engagement, &r.CreatedBy, &metadata, &r.CreatedAt, &r.UpdatedAt); err != nil {
			return err
		}
		if metadata.Valid {
			r.Metadata = json.RawMessage(metadata.String)
		}
		if err := lines.Encode(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Import reads what Export wrote, in one transaction: all of it or nothing. A row that is there already, by
// its key, becomes that of the file. It gives the number of rows.
func (s *Store) Import(ctx context.Context, r io.Reader) (int, error) {
	active, metadata, err := readLines(r)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, func(t *change) error {
		var engagements []string
		for _, r := range active {
			engagements = append(engagements, r.Engagement)
		}
		for _, r := range metadata {
			engagements = append(engagements, r.Engagement)
		}
		if err := t.in(engagements...); err != nil {
			return err
		}
		for _, r := range metadata {
			if err := t.importMetadata(r); err != nil {
				return fmt.Errorf("%s of flow %s: %w", metadataTable, r.FlowID, err)
			}
		}
		// First the rows that are not current: of two of one user, the other one may be in the database still.
		slices.SortStableFunc(active, func(a, b activeRow) int {
			if a.IsCurrent == b.IsCurrent {
				return 0
			} else if a.IsCurrent {
				return 1
			}
			return -1
		})
		for _, r := range active {
			if err := t.importActive(r); err != nil {
				return fmt.Errorf("%s of user %s and flow %s: %w", activeTable, r.UserID, r.FlowID, err)
			}
		}
		return nil
	})
	return len(active) + len(metadata), err
}

func (t *change) importMetadata(r metadataRow) error {
	_, err := t.do(`INSERT INTO {metadata} (flow_id, flow_type, status, engagement_id, created_by, metadata, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (flow_id) DO UPDATE SET flow_type = excluded.flow_type, status = excluded.status,
		engagement_id = excluded.engagement_id, created_by = excluded.created_by, metadata = excluded.metadata,
		created_at = excluded.created_at, updated_at = excluded.updated_at`,
		r.FlowID, r.FlowType, r.Status, r.Engagement, r.CreatedBy, orNull(jsonOrNone(r.Metadata)), orNull(string(r.CreatedAt)), orNull(string(r.UpdatedAt)))
	return err
}

func (t *change) importActive(r activeRow) error {
	if r.IsCurrent {
		if _, err := t.do(`UPDATE {active} SET is_current = FALSE WHERE user_id = $1 AND engagement_id = $2 AND is_current AND flow_id <> $3`,
			r.UserID, r.Engagement, r.FlowID); err != nil {
			return err
		}
	}
	_, err := t.do(`INSERT INTO {active} (id, user_id, flow_id, engagement_id, activated_at, is_current) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (user_id, flow_id) DO UPDATE SET id = excluded.id, engagement_id = excluded.engagement_id,
		activated_at = excluded.activated_at, is_current = excluded.is_current`,
		r.ID, r.UserID, r.FlowID, r.Engagement, orNull(string(r.ActivatedAt)), r.IsCurrent)
	return err
}

// jsonOrNone is a value as it goes into the database: null is none.
func jsonOrNone(v json.RawMessage) string {
	if string(v) == "null" {
		return ""
	}
	return string(v)
}

// maxLine is the longest line that is read, in bytes: far more than the metadata of a flow may have.
const maxLine = 64 << 20

func readLines(r io.Reader) (active []activeRow, metadata []metadataRow, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var kind struct {
			Table string `json:"table"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		switch kind.Table {
		case activeTable:
			active = append(active, activeRow{})
			err = strictly(line, &active[len(active)-1])
		case metadataTable:
			metadata = append(metadata, metadataRow{})
			err = strictly(line, &metadata[len(metadata)-1])
		default:
			err = fmt.Errorf("unknown table %q (want %s or %s)", kind.Table, activeTable, metadataTable)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return active, metadata, lines.Err()
}

// strictly reads a line that has no members but those of the row.
func strictly(line []byte, row any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	return d.Decode(row)
}
