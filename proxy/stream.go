package proxy

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/coding"
	"github.com/crossfade-proxy/crossfade/internal/framing"
	"github.com/crossfade-proxy/crossfade/transform"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// defaultMaxMessage is far above what a message of a stream has (some hundred bytes), and a stream
// takes up to three times as much memory.
const defaultMaxMessage = 1 << 20

// streamToFlow maps an answer that is the stream of its endpoint, message by message. It is false
// for any other answer.
func (x *exchange) streamToFlow(res *http.Response) (is bool, err error) {
	s := x.route.endpoint.Stream
	if s == nil || res.StatusCode < 200 || res.StatusCode > 299 {
		return false, nil
	}
	if !isStream(s.Kind, res.Header) {
		if x.route.endpoint.Response == nil && res.ContentLength != 0 && x.in.Method != http.MethodHead {
			x.record.Fallback, x.record.err = FallbackMediaType, errors.New("the answer is not the endpoint's stream by its Content-Type")
		}
		return false, nil
	}
	lens, form := x.toClient(s.Down)
	if lens == nil || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusResetContent {
		return true, nil
	}
	layers, err := coding.Parse(res.Header["Content-Encoding"])
	switch {
	case res.StatusCode == http.StatusPartialContent:
		return true, x.unmapped(FallbackStatus, errUnasked(res.StatusCode))
	case x.route.endpoint.policy.NoTransform == NoTransformPass && hasDirective(res.Header, "no-transform"):
		x.record.Fallback, x.record.err = FallbackNoTransform, errNoTransform
		return true, nil
	case err != nil:
		return true, x.unmapped(FallbackCoding, err)
	case len(layers) > 0:
		return true, x.unmapped(FallbackCoding, errors.New("a stream with a Content-Encoding, although identity was asked for"))
	}
	streamHead(res)
	if x.in.Method == http.MethodHead {
		return true, nil
	}
	x.mapped = &streamBody{
		ReadCloser: res.Body, response: res, exchange: x,
		messages: x.messagesOf(lens, s.Pass),
	}
	x.mapped.messages.job.Form, x.mapped.messages.events = form, s.Events
	limit, room := int(x.proxy.limits.MaxMessage), x.mapped.messages.room
	if x.mapped.cutter = framing.NewNDJSON(limit, room); s.Kind == contract.SSE {
		x.mapped.cutter = framing.NewSSE(limit, room)
	}
	res.Body = x.mapped
	return true, nil
}

// toClient says what becomes of a lens for what goes to the client, in this mode; nil where it
// goes out as it is.
func (x *exchange) toClient(lens *transform.Lens) (*transform.Lens, transform.Form) {
	switch {
	case lens == nil:
	case x.decision.Mode == FlowOnly:
		return lens, transform.Replace
	case lens.HasUnion():
		return lens, transform.Union
	case x.route.side == flowSide:
		return lens, transform.Replace
	}
	return nil, 0
}

// messagesOf gives what maps messages, but for those that say exactly what pass does, for the client.
func (x *exchange) messagesOf(lens *transform.Lens, pass []string) *messages {
	l := x.proxy.limits
	return &messages{
		lens:   lens,
		job:    transform.Job{Direction: transform.ToFlow, Vars: x.vars, Links: x.bodyURLToFlow, MaxDepth: l.MaxDepth},
		pass:   pass,
		open:   x.decision.Mode != FlowOnly || x.route.endpoint.policy.OnFailure == OnFailureOriginal,
		limit:  int(l.MaxMessage),
		now:    x.proxy.now,
		memory: reservation{admission: x.proxy.admission},
	}
}

// streamHead makes a head true of a stream whose messages are mapped: nobody knows its length, and nothing
// vouches for its bytes.
func streamHead(res *http.Response) {
	for _, name := range [...]string{"Content-Length", "Etag", "Last-Modified", "Accept-Ranges"} {
		delete(res.Header, name)
	}
	dropDigests(res.Header)
	dropDigests(res.Trailer)
	res.ContentLength = -1
}

// streamRequest asks for what can be mapped: the stream as it is, whole, and without compressed messages.
func (x *exchange) streamRequest(h http.Header) {
	s := x.route.endpoint.Stream
	if s == nil {
		return
	}
	h.Set("Accept-Encoding", "identity")
	for _, name := range [...]string{"Range", "If-Range"} {
		delete(h, name)
	}
	if s.Kind == contract.WebSocket {
		delete(h, "Sec-Websocket-Extensions")
	}
	if x.route.endpoint.Response == nil {
		// A mapped stream has no validator, so these are of something else.
		delete(h, "If-None-Match")
		delete(h, "If-Modified-Since")
	}
}

// isStream says whether an answer's head is that of a kind of streams.
func isStream(kind contract.StreamKind, h http.Header) bool {
	switch kind {
	case contract.SSE:
		return isEventStream(h)
	case contract.NDJSON:
		switch mediaType(h) {
		case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl", "application/jsonlines",
			"application/x-jsonlines", "application/json-lines", "application/stream+json":
			return true
		}
	case contract.WebSocket: // begins with a 101
	}
	return false
}

func isEventStream(h http.Header) bool { return mediaType(h) == "text/event-stream" }

// mediaType is the media type of an answer in lower case, empty where it has none or several.
func mediaType(h http.Header) string {
	v := h["Content-Type"]
	if len(v) != 1 {
		return ""
	}
	media, _, _ := strings.Cut(v[0], ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// streamBody is a stream whose messages are mapped, as the client reads it.
type streamBody struct {
	io.ReadCloser // the upstream's
	response      *http.Response
	exchange      *exchange
	cutter        cutter
	messages      *messages
	out           []byte // mapped
	at            int    // how much of it was read
	err           error  // what follows
}

// Read gives what has been mapped. Nothing waits for more than its own message.
func (b *streamBody) Read(p []byte) (int, error) {
	for b.at == len(b.out) {
		if b.err != nil {
			return 0, b.err
		}
		b.out, b.at = keepSmall(b.out)[:0], 0
		n, err := b.ReadCloser.Read(p)
		b.cutter.Feed(p[:n])
		b.take(b.cutter.Next)
		switch {
		case err == nil || b.err != nil:
		case err == io.EOF:
			b.end()
		default: // what a broken one leaves behind is no message that anybody can read
			b.err = err
		}
	}
	n := copy(p, b.out[b.at:])
	b.at += n
	return n, nil
}

// take maps what the cutter gives, up to a message that ends the stream.
func (b *streamBody) take(next func() (framing.Frame, bool)) {
	for f, ok := next(); ok && b.err == nil; f, ok = next() {
		b.out, b.err = b.messages.append(b.out, b.cutter, f)
	}
}

// end follows the end of the upstream's body.
func (b *streamBody) end() {
	b.take(b.cutter.End)
	dropDigests(b.response.Trailer)
	if b.err == nil {
		b.err = io.EOF
	}
}

// answersEarly says that the upstream answers while the client is still sending. The connection then ends with
// the answer: nobody knows what will come of the body. And only so does net/http let go of the answer before it has all of the
// body; two that talk to each other would wait forever.
func (x *exchange) answersEarly() bool {
	return x.paced != nil && x.paced.http1 && x.record.Problem == "" && !x.paced.whole.Load()
}

// closeStreams ends what the exchange had of the Streams, and completes the record with it.
func (x *exchange) closeStreams() {
	if x.events != nil {
		x.proxy.streams.remove(x.events)
	}
	if x.mapped != nil {
		x.mapped.messages.memory.release(true)
		x.record.count(&x.mapped.messages.tally)
	}
	if x.tunnel != nil {
		x.closeTunnel()
	}
}

// count adds what happened to messages for the client.
func (rec *Record) count(t *tally) {
	rec.Messages += t.messages
	rec.MessagesPassed += t.passed
	rec.Unmapped += t.unmapped
	rec.Unknown += t.unknown
	rec.Transform += t.took
	rec.Mapped = rec.Mapped || t.changed
	rec.Native = rec.Native || t.native > 0 && !t.changed
	rec.Fallback = cmp.Or(rec.Fallback, t.reason)
	rec.err = cmp.Or(rec.err, t.err)
}
