package edge

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/crossfade-proxy/crossfade/proxy/edge/loop"
)

// withLoop makes the loop that serves HTTP/1.1, where there is to be one.
func (s *Server) withLoop() {
	o := &s.options
	if !o.OwnLoop || o.Certificates != nil || !loop.Supported {
		return
	}
	l := loop.Options{
		Handler:           http.HandlerFunc(s.handle),
		ReadHeaderTimeout: o.ReadHeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		State: func(nc net.Conn, state http.ConnState, now time.Time) {
			if c, ok := nc.(*conn); ok {
				c.is(state, now)
			}
		},
	}
	if o.H2C {
		s.handed = &handedOver{conns: make(chan *conn), closed: make(chan struct{})}
		l.HTTP2 = func(nc net.Conn, read []byte) {
			c, _ := nc.(*conn)
			c.early = read
			s.handed.give(c)
		}
	}
	s.loop = loop.New(l)
}

const (
	// firstRetry and lastRetry are how long is waited before the next try where a connection cannot be accepted for want
	// of something that comes back, such as file descriptors. The time is doubled in between.
	firstRetry = 5 * time.Millisecond
	lastRetry  = time.Second
)

// serveLoop serves connections until there are no more.
func (s *Server) serveLoop(l *listener) error {
	defer func() { _ = l.Close() }()
	if s.handed != nil {
		s.handed.addr = l.Addr()
		go func() { _ = s.http.Serve(s.handed) }() // ends when the server is stopped
	}
	retry := firstRetry
	for {
		nc, err := l.Accept()
		var e net.Error
		switch {
		case err == nil:
		case errors.As(err, &e) && e.Temporary(): //nolint:staticcheck // nothing else says that it is worth another try
			time.Sleep(retry)
			retry = min(2*retry, lastRetry)
			continue
		default:
			return err
		}
		retry = firstRetry
		if c, ok := nc.(*conn); ok {
			go s.loop.Serve(c)
		}
	}
}

// handedOver is a listener for connections that turned out to be of HTTP/2.
type handedOver struct {
	conns  chan *conn
	addr   net.Addr
	once   sync.Once
	closed chan struct{}
}

// give hands a connection on, or closes it when nobody takes any.
func (h *handedOver) give(c *conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handedOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handedOver) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handedOver) Addr() net.Addr { return h.addr }
