package proxy

import (
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"

	"github.com/crossfade-proxy/crossfade/proxy/upstream"
	"github.com/crossfade-proxy/crossfade/transform"
)

// Most of the memory of an exchange is the same for every request: it is used again, for another caller's request, when
// nobody has anything of the last one any more. Whether that is so is asked of what the exchange has done (isOver), and
// whatever lends a part of it to somebody who may keep it makes the answer no. Then it is garbage, as it would be without all this.

// exchanges are those that nobody uses.
type exchanges struct{ pool sync.Pool }

// room is the memory of an exchange that keeps its worth from one request to the next.
type room struct {
	request  http.Request // the upstream's
	url      url.URL
	header   http.Header
	upstream upstream.Exchange
	trace    httptrace.ClientTrace
	vars     transform.Vars
	links    transform.Links
}

// reusing is a transport, package upstream's, that can do with memory which its caller gives it.
type reusing interface {
	RoundTripIn(x *upstream.Exchange, r *http.Request) (*http.Response, error)
}

// begin gives an exchange for a request.
func (p *Proxy) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x, ok := p.exchanges.pool.Get().(*exchange)
	if !ok {
		x = &exchange{room: &room{header: make(http.Header, usualFields)}}
		x.room.vars, x.room.links = x.vars, x.bodyURLToFlow
		x.room.trace.Got1xxResponse = x.passInterim
		x.room.upstream.Trace = &x.room.trace
	}
	x.proxy, x.in, x.began = p, r, p.now()
	x.client.exchange, x.client.ResponseWriter = x, w
	return x
}

// giveBack gives the exchange back where that may be. It is the last that is called of it.
func (x *exchange) giveBack() {
	if !x.isOver() {
		return
	}
	if server := find[releaser](x.client.ResponseWriter); server != nil {
		server.Release() // before this memory is another request's: the answer's header may be a part of it
	}
	p := x.proxy
	*x = exchange{room: x.room}
	x.room.request, x.room.url = http.Request{}, url.URL{}
	if len(x.room.header) > mostFields {
		x.room.header = make(http.Header, usualFields)
	}
	clear(x.room.header)
	p.exchanges.pool.Put(x)
}

const (
	// usualFields is how many fields most requests have, with those that are added.
	usualFields = 16
	// mostFields is how many may have been in a header that is used again: a map never becomes smaller.
	mostFields = 64
)

// releaser is a ResponseWriter, package loop's, that can use the memory of a request again when it is told that nobody
// has anything of it any more.
type releaser interface{ Release() }

// headerUser is a ResponseWriter, package loop's, that takes a header for its own.
type headerUser interface{ UseHeader(h http.Header) }

// find looks for what can do more in a ResponseWriter and what it wraps.
func find[T any](w http.ResponseWriter) (found T) {
	for {
		if found, ok := w.(T); ok {
			return found
		}
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return found
		}
		w = outer.Unwrap()
	}
}

// isOver says that nobody has anything of the exchange any more, nor of its request and answer. It has to know all
// the ways of lending something: what streams, switches or is tried goes on elsewhere, and so may a body, and a question on a caller's behalf.
func (x *exchange) isOver() bool {
	return x.whole && !x.lent && x.client.status != 0 && !x.client.failed && !x.client.trailed &&
		(x.in.Body == nil || x.in.Body == http.NoBody) && x.paced == nil && x.payload == nil && x.multipart == nil &&
		!x.switched && x.tunnel == nil && x.events == nil && x.mapped == nil && !x.decision.Try && !x.accompanied() &&
		(x.asked.IsZero() || x.room.upstream.IsOver())
}
