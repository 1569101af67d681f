// Package soak runs mixed traffic through crossfade for as long as it is told to: answers of every
// kind, faults on both sides, and flips and reloads meanwhile. No answer is ever another caller's,
// every answer is of one mode, and descriptors, goroutines and memory stay where they were.
//
//	go test ./conformance/soak -soak 10m -v -timeout 0      (make soak)
//
// Without the flag it is a taste of a few seconds.
package soak

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/conformance/process"
	"github.com/crossfade-proxy/crossfade/internal/raw"
)

func TestMain(m *testing.M) { process.Main(m) }

var length = flag.Duration("soak", 4*time.Second, "how long to run")

const (
	// callers at once; few enough that most of the time goes to crossfade on a small machine.
	callers = 24
	// flipEvery is how often the configuration changes. Checking a contract takes a tenth of a
	// second of a processor, so more often would be a test of that.
	flipEvery = time.Second
	// settled is how long crossfade has to give back what it had taken.
	settled = 30 * time.Second
)

func TestSoak(t *testing.T) {
	upstream := raw.Serve(t, script()).Sparse()
	p := process.Start(t, process.Options{
		Config: configuration("passthrough", upstream.URL()),
		// Each activate carries the mark of its caller in the place of a flow's id, so it has to go by the lens alone.
		Environ: []string{"CROSSFADE_UPSTREAM_IDLE_TIMEOUT=1s", "CROSSFADE_UPSTREAM_RESPONSE_HEADER_TIMEOUT=5s", "CROSSFADE_FLOWS_MEMORY=false"},
	})
	descriptors := p.Descriptors()

	s := &soak{t: t, p: p, stop: make(chan struct{}), counts: map[string]int{}}
	time.AfterFunc(*length, func() { close(s.stop) })
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() { s.call(caller) })
	}
	all.Go(func() { s.flip(upstream.URL()) })
	samples := s.sample()
	all.Wait()

	flat(t, samples)
	s.judge()
	// Everybody has gone: what is still there in the end is a leak.
	deadline := time.Now().Add(settled)
	for p.Descriptors() > descriptors {
		if time.Now().After(deadline) {
			t.Errorf("%d descriptors are open, %d at the start", p.Descriptors(), descriptors)
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	stacks := p.Goroutines()
	t.Logf("%d descriptors, %d goroutines in the end", descriptors, len(stacks))
	const most = 40 // those of the runtime, two listeners and the watch on the configuration
	if len(stacks) == 0 || len(stacks) > most {
		t.Errorf("%d goroutines in the end, want at most %d: %q", len(stacks), most, stacks)
	}
}

// soak is what the goroutines of the test share.
type soak struct {
	t    *testing.T
	p    *process.Process
	stop chan struct{}

	mu     sync.Mutex
	counts map[string]int // of requests by kind, answers by mode, flips
}

func (s *soak) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

func (s *soak) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

func configuration(mode, upstream string) string {
	return fmt.Sprintf("mode: %s\nupstream: {url: '%s'}\n", mode, upstream)
}

// flip changes the mode again and again, now and then with a configuration that is refused.
func (s *soak) flip(upstream string) {
	modes := []string{"dual", "flow_only", "passthrough", "dual", "passthrough", "flow_only"}
	tick := time.NewTicker(flipEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if n%7 == 6 {
			s.p.Write("mode: nonsense\n")
			s.count("refused configurations")
			continue
		}
		s.p.Reload(configuration(modes[n%len(modes)], upstream))
		s.count("flips")
	}
}

// sampled is what crossfade has at one moment.
type sampled struct {
	memory      int64 // bytes
	descriptors int
}

// sample measures until the end.
func (s *soak) sample() []sampled {
	var samples []sampled
	tick := time.NewTicker(min(time.Second, *length/20))
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return samples
		case <-tick.C:
			samples = append(samples, sampled{s.p.Memory(), s.p.Descriptors()})
		}
	}
}

// flat fails the test if the last quarter of the samples is above the second one: the first is
// warming up.
func flat(t *testing.T, samples []sampled) {
	t.Helper()
	quarter := len(samples) / 4
	if quarter == 0 {
		t.Fatalf("%d samples are too few", len(samples))
	}
	most := func(from, to int) (m sampled) {
		for _, s := range samples[from:to] {
			m.memory, m.descriptors = max(m.memory, s.memory), max(m.descriptors, s.descriptors)
		}
		return m
	}
	early, late := most(quarter, 2*quarter), most(len(samples)-quarter, len(samples))
	t.Logf("at most %d MiB and %d descriptors in the second quarter, %d MiB and %d in the last",
		early.memory>>20, early.descriptors, late.memory>>20, late.descriptors)
	if late.memory > early.memory+early.memory/4+16<<20 {
		t.Errorf("memory grows: %d MiB, then %d", early.memory>>20, late.memory>>20)
	}
	if late.descriptors > early.descriptors+2*callers {
		t.Errorf("descriptors grow: %d, then %d", early.descriptors, late.descriptors)
	}
}

// judge tells what was done, and fails the test if something was not done at all.
func (s *soak) judge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Logf("%v", s.counts)
	for _, kind := range kinds() {
		if s.counts[kind.name] == 0 {
			s.t.Errorf("no request of the kind %q", kind.name)
		}
	}
	for _, what := range []string{"answers in dual", "answers in flow_only", "answers in passthrough", "flips"} {
		if s.counts[what] == 0 {
			s.t.Errorf("no %s", what)
		}
	}
}
