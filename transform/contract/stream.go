package contract

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform"
)

// Stream says that an endpoint answers with a stream of messages, and how each of them is mapped. An
// answer that is no such stream by its head is not touched by it.
type Stream struct {
	Kind   StreamKind
	Events []string // SSE: the names of the events that are mapped; empty: all of them
	Pass   []string // messages that are exactly one of these texts pass as they are
	// Down maps messages of the upstream, to flow; Up, WebSocket alone, those of the client, to
	// session. One of them may be nil: those messages pass.
	Down, Up *transform.Lens
}

// StreamKind says how a stream is framed.
type StreamKind string

// The kinds of streams.
const (
	SSE       StreamKind = "sse"       // text/event-stream: the data of each event is JSON
	NDJSON    StreamKind = "ndjson"    // application/x-ndjson and its like: each line is JSON
	WebSocket StreamKind = "websocket" // each text message is JSON
)

// handshakeMethod is the method that a WebSocket begins with.
const handshakeMethod = "GET"

// sides lists the sides that streams of a kind have lenses for.
func (k StreamKind) sides() []string {
	switch k {
	case SSE, NDJSON:
		return []string{string(transform.Message)}
	case WebSocket:
		return []string{string(transform.Down), string(transform.Up)}
	}
	return nil
}

// Sides lists the sides that an endpoint may have lenses for, in the order of documents.
func Sides() []transform.Side {
	return []transform.Side{
		transform.Response, transform.Request, transform.Failure, transform.Message, transform.Down, transform.Up,
	}
}

// Lens gives the lens of a side; nil where bodies or messages of that side are not touched.
func (e *Endpoint) Lens(side transform.Side) *transform.Lens {
	if slot := e.slot(side); slot != nil {
		return *slot
	}
	return nil
}

// slot is where the lens of a side is kept; nil where the endpoint has no such side.
func (e *Endpoint) slot(side transform.Side) **transform.Lens {
	switch side {
	case transform.Response:
		return &e.Response
	case transform.Request:
		return &e.Request
	case transform.Failure:
		return &e.Errors
	case transform.Message, transform.Down:
		if e.Stream != nil && slices.Contains(e.Stream.Kind.sides(), string(side)) {
			return &e.Stream.Down
		}
	case transform.Up:
		if e.Stream != nil && e.Stream.Kind == WebSocket {
			return &e.Stream.Up
		}
	}
	return nil
}

// stream reads what a declaration or an extension says of the endpoint's stream. The operations
// go to those of sides that they are for.
func (r *resolver) stream(e *Endpoint, p part, sides []*side) {
	v, ok := p.get("stream")
	if !ok {
		return
	}
	o, ok := v.object()
	if !ok {
		return
	}
	kind := StreamKind(o.needStr("kind"))
	kinds := []string{string(SSE), string(NDJSON), string(WebSocket)}
	known := slices.Contains(kinds, string(kind))
	switch {
	case kind == "": // said so
	case !known:
		o.fields["kind"].fail("unknown kind of stream %q%s", string(kind), hint(string(kind), kinds))
	case kind == WebSocket && e.Method != handshakeMethod:
		o.fields["kind"].fail("a WebSocket begins with %s, and the endpoint's method is %s", handshakeMethod, e.Method)
	case e.Stream != nil && e.Stream.Kind != kind:
		o.fields["kind"].fail("the endpoint's stream is of kind %s (declare the endpoint whole, with replace: true)", e.Stream.Kind)
		known = false
	}
	fresh := e.Stream == nil
	if fresh {
		e.Stream = &Stream{Kind: kind}
	}
	e.Stream.addTexts(o)
	there := false
	for _, s := range sides {
		word := string(s.side)
		if !slices.Contains(slices.Concat(SSE.sides(), WebSocket.sides()), word) {
			continue
		}
		switch ops, ok := o.get(word); {
		case !ok || !known:
		case slices.Contains(kind.sides(), word):
			s.add(ops.list())
			there = true
		default:
			ops.fail("a stream of kind %s has %s instead", kind, strings.Join(kind.sides(), " and "))
		}
	}
	if known && fresh && !there {
		o.fail("%s is missing", strings.Join(kind.sides(), " or "))
	}
	o.done()
}

// addTexts reads the names of events and the texts that pass.
func (s *Stream) addTexts(o *object) {
	if v, ok := o.get("events"); ok {
		if s.Kind == NDJSON || s.Kind == WebSocket {
			v.fail("only a stream of kind %s has events", SSE)
		}
		for _, item := range v.texts(s.Events) {
			if strings.ContainsAny(item.text, "\r\n") {
				item.fail("the name of an event is one line")
			}
			s.Events = append(s.Events, item.text)
		}
	}
	if v, ok := o.get("pass"); ok {
		for _, item := range v.texts(s.Pass) {
			s.Pass = append(s.Pass, item.text)
		}
	}
}

// texts gives the elements of a list of texts, each of which is there once and not among those
// that are known already.
func (v value) texts(known []string) []value {
	list := v.list()
	seen := slices.Clone(known)
	return slices.DeleteFunc(list, func(item value) bool {
		text := item.str()
		if slices.Contains(seen, text) {
			item.fail("%q is there twice", text)
			return true
		}
		seen = append(seen, text)
		return text == ""
	})
}

// ToClient says that messages of a side go from the upstream to the client: in dual they may be
// a union.
func ToClient(side transform.Side) bool {
	return side != transform.Request && side != transform.Up
}

// HasDual says that a side has a dual form; names in errors are never doubled.
func HasDual(side transform.Side) bool { return ToClient(side) && side != transform.Failure }

// sideWords lists the sides as examples name them.
func sideWords() []string {
	var words []string
	for _, s := range Sides() {
		words = append(words, fmt.Sprint(s))
	}
	return words
}
