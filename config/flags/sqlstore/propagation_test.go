package sqlstore_test

import (
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
)

// replicas is how many follow one store in TestPropagation; docs/scale.md has the figures for 1000.
var replicas = flag.Int("replicas", 40, "how many replicas follow one store in TestPropagation")

// propagationBound is what docs/store.md promises.
const propagationBound = 2 * time.Second

// TestPropagation: a change reaches every replica of one PostgreSQL within the bound that is promised, and each reads it once.
func TestPropagation(t *testing.T) {
	// One connection of each replica listens, and one reads.
	own := postgrestest.Own(t, postgrestest.Options{Connections: 2**replicas + 20})
	all := follow(t, own.Database(t), *replicas)
	const flips = 20
	var took []time.Duration
	for i := range flips {
		stage := []flags.Stage{flags.Verify, flags.Passthrough}[i%2]
		began := time.Now()
		state, _, err := all[0].Change(t.Context(), flags.SetFlag{Flag: flags.Flag{Endpoint: "context-me", Stage: stage}},
			flags.Author{By: "test", Reason: "propagation"}, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Since(began)
		each := until(t, all, state.Version, began)
		if last := each[len(each)-1]; last > acknowledged+propagationBound {
			t.Errorf("flip %d: the last replica served it after %s", i, last)
		}
		took = append(took, each...)
	}
	slices.Sort(took)
	t.Logf("%d replicas, %d flips: from the order to the answer of the store and to each replica: p50 %s, p99 %s, all %s",
		len(all), flips, took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
}

// follow makes replicas of one store, each with connections of its own.
func follow(t *testing.T, url string, n int) []*flags.Live {
	t.Helper()
	all := make([]*flags.Live, n)
	for i := range all {
		db, err := database.Open(url, database.Options{Connections: 1, Timeout: time.Minute, ConnectTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		store, err := sqlstore.New(db)
		if err != nil {
			t.Fatal(err)
		}
		live, err := flags.Open(t.Context(), flags.LiveOptions{Store: store, Settings: flags.Settings{Endpoints: []string{"context-me"}}})
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(func() { live.Run(t.Context()) })
		t.Cleanup(func() {
			running.Wait() // the test's context is done before its cleanups
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		all[i] = live
	}
	return all
}

// until gives the times after which each replica served a version, the shortest first.
func until(t *testing.T, all []*flags.Live, version int64, began time.Time) []time.Duration {
	t.Helper()
	var took []time.Duration
	waiting := slices.Clone(all)
	for time.Since(began) < time.Minute {
		waiting = slices.DeleteFunc(waiting, func(l *flags.Live) bool {
			if l.State().Version < version {
				return false
			}
			took = append(took, time.Since(began))
			return true
		})
		if len(waiting) == 0 {
			return took
		}
		<-time.After(time.Millisecond)
	}
	t.Fatalf("%d replicas do not serve version %d: %+v", len(waiting), version, waiting[0].Health())
	return nil
}
