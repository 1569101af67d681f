package admin

import (
	"sync"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// Recent remembers the last requests of endpoints, so that operators can ask why one of them got what it got. It is an
// Observer of the data path: a request costs it a lock and a copy. It has no path, header or body of a caller's.
type Recent struct {
	now func() time.Time

	mu   sync.Mutex
	ring []seenRequest
	next int
}

// seenRequest is what is remembered of one.
type seenRequest struct {
	At        time.Time     `json:"at"` // when it was over
	RequestID string        `json:"request_id"`
	Method    string        `json:"method"`
	Endpoint  string        `json:"endpoint"`
	Route     string        `json:"route"`
	Side      string        `json:"side"`
	Mode      proxy.Mode    `json:"mode"`
	Stage     string        `json:"stage,omitempty"`
	Reason    proxy.Reason  `json:"reason"`
	Source    string        `json:"source,omitempty"`
	Rule      string        `json:"rule,omitempty"`
	Bucket    *uint32       `json:"bucket,omitempty"`
	Threshold *uint32       `json:"threshold,omitempty"`
	Version   int64         `json:"version"`
	Status    int           `json:"status"`
	Outcome   proxy.Outcome `json:"outcome"`
	Problem   string        `json:"problem,omitempty"`
	Fallback  string        `json:"fallback,omitempty"`

	bucket, threshold uint32
	hasBucket         bool
}

// NewRecent remembers the last size requests; a thousand take about 300 KiB. now is the clock; nil means time.Now.
func NewRecent(size int, now func() time.Time) *Recent {
	if now == nil {
		now = time.Now
	}
	return &Recent{now: now, ring: make([]seenRequest, max(size, 1))}
}

// Observe implements proxy.Observer.
func (s *Recent) Observe(rec proxy.Record) {
	if rec.Endpoint == "" {
		return // nothing was decided
	}
	fallback := rec.Fallback
	if fallback == "" {
		fallback = rec.RequestFallback
	}
	at := s.now()
	s.mu.Lock()
	s.ring[s.next] = seenRequest{
		At: at, RequestID: rec.RequestID, Method: rec.Method, Endpoint: rec.Endpoint, Route: rec.Route, Side: rec.Side,
		Mode: rec.Mode, Stage: rec.Stage, Reason: rec.Reason, Source: rec.Source, Rule: rec.Rule, Version: rec.Version,
		Status: rec.Status, Outcome: rec.Outcome, Problem: rec.Problem, Fallback: string(fallback),
		bucket: rec.Bucket, threshold: rec.Threshold, hasBucket: rec.HasBucket,
	}
	s.next = (s.next + 1) % len(s.ring)
	s.mu.Unlock()
}

// find gives the requests with an id, newest first: a client may send several under one.
func (s *Recent) find(id string) []seenRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []seenRequest
	for i := range s.ring {
		r := s.ring[(s.next-1-i+2*len(s.ring))%len(s.ring)]
		if r.RequestID != id {
			continue
		}
		if r.hasBucket {
			r.Bucket, r.Threshold = &r.bucket, &r.threshold
		}
		found = append(found, r)
	}
	return found
}
