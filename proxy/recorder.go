package proxy

import (
	"net/http"
	"strconv"
)

// recorder is the client's side of an exchange: it completes the head where it goes out, and
// remembers what was sent.
type recorder struct {
	http.ResponseWriter
	exchange *exchange
	status   int   // of the final head; 0 before
	length   int64 // of the body, as announced; 0 where it is not
	written  int64 // bytes of the body
	closing  bool  // the connection must not carry another request
	failed   bool  // the client took no more
	trailed  bool  // trailers go behind the body
	more     bool  // what is written is there as a whole: no piece has to wait for another
}

// Headers of crossfade's own, on answers of endpoints.
const (
	headerMode     = "Crossfade-Mode"
	headerFallback = "Crossfade-Fallback"
)

// WriteHeader sends the head. Interim ones (1xx) pass as they are, but for the 100 of a client that waits
// to be asked: net/http sends it when the body is read, and would send this one as well.
func (c *recorder) WriteHeader(status int) {
	if status == http.StatusContinue && c.exchange.in.Header.Get("Expect") != "" {
		return
	}
	if c.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		c.status = status
		h := c.Header()
		c.complete(h)
		if c.exchange.record.Problem == "" {
			leaveOut(h, "Content-Type")
			leaveOut(h, "Date")
		}
		if v := h["Content-Length"]; len(v) == 1 {
			c.length, _ = strconv.ParseInt(v[0], 10, 64)
		}
		if c.closing || c.exchange.answersEarly() {
			h.Set("Connection", "close")
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

// leaveOut keeps net/http from adding a field that the upstream did not send.
func leaveOut(h http.Header, name string) {
	if _, ok := h[name]; !ok {
		h[name] = nil
	}
}

// complete says in a head what the endpoint's mode is, and what of it failed.
func (c *recorder) complete(h http.Header) {
	rec := &c.exchange.record
	if rec.Endpoint == "" {
		return
	}
	h[headerMode] = c.exchange.lines.of(string(rec.Mode))
	if word := rec.fallback(); word != "" {
		h.Set(headerFallback, string(word))
	} else {
		h.Del(headerFallback)
	}
	c.exchange.announce(h)
	c.exchange.completeCaching(h)
}

// Write sends a piece of the body. A piece of a body with an announced length does not wait for
// the next one, which may be long in coming; copyBody sees to bodies without.
func (c *recorder) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	n, err := c.ResponseWriter.Write(b)
	c.written += int64(n)
	if err != nil {
		c.failed = true
	} else if c.written < c.length && !c.more {
		c.flush()
	}
	return n, err
}

// flush sends what net/http holds back. A client that left shows in the next Write.
func (c *recorder) flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }

// sendHeld sends a body that is there as a whole, from where it is. It goes in pieces, since a client has
// so much time to take each.
func (c *recorder) sendHeld(b *heldBody) error {
	c.more = true
	size := c.exchange.pieceSize(int64(len(b.left)))
	for len(b.left) > 0 {
		n, err := c.Write(b.left[:min(len(b.left), size)])
		if err != nil {
			b.held = nil // it is not used again, as a piece (pieces.put)
			return err
		}
		b.left = b.left[n:]
	}
	return nil
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *recorder) Unwrap() http.ResponseWriter { return c.ResponseWriter }
