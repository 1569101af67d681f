package proxy

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// respond gives the client the upstream's answer, as receive leaves it.
func (x *exchange) respond(res *http.Response) {
	dropHopByHop(res.Header)
	if err := x.receive(res); err != nil {
		res.Body.Close()
		x.fail(err)
		return
	}
	h := x.answerHeader(res.Header)
	announced := len(res.Trailer)
	if announced > 0 {
		// net/http has taken the field out, and taken it for the names.
		h.Add("Trailer", strings.Join(slices.Sorted(maps.Keys(res.Trailer)), ", "))
	}
	x.client.WriteHeader(res.StatusCode)
	if x.in.Method == http.MethodHead {
		res.Body.Close() // it has one only where the upstream was asked as by GET
		return
	}
	err := x.copyBody(res)
	res.Body.Close() // which also completes the trailers
	if err != nil {
		panic(http.ErrAbortHandler) // the head is out: only a cut tells the client
	}
	if len(res.Trailer) > 0 {
		x.sendTrailer(res.Trailer, announced)
	}
}

// answerHeader makes the header of the client's answer of the upstream's: by taking it over where the server can do that.
func (x *exchange) answerHeader(upstream http.Header) http.Header {
	h := x.client.Header()
	user := find[headerUser](x.client.ResponseWriter)
	if user == nil {
		addFields(h, upstream)
		return h
	}
	for name, values := range h {
		if more := upstream[name]; len(more) > 0 {
			values = append(slices.Clip(values), more...)
		}
		upstream[name] = values
	}
	user.UseHeader(upstream)
	return upstream
}

// sendTrailer puts trailers behind the body. Were there none announced, net/http would wait to be told which
// fields of the header they are.
func (x *exchange) sendTrailer(trailer http.Header, announced int) {
	x.client.trailed = true
	// Without it net/http would count the bytes of a short body, and send a length instead of trailers.
	x.client.flush()
	h := x.client.Header()
	if len(trailer) == announced {
		addFields(h, trailer)
		return
	}
	for name, values := range trailer {
		h[http.TrailerPrefix+name] = values
	}
}

// copyBody copies the body to the client. What has no announced end, and may pause, is sent on as it comes.
func (x *exchange) copyBody(res *http.Response) error {
	if held, ok := res.Body.(*heldBody); ok && held.rest == nil {
		return x.client.sendHeld(held)
	}
	streams := res.ContentLength < 0 && res.Body != http.NoBody || isEventStream(res.Header)
	if streams {
		x.client.flush() // the first piece may be long in coming
	}
	length := res.ContentLength
	if union, ok := res.Body.(*unionBody); ok {
		length = union.length // at least, and unknown to the client
	}
	piece := x.proxy.pieces.get(x.pieceSize(length))
	defer func() { x.proxy.pieces.put(piece, x.client.failed) }()
	for {
		n, err := res.Body.Read(piece)
		if n > 0 {
			if _, err := x.client.Write(piece[:n]); err != nil {
				return err
			}
			if streams {
				x.client.flush()
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
