package proxy

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	sessionMe = `{"user":{"n":1.10},"session":{"id":"s1","name":"A","secret":true},"x":9007199254740993}`
	dualMe    = `{"user":{"n":1.10},"session":{"id":"s1","name":"A","secret":true},"x":9007199254740993,"current_flow":{"id":"s1","name":"A"}}`
	flowMe    = `{"user":{"n":1.10},"x":9007199254740993,"current_flow":{"id":"s1","name":"A"}}`
	rows      = `[{"id":"1","name":"a"},{"id":"2"}]`
	rowsFlow  = `{"flows":[{"id":"1","name":"a"},{"id":"2"}],"total":2,"group_id":"7"}`
)

// TestAnswers goes through the answers of an upstream, in each mode.
func TestAnswers(t *testing.T) {
	json := jsonHead()
	for _, tc := range []struct {
		name           string
		method, target string
		status         int
		header         http.Header
		body           string
		want           map[Mode]string // body; absent: the upstream's own
		fallback       map[Mode]Fallback
		refused        bool // flow_only refuses
	}{
		{name: "a session", method: "GET", target: "/api/me", status: 200, header: json, body: sessionMe,
			want: map[Mode]string{Dual: dualMe, FlowOnly: flowMe}},
		{name: "created", method: "GET", target: "/api/me", status: 201, header: json, body: sessionMe,
			want: map[Mode]string{Dual: dualMe, FlowOnly: flowMe}},
		{name: "a JSON type of another name", method: "GET", target: "/api/me", status: 200,
			header: http.Header{"Content-Type": {"Application/HAL+JSON; charset=utf-8"}}, body: sessionMe,
			want: map[Mode]string{Dual: dualMe, FlowOnly: flowMe}},
		{name: "a flow already", method: "GET", target: "/api/me", status: 200, header: json, body: flowMe},
		{name: "a list on the session route has no union", method: "GET", target: "/api/groups/7/sessions", status: 200, header: json, body: rows,
			want: map[Mode]string{FlowOnly: rowsFlow}},
		{name: "a list on the flow route", method: "GET", target: "/api/groups/7/flows", status: 200, header: json, body: rows,
			want: map[Mode]string{Dual: rowsFlow, FlowOnly: rowsFlow}},
		{name: "an error on a shared route", method: "GET", target: "/api/me", status: 404, header: json, body: `{"session_error":1}`,
			want: map[Mode]string{FlowOnly: `{"flow_error":1}`}},
		{name: "an error on a flow route", method: "GET", target: "/api/groups/7/flows", status: 500, header: json, body: `{"session_error":1}`,
			want: map[Mode]string{Dual: `{"flow_error":1}`, FlowOnly: `{"flow_error":1}`}},
		{name: "an error without names", method: "GET", target: "/api/me", status: 401, header: json, body: `{"message":"Your session may have expired"}`},
		{name: "an error without a body", method: "GET", target: "/api/me", status: 401, header: json},
		{name: "no content", method: "GET", target: "/api/me", status: 204},
		{name: "reset content", method: "GET", target: "/api/me", status: 205, header: http.Header{"Content-Length": {"0"}}},
		{name: "a redirect", method: "GET", target: "/api/me", status: 307, header: http.Header{"Location": {"/elsewhere"}}},
		{name: "text", method: "GET", target: "/api/me", status: 200, header: http.Header{"Content-Type": {"text/plain"}}, body: sessionMe,
			fallback: map[Mode]Fallback{Dual: FallbackMediaType, FlowOnly: FallbackMediaType}},
		{name: "no media type", method: "GET", target: "/api/me", status: 200, header: http.Header{"Content-Type": nil}, body: sessionMe,
			fallback: map[Mode]Fallback{Dual: FallbackMediaType, FlowOnly: FallbackMediaType}},
		{name: "an empty body", method: "GET", target: "/api/me", status: 200, header: json,
			fallback: map[Mode]Fallback{Dual: FallbackUnmappable}, refused: true},
		{name: "not JSON", method: "GET", target: "/api/me", status: 200, header: json, body: "<html>",
			fallback: map[Mode]Fallback{Dual: FallbackUnmappable}, refused: true},
		{name: "cut JSON", method: "GET", target: "/api/me", status: 200, header: json, body: sessionMe[:50],
			fallback: map[Mode]Fallback{Dual: FallbackUnmappable}, refused: true},
		{name: "two documents", method: "GET", target: "/api/me", status: 200, header: json, body: sessionMe + sessionMe,
			fallback: map[Mode]Fallback{Dual: FallbackUnmappable}, refused: true},
		{name: "a wrong type", method: "GET", target: "/api/me", status: 200, header: json, body: `{"session":"x"}`,
			fallback: map[Mode]Fallback{Dual: FallbackUnmappable}, refused: true},
		{name: "ten thousand levels", method: "GET", target: "/api/me", status: 200, header: json,
			body:     strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
			fallback: map[Mode]Fallback{Dual: FallbackUnmappable}, refused: true},
		{name: "an unknown coding", method: "GET", target: "/api/me", status: 200, header: jsonHead("Content-Encoding", "br"), body: sessionMe,
			fallback: map[Mode]Fallback{Dual: FallbackCoding}, refused: true},
		{name: "a coding that lies", method: "GET", target: "/api/me", status: 200, header: jsonHead("Content-Encoding", "gzip"), body: sessionMe,
			fallback: map[Mode]Fallback{Dual: FallbackCoding}, refused: true},
		{name: "cut gzip", method: "GET", target: "/api/me", status: 200, header: jsonHead("Content-Encoding", "gzip"), body: zip(sessionMe)[:40],
			fallback: map[Mode]Fallback{Dual: FallbackCoding}, refused: true},
		{name: "gzip with a wrong checksum", method: "GET", target: "/api/me", status: 200, header: jsonHead("Content-Encoding", "gzip"), body: spoilt(zip(sessionMe)),
			fallback: map[Mode]Fallback{Dual: FallbackCoding}, refused: true},
		{name: "gzip", method: "GET", target: "/api/me", status: 200, header: jsonHead("Content-Encoding", "gzip"), body: zip(sessionMe),
			want: map[Mode]string{Dual: dualMe, FlowOnly: flowMe}},
		{name: "gzip in two members", method: "GET", target: "/api/me", status: 200, header: jsonHead("Content-Encoding", "gzip"), body: zip(sessionMe[:9]) + zip(sessionMe[9:]),
			want: map[Mode]string{Dual: dualMe, FlowOnly: flowMe}},
		{name: "a part that nobody asked for", method: "GET", target: "/api/me", status: 206, header: jsonHead("Content-Range", "bytes 0-9/99"), body: sessionMe[:10],
			fallback: map[Mode]Fallback{Dual: FallbackStatus}, refused: true},
		{name: "unchanged although nobody asked", method: "GET", target: "/api/me", status: 304, header: http.Header{"Etag": {`"1"`}},
			fallback: map[Mode]Fallback{Dual: FallbackStatus}, refused: true},
		{name: "no endpoint", method: "GET", target: "/api/other", status: 200, header: json, body: sessionMe},
		{name: "another method", method: "DELETE", target: "/api/me", status: 200, header: json, body: sessionMe},
	} {
		for _, mode := range allModes() {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				r := newRig(t, mode, answers(t, tc.status, tc.header, tc.body))
				got := r.do(tc.method, tc.target, "")
				rec := r.observed.last(t, 1)
				if mode == FlowOnly && strings.HasSuffix(tc.target, "/sessions") {
					got.wantProblem(t, problemGone)
					return
				}
				if mode == FlowOnly && tc.refused {
					got.wantProblem(t, problemUnmappable)
					got.wantHeader(t, "Etag", "")
					if rec.Outcome != Refused || rec.Problem != string(problemUnmappable) {
						t.Errorf("record %+v", rec)
					}
					return
				}
				want, mapped := tc.want[mode]
				if !mapped {
					want = tc.body
				}
				got.want(t, tc.status, want)
				got.wantHeader(t, "Crossfade-Fallback", string(tc.fallback[mode]))
				if rec.Mapped != mapped || rec.Fallback != tc.fallback[mode] || rec.Outcome != Answered || rec.Bytes != int64(len(want)) {
					t.Errorf("record %+v", rec)
				}
				if rec.Endpoint == "" {
					mode = ""
				}
				got.wantHeader(t, "Crossfade-Mode", string(mode))
			})
		}
	}
}

func zip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// spoilt changes the checksum at the end.
func spoilt(gz string) string {
	b := []byte(gz)
	b[len(b)-8] ^= 1
	return string(b)
}

// brokenBody is an answer whose body has a fault in it.
type brokenBody struct{ closed atomic.Bool }

func (b *brokenBody) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1, Body: b,
	}, nil
}

func (b *brokenBody) Read([]byte) (int, error) { panic("a fault") }

func (b *brokenBody) Close() error {
	b.closed.Store(true)
	return nil
}

// TestFaultsCloseTheAnswer: whatever a fault breaks off, the upstream's answer is closed, so that its connection and what counts it are free.
func TestFaultsCloseTheAnswer(t *testing.T) {
	for _, mode := range allModes() {
		b := &brokenBody{}
		r := newRig(t, mode, "http://upstream", func(o *Options) { o.Transport = b })
		if res, err := r.client.Get(r.url + "/api/me"); err == nil {
			res.Body.Close()
		}
		r.observed.last(t, 1)
		if !b.closed.Load() {
			t.Errorf("%s: the upstream's body stays open", mode)
		}
	}
}
