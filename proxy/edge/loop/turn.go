package loop

import (
	"context"
	"net/http"
	"net/url"
)

// turn is all that a request and its answer are made of. It is garbage when it is over, unless the handler has said that
// nobody holds anything of it (answer.Release): then it serves another request, of any connection. Of that one it may not know anything, so that all
// of it is made as new before it waits for one.
type turn struct {
	answer
	life     life
	r        http.Request
	url      url.URL
	pristine *http.Request // of this life, and with nothing else in it

	fields  http.Header // of the request; as large as it was before
	values  []string    // in fields
	replies http.Header // the answer's, where the handler has not brought its own; nil until it is wanted
}

// maxKept is how many fields a header may have had whose memory is kept. Clearing a map costs as much as it ever held.
const maxKept = 64

// turn gives one that nobody holds.
func (c *conn) turn() *turn {
	t, ok := c.server.turns.Get().(*turn)
	if !ok {
		t = &turn{}
		var blank http.Request
		t.pristine = blank.WithContext(&t.life)
		t.r = *t.pristine
	}
	t.life.begin(c.ctx)
	t.answer.turn, t.answer.conn, t.answer.request, t.answer.declared = t, c, &t.r, unknown
	return t
}

// giveBack takes one that is over, and that nobody holds.
func (s *Server) giveBack(t *turn) {
	if len(t.values) > maxKept || len(t.fields) > maxKept {
		t.values, t.fields = nil, nil
	}
	if len(t.replies) > maxKept {
		t.replies = nil
	}
	clear(t.fields)
	clear(t.values)
	clear(t.replies)
	t.answer = answer{}
	t.r = *t.pristine
	t.url = url.URL{}
	t.life.begin(context.Background())
	s.turns.Put(t)
}

// isReusable says of a request that was answered whether it may be reused: those that had a body, or trailers, may be held by more than the
// handler.
func (a *answer) isReusable() bool {
	return a.released && a.body == nil && !a.hasTrailers && !a.conn.taken
}
