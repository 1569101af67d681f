package proxy

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/framing"
	"github.com/crossfade-proxy/crossfade/transform"
)

// direction is one direction of a tunnel: what is written to it goes to the other end, with its
// messages mapped.
type direction struct {
	tunnel *tunnel
	masked bool // frames of crossfade's own are masked: they go to a server

	mu       sync.Mutex
	to       io.Writer
	cutter   *framing.WebSocket
	messages *messages // nil: all of them pass
	out      []byte
	written  int64
	stopped  bool   // nothing may follow but a close frame
	broken   error  // what a panic said
	leave    []byte // a close frame that waits for the end of a frame
	over     bool   // and was sent
}

// keptForFrames is how much memory, in bytes, a direction keeps. There may be thousands of tunnels,
// which are silent most of the time.
const keptForFrames = 8 << 10

// write takes bytes as they come from one end. They are all taken, whatever becomes of them.
func (d *direction) write(p []byte) (n int, err error) {
	end, err := d.pass(p)
	if end != nil {
		d.tunnel.fail(end.closing())
	}
	return len(p), err
}

// pass sends on what can be sent. It gives the message that ends the tunnel, if there is one.
func (d *direction) pass(p []byte) (end *fault, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// This is a goroutine of the tunnel's: a panic would end the process.
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
			d.broken = err
			d.tunnel.failed.Store(true)
			d.tunnel.exchange.proxy.logger.Error("panic in a tunnel", zap.Any("panic", fault), zap.ByteString("stack", debug.Stack()))
		}
	}()
	if d.over || d.stopped {
		return nil, nil
	}
	if d.out = d.out[:0]; cap(d.out) > keptForFrames {
		d.out = nil
	}
	d.cutter.Feed(p)
	for {
		if d.cutter.Between() {
			if d.leave != nil {
				d.out, d.over = append(d.out, d.leave...), true
				break
			}
			if d.tunnel.failed.Load() {
				d.stopped = true
				break
			}
		}
		f, ok := d.cutter.Next()
		if !ok {
			break
		}
		if d.messages == nil {
			d.out = append(d.out, f.Raw...)
		} else if d.out, err = d.messages.append(d.out, d.cutter, f); err != nil {
			d.stopped = errors.As(err, &end)
			break
		}
	}
	return end, d.send()
}

// send writes what is to go out.
func (d *direction) send() error {
	if len(d.out) == 0 {
		return nil
	}
	n, err := d.to.Write(d.out)
	d.written += int64(n)
	return err
}

// close ends the direction with a close frame, behind the frame that is on its way, unless the
// other end has sent one itself.
func (d *direction) close(code int, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over || d.leave != nil || d.cutter.Closed() {
		return
	}
	var key *[4]byte
	if d.masked {
		key = new([4]byte)
		rand.Read(key[:]) // never fails: it ends the process instead
	}
	frame := framing.AppendClose(nil, code, reason, key)
	if !d.stopped && !d.cutter.Between() {
		d.leave = frame
		return
	}
	d.out, d.over = frame, true
	_ = d.send() // an end that is gone needs no close frame
}

// finish gives what happened to the direction's messages, when the tunnel has ended.
func (d *direction) finish() tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	t := tally{err: d.broken}
	if d.messages != nil {
		d.messages.memory.release(true)
		t = d.messages.tally
		t.err = cmp.Or(t.err, d.broken)
	}
	return t
}

// maxCloseReason is how many bytes a reason may have: a control frame has 125 with the code.
const maxCloseReason = 123

// closing tells a client why its tunnel ends.
func (f *fault) closing() (code int, reason string) {
	var conflict *transform.Error
	switch {
	case errors.Is(f.cause, transform.ErrConflict) && errors.As(f.cause, &conflict):
		reason = conflict.Err.Error() // names of the contract, and nothing of the message
		return codePolicy, strings.ToValidUTF8(reason[:min(len(reason), maxCloseReason)], "")
	case f.reason == FallbackSize:
		return codeTooLarge, "the message is too large"
	case f.reason == FallbackMemory:
		return codeLater, "no memory is left for the message"
	}
	return codeBadGateway, "a message has no flow shape"
}
