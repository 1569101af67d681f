// Package loop serves connections of plain HTTP/1.1 and HTTP/1.0, each on one goroutine, in place of
// net/http's server. A request that is answered at once costs two system calls: one that writes its answer,
// and one that reads the next.
//
// It is the mirror of proxy/upstream/direct, and has its habits: heads are read strictly (internal/wire), system
// calls are made in one use of the poller (internal/rawio), and a connection that waits holds no buffer.
// To handlers it is net/http's server: requests and answers have the same meaning, which a test of
// both with the same bytes holds it to. TLS, HTTP/2 and what is not Linux stay with net/http.
//
// The life of a connection, in the order of the files:
//
//  1. server.go, this file: it is given to Serve.
//  2. conn.go: requests are waited for, and answers go out; input.go reads.
//  3. request.go: a head becomes a request, or a refusal (refuse.go); body.go reads the body behind it. turn.go has the memory
//     of all that, and life.go the request's context.
//  4. watch.go: a handler that takes long is told when its client leaves.
//  5. answer.go, head.go: what the handler says becomes bytes.
package loop

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/rawio"
)

// Supported says whether this is a system on which connections can be served.
const Supported = rawio.Supported

// Options is what a Server is made of. Handler is required. A timeout of 0 means none; one that is there may end up
// to an eighth of it, or a second where that is less, later.
type Options struct {
	// Handler gets every request. When it panics, the connection is cut; with what value is nobody's
	// business here, so that who wants to tell of it recovers it first.
	Handler http.Handler
	// ReadHeaderTimeout is for the head of each request, and for the first one of a connection from its beginning.
	ReadHeaderTimeout time.Duration
	// IdleTimeout is for the time between two requests.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the head of a request; 4 KiB more are read before it is refused. 0 means 1 MiB.
	MaxHeaderBytes int
	// State is told what becomes of a connection, as http.Server.ConnState; nil for nobody. The connection
	// begins as new. With http.StateIdle it is told the time, else the zero time; the last answer has been sent then. State must
	// not close the connection itself.
	State func(c net.Conn, state http.ConnState, now time.Time)
	// HTTP2 gets connections that begin with HTTP/2, with what was read of them; nil refuses them.
	HTTP2 func(c net.Conn, read []byte)
}

// Conn is a connection that can be served: one with a file descriptor.
type Conn interface {
	net.Conn
	syscall.Conn
	// CloseWrite says that nothing more will be written.
	CloseWrite() error
	// WriteBuffers writes all of them, as Write does one.
	WriteBuffers(buffers net.Buffers) error
}

// Server serves connections.
type Server struct {
	options Options
	maxHead int
	closing atomic.Bool
	inputs  sync.Pool // of *input
	outputs sync.Pool // of *output
	watches watches
	turns   sync.Pool // of *turn
}

const (
	// defaultMaxHeaderBytes is net/http's.
	defaultMaxHeaderBytes = 1 << 20
	// headSlack is how many more bytes are read, as by net/http.
	headSlack = 4 << 10
)

// New gives a Server. It does no I/O.
func New(o Options) *Server {
	s := &Server{options: o, maxHead: o.MaxHeaderBytes}
	if s.maxHead == 0 {
		s.maxHead = defaultMaxHeaderBytes
	}
	s.maxHead += headSlack
	if o.State == nil {
		s.options.State = func(net.Conn, http.ConnState, time.Time) {}
	}
	return s
}

// Serve serves a connection to its end and closes it, unless it was taken over (http.Hijacker) or is one of HTTP/2.
func (s *Server) Serve(nc Conn) {
	c := &conn{server: s, Conn: nc}
	if err := c.open(); err != nil {
		c.end()
		return
	}
	c.serve()
}

// CloseIdle has connections close that have no request, as soon as they have none: those that waited before
// this was called have to be closed by the caller.
func (s *Server) CloseIdle() { s.closing.Store(true) }
