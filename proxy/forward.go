package proxy

import (
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
)

// outgoing is how the upstream's request stands.
type outgoing struct {
	interim sync.Mutex // interim answers may come on another goroutine, and after the answer
	settled bool       // the answer is there, or none comes
}

// forward asks the upstream and gives its answer to the client, or that of fail.
func (x *exchange) forward() {
	x.asked = x.proxy.now()
	res, err := x.roundTrip(x.outgoingRequest())
	x.out.interim.Lock()
	x.out.settled = true
	x.out.interim.Unlock()
	switch {
	case err != nil:
		x.fail(err)
	case res.StatusCode == http.StatusSwitchingProtocols:
		x.switchProtocols(res)
	default:
		x.respond(res)
	}
}

// roundTrip asks the upstream. Interim answers come to passInterim.
func (x *exchange) roundTrip(out *http.Request) (*http.Response, error) {
	if x.proxy.reusing != nil {
		return x.proxy.reusing.RoundTripIn(&x.room.upstream, out)
	}
	x.lent = true
	return x.proxy.transport.RoundTrip(out.WithContext(httptrace.WithClientTrace(out.Context(), &x.room.trace)))
}

// outgoingRequest makes the upstream's request. It shares with the client's what neither changes, its context too: the
// values of fields are replaced, never written to.
func (x *exchange) outgoingRequest() *http.Request {
	out := &x.room.request
	*out, x.room.url = *x.in, *x.in.URL
	out.URL, out.Close = &x.room.url, false
	if out.ContentLength == 0 {
		out.Body = nil // net/http takes any other for one that it has to look into
	}
	out.Header = x.outgoingHeader()
	x.rewrite(out)
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // or net/http would put its own there
	}
	return out
}

// outgoingHeader is the client's header without what is between the client and crossfade alone, and without its
// word on whom it speaks for.
func (x *exchange) outgoingHeader() http.Header {
	in := x.in.Header
	out := x.room.header
	for name, values := range in {
		if !isHopByHop(name) && !isForwarding(name, x.asker.trusted) && strings.IndexByte(name, '_') < 0 && name != x.proxy.ownField {
			out[name] = values
		}
	}
	dropNamed(out, in["Connection"])
	if hasToken(in["Te"], "trailers") {
		out["Te"] = x.lines.of("trailers")
	}
	// Any other protocol, h2c above all, would be a tunnel around everything here.
	if v := in["Upgrade"]; len(v) == 1 && strings.EqualFold(v[0], "websocket") && hasToken(in["Connection"], "upgrade") {
		out["Connection"], out["Upgrade"] = x.lines.of("Upgrade"), v
	}
	return out
}

// passInterim hands an interim answer (1xx) on.
func (x *exchange) passInterim(status int, header textproto.MIMEHeader) error {
	x.out.interim.Lock()
	defer x.out.interim.Unlock()
	if x.out.settled {
		return nil // the client's header is the answer's now
	}
	h := x.client.Header()
	kept := maps.Clone(h)
	clear(h)
	fields := http.Header(header)
	dropHopByHop(fields)
	addFields(h, fields)
	x.client.WriteHeader(status)
	clear(h) // net/http does not do so for interim answers
	maps.Copy(h, kept)
	return nil
}

// hopByHop are the fields that are about one connection (RFC 9110 section 7.6.1, and what is sent in spite of it).
func hopByHop() [9]string {
	return [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}
}

func isHopByHop(name string) bool {
	all := hopByHop()
	return slices.Contains(all[:], name)
}

// dropHopByHop takes such fields out, and those that Connection names.
func dropHopByHop(h http.Header) {
	named := h["Connection"]
	for _, name := range hopByHop() {
		delete(h, name)
	}
	dropNamed(h, named)
}

// dropNamed takes the fields out that a Connection field names.
func dropNamed(h http.Header, connection []string) {
	for _, value := range connection {
		switch value { // nearly all are one of these
		case "keep-alive":
			delete(h, "Keep-Alive")
			continue
		case "close":
			delete(h, "Close")
			continue
		}
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.Trim(name, " \t"))
		}
	}
}

// hasToken says whether a list has a word, in any case.
func hasToken(values []string, word string) bool {
	for _, value := range values {
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.Trim(token, " \t"), word) {
				return true
			}
		}
	}
	return false
}

// addFields adds the lines of one header to another. The values are shared where nothing was there.
func addFields(to, from http.Header) {
	for name, values := range from {
		if has := to[name]; len(has) > 0 {
			values = append(slices.Clip(has), values...)
		}
		to[name] = values
	}
}
