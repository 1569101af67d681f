package upstream

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"

	"github.com/crossfade-proxy/crossfade/proxy/upstream/direct"
)

// maxInterim is how many interim answers (1xx) may come before the answer. A few are usual; an endless
// row of them would keep a request, and its client, busy without end.
const maxInterim = 32

var errInterim = fmt.Errorf("more than %d interim answers", maxInterim)

// Exchange is the memory of one request and its answer, for a caller that has many requests, one at a time. The zero
// value is ready. It may be used again when nobody has anything of the last answer any more, and [Exchange.IsOver] says
// that it is over.
type Exchange struct {
	// Trace is told of each request in place of a trace in its context; nil for that one.
	Trace *httptrace.ClientTrace

	trip   trip
	hooks  httptrace.ClientTrace // those of trip, made once
	direct direct.Exchange
	alone  bool // package direct was asked, which leaves nothing behind
}

// IsOver says that nothing of the last request, nor of its answer, is in use here any more. Where http.Transport was asked
// that is never known.
func (x *Exchange) IsOver() bool { return x.alone && x.direct.IsOver() }

// trip is one request on its way to one address: a context with a trace that guards the request
// and notes how far it came, before whatever traces it already. httptrace itself could
// only join the two, by reflection, and a joined trace cannot refuse an interim answer.
type trip struct {
	context.Context
	trace   httptrace.ClientTrace
	outer   *httptrace.ClientTrace // perhaps nil
	address *address
	phase   phase
	kept    *keptBody // where the request may go to another address; else nil
	report  report    // to the breaker
	http2   bool      // whatever the connection
	interim int
	// abandoned: the caller left before its connection was fit for use, and gets no answer of it.
	abandoned bool
	// begun: a byte of the answer has come. By the goroutine that reads it.
	begun atomic.Bool
}

// phase is how far a request came, as its own goroutine knows.
type phase int

const (
	leaving    phase = iota // net/http looks at the request
	connecting              // it wants a connection
	sending                 // it has one
)

// send asks an address. What it learns goes to the breaker by report.
func (a *address) send(x *Exchange, r *http.Request, report report, kept *keptBody) (*http.Response, *trip, error) {
	t := x.begin(a, r, report, kept)
	if kept != nil && kept.ReadCloser != nil {
		own := *r
		own.Body = kept
		r = &own
	}
	transport := a.transport(r)
	t.http2 = a.upgrade != nil && transport == a.ask
	res, err := a.roundTrip(x, transport, r)
	if err == nil && t.abandoned {
		res.Body.Close()
		err = context.Cause(t.Context)
	}
	if err == nil {
		if err = faulty(res, t.http2 || a.multiplexed); err != nil {
			res.Body.Close()
		}
	}
	if err != nil {
		err = t.failure(err)
		t.report.failed(err, hasBody(r))
		return nil, t, err
	}
	t.report.answered(res.StatusCode)
	return res, t, nil
}

// begin makes x's trip that of a request.
func (x *Exchange) begin(a *address, r *http.Request, report report, kept *keptBody) *trip {
	t := &x.trip
	if x.hooks.GetConn == nil {
		x.hooks = httptrace.ClientTrace{GetConn: t.getConn, GotConn: t.gotConn, Got1xxResponse: t.gotInterim, GotFirstResponseByte: t.gotFirstByte}
	}
	x.alone = false
	outer := x.Trace
	if outer == nil {
		outer = httptrace.ContextClientTrace(r.Context())
	}
	*t = trip{Context: r.Context(), outer: outer, address: a, report: report, kept: kept}
	if outer != nil {
		t.trace = *outer
	}
	t.trace.GetConn, t.trace.GotConn, t.trace.Got1xxResponse = x.hooks.GetConn, x.hooks.GotConn, x.hooks.Got1xxResponse
	if kept != nil {
		t.trace.GotFirstResponseByte = x.hooks.GotFirstResponseByte
	}
	return t
}

// traced gives a request that carries the trace of its trip.
func (t *trip) traced(r *http.Request) *http.Request {
	if httptrace.ContextClientTrace(t.Context) != nil {
		return r.WithContext(t)
	}
	return r.WithContext(httptrace.WithClientTrace(t.Context, &t.trace))
}

// faulty finds what net/http lets pass and nobody behind it should get. http2 says that the
// answer may have come over HTTP/2.
func faulty(res *http.Response, http2 bool) error {
	if res.ProtoMajor != 1 && !http2 {
		return fmt.Errorf("an answer in %s, which nobody speaks here", res.Proto)
	}
	if res.StatusCode < http.StatusContinue {
		return fmt.Errorf("status %03d, which is none", res.StatusCode)
	}
	if res.ContentLength >= 0 || len(res.TransferEncoding) > 0 || res.ProtoMajor != 1 {
		return nil
	}
	// The body has no end but the connection's: was one meant, by a name that net/http did not
	// recognise? It keeps white space before the colon as a part of the name.
	for name := range res.Header {
		switch strings.ToLower(strings.TrimRight(name, " ")) {
		case "content-length", "transfer-encoding":
			return fmt.Errorf("a field %q", name)
		}
	}
	return nil
}

// Value puts the trace in the place of the other one.
func (t *trip) Value(key any) any {
	v := t.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return &t.trace
	}
	return v
}

func (t *trip) getConn(hostPort string) {
	t.phase = connecting // perhaps again, when a used connection turned out closed
	if t.outer != nil && t.outer.GetConn != nil {
		t.outer.GetConn(hostPort)
	}
}

func (t *trip) gotConn(info httptrace.GotConnInfo) {
	t.phase = sending
	t.report.connected()
	if t.kept != nil {
		t.kept.taken = true
	}
	if !t.http2 && !(t.address.multiplexed && isHTTP2(info.Conn)) {
		t.abandoned = !awaitQuiet(t.Context, info)
	}
	if t.outer != nil && t.outer.GotConn != nil {
		t.outer.GotConn(info)
	}
}

func (t *trip) gotInterim(code int, header textproto.MIMEHeader) error {
	if t.interim++; t.interim > maxInterim {
		return errInterim
	}
	if t.outer != nil && t.outer.Got1xxResponse != nil {
		return t.outer.Got1xxResponse(code, header)
	}
	return nil
}

func (t *trip) gotFirstByte() {
	t.begun.Store(true)
	if t.outer != nil && t.outer.GotFirstResponseByte != nil {
		t.outer.GotFirstResponseByte()
	}
}
