package proxy

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/framing"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// A WebSocket is a tunnel: the handshake is between client and upstream, and
// every byte passes (upgrade.go). Here the tunnel gets a direction (socketdirection.go) at each end, which
// sees the frames that pass through. So a tunnel can be closed between two frames, and where the
// contract says so text messages are mapped, while pings, pongs, fragments, binary messages and
// close frames with their codes stay between the two.

// tunnel is an open WebSocket.
type tunnel struct {
	exchange *exchange
	client   net.Conn
	early    *bufio.Reader // what the client sent behind its handshake
	upstream io.ReadWriteCloser
	down, up direction   // to the client, to the upstream
	failed   atomic.Bool // a message ended it
	telling  sync.Mutex  // both ends of that
	begun    sync.Once
	shut     sync.Once
	patience *time.Timer // after crossfade's own close frame; guarded by shut
}

// closePatience is how long the other end may take to answer a close frame. It is what browsers
// and servers give each other.
const closePatience = 5 * time.Second

// The close codes of crossfade's own (RFC 6455 section 7.4.1, and the registry of later ones).
const (
	codeGoingAway  = 1001
	codePolicy     = 1008
	codeTooLarge   = 1009
	codeLater      = 1013
	codeBadGateway = 1014
)

// openTunnel prepares the tunnel that a 101 of the upstream begins.
func (x *exchange) openTunnel(res *http.Response) error {
	upstream, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		return &refusal{problemBroken, errors.New("a 101 on a connection that takes no more")}
	}
	t := &tunnel{exchange: x, upstream: upstream}
	t.down = direction{tunnel: t, cutter: framing.NewWebSocket(0, nil)}
	t.up = direction{tunnel: t, cutter: framing.NewWebSocket(0, nil), to: upstream, masked: true}
	if err := x.mapTunnel(t, res.Header); err != nil {
		return err
	}
	x.tunnel = t
	return nil
}

// mapTunnel has the messages of a tunnel mapped where the contract says so.
func (x *exchange) mapTunnel(t *tunnel, h http.Header) error {
	if !x.mapping {
		return nil
	}
	s := x.route.endpoint.Stream
	if s == nil || s.Kind != contract.WebSocket {
		return nil
	}
	if len(h["Sec-Websocket-Extensions"]) > 0 {
		return &refusal{problemBroken, errors.New("the upstream uses a WebSocket extension that nobody asked for")}
	}
	limit := int(x.proxy.limits.MaxMessage)
	if lens, form := x.toClient(s.Down); lens != nil {
		m := x.messagesOf(lens, s.Pass)
		m.job.Form = form
		t.down.cutter, t.down.messages = framing.NewWebSocket(limit, m.room), m
	}
	if s.Up != nil {
		m := x.messagesOf(s.Up, s.Pass)
		m.job = x.toSession()
		t.up.cutter, t.up.messages = framing.NewWebSocket(limit, m.room), m
	}
	return nil
}

// clientEnd is the client's end of a tunnel, as the bytes come from it and go to it.
type clientEnd struct {
	net.Conn
	tunnel *tunnel
}

func (e clientEnd) Read(p []byte) (int, error) {
	e.tunnel.begin()
	if early := e.tunnel.early; early.Buffered() > 0 {
		return early.Read(p[:min(len(p), early.Buffered())])
	}
	return e.Conn.Read(p)
}

func (e clientEnd) Write(p []byte) (int, error) { return e.tunnel.down.write(p) }

func (e clientEnd) CloseWrite() error { return e.tunnel.closeWrite(e.Conn) }

// upstreamEnd is the upstream's end of a tunnel.
type upstreamEnd struct {
	io.ReadWriteCloser
	tunnel *tunnel
}

func (e upstreamEnd) Write(p []byte) (int, error) { return e.tunnel.up.write(p) }

func (e upstreamEnd) CloseWrite() error { return e.tunnel.closeWrite(e.ReadWriteCloser) }

// closeWrite lets the end of one direction through, where that can be told without the other one's.
func (t *tunnel) closeWrite(c any) error {
	t.telling.Lock()
	defer t.telling.Unlock()
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

// begin takes the tunnel into the books, once the head is out: a close frame may not go before it.
func (t *tunnel) begin() {
	t.begun.Do(func() { t.exchange.proxy.streams.add(t) })
}

// end implements endless: the client is told that crossfade goes away; its answer goes to the
// upstream, which closes.
func (t *tunnel) end() {
	t.waitForClose()
	t.down.close(codeGoingAway, "")
}

// fail ends a tunnel for a message that may not pass.
func (t *tunnel) fail(code int, reason string) {
	// Who is told first may close its connection at once: that has to wait for the other one.
	t.telling.Lock()
	defer t.telling.Unlock()
	t.failed.Store(true)
	t.waitForClose()
	t.down.close(code, reason)
	t.up.close(codeGoingAway, "")
}

// waitForClose cuts the tunnel when nobody answers a close frame.
func (t *tunnel) waitForClose() {
	t.shut.Do(func() { t.patience = time.AfterFunc(closePatience, t.cut) })
}

// cut implements endless.
func (t *tunnel) cut() {
	t.client.Close()
	t.upstream.Close()
}

// closeTunnel takes a tunnel that has ended out of the books.
func (x *exchange) closeTunnel() {
	t := x.tunnel
	if t.client == nil {
		return // it was never opened
	}
	t.begun.Do(func() {}) // nor will it be begun
	x.proxy.streams.remove(t)
	t.cut()
	t.shut.Do(func() {})
	if t.patience != nil {
		t.patience.Stop()
	}
	down, up := t.down.finish(), t.up.finish()
	x.client.written += t.down.written
	if up.reason != "" {
		x.record.RequestFallback = cmp.Or(x.record.RequestFallback, FallbackRequest)
		up.reason = ""
	}
	x.record.count(&down)
	x.record.count(&up)
}
