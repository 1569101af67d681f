// Package legacy is a backend that speaks sessions: the upstream that crossfade is made for, small enough to be
// embedded. The demo runs it, and tests put the proxy in front of it.
//
// It answers as the legacy build was seen to answer on the wire, mishaps included: a session switch that always
// fails, six shapes of errors, request times without a zone beside stored ones with it, trailing slashes redirected
// by 307 with an absolute Location, HEAD refused on GET routes, and customers' rows whose columns are called
// session_id. A small FastAPI application under testdata/legacy is the same backend on the real framework; the
// tests of this package start it and compare every answer.
//
// A request goes inwards through a chain of methods, each in a file of its own, and its answer comes back out:
//
//  1. ServeHTTP turns whatever nobody caught into a bare 500 (error.go, shape E);
//  2. cors answers preflights and adds the CORS headers (cors.go);
//  3. gate refuses callers who name no tenant, and non-admins on admin routes (gate.go, shapes C and D);
//  4. trace sets the trace id and gives errors their shape (error.go, shapes A, B and F);
//  5. dispatch finds the route, reads and checks the body, and calls the handler (route.go, check.go).
//
// The routes are one table (routes.go), their handlers have a file per subject, and what the backend knows when it
// starts is in seeds.go. State is in memory and dies with the handler.
package legacy

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Options of a backend. The zero value is ready to use.
type Options struct {
	// Now is the clock. It must be safe for concurrent use. Default: time.Now.
	Now func() time.Time

	// NewID makes the ids of things and of traces; each must be a UUID in lower case. It must be safe for
	// concurrent use. Default: random UUIDs.
	NewID func() string

	// Heartbeat is the time between two heartbeats of the event stream. Default: 2 seconds.
	Heartbeat time.Duration

	// Paper also serves the routes that the legacy build has on paper only: upload validation, session
	// comparison and the sessions' own create, read, update and delete.
	Paper bool
}

// backend is one running backend. It is safe for concurrent use.
type backend struct {
	now       func() time.Time
	newID     func() string
	heartbeat time.Duration
	routes    []route

	mu    sync.Mutex // guards store; held while a handler runs
	store *store
}

// New returns a backend with its seeds and nothing else in it. Each has a state of its own.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = randomID
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 2 * time.Second
	}
	b := &backend{now: o.Now, newID: o.NewID, heartbeat: o.Heartbeat, store: seeded()}
	b.routes = b.built()
	if o.Paper {
		b.routes = append(b.routes, b.onPaper()...)
	}
	return b
}

// ServeHTTP answers one request.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Request: r, traceID: r.Header.Get("X-Trace-ID")}
	if c.traceID == "" {
		c.traceID = b.newID()
	}
	a, err := b.cors(c)
	if err != nil {
		a = uncaught(c)
	}
	a.write(w, r)
}

// randomID returns a version 4 UUID.
func randomID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
