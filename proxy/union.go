package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/coding"
	"github.com/crossfade-proxy/crossfade/transform"
)

// A long answer in dual goes out as it comes. What the union adds stands at its end, and is added when the whole body
// has gone by and can be mapped; else the client has the upstream's body and nothing else. What the head would say of that
// is not known while it can be said: see docs/adr/0017.

// defaultStreamAbove is where holding an answer begins to cost more than a validator of it is worth.
const defaultStreamAbove = 256 << 10

// mayStream says whether what a lens makes of an answer, if it is long, can go out as it comes.
func (x *exchange) mayStream(res *http.Response, lens *transform.Lens, form transform.Form) bool {
	above := x.proxy.limits.StreamAbove
	switch {
	case form != transform.Union || !lens.Streams():
		return false
	case res.ContentLength >= 0 && res.ContentLength <= above:
		return false
	case res.ContentLength > x.proxy.limits.MaxBody:
		return false // the head can still say that it is not mapped
	case x.accompanied():
		return false // what is remembered is put in where the lens has put its flows
	case !x.in.ProtoAtLeast(1, 1):
		return false // there is no end to see but that of the connection
	case reads(x.in.Method) && x.in.Header["If-Match"] != nil:
		return false // it is judged by a validator, which is not known yet
	case len(res.Header["Content-Encoding"]) > 0:
		return false
	}
	return x.answerIn(res.Header, nil, max(res.ContentLength, above)) == coding.Identity
}

// streamUnion has the answer go out as it comes. began has what has been read of it already; it may be nil.
func (x *exchange) streamUnion(res *http.Response, lens *transform.Lens, began *workspace) {
	b := &unionBody{upstream: res.Body, length: res.ContentLength, response: res, exchange: x, began: began}
	b.theirs, b.tagged = parseTag(res.Header["Etag"])
	b.tagged = b.tagged && reads(x.in.Method)
	streamHead(res)
	setCoding(res.Header, coding.Identity)
	if x.in.Method == http.MethodHead {
		return
	}
	if hasToken(x.in.Header["Te"], "trailers") {
		b.announce()
	}
	var src io.Reader = &waitedBody{res.Body, x.proxy.now, &b.waited}
	if began != nil {
		src = io.MultiReader(bytes.NewReader(began.raw), src)
	}
	b.stream = lens.Stream(src, transform.Job{Vars: x.vars, Links: x.bodyURLToFlow, MaxDepth: x.proxy.limits.MaxDepth}, b.room)
	res.Body = b
}

// unionBody is an answer on its way through a lens.
type unionBody struct {
	upstream io.ReadCloser
	length   int64 // of the upstream's body, -1 if unknown
	response *http.Response
	exchange *exchange
	stream   *transform.Stream
	began    *workspace
	taken    int64         // memory
	waited   time.Duration // for the upstream, while a Read ran
	theirs   entityTag     // of the upstream's body
	tagged   bool          // it has one, and ours may have one
	trailers bool          // the client takes them
	over     bool
}

// waitedBody measures how long its reader makes one wait.
type waitedBody struct {
	io.Reader
	now    func() time.Time
	waited *time.Duration
}

func (b *waitedBody) Read(p []byte) (int, error) {
	began := b.now()
	n, err := b.Reader.Read(p)
	*b.waited += b.now().Sub(began)
	return n, err
}

// announce tells the client which trailers may come.
func (b *unionBody) announce() {
	b.trailers = true
	if b.response.Trailer == nil {
		b.response.Trailer = http.Header{}
	}
	if b.exchange.record.fallback() == "" { // else the head has it
		b.response.Trailer[headerFallback] = nil
	}
	if b.tagged {
		b.response.Trailer["Etag"] = nil
	}
}

var errTailTooLarge = errors.New("more would have to be held than the limit (limits.max_body)")

// room takes memory for what is held for the end.
func (b *unionBody) room(bytes int) error {
	if most := b.exchange.proxy.limits.MaxBody; int64(bytes) > most {
		return fmt.Errorf("%w of %d bytes", errTailTooLarge, most)
	}
	if missing := int64(bytes) - b.taken; missing > 0 {
		if err := b.exchange.take(missing); err != nil {
			return err
		}
		b.taken += missing
	}
	return nil
}

func (b *unionBody) Read(p []byte) (int, error) {
	x := b.exchange
	began, waited := x.proxy.now(), b.waited
	n, err := b.stream.Read(p)
	x.record.Transform += x.proxy.now().Sub(began) - (b.waited - waited)
	if errors.Is(err, io.EOF) && !b.over {
		b.over = true
		b.end()
	}
	return n, err
}

// end is behind the last byte: now it is known what the answer was.
func (b *unionBody) end() {
	rec := &b.exchange.record
	result, err := b.stream.Result()
	rec.Mapped, rec.Native = result.Changed, result.Native
	rec.Unmapped += result.Unmapped
	rec.Unknown += result.Unknown
	if err != nil {
		rec.Fallback, rec.err = FallbackUnmappable, err
		switch {
		case errors.Is(err, errNoMemory):
			rec.Fallback = FallbackMemory
		case errors.Is(err, errTailTooLarge):
			rec.Fallback = FallbackSize
		}
	}
	trailer := b.response.Trailer
	dropDigests(trailer)
	delete(trailer, "Etag") // if it is the upstream's
	if !b.trailers {
		return
	}
	if _, announced := trailer[headerFallback]; announced && err != nil {
		trailer[headerFallback] = []string{string(rec.Fallback)}
	}
	if b.tagged {
		tag := b.theirs
		if err == nil {
			tag = b.exchange.proxy.marks.put(tag, b.exchange.decision.Mode, "", coding.Identity)
		}
		trailer["Etag"] = []string{tag.String()}
	}
}

func (b *unionBody) Close() error {
	if b.stream != nil {
		b.stream.Release()
		b.stream = nil
	}
	if b.began != nil {
		b.exchange.proxy.workspaces.put(b.began)
		b.began = nil
	}
	return b.upstream.Close()
}
