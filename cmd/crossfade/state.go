package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/internal/database"
)

// state is what a process keeps beside its configuration: what operators set at run time. It outlives reloads.
type state struct {
	database *database.DB // nil for none
	flags    *flags.Live
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// openState opens what is kept. A database that is away, or a directory that cannot be written, holds nobody
// up: traffic goes on with what is known.
func openState(ctx context.Context, l *loaded, logger *zap.Logger) (*state, error) {
	c := l.config
	s := &state{}
	o := flags.LiveOptions{Store: noStore{}, Settings: l.flagSettings(), Logger: logger}
	if c.DataDir != "" {
		o.SnapshotFile, o.KillFile = filepath.Join(c.DataDir, snapshotFile), filepath.Join(c.DataDir, killFile)
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			logger.Error("nothing can be kept: changes of flags are refused", zap.Error(err))
		}
	}
	if c.Store.URL != "" {
		db, err := database.Open(c.Store.URL, database.Options{Schema: c.Store.Schema})
		if err != nil {
			return nil, fmt.Errorf("store.url: %w", err)
		}
		store, err := sqlstore.New(db)
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		s.database, o.Store = db, store
	}
	live, err := flags.Open(ctx, o)
	if err != nil {
		return nil, errors.Join(err, s.closeDatabase())
	}
	s.flags = live
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { live.Run(running) })
	return s, nil
}

// close ends what follows the store, after the last request.
func (s *state) close() error {
	s.stop()
	s.running.Wait()
	return s.closeDatabase()
}

func (s *state) closeDatabase() error {
	if s.database == nil {
		return nil
	}
	return s.database.Close()
}

// noStore is for a crossfade that keeps nothing: its flags are those of the configuration. It takes no change,
// since one would be gone with the process.
type noStore struct{}

var _ flags.Store = noStore{}

// errNoStore is why a change is refused.
var errNoStore = fmt.Errorf("%w: store.url is none, so flags are those of proxy.yaml and the environment; crossfade kill works", flags.ErrUnavailable)

func (noStore) Read(context.Context) (flags.State, error)                   { return flags.State{}, nil }
func (noStore) Version(context.Context) (int64, error)                      { return 0, nil }
func (noStore) Listen(ctx context.Context, _ func())                        { <-ctx.Done() }
func (noStore) Close() error                                                { return nil }
func (noStore) History(context.Context, flags.Query) ([]flags.Entry, error) { return nil, nil }

func (noStore) Write(context.Context, func(flags.State, time.Time) (flags.State, flags.Entry, error)) (flags.State, error) {
	return flags.State{}, errNoStore
}
