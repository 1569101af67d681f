package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var errNoSwitch = errors.New("the upstream switched to another protocol than was asked for")

// switchProtocols follows an upstream that agrees to a WebSocket, to the end of the tunnel. Nothing else is
// ever asked for.
func (x *exchange) switchProtocols(res *http.Response) {
	asked, agreed := x.room.request.Header.Get("Upgrade"), res.Header.Get("Upgrade")
	err := errNoSwitch
	if asked != "" && strings.EqualFold(asked, agreed) && hasToken(res.Header["Connection"], "upgrade") {
		err = x.receive(res)
	}
	if err != nil {
		res.Body.Close()
		x.fail(err)
		return
	}
	t := x.tunnel
	defer t.upstream.Close()
	defer context.AfterFunc(x.in.Context(), func() { t.upstream.Close() })()
	conn, buffers, err := http.NewResponseController(x.client.ResponseWriter).Hijack()
	if err != nil {
		x.fail(fmt.Errorf("take the client's connection over: %w", err))
		return
	}
	defer conn.Close()
	t.client, t.early, t.down.to = conn, buffers.Reader, conn
	h := x.client.Header()
	addFields(h, res.Header)
	head := http.Response{
		Status: res.Status, StatusCode: res.StatusCode, Proto: res.Proto, ProtoMajor: res.ProtoMajor, ProtoMinor: res.ProtoMinor, Header: h,
	}
	if err := errors.Join(head.Write(buffers), buffers.Flush()); err != nil {
		x.client.failed = true
		return
	}
	t.run()
}

// run copies in both directions until both have ended, or one has failed.
func (t *tunnel) run() {
	whole := make(chan bool, 2)
	up, down := upstreamEnd{t.upstream, t}, clientEnd{t.client, t}
	go func() { whole <- copyDirection(up, down) == nil }()
	go func() { whole <- copyDirection(down, up) == nil }()
	if <-whole {
		<-whole
	}
}

// end is one end of a tunnel.
type end interface {
	io.ReadWriter
	CloseWrite() error
}

// copyDirection copies what comes from one end to the other, and the end of it.
func copyDirection(to, from end) error {
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.CloseWrite()
}
