package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// TestStreams: what is no JSON document passes piece by piece, at once, also on endpoints.
func TestStreams(t *testing.T) {
	for _, media := range []string{"text/event-stream", "application/x-ndjson", "text/event-stream; charset=utf-8", "application/octet-stream"} {
		for _, mode := range allModes() {
			t.Run(media+"/"+string(mode), func(t *testing.T) {
				more := make(chan struct{})
				upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", media)
					for i := range 3 {
						fmt.Fprintf(w, "data: %d\n\n", i)
						_ = http.NewResponseController(w).Flush()
						select {
						case <-more: // only goes on when the client has the piece
						case <-r.Context().Done():
							return
						}
					}
				})
				body := open(t, newRig(t, mode, upstream).url+"/api/me")
				for i := range 3 {
					piece := make([]byte, 9)
					if _, err := io.ReadFull(body, piece); err != nil || string(piece) != fmt.Sprintf("data: %d\n\n", i) {
						t.Fatalf("piece %d: %q, %v", i, piece, err)
					}
					more <- struct{}{}
				}
			})
		}
	}
}

// open asks for an address and gives the body to be read.
func open(t *testing.T, url string) io.Reader {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res.Body
}

// TestSlowBodies: a piece of a body with a known length does not wait for the rest.
func TestSlowBodies(t *testing.T) {
	more := make(chan struct{})
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		for range 3 {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-more:
			case <-r.Context().Done():
				return
			}
		}
	})
	body := open(t, newRig(t, Passthrough, upstream).url+"/x")
	for range 3 {
		if _, err := io.ReadFull(body, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		more <- struct{}{}
	}
}

// TestTrailers pass behind what is not mapped, announced or not; a mapped body has a length instead.
func TestTrailers(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, sessionMe)
		w.Header().Set("X-Sum", "42")
		w.Header().Set(http.TrailerPrefix+"X-More", "43")
	})
	for _, tc := range []struct {
		mode         Mode
		target, body string
		sum, more    string
	}{
		{Passthrough, "/api/me", sessionMe, "42", "43"},
		{Dual, "/api/other", sessionMe, "42", "43"},
		{Dual, "/api/me", dualMe, "", ""},
		{FlowOnly, "/api/me", flowMe, "", ""},
	} {
		got := newRig(t, tc.mode, upstream).do("GET", tc.target, "")
		got.want(t, 200, tc.body)
		if got.Trailer.Get("X-Sum") != tc.sum || got.Trailer.Get("X-More") != tc.more {
			t.Errorf("%s %s: trailers %v", tc.mode, tc.target, got.Trailer)
		}
	}
}

// TestEarlyHints pass, and the answer behind them is the right one.
func TestEarlyHints(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, sessionMe)
	})
	r := newRig(t, Dual, upstream)
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, h.Get("Link")))
		return nil
	}}
	req, err := http.NewRequest(http.MethodGet, r.url+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	got := answer{res, string(body), err}
	got.want(t, 200, dualMe)
	got.wantHeader(t, "Link", "", "Crossfade-Mode", "dual")
	if len(hints) != 1 || hints[0] != "103</style.css>; rel=preload" {
		t.Errorf("hints %q", hints)
	}
}

// TestWebSocket: an upgrade to WebSocket is a tunnel in both directions, with the first bytes and the
// half close.
func TestWebSocket(t *testing.T) {
	upstream := tcp(t, func(c net.Conn, next func() (string, bool)) {
		head, ok := next()
		if !ok || !strings.Contains(head, "\r\nUpgrade: websocket\r\n") || !strings.Contains(head, "\r\nConnection: Upgrade\r\n") {
			t.Errorf("the upstream got %q", head)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst")
		buf := make([]byte, 4)
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Errorf("the upstream reads: %v", err)
		}
		_, _ = io.WriteString(c, "<"+string(buf)+">")
	})
	for _, mode := range allModes() {
		r := newRig(t, mode, upstream)
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, "GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
		in := bufio.NewReader(c)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close() // there is none; what follows is the tunnel
		if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-Websocket-Accept") != "x" || res.Header.Get("Crossfade-Mode") != string(mode) {
			t.Errorf("%s: %d %v", mode, res.StatusCode, res.Header)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(in, first); err != nil || string(first) != "first" {
			t.Errorf("%q %v", first, err)
		}
		_, _ = io.WriteString(c, "ping")
		rest, err := io.ReadAll(in)
		if string(rest) != "<ping>" || err != nil {
			t.Errorf("%q %v", rest, err)
		}
		c.Close()
		if rec := r.observed.last(t, 1); rec.Status != 101 || rec.Outcome != Answered {
			t.Errorf("record %+v", rec)
		}
	}
}

// TestRefusedUpgrade: an upstream that does not upgrade answers as to any other request.
func TestRefusedUpgrade(t *testing.T) {
	r := newRig(t, Dual, answers(t, 200, jsonHead(), sessionMe))
	r.raw("GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nstray").want(t, 200, dualMe)
	r.raw("GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").want(t, 200, dualMe)
	r.raw("GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n").want(t, 200, dualMe)

	tunnel := says(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", true)
	r = newRig(t, Dual, tunnel)
	r.raw("GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n").wantProblem(t, problemBroken)
	r.raw("GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").wantProblem(t, problemBroken)
}

// TestConnectionsCarryOn: an answer without a body leaves the connection in step for the next.
func TestConnectionsCarryOn(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/me":
			_, _ = io.WriteString(w, sessionMe)
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		}
	})
	for _, mode := range allModes() {
		r := newRig(t, mode, upstream)
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		in := bufio.NewReader(c)
		for _, line := range []string{"HEAD /api/me", "GET /204", "GET /304", "HEAD /api/other", "GET /api/me", "HEAD /api/me", "GET /api/me"} {
			_, _ = io.WriteString(c, line+" HTTP/1.1\r\nHost: h\r\n\r\n")
			method, target, _ := strings.Cut(line, " ")
			res, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("%s: %s: %v", mode, line, err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			want := ""
			if line == "GET /api/me" {
				want = map[Mode]string{Passthrough: sessionMe, Dual: dualMe, FlowOnly: flowMe}[mode]
			}
			if err != nil || string(body) != want {
				t.Errorf("%s: %s %s: %q %v", mode, method, target, body, err)
			}
		}
		c.Close()
	}
}
