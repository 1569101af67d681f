package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Admission says how many requests may run at once, and how much memory the bodies may take that
// are held to be mapped. It is called concurrently, and must not block.
type Admission interface {
	// Enter takes a place for a request; false when there is none. Leave gives it back.
	Enter() bool
	Leave()
	// Take takes so many bytes; false, and nothing is taken, when there are not so many. Give gives
	// them back.
	Take(bytes int64) bool
	Give(bytes int64)
}

// defaultMaxHeaderFields is what Envoy takes. Browsers send about 20, and proxies in front add
// a few.
const defaultMaxHeaderFields = 100

// perByte is how much memory a byte of a body takes that is held to be mapped: itself, and what
// the lens makes of it, which in dual is up to twice as long.
const perByte = 3

var errNoMemory = errors.New("no memory is left for a body (limits.max_memory)")

// place is what an exchange has taken from the Admission.
type place struct {
	entered bool
	memory  int64 // bytes
}

// admit lets a request in, or answers it. What is refused here has cost nothing yet.
func (x *exchange) admit() bool {
	p := x.proxy
	if n := fields(x.in.Header); n > p.limits.MaxHeaderFields {
		x.refuse(problemHeaders, fmt.Errorf("%d header fields, at most %d are taken", n, p.limits.MaxHeaderFields))
		return false
	}
	if p.admission == nil {
		return true
	}
	if x.place.entered = p.admission.Enter(); !x.place.entered {
		x.refuse(problemOverloaded, errors.New("as many requests are running as may (limits.max_requests)"))
	}
	return x.place.entered
}

// leave gives back what the exchange has taken: places, and the client's connection.
func (x *exchange) leave() {
	if x.paced != nil {
		x.paced.end()
	}
	if x.place.memory > 0 {
		x.proxy.admission.Give(x.place.memory)
	}
	if x.place.entered {
		x.proxy.admission.Leave()
	}
	x.place = place{}
}

// take takes memory until the end of the exchange. The error is errNoMemory.
func (x *exchange) take(bytes int64) error {
	if x.proxy.admission == nil {
		return nil
	}
	if !x.proxy.admission.Take(bytes) {
		return errNoMemory
	}
	x.place.memory += bytes
	return nil
}

// give gives memory back before the end.
func (x *exchange) give(bytes int64) {
	if x.proxy.admission != nil {
		x.proxy.admission.Give(bytes)
		x.place.memory -= bytes
	}
}

// accounted is a body of unknown length that takes memory while it is read to be mapped. An error,
// errNoMemory, comes beside the bytes that were read before. For one whose length is known it was
// taken already.
func (x *exchange) accounted(body io.Reader, known int64) io.Reader {
	if x.proxy.admission == nil || known >= 0 {
		return body
	}
	return &accountedBody{body, x}
}

type accountedBody struct {
	io.Reader
	exchange *exchange
}

func (b *accountedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if noMemory := b.exchange.take(perByte * int64(n)); noMemory != nil {
		return n, noMemory
	}
	return n, err
}

// fields counts the lines of a header.
func fields(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}
