package proxy

import (
	"io"
	"sync"
)

// reservation is memory that a body takes while it streams, on another goroutine than its exchange's.
type reservation struct {
	admission Admission // nil: memory is not counted
	mu        sync.Mutex
	bytes     int64
	ended     bool
}

// take takes memory. The error is errNoMemory.
func (r *reservation) take(bytes int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.admission == nil:
	case r.ended || !r.admission.Take(bytes):
		return errNoMemory
	default:
		r.bytes += bytes
	}
	return nil
}

// reach takes what is missing to so many bytes. The error is errNoMemory.
func (r *reservation) reach(bytes int64) error {
	r.mu.Lock()
	missing := bytes - r.bytes
	r.mu.Unlock()
	if missing <= 0 {
		return nil
	}
	return r.take(missing)
}

// release gives all of it back; with end no more is taken.
func (r *reservation) release(end bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = r.ended || end
	if r.bytes > 0 {
		r.admission.Give(r.bytes)
		r.bytes = 0
	}
}

// reservedReader takes memory for what it reads.
type reservedReader struct {
	io.Reader
	memory *reservation
}

func (r *reservedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if noMemory := r.memory.take(perByte * int64(n)); noMemory != nil {
		return n, noMemory
	}
	return n, err
}
