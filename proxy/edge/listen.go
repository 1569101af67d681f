package edge

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"

	"go.uber.org/zap"
)

// unixPrefix begins the address of a socket in the file system.
const unixPrefix = "unix:"

// Listen opens a listener: for host:port, or for unix: and a path. A socket that a process which
// is no more has left at the path is taken away; one that somebody serves is an error.
func Listen(address string) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, unixPrefix)
	if !unix {
		return net.Listen("tcp", address)
	}
	l, err := net.Listen("unix", path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	if info, statErr := os.Lstat(path); statErr != nil || info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%w: %s is there and is no socket; choose another path", err, path)
	}
	if c, dialErr := net.Dial("unix", path); dialErr == nil {
		c.Close()
		return nil, fmt.Errorf("%w: a process serves %s", err, path)
	} else if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", err, dialErr)
	}
	if err := os.Remove(path); err != nil {
		return nil, fmt.Errorf("a socket that nobody serves: %w", err)
	}
	return net.Listen("unix", path)
}

// listener hands a server's connections on through its account of them.
type listener struct {
	net.Listener
	server *Server

	mu     sync.Mutex
	closed bool
	err    error   // of Close
	queued []*conn // had come and were not accepted when it was closed
}

// Accept waits for a connection that gets a place.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if queued := l.dequeue(); queued != nil {
				return queued, nil
			}
			return nil, l.failed(err)
		}
		if own := l.server.connections.add(c); own != nil {
			return own, nil
		}
	}
}

// failed tells of an error, unless it is that the server stops. net/http tries again when it is
// for want of something that may come back.
func (l *listener) failed(err error) error {
	if !l.server.draining.Load() {
		l.server.logger.Error("no connection can be accepted", zap.Error(err))
	}
	return err
}

// Close may be called more than once: by the server that stops, and by net/http. Connections that
// have come already are still given out.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		if u, ok := l.Listener.(*net.UnixListener); ok {
			// Without the name nobody comes any more.
			u.SetUnlinkOnClose(false)
			_ = os.Remove(u.Addr().String())
		}
		var queued []net.Conn
		queued, l.err = closeListener(l.Listener)
		for _, c := range queued {
			if own := l.server.connections.add(c); own != nil {
				l.queued = append(l.queued, own)
			}
		}
	}
	return l.err
}

func (l *listener) dequeue() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queued) == 0 {
		return nil
	}
	c := l.queued[0]
	l.queued = l.queued[1:]
	return c
}
