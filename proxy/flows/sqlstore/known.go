package sqlstore

import (
	"context"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
)

const (
	// pollEvery is how soon a change is noticed that another process has made in a file: crossfade flows
	// import, say. Those of this process are known at once.
	pollEvery = 100 * time.Millisecond
	// lookTime bounds a look at the versions, for which a writer of this process waits.
	lookTime = 2 * time.Second
)

// known is what a process knows of its file without asking. It is not changed once it is made.
type known struct {
	versions map[string]int64 // by engagement
	rows     bool             // something is remembered for somebody
	// foreign: there are rows of engagements without a version, as in tables that somebody else has made.
	foreign bool
}

// Follow keeps in the process what there is in a file, until ctx is done: which engagements have which version, and
// whether anything is remembered at all. Before it has looked, and without it, everything is asked of the database. It
// calls looked once, with the error of making the tables and looking at them.
//
// One process owns a file: what others write is noticed after pollEvery. A file that cannot be read any more is taken
// for what it was. With PostgreSQL, where replicas write, nothing is known without asking, and only the tables are made.
func (s *Store) Follow(ctx context.Context, looked func(error)) {
	err := s.Migrate(ctx)
	if s.db.Dialect() != database.SQLite {
		looked(err)
		return
	}
	defer s.forgetKnown()
	if err == nil {
		err = s.look(ctx)
	}
	looked(err)
	s.db.Watch(ctx, pollEvery, func() {
		// Tables that could not be made are, by now or by the next change; what cannot be looked at stays as it was known.
		if s.Migrate(ctx) == nil {
			_ = s.look(ctx)
		}
	})
}

// look reads the versions anew. Those who look come one after the other, so that nobody's older view replaces a newer one.
func (s *Store) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s.looking.Lock()
	defer s.looking.Unlock()
	next, err := s.readKnown(ctx)
	if err != nil {
		return database.Classify(err)
	}
	s.known.Store(next)
	return nil
}

func (s *Store) readKnown(ctx context.Context) (*known, error) {
	next := &known{versions: map[string]int64{}}
	if before := s.known.Load(); before == nil {
		err := s.db.SQL().QueryRowContext(ctx, s.names.Replace(`
			SELECT EXISTS (SELECT 1 FROM {active} WHERE engagement_id NOT IN (SELECT engagement_id FROM flow_versions))
				OR EXISTS (SELECT 1 FROM {metadata} WHERE engagement_id NOT IN (SELECT engagement_id FROM flow_versions))`)).Scan(&next.foreign)
		if err != nil {
			return nil, err
		}
	} else {
		next.foreign = before.foreign
	}
	rows, err := s.db.SQL().QueryContext(ctx, s.names.Replace(`
		SELECT EXISTS (SELECT 1 FROM {active}) OR EXISTS (SELECT 1 FROM {metadata}), '', 0
		UNION ALL SELECT FALSE, engagement_id, version FROM flow_versions`))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var some bool
		var engagement string
		var version int64
		if err := rows.Scan(&some, &engagement, &version); err != nil {
			return nil, err
		}
		next.rows = next.rows || some
		next.versions[engagement] = version
	}
	return next, rows.Err()
}

// forgetKnown has the database asked again.
func (s *Store) forgetKnown() {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.known.Store(nil)
}

// written makes what a change has done known before its writer goes on.
func (s *Store) written(ctx context.Context) {
	if s.known.Load() == nil {
		return
	}
	if s.look(context.WithoutCancel(ctx)) != nil {
		s.forgetKnown() // until the next look, which the change itself brings about
	}
}

// Empty implements flows.Store.
func (s *Store) Empty() bool {
	k := s.known.Load()
	return k != nil && !k.rows
}

// Known implements flows.Store.
func (s *Store) Known(engagement string) (int64, bool) {
	k := s.known.Load()
	if k == nil {
		return 0, false
	}
	version, ok := k.versions[engagement]
	return version, ok || !k.foreign
}
