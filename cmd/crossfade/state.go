package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/openfeature"
	flagstore "github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/internal/database"
	flowstore "github.com/crossfade-proxy/crossfade/proxy/flows/sqlstore"
)

// state is what a process keeps beside its configuration: what operators set at run time. It outlives reloads.
type state struct {
	database  *database.DB       // nil for none
	provider  *openfeature.Store // nil where no other system keeps the flags
	endpoints atomic.Pointer[[]string]
	live      *flags.Live
	flows     *flowstore.Store // nil for none
	stop      context.CancelFunc
	running   sync.WaitGroup
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
	var err error
	if s.database, err = openDatabase(c); err != nil {
		return nil, err
	}
	if s.database != nil {
		if o.Store, err = flagstore.New(s.database); err == nil {
			s.flows, err = openFlows(c, s.database)
		}
		if err != nil {
			return nil, errors.Join(err, s.closeStores())
		}
	}
	s.endpoints.Store(&o.Settings.Endpoints)
	if s.provider, err = openProvider(c, func() []string { return *s.endpoints.Load() }); err != nil {
		return nil, errors.Join(err, s.closeStores())
	}
	if s.provider != nil {
		o.Store = s.provider
		if c.DataDir != "" { // its versions are not those of the store
			o.SnapshotFile = filepath.Join(c.DataDir, providerSnapshotFile)
		}
	}
	live, err := flags.Open(ctx, o)
	if err != nil {
		return nil, errors.Join(err, s.closeStores())
	}
	s.live = live
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { live.Run(running) })
	s.followFlows(running, logger)
	return s, nil
}

// flowsStart is how long the first look at what is remembered of flows may hold up the start: a file is looked at in a
// fraction of it, and requests that come before cost a query each.
const flowsStart = time.Second

// followFlows makes the tables of flows, and keeps known what is in them where that can be. A store that is away is no reason
// not to serve: it is told, and tried again with each request that needs it.
func (s *state) followFlows(ctx context.Context, logger *zap.Logger) {
	if s.flows == nil {
		return
	}
	looked := make(chan struct{})
	s.running.Go(func() {
		s.flows.Follow(ctx, func(err error) {
			if err != nil && !errors.Is(err, context.Canceled) {
				logger.Warn("the store is away; flows have no memory until it is there (store.url: none does without)", zap.Error(err))
			}
			close(looked)
		})
	})
	select {
	case <-looked:
	case <-ctx.Done():
	case <-time.After(flowsStart):
	}
}

// close ends what follows the store, after the last request.
func (s *state) close() error {
	s.stop()
	s.running.Wait()
	return s.closeStores()
}

func (s *state) closeStores() error {
	var errs []error
	if s.provider != nil {
		errs = append(errs, s.provider.Close())
	}
	if s.database != nil {
		errs = append(errs, s.database.Close())
	}
	return errors.Join(errs...)
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
