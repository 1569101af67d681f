// Package edge is the side of crossfade that clients meet: listeners, TLS, slow and silent
// clients, the pages of browsers, and an end in which nothing is lost.
//
// It stands in front of the data path and knows nothing of it. From the outside in:
//
//   - listen.go opens a listener: an address, or a socket in the file system;
//   - connections.go counts connections, and gives the place of one that waits to one that comes
//     when all are taken; conn.go cuts a client that takes nothing of what there is for it;
//   - certificates.go has the certificate, and takes a new one when its files change;
//   - server.go, this file, serves HTTP/1.1 and HTTP/2 on them, and stop.go ends it, with
//     closelisten_linux.go for the connections that arrive meanwhile;
//   - ownloop.go has plain HTTP/1.1 served by package loop, where that is wanted;
//   - joined.go sends the head of an answer together with its body;
//   - stream.go does for a stream of HTTP/2 what conn.go does for a connection, and wellformed.go
//     asks of its requests what net/http asks of those of HTTP/1.1;
//   - cors.go answers browsers about pages of other origins;
//   - admission.go says how many requests may run, and how much memory their bodies may take.
//     The data path asks it.
package edge

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/proxy/edge/loop"
)

// Options is what a Server is made of. Handler is required. A timeout of 0 means none.
type Options struct {
	// Handler gets every request. It may panic with http.ErrAbortHandler to cut a connection; any
	// other panic is logged and cuts it too.
	Handler http.Handler
	// Certificates makes it a server of TLS; nil for none.
	Certificates *Certificates
	// H2C also serves HTTP/2 without TLS, to clients that begin with it. It needs Certificates nil.
	H2C bool
	// OwnLoop serves HTTP/1.1 without TLS by package loop in place of net/http, on systems where it can.
	OwnLoop bool
	// ReadHeaderTimeout is for the TLS handshake and for the headers of each request.
	ReadHeaderTimeout time.Duration
	// IdleTimeout is for the time between two requests of a connection.
	IdleTimeout time.Duration
	// WriteIdleTimeout is for a client that takes nothing of an answer: for each piece of at most
	// 64 KiB. It also holds for connections that were taken over, such as WebSockets.
	WriteIdleTimeout time.Duration
	// MaxHeaderBytes bounds the head of a request; about 4 KiB more are read before it is refused.
	// 0 means 1 MiB.
	MaxHeaderBytes int
	// MaxConnections bounds the connections that are open at once; 0 means no bound.
	MaxConnections int
	// Logger is for what no request can be blamed for; nil for none.
	Logger *zap.Logger
}

// Server serves one listener. It is made by New, serves once, and is stopped once.
type Server struct {
	options     Options
	logger      *zap.Logger
	http        http.Server
	loop        *loop.Server // nil for none
	handed      *handedOver  // to http, by loop
	connections connections
	listener    atomic.Pointer[listener]
	draining    atomic.Bool
	running     atomic.Int64 // requests in the handler
}

const (
	// maxStreams is how many requests an HTTP/2 connection may run at once: as many as browsers
	// and gateways use, and few enough that a client which resets them all costs little.
	maxStreams = 100
	// pingAfter is how long an HTTP/2 connection may be silent before it is asked whether it is
	// still there: its streams may wait for hours, as WebSockets and events do.
	pingAfter = 30 * time.Second
)

// New makes a Server. It does no I/O.
func New(o Options) *Server {
	s := &Server{options: o, logger: o.Logger}
	if s.logger == nil {
		s.logger = zap.NewNop()
	}
	s.connections = connections{most: o.MaxConnections, writeIdle: o.WriteIdleTimeout, logger: s.logger}
	// Everything that it says is the fault of one client, or told by us.
	errorLog, _ := zap.NewStdLogAt(s.logger.Named("http"), zap.DebugLevel)
	s.http = http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: o.ReadHeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		ConnState:         connState,
		ConnContext:       withConn,
		ErrorLog:          errorLog,
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter},
		// OPTIONS * is a request like any other, for the handler.
		DisableGeneralOptionsHandler: true,
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetHTTP2(o.Certificates != nil)
	s.http.Protocols.SetUnencryptedHTTP2(o.H2C)
	if o.Certificates != nil {
		s.http.TLSConfig = &tls.Config{
			MinVersion:         minTLSVersion,
			GetConfigForClient: o.Certificates.forClient,
		}
	}
	s.withLoop()
	return s
}

// Serve serves the connections of l until Stop, and then returns nil; or until l fails. It
// closes l.
func (s *Server) Serve(l net.Listener) error {
	own := &listener{Listener: l, server: s}
	s.listener.Store(own)
	var err error
	if s.loop != nil {
		err = s.serveLoop(own)
	} else if s.options.Certificates != nil {
		err = s.http.ServeTLS(own, "", "")
	} else {
		err = s.http.Serve(own)
	}
	if s.draining.Load() {
		return nil
	}
	return err
}

// serve is the handler of every request that net/http reads.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && !isWellFormed(r) {
		http.Error(w, "400 Bad Request", http.StatusBadRequest)
		return
	}
	if r.ProtoMajor == 2 && s.options.WriteIdleTimeout > 0 {
		stream := newStream(w, s.options.WriteIdleTimeout)
		defer stream.end()
		w = stream
	} else {
		w = joining(w, r)
	}
	s.handle(w, r)
}

// handle is the handler of every request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.served()
	if s.draining.Load() && r.Header["Upgrade"] == nil {
		// HTTP/1.1 clients come back with a new connection, and find another server behind the
		// load balancer; for HTTP/2 net/http makes a GOAWAY of it.
		w.Header()["Connection"] = []string{"close"}
	}
	s.options.Handler.ServeHTTP(w, r)
}

// served ends a request. A panic that came as far as here is told in our words: net/http would
// print it.
func (s *Server) served() {
	s.running.Add(-1)
	fault := recover()
	if fault == nil {
		return
	}
	if err, ok := fault.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		s.logger.Error("panic outside the data path", zap.Any("panic", fault), zap.ByteString("stack", debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}
