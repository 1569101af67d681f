package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// streams has the endpoints of testdata/streams.yaml.
func streams(o *Options) {
	data, err := os.ReadFile("testdata/streams.yaml")
	if err != nil {
		panic(err)
	}
	if o.Contract, err = contract.Parse(contract.Source{Name: "testdata/streams.yaml", Data: data}); err != nil {
		panic(err)
	}
	o.Policies = map[string]Policy{}
	for _, e := range o.Contract.Endpoints {
		o.Policies[e.Name] = Policy{SessionRoute: SessionRouteServe}
	}
}

// original lets out what flow_only cannot map.
func original(o *Options) {
	for name, p := range o.Policies {
		p.OnFailure = OnFailureOriginal
		o.Policies[name] = p
	}
}

func smallMessages(o *Options) { o.Limits.MaxMessage = 100 }

// source is an upstream that sends a stream piece by piece, each when the test says so.
type source struct {
	url    string
	pieces chan string
	seen   chan *http.Request
	gone   chan struct{} // told of each request that was cancelled
}

func newSource(t *testing.T, header http.Header) *source {
	t.Helper()
	s := &source{pieces: make(chan string), seen: make(chan *http.Request, 10), gone: make(chan struct{}, 10)}
	s.url = serve(t, func(w http.ResponseWriter, r *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		s.seen <- r
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case piece, ok := <-s.pieces:
				if !ok {
					return
				}
				_, _ = io.WriteString(w, piece)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				s.gone <- struct{}{}
				return
			}
		}
	})
	return s
}

func (s *source) send(t *testing.T, piece string) {
	t.Helper()
	select {
	case s.pieces <- piece:
	case <-time.After(patience):
		t.Fatalf("nobody takes %q", piece)
	}
}

// stream is an answer as it comes.
type stream struct {
	io.Reader // its body
	header    http.Header
	status    int
	last      bool // the connection ends with it
}

func newStream(tb testing.TB, res *http.Response) *stream {
	tb.Helper()
	tb.Cleanup(func() { res.Body.Close() })
	return &stream{res.Body, res.Header, res.StatusCode, res.Close}
}

// listen asks for a path and gives the answer as it comes, and a way to leave.
func (r *rig) listen(path string, header ...string) (*stream, context.CancelFunc) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(req) //nolint:bodyclose // newStream closes it
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(cancel)
	return newStream(r.t, res), cancel
}

// wantNext checks that the answer goes on with these bytes.
func wantNext(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(from, got)
	if err != nil || string(got) != want {
		t.Fatalf("got %q (%v)\nwant %q", got[:n], err, want)
	}
}

const (
	oneEvent     = "event: moved\nid: 7\nretry: 10\n: hello\ndata: {\"session_id\": \"s1\" }\n\n"
	oneEventDual = "event: moved\nid: 7\nretry: 10\n: hello\ndata: {\"session_id\": \"s1\",\"flow_id\":\"s1\",\"of\":\"a b\" }\n\n"
	oneEventFlow = "event: moved\nid: 7\nretry: 10\n: hello\ndata: {\"flow_id\": \"s1\",\"of\":\"a b\" }\n\n"
)

// TestEvents: each event of an event stream is mapped when it is there, and all around it stays.
func TestEvents(t *testing.T) {
	for _, tc := range []struct {
		mode Mode
		path string
		want string
	}{
		{Passthrough, "/api/sessions/a%20b/events", oneEvent},
		{Dual, "/api/sessions/a%20b/events", oneEventDual},
		{Dual, "/api/flows/a%20b/events", oneEventDual},
		{FlowOnly, "/api/flows/a%20b/events", oneEventFlow},
		{FlowOnly, "/api/sessions/a%20b/events", oneEventFlow},
	} {
		t.Run(string(tc.mode)+tc.path, func(t *testing.T) {
			s := newSource(t, http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}})
			r := newRig(t, tc.mode, s.url, streams)
			res, _ := r.listen(tc.path, "Last-Event-Id", "6", "Accept-Encoding", "gzip")
			answer{Response: &http.Response{Header: res.header}}.wantHeader(t, "Crossfade-Mode", string(tc.mode), "Crossfade-Fallback", "")
			asked := <-s.seen
			if asked.Header.Get("Last-Event-Id") != "6" || asked.URL.EscapedPath() != "/api/sessions/a%20b/events" {
				t.Errorf("the upstream got %s %v", asked.URL.EscapedPath(), asked.Header)
			}
			if tc.mode != Passthrough && asked.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("the upstream got %v", asked.Header)
			}
			for range 3 { // the next one is only sent when this one is there
				s.send(t, oneEvent)
				wantNext(t, res, tc.want)
			}
			s.send(t, oneEvent[:20])
			s.send(t, oneEvent[20:])
			wantNext(t, res, tc.want)
			s.send(t, ": a comment, and no more\n")
			wantNext(t, res, ": a comment, and no more\n")
			s.send(t, "data: [DONE]\n\n")
			wantNext(t, res, "data: [DONE]\n\n")
			close(s.pieces)
			if rest, err := io.ReadAll(res); len(rest) > 0 || err != nil {
				t.Errorf("behind it: %q, %v", rest, err)
			}
			rec := r.observed.last(t, 1)
			messages := 0
			if tc.mode != Passthrough {
				messages = 4
			}
			if rec.Status != http.StatusOK || rec.Outcome != Answered || rec.Messages != messages || rec.MessagesPassed != 0 || rec.Mapped != (messages > 0) {
				t.Errorf("%+v", rec)
			}
		})
	}
}

// TestEventNames: only events of the names that the contract lists are mapped.
func TestEventNames(t *testing.T) {
	const stream = "event: moved\ndata: {\"session_id\":1}\n\nevent: heartbeat\ndata: {\"session_id\":2}\n\ndata: {\"session_id\":3}\n\n"
	want := strings.NewReplacer(`{"session_id":1}`, `{"flow_id":1}`, `{"session_id":3}`, `{"flow_id":3}`).Replace(stream)
	r := newRig(t, FlowOnly, answers(t, 200, http.Header{"Content-Type": {"text/event-stream"}}, stream), streams)
	r.do("GET", "/api/named", "").want(t, 200, want)
	if rec := r.observed.last(t, 1); rec.Messages != 2 {
		t.Errorf("%+v", rec)
	}
}

// TestLastEvent: where the stream's end is a regular one, an event that it breaks off is one all the same.
func TestLastEvent(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n", "\n: more"} {
		upstream := answers(t, 200, http.Header{"Content-Type": {"text/event-stream"}}, "data: 1\n\nid: 2\ndata: {\"session_id\":2}"+end)
		r := newRig(t, FlowOnly, upstream, streams, original)
		r.do("GET", "/api/named", "").want(t, 200, "data: 1\n\nid: 2\ndata: {\"flow_id\":2}"+end)
	}
}

// TestRequestForAStream: what cannot be mapped is not asked for: parts, codings, and whether something is
// unchanged that nobody has.
func TestRequestForAStream(t *testing.T) {
	ask := []string{"Accept-Encoding", "gzip", "Range", "bytes=0-3", "If-Range", `"1"`, "If-None-Match", `"1"`, "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"}
	for _, mode := range allModes() {
		var got atomic.Value
		upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(r.Header) })
		newRig(t, mode, upstream, streams).do("GET", "/api/named", "", ask...)
		h := got.Load().(http.Header)
		for i := 0; i < len(ask); i += 2 {
			want := ""
			switch {
			case mode == Passthrough:
				want = ask[i+1]
			case ask[i] == "Accept-Encoding":
				want = "identity"
			}
			if h.Get(ask[i]) != want {
				t.Errorf("%s: the upstream got %s %q, want %q", mode, ask[i], h.Get(ask[i]), want)
			}
		}
	}
}

// TestLines: each line of JSON is mapped; another answer of the endpoint is mapped as a whole, by
// what it is and not by what was asked for.
func TestLines(t *testing.T) {
	const (
		lines    = "{\"session_id\":1}\r\n\n{\"session_id\": 2 }"
		linesOut = "{\"flow_id\":1}\r\n\n{\"flow_id\": 2 }"
		both     = "{\"session_id\":1,\"flow_id\":1}\r\n\n{\"session_id\": 2,\"flow_id\":2 }"
	)
	for _, media := range []string{
		"application/x-ndjson", "Application/NDJSON", "application/jsonl", "application/x-jsonl; charset=utf-8", "application/jsonlines",
		"application/x-jsonlines", "application/json-lines", "application/stream+json",
	} {
		upstream := answers(t, 200, http.Header{"Content-Type": {media}}, lines)
		newRig(t, Passthrough, upstream, streams).do("GET", "/api/flows/export", "").want(t, 200, lines)
		newRig(t, Dual, upstream, streams).do("GET", "/api/sessions/export", "").want(t, 200, both)
		newRig(t, FlowOnly, upstream, streams).do("GET", "/api/flows/export", "", "Accept", "application/json").want(t, 200, linesOut)
	}
	document := answers(t, 200, jsonHead(), `{"sessions":[{"session_id":1}]}`)
	newRig(t, FlowOnly, document, streams).do("GET", "/api/flows/export", "", "Accept", "application/x-ndjson").want(t, 200, `{"flows":[{"flow_id":1}]}`)
}

// TestMessagesWithoutUnion: in dual the session route keeps what has no union, the flow route has the
// flow shape.
func TestMessagesWithoutUnion(t *testing.T) {
	upstream := answers(t, 200, http.Header{"Content-Type": {"application/x-ndjson"}}, "[{\"session_id\":1}]\n")
	newRig(t, Dual, upstream, streams).do("GET", "/api/sessions/lists", "").want(t, 200, "[{\"session_id\":1}]\n")
	newRig(t, Dual, upstream, streams).do("GET", "/api/flows/lists", "").want(t, 200, "{\"flows\":[{\"flow_id\":1}]}\n")
	newRig(t, FlowOnly, upstream, streams).do("GET", "/api/sessions/lists", "").want(t, 200, "{\"flows\":[{\"flow_id\":1}]}\n")
}

// TestHeadOfStreams: nothing in the head vouches for bytes or a length that are no longer the same.
func TestHeadOfStreams(t *testing.T) {
	const line = "{\"session_id\":1}\n"
	var conditions atomic.Value
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conditions.Store(r.Header.Get("Range") + r.Header.Get("If-Range") + r.Header.Get("If-Modified-Since"))
		for name, value := range map[string]string{
			"Content-Type": "application/x-ndjson", "Content-Length": fmt.Sprint(len(line)), "Etag": `"1"`, "Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT",
			"Accept-Ranges": "bytes", "Content-Digest": "sha-256=:x:", "X-Kept": "yes",
		} {
			w.Header().Set(name, value)
		}
		if r.Header.Get("X-Trailers") != "" {
			w.Header().Del("Content-Length")
			w.Header().Set("Trailer", "Content-Digest, X-Rows")
		}
		_, _ = io.WriteString(w, line)
		if r.Header.Get("X-Trailers") != "" {
			w.Header().Set("Content-Digest", "sha-256=:x:")
			w.Header().Set("X-Rows", "1")
		}
	})
	ask := []string{"Range", "bytes=0-3", "If-Range", `"1"`, "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"}

	r := newRig(t, FlowOnly, upstream, streams)
	got := r.do("GET", "/api/flows/export", "", ask...)
	got.want(t, 200, "{\"flow_id\":1}\n")
	got.wantHeader(t, "Content-Length", "", "Etag", "", "Last-Modified", "", "Accept-Ranges", "", "Content-Digest", "", "X-Kept", "yes", "Content-Type", "application/x-ndjson")
	if conditions.Load() != "" {
		t.Errorf("the upstream was asked for %q", conditions.Load())
	}
	head := r.do("HEAD", "/api/flows/export", "")
	head.want(t, 200, "")
	head.wantHeader(t, "Content-Length", "", "Etag", "", "X-Kept", "yes")

	got = r.do("GET", "/api/flows/export", "", "X-Trailers", "yes")
	got.want(t, 200, "{\"flow_id\":1}\n")
	if len(got.Trailer) != 1 || got.Trailer.Get("X-Rows") != "1" {
		t.Errorf("trailers %v", got.Trailer)
	}

	got = newRig(t, Passthrough, upstream, streams).do("GET", "/api/flows/export", "")
	got.want(t, 200, line)
	got.wantHeader(t, "Content-Length", fmt.Sprint(len(line)), "Etag", `"1"`, "Content-Digest", "sha-256=:x:")
}

// TestMessagesThatCannotBeMapped: dual and the policy original let them out, flow_only ends the stream behind
// what was good.
func TestMessagesThatCannotBeMapped(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tc := range []struct {
		name, media, path string
		good, goodFlow    string
		bad               string
		reason            Fallback
		err               string
	}{
		{"an event that is no JSON", "text/event-stream", "/api/named", "data: {\"session_id\":1}\n\n", "data: {\"flow_id\":1}\n\n", "data: {\"session_id\":\n\n", FallbackUnmappable,
			"message 2: named message to-flow: at session_id: not JSON: it ends in the middle (byte 14)"},
		{"an event of another shape", "text/event-stream", "/api/named", "data: {\"session_id\":1}\n\n", "data: {\"flow_id\":1}\n\n", "id: 5\ndata: {}\n\n", FallbackUnmappable,
			"message 2: named message to-flow: rename session_id to flow_id: at session_id: missing member (byte 1)"},
		{"an event that is too large", "text/event-stream", "/api/named", "data: {\"session_id\":1}\n\n", "data: {\"flow_id\":1}\n\n", "data: {\"session_id\":\"" + long + "\"}\n\n", FallbackSize,
			"message 2: the message has more than the 100 bytes that are mapped"},
		{"a line that is no JSON", "application/x-ndjson", "/api/flows/export", "{\"session_id\":1}\n", "{\"flow_id\":1}\n", "oops\n", FallbackUnmappable,
			"message 2: export message to-flow: not JSON (byte 0)"},
		{"a line that is too large", "application/x-ndjson", "/api/flows/export", "{\"session_id\":1}\n", "{\"flow_id\":1}\n", "{\"session_id\":\"" + long + "\"}\n", FallbackSize,
			"message 2: the message has more than the 100 bytes that are mapped"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream := tc.good + tc.bad + tc.good
			upstream := answers(t, 200, http.Header{"Content-Type": {tc.media}}, stream)

			r := newRig(t, Dual, upstream, streams, smallMessages)
			goodDual := strings.Replace(tc.good, `{"session_id":1}`, `{"session_id":1,"flow_id":1}`, 1)
			r.do("GET", tc.path, "").want(t, 200, goodDual+tc.bad+goodDual)
			rec := r.observed.last(t, 1)
			if rec.Outcome != Answered || rec.Messages != 3 || rec.MessagesPassed != 1 || rec.Fallback != tc.reason || rec.err.Error() != tc.err {
				t.Errorf("dual: %+v %v", rec, rec.err)
			}

			r = newRig(t, FlowOnly, upstream, streams, smallMessages)
			got := r.do("GET", tc.path, "")
			if got.StatusCode != http.StatusOK || got.err == nil || !strings.HasPrefix(got.body, tc.goodFlow) || strings.Contains(got.body, "session_id") || len(got.body) > len(tc.goodFlow)+len("id: 5\n") {
				t.Errorf("flow_only: %d %q (%v)", got.StatusCode, got.body, got.err)
			}
			rec = r.observed.last(t, 1)
			if rec.Outcome != Cut || rec.Messages != 2 || rec.MessagesPassed != 0 || rec.Fallback != tc.reason || rec.err.Error() != tc.err {
				t.Errorf("flow_only: %+v %v", rec, rec.err)
			}

			r = newRig(t, FlowOnly, upstream, streams, smallMessages, original)
			r.do("GET", tc.path, "").want(t, 200, tc.goodFlow+tc.bad+tc.goodFlow)
			if rec := r.observed.last(t, 1); rec.Outcome != Answered || rec.MessagesPassed != 1 || rec.Fallback != tc.reason {
				t.Errorf("original: %+v", rec)
			}

			newRig(t, Passthrough, upstream, streams, smallMessages).do("GET", tc.path, "").want(t, 200, stream)
		})
	}
}

// TestAnswersThatAreNoStream: what is not the endpoint's stream by its head passes, and says so where
// nothing else would map it.
func TestAnswersThatAreNoStream(t *testing.T) {
	const body = "data: {\"session_id\":1}\n\n"
	event := http.Header{"Content-Type": {"text/event-stream"}}
	with := func(more ...string) http.Header {
		h := event.Clone()
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	for _, tc := range []struct {
		name     string
		mode     Mode
		path     string
		status   int
		header   http.Header
		body     string
		want     string
		fallback string
	}{
		{"another type", FlowOnly, "/api/named", 200, jsonHead(), `{"session_id":1}`, `{"session_id":1}`, "media-type"},
		{"two types", FlowOnly, "/api/named", 200, http.Header{"Content-Type": {"text/event-stream", "text/event-stream"}}, body, body, "media-type"},
		{"no content", FlowOnly, "/api/named", 204, with(), "", "", ""},
		{"an error", FlowOnly, "/api/flows/1/events", 404, jsonHead(), `{"session_error":1}`, `{"flow_error":1}`, ""},
		{"an error in dual", Dual, "/api/sessions/1/events", 404, jsonHead(), `{"session_error":1}`, `{"session_error":1}`, ""},
		{"a part", Dual, "/api/named", 206, with(), body, body, "status"},
		{"an encoded stream", Dual, "/api/named", 200, with("Content-Encoding", "gzip"), "not gzip", "not gzip", "coding"},
		{"an unknown coding", Dual, "/api/named", 200, with("Content-Encoding", "zip"), "zip", "zip", "coding"},
		{"the coding identity", Dual, "/api/named", 200, with("Content-Encoding", "identity"), body, "data: {\"session_id\":1,\"flow_id\":1}\n\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := newRig(t, tc.mode, answers(t, tc.status, tc.header, tc.body), streams).do("GET", tc.path, "")
			got.want(t, tc.status, tc.want)
			got.wantHeader(t, "Crossfade-Fallback", tc.fallback)
		})
	}
	for _, h := range []http.Header{with("Content-Encoding", "gzip"), with("Content-Encoding", "zip")} {
		newRig(t, FlowOnly, answers(t, 200, h, body), streams).do("GET", "/api/named", "").wantProblem(t, problemUnmappable)
	}
	newRig(t, FlowOnly, answers(t, 206, event, body), streams).do("GET", "/api/named", "").wantProblem(t, problemUnmappable)

	pass := func(o *Options) { o.Policies["named"] = Policy{NoTransform: NoTransformPass} }
	got := newRig(t, FlowOnly, answers(t, 200, with("Cache-Control", "no-transform"), body), streams, pass).do("GET", "/api/named", "")
	got.want(t, 200, body)
	got.wantHeader(t, "Crossfade-Fallback", "no-transform")
}

// switchable decides for the mode that it holds.
type switchable struct{ mode atomic.Value }

func (s *switchable) Decide(*http.Request, string) Decision {
	return Decision{Mode: s.mode.Load().(Mode), Reason: "switched"}
}

// TestFlipWhileAStreamRuns: a stream keeps the mode that it began with, the next one has the new mode.
func TestFlipWhileAStreamRuns(t *testing.T) {
	flag := &switchable{}
	flag.mode.Store(Dual)
	s := newSource(t, http.Header{"Content-Type": {"text/event-stream"}})
	r := newRig(t, Dual, s.url, streams, func(o *Options) { o.Decider = flag })
	res, leave := r.listen("/api/named")
	for _, mode := range []Mode{Dual, FlowOnly, Passthrough, FlowOnly} {
		flag.mode.Store(mode)
		s.send(t, "data: {\"session_id\":1}\n\n")
		wantNext(t, res, "data: {\"session_id\":1,\"flow_id\":1}\n\n")
	}
	leave()
	<-s.gone
	res, _ = r.listen("/api/named")
	s.send(t, "data: {\"session_id\":1}\n\n")
	wantNext(t, res, "data: {\"flow_id\":1}\n\n")
	close(s.pieces)
}

// TestClientLeavesAStream: the upstream's request is cancelled, mapped or not.
func TestClientLeavesAStream(t *testing.T) {
	for _, mode := range allModes() {
		s := newSource(t, http.Header{"Content-Type": {"text/event-stream"}})
		r := newRig(t, mode, s.url, streams)
		_, leave := r.listen("/api/named")
		leave()
		select {
		case <-s.gone:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the upstream's request goes on", mode)
		}
		if rec := r.observed.last(t, 1); rec.Outcome != ClientGone {
			t.Errorf("%s: %+v", mode, rec)
		}
	}
}

// TestUpstreamDiesInAStream: the client sees that, and nothing of the event that was not finished where
// that would be the session shape.
func TestUpstreamDiesInAStream(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	upstream := says(t, head+"32\r\ndata: {\"session_id\":1}\n\nid: 1\ndata: {\"session_id\":\r\n", true)
	for mode, want := range map[Mode]string{
		Passthrough: "data: {\"session_id\":1}\n\nid: 1\ndata: {\"session_id\":",
		Dual:        "data: {\"session_id\":1,\"flow_id\":1}\n\nid: 1\n",
		FlowOnly:    "data: {\"flow_id\":1}\n\nid: 1\n",
	} {
		r := newRig(t, mode, upstream, streams)
		got := r.do("GET", "/api/named", "")
		if got.body != want || got.err == nil {
			t.Errorf("%s: %q, %v", mode, got.body, got.err)
		}
		if rec := r.observed.last(t, 1); rec.Outcome != Cut || !strings.Contains(fmt.Sprint(rec.err), "broke off") {
			t.Errorf("%s: %+v", mode, rec)
		}
	}
}

// endlessEvents is an upstream that sends events of a size for as long as somebody takes them, and counts.
func endlessEvents(t *testing.T, most, size int) (url string, sent *atomic.Int64) {
	t.Helper()
	sent = new(atomic.Int64)
	event := []byte("data: {\"session_id\":1,\"pad\":\"" + strings.Repeat("x", size) + "\"}\n\n")
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range most {
			if _, err := w.Write(event); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			sent.Add(1)
		}
	}), sent
}

// TestSlowConsumer: a client that does not read holds the upstream back, and gets all when it reads.
func TestSlowConsumer(t *testing.T) {
	for _, mode := range allModes() {
		const most = 20_000 // 20 MB: more than all buffers of the machine's sockets
		upstream, sent := endlessEvents(t, most, 900)
		r := newRig(t, mode, upstream, streams)
		res, _ := r.listen("/api/named")
		last, same := int64(-1), 0
		for deadline := time.Now().Add(patience); same < 20; { // until nothing moves any more
			if time.Now().After(deadline) {
				t.Fatalf("%s: the upstream never stops", mode)
			}
			<-time.After(5 * time.Millisecond)
			if now := sent.Load(); now == last {
				same++
			} else {
				last, same = now, 0
			}
		}
		if last == most {
			t.Errorf("%s: all %d events went somewhere", mode, last)
		}
		body, err := io.ReadAll(res)
		if events := bytes.Count(body, []byte("\n\n")); events != most || err != nil {
			t.Errorf("%s: %d events, %v", mode, events, err)
		}
	}
}

// TestManyEvents: 10,000 events take the memory of one.
func TestManyEvents(t *testing.T) {
	const most = 10_000
	upstream, _ := endlessEvents(t, most, 4000) // 40 MB in all
	for _, mode := range []Mode{Dual, FlowOnly} {
		r := newRig(t, mode, upstream, streams)
		res, _ := r.listen("/api/named")
		var early, late uint64
		events := 0
		for buf := make([]byte, 1<<10); ; {
			n, err := res.Read(buf)
			events += bytes.Count(buf[:n], []byte("data: "))
			if events > 1000 && early == 0 {
				early = inUse()
			}
			if events > most-1000 && late == 0 {
				late = inUse()
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if late > early+8<<20 {
			t.Errorf("%s: %d bytes at the beginning, %d at the end", mode, early, late)
		}
		if rec := r.observed.last(t, 1); rec.Messages != most {
			t.Errorf("%s: %+v", mode, rec)
		}
	}
}

// inUse is how much memory is in use: the least of a few looks, since others go on making garbage
// while it is collected.
func inUse() uint64 {
	least := uint64(math.MaxUint64)
	for range 4 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc)
	}
	return least
}

// TestStreamsOverHTTP2: events come one by one there too.
func TestStreamsOverHTTP2(t *testing.T) {
	s := newSource(t, http.Header{"Content-Type": {"text/event-stream"}})
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Upstream: address, Decider: Fixed{Default: FlowOnly}}
	streams(&o)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(p)
	server.Config.Protocols = &h2
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{Protocols: &h2}, Timeout: patience}
	got, err := client.Get(server.URL + "/api/named") //nolint:bodyclose // newStream closes it
	if err != nil {
		t.Fatal(err)
	}
	res := newStream(t, got)
	if got.ProtoMajor != 2 {
		t.Fatal(got.Proto)
	}
	for range 3 {
		s.send(t, "data: {\"session_id\":1}\n\n")
		wantNext(t, res, "data: {\"flow_id\":1}\n\n")
	}
	close(s.pieces)
	if rest, err := io.ReadAll(res); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestLinksInMessages: URLs that the contract names speak the client's routes.
func TestLinksInMessages(t *testing.T) {
	const stream = "data: {\"session_id\":1,\"next\":\"/api/sessions/2/events\"}\n\n"
	got := newRig(t, FlowOnly, answers(t, 200, http.Header{"Content-Type": {"text/event-stream"}}, stream), streams).do("GET", "/api/flows/1/events", "")
	got.want(t, 200, "data: {\"flow_id\":1,\"next\":\"/api/flows/2/events\",\"of\":\"1\"}\n\n")
}

// TestRecordOfMessages: a stream of native messages is known as one.
func TestRecordOfMessages(t *testing.T) {
	r := newRig(t, FlowOnly, answers(t, 200, http.Header{"Content-Type": {"application/x-ndjson"}}, "{\"flow_id\":1}\n{\"flow_id\":2}\n"), streams)
	r.do("GET", "/api/flows/export", "").want(t, 200, "{\"flow_id\":1}\n{\"flow_id\":2}\n")
	if rec := r.observed.last(t, 1); !rec.Native || rec.Mapped || rec.Messages != 2 {
		t.Errorf("%+v", rec)
	}
}

// scarce is an Admission with so much memory.
type scarce struct{ left atomic.Int64 }

func (*scarce) Enter() bool { return true }
func (*scarce) Leave()      {}

func (s *scarce) Take(bytes int64) bool {
	if s.left.Add(-bytes) < 0 {
		s.left.Add(bytes)
		return false
	}
	return true
}

func (s *scarce) Give(bytes int64) { s.left.Add(bytes) }

// TestMessagesWithoutMemory: a long message that finds no memory is one that cannot be mapped; short ones
// need none that counts, and all that was taken is given back.
func TestMessagesWithoutMemory(t *testing.T) {
	short, long := `{"session_id":1}`, `{"session_id":1,"pad":"`+strings.Repeat("x", 300<<10)+`"}`
	stream := "data: " + short + "\n\ndata: " + long + "\n\ndata: " + short + "\n\n"
	for _, tc := range []struct {
		name     string
		mode     Mode
		memory   int64
		fallback Fallback
		outcome  Outcome
		messages int
	}{
		{"enough", FlowOnly, 1 << 20, "", Answered, 3},
		{"too little, dual", Dual, 100 << 10, FallbackMemory, Answered, 3},
		{"too little, flow_only", FlowOnly, 100 << 10, FallbackMemory, Cut, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			memory := &scarce{}
			memory.left.Store(tc.memory)
			r := newRig(t, tc.mode, answers(t, 200, http.Header{"Content-Type": {"text/event-stream"}}, stream), streams, func(o *Options) { o.Admission = memory })
			got := r.do("GET", "/api/named", "")
			if tc.mode == Dual && !strings.Contains(got.body, "data: "+long+"\n\n") || tc.mode == FlowOnly && strings.Contains(got.body, "session_id") {
				t.Errorf("got %.100q... (%d bytes)", got.body, len(got.body))
			}
			if rec := r.observed.last(t, 1); rec.Fallback != tc.fallback || rec.Outcome != tc.outcome || rec.Messages != tc.messages {
				t.Errorf("%+v %v", rec, rec.err)
			}
			if left := memory.left.Load(); left != tc.memory {
				t.Errorf("%d bytes are not given back", tc.memory-left)
			}
		})
	}
}
