package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// connected is a raw client of the proxy.
type connected struct {
	*net.TCPConn
	t  *testing.T
	in *bufio.Reader
}

func (r *rig) open() *connected {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { c.Close() })
	return &connected{c.(*net.TCPConn), r.t.(*testing.T), bufio.NewReader(c)}
}

func (c *connected) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// wantStatus reads a head, an interim one too.
func (c *connected) wantStatus(status int) *stream {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, nil) //nolint:bodyclose // newStream closes it
	if err != nil {
		c.t.Fatal(err)
	}
	s := newStream(c.t, res)
	if s.status != status {
		c.t.Fatalf("got %d, want %d", s.status, status)
	}
	return s
}

// TestContinue: a client that waits to be asked for its body is asked when the upstream asks, once, or by
// crossfade where it has to read the body itself.
func TestContinue(t *testing.T) {
	for _, mode := range allModes() {
		for _, path := range []string{"/api/other", "/api/upload"} {
			t.Run(string(mode)+path, func(t *testing.T) {
				ask := make(chan struct{})
				upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
					mapped := mode != Passthrough && path == "/api/upload"
					if expects := r.Header.Get("Expect") != ""; expects == mapped {
						t.Errorf("the upstream got Expect: %t", expects)
					}
					if !mapped {
						<-ask
					}
					body, err := io.ReadAll(r.Body) // now it asks
					if string(body) != `{"a":1}` || err != nil {
						t.Errorf("the upstream got %q, %v", body, err)
					}
					_, _ = io.WriteString(w, "done")
				})
				c := newRig(t, mode, upstream).open()
				c.say("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n")
				close(ask)
				c.wantStatus(http.StatusContinue)
				c.say(`{"a":1}`)
				body, err := io.ReadAll(c.wantStatus(http.StatusOK))
				if string(body) != "done" || err != nil {
					t.Errorf("%q, %v", body, err)
				}
			})
		}
	}
}

// TestContinueRefused: an upstream that does not want the body is not sent it, and the client is not asked for it.
func TestContinueRefused(t *testing.T) {
	for _, mode := range allModes() {
		upstream := says(t, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno", true)
		c := newRig(t, mode, upstream).open()
		c.say("POST /api/other HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
		res := c.wantStatus(http.StatusExpectationFailed)
		body, err := io.ReadAll(res)
		if string(body) != "no" || err != nil {
			t.Errorf("%s: %q, %v", mode, body, err)
		}
		if !res.last { // nobody knows whether a body follows
			t.Errorf("%s: the connection may carry another request", mode)
		}
	}
}

// TestInterimAnswers pass in order, whatever they are, and the answer behind them is the right one.
func TestInterimAnswers(t *testing.T) {
	for _, mode := range allModes() {
		upstream := says(t, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 199 Odd\r\nX-Odd: 1\r\n\r\n"+
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "+fmt.Sprint(len(sessionMe))+"\r\n\r\n"+sessionMe, false)
		c := newRig(t, mode, upstream).open()
		c.say("GET /api/me HTTP/1.1\r\nHost: h\r\n\r\n")
		c.wantStatus(http.StatusProcessing)
		if hint := c.wantStatus(http.StatusEarlyHints); hint.header.Get("Link") != "</a>" {
			t.Errorf("%s: %v", mode, hint.header)
		}
		c.wantStatus(199)
		res := c.wantStatus(http.StatusOK)
		want := map[Mode]string{Passthrough: sessionMe, Dual: dualMe, FlowOnly: flowMe}[mode]
		if body, err := io.ReadAll(res); string(body) != want || err != nil || res.header.Get("Link") != "" || res.header.Get("X-Odd") != "" {
			t.Errorf("%s: %q %v, %v", mode, body, err, res.header)
		}
	}
}

// TestBothDirectionsAtOnce: request and answer stream at the same time, each piece at once.
func TestBothDirectionsAtOnce(t *testing.T) {
	for _, mode := range allModes() {
		upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			_ = rc.EnableFullDuplex()
			w.Header().Set("Content-Type", "application/x-ndjson")
			_ = rc.Flush()
			for in := bufio.NewReader(r.Body); ; {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				_, _ = io.WriteString(w, "<"+line)
				_ = rc.Flush()
			}
		})
		for _, framing := range []struct{ head, before, after, end string }{
			{"Transfer-Encoding: chunked", "3\r\n", "\r\n", "0\r\n\r\n"},
			{"Content-Length: 9", "", "", ""},
		} {
			c := newRig(t, mode, upstream).open()
			c.say("POST /api/other HTTP/1.1\r\nHost: h\r\n" + framing.head + "\r\n\r\n")
			res := c.wantStatus(http.StatusOK)
			for range 3 {
				c.say(framing.before + "ab\n" + framing.after)
				wantNext(t, res, "<ab\n")
			}
			c.say(framing.end)
			if rest, err := io.ReadAll(res); len(rest) > 0 || err != nil {
				t.Errorf("%s, %s: %q, %v", mode, framing.head, rest, err)
			}
		}
	}
}

// TestRequestBodiesStream where no lens needs them: the upstream has each piece at once, and an end that
// is none is none there too.
func TestRequestBodiesStream(t *testing.T) {
	for _, mode := range allModes() {
		pieces, ended := make(chan string), make(chan error, 1)
		upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			for buf := make([]byte, 100); ; {
				n, err := r.Body.Read(buf)
				if n > 0 {
					pieces <- string(buf[:n])
				}
				if err != nil {
					ended <- err
					return
				}
			}
		})
		r := newRig(t, mode, upstream)
		c := r.open()
		c.say("POST /api/other HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n")
		for range 3 {
			c.say("piece")
			if got := <-pieces; got != "piece" {
				t.Errorf("%s: %q", mode, got)
			}
		}
		_ = c.Close()
		select {
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				t.Errorf("%s: a body that was broken off is whole for the upstream", mode)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the upstream waits for a client that is gone", mode)
		}
		if rec := r.observed.last(t, 1); rec.Outcome != ClientGone {
			t.Errorf("%s: %+v", mode, rec)
		}
	}
}

// TestClientGoesBeforeTheAnswer: the upstream's request is cancelled. A client that closes only its sending
// side has gone as well, as far as net/http can tell.
func TestClientGoesBeforeTheAnswer(t *testing.T) {
	for _, mode := range allModes() {
		for how, leave := range map[string]func(*connected) error{"half": (*connected).CloseWrite, "whole": (*connected).Close} {
			arrived, gone := make(chan struct{}), make(chan struct{})
			upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				close(arrived)
				<-r.Context().Done()
				close(gone)
			})
			r := newRig(t, mode, upstream)
			c := r.open()
			c.say("GET /api/me HTTP/1.1\r\nHost: h\r\n\r\n")
			<-arrived
			_ = leave(c)
			select {
			case <-gone:
			case <-time.After(5 * time.Second):
				t.Fatalf("%s, %s: the upstream works on", mode, how)
			}
			if rec := r.observed.last(t, 1); rec.Outcome != ClientGone {
				t.Errorf("%s, %s: %+v", mode, how, rec)
			}
		}
	}
}

// TestConnectionsOutliveRequestBodies: a body that was taken whole leaves the connection for the next
// request; one that the upstream did not wait for ends it with the answer.
func TestConnectionsOutliveRequestBodies(t *testing.T) {
	for _, mode := range allModes() {
		upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/other" {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(w, "done")
		})
		c := newRig(t, mode, upstream).open()
		for range 3 {
			c.say("POST /api/other HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nwhole")
			res := c.wantStatus(http.StatusOK)
			if body, err := io.ReadAll(res); string(body) != "done" || err != nil || res.last {
				t.Errorf("%s: %q %v, close %t", mode, body, err, res.last)
			}
		}
		early := says(t, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno", false)
		c = newRig(t, mode, early).open()
		c.say("POST /api/other HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\npart")
		res := c.wantStatus(http.StatusRequestEntityTooLarge)
		if body, err := io.ReadAll(res); string(body) != "no" || err != nil || !res.last {
			t.Errorf("%s: %q %v, close %t", mode, body, err, res.last)
		}
	}
}
