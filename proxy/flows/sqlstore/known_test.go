package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy/flows"
)

// patience bounds every wait: far more than anything should take.
const patience = time.Minute

// follow has a store follow its file until the test ends, or until stop.
func follow(tb testing.TB, s *Store) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	looked, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		s.Follow(ctx, func(err error) { looked <- err })
	}()
	must(tb, <-looked)
	stop = func() { cancel(); <-ended }
	tb.Cleanup(stop)
	return stop
}

func inFile(tb testing.TB) *bed {
	tb.Helper()
	return newBed(tb, "sqlite:"+filepath.Join(tb.TempDir(), "flows.db"), "")
}

func knows(tb testing.TB, s *Store, engagement string, want int64) {
	tb.Helper()
	if got, ok := s.Known(engagement); !ok || got != want {
		tb.Errorf("known %v, version %d; want %d", ok, got, want)
	}
}

func TestOwnChangesAreKnownAtOnce(t *testing.T) {
	b := inFile(t)
	follow(t, b.Store)
	knows(t, b.Store, east, 0)
	if !b.Empty() {
		t.Error("a new file is not empty")
	}
	for n := range int64(20) {
		must(b, b.Activate(t.Context(), annEast, one))
		knows(t, b.Store, east, n+1)
	}
	knows(t, b.Store, west, 0)
	if b.Empty() {
		t.Error("empty in spite of an activated flow")
	}
	// A try that was undone is no change.
	must(b, b.Ready(t.Context()))
	knows(t, b.Store, east, 20)
	_, err := b.ForgetUser(t.Context(), ann)
	must(b, err)
	knows(t, b.Store, east, 21)
	if !b.Empty() {
		t.Error("not empty when all is forgotten")
	}
}

func TestChangesOfOthersAreNoticed(t *testing.T) {
	b := inFile(t)
	follow(t, b.Store)
	other := b.replica()
	must(b, other.Activate(t.Context(), annEast, one))
	await(t, func() bool { n, ok := b.Known(east); return ok && n == 1 && !b.Empty() })
	_, err := other.ForgetUser(t.Context(), ann)
	must(b, err)
	await(t, b.Empty)
}

func await(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("it was not noticed")
		}
		<-time.After(pollEvery / 10)
	}
}

// What was there before the first look is known, also in tables whose rows have no version.
func TestWhatWasThereIsKnown(t *testing.T) {
	b := inFile(t)
	must(b, b.Activate(t.Context(), annEast, one))
	stop := follow(t, b.Store)
	knows(t, b.Store, east, 1)
	knows(t, b.Store, west, 0)
	stop()
	if _, ok := b.Known(east); ok || b.Empty() {
		t.Error("known when nobody follows any more")
	}
	_, err := b.db.SQL().ExecContext(t.Context(), `DELETE FROM flow_versions`)
	must(b, err)
	follow(t, b.Store)
	if _, ok := b.Known(east); ok {
		t.Error("an engagement with rows and no version counts as one with nothing")
	}
	if b.Empty() {
		t.Error("empty in spite of an activated flow")
	}
}

// A file that cannot be read any more is what it was: nobody else can have changed it for us.
func TestFileThatIsAwayIsAsItWasKnown(t *testing.T) {
	b := inFile(t)
	follow(t, b.Store)
	must(b, b.db.SQL().Close())
	if err := b.look(t.Context()); err == nil {
		t.Fatal("it can be read")
	}
	if !b.Empty() {
		t.Error("not empty any more")
	}
	if err := b.Activate(t.Context(), annEast, one); err == nil {
		t.Error("written")
	}
}

func TestFileThatWasNeverThereIsNotKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	b := newBed(t, "sqlite:"+filepath.Join(file, "flows.db"), "")
	ctx, cancel := context.WithCancel(t.Context())
	looked, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		b.Follow(ctx, func(err error) { looked <- err })
	}()
	if err := <-looked; err == nil || b.Empty() {
		t.Errorf("looked at: %v, empty %v", err, b.Empty())
	}
	// It comes, and is followed from then on.
	must(t, os.Remove(file))
	await(t, b.Empty)
	cancel()
	<-ended
}

func TestReplicasKnowNothingWithoutAsking(t *testing.T) {
	b := newBed(t, server.Database(t), "")
	must(b, func() error { var err error; b.Follow(t.Context(), func(e error) { err = e }); return err }())
	must(b, b.Activate(t.Context(), flows.Caller{User: ann, Engagement: east}, one))
	if _, ok := b.Known(east); ok || b.Empty() {
		t.Error("known without asking")
	}
}
