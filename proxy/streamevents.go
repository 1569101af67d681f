package proxy

import (
	"io"
	"net/http"
	"sync"
)

// eventBody is the body of an event stream on its way through. It sees where an event ends, so that the
// stream can be ended there: the client has all of what it has, and asks again (with Last-Event-ID).
type eventBody struct {
	io.ReadCloser
	mu     sync.Mutex
	ending bool
	last   [4]byte // bytes that were read, for where they end
	known  int     // how many of them there are
}

// follow watches an answer that is an event stream, so that it can be ended with the process.
func (x *exchange) follow(res *http.Response) {
	if res.ContentLength >= 0 || x.in.Method == http.MethodHead || !isEventStream(res.Header) || len(res.Header["Content-Encoding"]) > 0 {
		return
	}
	x.events = &eventBody{ReadCloser: res.Body}
	res.Body = x.events
	x.proxy.streams.add(x.events)
}

func (b *eventBody) Read(p []byte) (int, error) {
	if b.ended() {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	for _, c := range p[max(n-len(b.last), 0):n] {
		copy(b.last[:], b.last[1:])
		b.last[len(b.last)-1] = c
		b.known = min(b.known+1, len(b.last))
	}
	b.mu.Unlock()
	if n == 0 && err != nil && b.ended() {
		return 0, io.EOF // it was closed by end
	}
	return n, err
}

// ended says that the stream shall end, and that here is a place for it.
func (b *eventBody) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ending && b.between()
}

// between says that what was read ends with a blank line, or is nothing.
func (b *eventBody) between() bool {
	last := b.last[len(b.last)-b.known:]
	n := len(last)
	switch {
	case n == 0:
		return true
	case last[n-1] == '\n' && n > 1 && last[n-2] == '\r':
		n -= 2
	case last[n-1] == '\n' || last[n-1] == '\r':
		n--
	default:
		return false
	}
	return n == 0 || last[n-1] == '\n' || last[n-1] == '\r'
}

// end implements endless. Where the upstream is silent, nothing of the stream is on its way.
func (b *eventBody) end() {
	b.mu.Lock()
	b.ending = true
	between := b.between()
	b.mu.Unlock()
	if between {
		b.Close()
	}
}

// cut implements endless.
func (b *eventBody) cut() { b.Close() }
