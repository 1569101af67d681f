package edge

import "sync/atomic"

// Admission says how many requests may run at once, and how much memory the bodies may take that
// they hold. Nobody waits for a place: a proxy that queues what its backend cannot work on only
// makes it late for everybody. It is safe for concurrent use, and shared by all that serve.
type Admission struct {
	requests, memory account
}

// NewAdmission gives places for so many requests, and so many bytes of bodies.
func NewAdmission(requests int, memory int64) *Admission {
	a := &Admission{}
	a.Resize(requests, memory)
	return a
}

// Resize changes the bounds. What is beyond a smaller one stays until it is given back.
func (a *Admission) Resize(requests int, memory int64) {
	a.requests.most.Store(int64(requests))
	a.memory.most.Store(memory)
}

// Enter takes the place of a request; false when there is none left. Leave gives it back.
func (a *Admission) Enter() bool { return a.requests.take(1) }

// Leave gives a place back.
func (a *Admission) Leave() { a.requests.used.Add(-1) }

// Take takes memory, in bytes; false, and nothing is taken, when there is not so much left. Give
// gives it back.
func (a *Admission) Take(bytes int64) bool { return a.memory.take(bytes) }

// Give gives memory back, in bytes.
func (a *Admission) Give(bytes int64) { a.memory.used.Add(-bytes) }

// InUse is how many requests run now, and how many bytes of bodies they hold.
func (a *Admission) InUse() (requests, memory int64) {
	return a.requests.used.Load(), a.memory.used.Load()
}

// account is an amount of which there is so much and no more.
type account struct{ used, most atomic.Int64 }

func (a *account) take(n int64) bool {
	for {
		used := a.used.Load()
		if used+n > a.most.Load() {
			return false
		}
		if a.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}
