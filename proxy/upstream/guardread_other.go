//go:build !unix

package upstream

// reader reads blindly: it cannot know more here.
type reader struct{ conn *watchedConn }

func (r *reader) open(c *watchedConn) { r.conn = c }

func (r *reader) read(b []byte) (int, error) { return r.conn.readBlindly(b) }
