package config

import (
	"context"
	"os"
	"sync"
	"time"
)

// WatchInterval is how often Watch looks. A change is told once it has stood still for one
// interval, so one to two seconds after it was made.
const WatchInterval = time.Second

// Files reads files and remembers them, so that Watch can tell when one of them changed. Give
// its ReadFile to Load and to whatever reads contracts: then exactly the files that matter are
// watched, and none can change unseen between being read and being watched.
//
// It looks instead of asking the kernel to call: that works the same for a file that is
// written in place, replaced by a rename, swapped behind a symbolic link (as Kubernetes does
// with a mounted ConfigMap), bound into a container, or on a network file system; and a few
// stat calls a second cost nothing.
//
// The zero value is ready. Its methods may be called from several goroutines.
type Files struct {
	mu    sync.Mutex
	seen  map[string]stamp // as of the last read, or the last time a change was told
	moved map[string]stamp // what differed from seen at the last look
}

// stamp is what tells two states of a file apart. The zero stamp is a file that cannot be
// looked at, for whatever reason.
type stamp struct {
	info os.FileInfo
}

func stampOf(path string) stamp {
	info, err := os.Stat(path) // follows links: what counts is what a read would give
	if err != nil {
		return stamp{}
	}
	return stamp{info}
}

func (s stamp) equal(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}

// ReadFile is os.ReadFile. A file that cannot be read is remembered too, so that its
// appearing is a change.
func (f *Files) ReadFile(path string) ([]byte, error) {
	before := stampOf(path) // before the read: what changes during it, changed
	f.mu.Lock()
	if f.seen == nil {
		f.seen = map[string]stamp{}
	}
	f.seen[path] = before
	f.mu.Unlock()
	return os.ReadFile(path)
}

// Watch calls onChange, in its own goroutine and never twice at once, when a file that was
// read has changed, appeared or gone, until ctx is done. Several changes that happen together
// are told once. The caller reads the files again, and keeps what it had if they are bad.
func (f *Files) Watch(ctx context.Context, onChange func()) {
	ticker := time.NewTicker(WatchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if f.look() {
				onChange()
			}
		}
	}
}

// look compares every file with what is remembered. It reports a change once nothing has
// moved since the look before.
func (f *Files) look() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	moved := map[string]stamp{}
	still := true
	for path, seen := range f.seen {
		now := stampOf(path)
		if now.equal(seen) {
			continue
		}
		moved[path] = now
		before, known := f.moved[path]
		still = still && known && now.equal(before)
	}
	f.moved = moved
	if len(moved) == 0 || !still {
		return false
	}
	// Told once, also if the caller does not get as far as reading this file again.
	for path, now := range moved {
		f.seen[path] = now
	}
	f.moved = nil
	return true
}
