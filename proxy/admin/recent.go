package admin

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// Recent remembers the last requests of endpoints, so that operators can ask why one of them got what it got. It is an
// Observer of the data path: a request costs it a lock and a few words. It has no path, header or body of a caller's, and no id
// either: whoever asks brings one, and what is kept of it is a hash of 64 bits.
type Recent struct {
	now  func() time.Time
	seed maphash.Seed

	mu   sync.Mutex
	ring []remembered
	next int
	seen map[manner]*manner // the manners of requests in ring, and a few more
	last *manner            // of the request before: most are alike
}

// remembered is what the ring has of a request.
type remembered struct {
	at        int64 // when it was over, in nanoseconds of Unix time
	id        uint64
	manner    *manner // nil for none
	version   int64
	bucket    uint32
	threshold uint32
	status    int16
	hasBucket bool
}

// manner is what many requests have in common: its texts are those of contracts, flags and crossfade itself.
type manner struct {
	method, endpoint, route, side string
	mode                          proxy.Mode
	stage                         string
	reason                        proxy.Reason
	source, rule                  string
	outcome                       proxy.Outcome
	problem, fallback             string
}

// maxManners bounds how many are known at once. There are a few for each endpoint; those of flags that are gone are forgotten with all others.
const maxManners = 4096

// seenRequest is what is told of a request.
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
}

// NewRecent remembers the last size requests; a thousand take about 50 KiB. now is the clock; nil means time.Now.
func NewRecent(size int, now func() time.Time) *Recent {
	if now == nil {
		now = time.Now
	}
	return &Recent{now: now, seed: maphash.MakeSeed(), ring: make([]remembered, max(size, 1)), seen: map[manner]*manner{}, last: &manner{}}
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
	r := remembered{
		at: s.now().UnixNano(), id: maphash.String(s.seed, rec.RequestID), version: rec.Version,
		bucket: rec.Bucket, threshold: rec.Threshold, hasBucket: rec.HasBucket, status: int16(rec.Status), //nolint:gosec // of HTTP: three digits
	}
	m := manner{
		method: rec.Method, endpoint: rec.Endpoint, route: rec.Route, side: rec.Side, mode: rec.Mode, stage: rec.Stage, reason: rec.Reason,
		source: rec.Source, rule: rec.Rule, outcome: rec.Outcome, problem: rec.Problem, fallback: string(fallback),
	}
	s.mu.Lock()
	if *s.last != m {
		s.last = s.known(&m)
	}
	r.manner = s.last
	s.ring[s.next] = r
	s.next = (s.next + 1) % len(s.ring)
	s.mu.Unlock()
}

// known gives the one manner that is kept of those like m. s.mu is held.
func (s *Recent) known(m *manner) *manner {
	if known, ok := s.seen[*m]; ok {
		return known
	}
	if len(s.seen) >= maxManners {
		clear(s.seen) // what the ring refers to stays
	}
	kept := new(*m)
	kept.method = strings.Clone(m.method) // it may be a piece of the request's whole head
	s.seen[*kept] = kept
	return kept
}

// find gives the requests with an id, newest first: a client may send several under one.
func (s *Recent) find(id string) []seenRequest {
	hash := maphash.String(s.seed, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []seenRequest
	for i := range s.ring {
		r := s.ring[(s.next-1-i+2*len(s.ring))%len(s.ring)]
		if r.id != hash || r.manner == nil {
			continue
		}
		m := r.manner
		seen := seenRequest{
			At: time.Unix(0, r.at).UTC(), RequestID: id, Method: m.method, Endpoint: m.endpoint, Route: m.route, Side: m.side, Mode: m.mode,
			Stage: m.stage, Reason: m.reason, Source: m.source, Rule: m.rule, Version: r.version, Status: int(r.status),
			Outcome: m.outcome, Problem: m.problem, Fallback: m.fallback,
		}
		if r.hasBucket {
			seen.Bucket, seen.Threshold = &r.bucket, &r.threshold
		}
		found = append(found, seen)
	}
	return found
}
