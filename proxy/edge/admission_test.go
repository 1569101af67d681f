package edge

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestAdmission(t *testing.T) {
	a := NewAdmission(2, 100)
	want := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	want("the first request", a.Enter(), true)
	want("the second request", a.Enter(), true)
	want("one too many", a.Enter(), false)
	want("memory", a.Take(60), true)
	want("more than is left", a.Take(41), false)
	want("all that is left", a.Take(40), true)
	if requests, memory := a.InUse(); requests != 2 || memory != 100 {
		t.Errorf("%d requests, %d bytes in use", requests, memory)
	}
	a.Leave()
	a.Give(60)
	want("a place that was given back", a.Enter(), true)
	want("memory that was given back", a.Take(60), true)
	a.Resize(3, 120)
	want("a place more", a.Enter(), true)
	want("none after it", a.Enter(), false)
	want("memory more", a.Take(20), true)
	a.Resize(1, 10)
	a.Leave()
	a.Leave()
	want("still as many as there may be", a.Enter(), false)
	a.Leave()
	want("below the new bound", a.Enter(), true)
}

// However many ask at once, no more get in than there are places for, and none is lost.
func TestAdmissionUnderLoad(t *testing.T) {
	const places = 5
	a := NewAdmission(places, places)
	var inside atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20_000 {
				if !a.Enter() {
					continue
				}
				if n := inside.Add(1); n > places {
					t.Errorf("%d are inside", n)
				}
				if a.Take(1) {
					a.Give(1)
				} else {
					t.Error("a place without its memory")
				}
				inside.Add(-1)
				a.Leave()
			}
		})
	}
	all.Wait()
	if requests, memory := a.InUse(); requests != 0 || memory != 0 {
		t.Errorf("%d requests, %d bytes are left in use", requests, memory)
	}
}
