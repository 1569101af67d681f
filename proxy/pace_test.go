package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// shortIdle is a timeout that tests wait for.
const shortIdle = 60 * time.Millisecond

func paced(o *Options) { o.Limits.RequestIdle = shortIdle }

// trickle sends text byte by byte, with a pause before each, until the other end is gone.
func trickle(c net.Conn, text string) {
	tick := time.NewTicker(shortIdle / 4)
	defer tick.Stop()
	for i := range len(text) {
		<-tick.C
		if _, err := io.WriteString(c, text[i:i+1]); err != nil {
			return
		}
	}
}

// dialRig connects to a rig and sends bytes.
func dialRig(t *testing.T, r *rig, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// readAnswer reads the first answer on a connection.
func readAnswer(t *testing.T, r *bufio.Reader) answer {
	t.Helper()
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res, string(text), err}
}

// A body that does not come, or byte by byte, is a 408 and closes the connection: where it is read
// to be mapped, and where it streams. The upstream never gets a whole one.
func TestSlowRequestBodies(t *testing.T) {
	t.Parallel()
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("the upstream got a whole request")
		}
	})
	for _, mode := range allModes() {
		for name, body := range map[string]string{"nothing comes": "", "byte by byte": strings.Repeat(" ", 500)} {
			for _, framing := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
				t.Run(fmt.Sprint(mode, " ", name, " ", framing), func(t *testing.T) {
					t.Parallel()
					sent := body
					if framing != "Content-Length: 1000" && body != "" {
						sent = "400\r\n" + body
					}
					r := newRig(t, mode, upstream, paced)
					c := dialRig(t, r, "POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"+framing+"\r\n\r\n")
					go trickle(c, sent)
					got := readAnswer(t, bufio.NewReader(c))
					got.wantProblem(t, problemSlow)
					if !got.Close {
						t.Error("the connection stays open")
					}
					if rec := r.observed.last(t, 1); rec.Duration > 50*shortIdle {
						t.Errorf("it took %v", rec.Duration)
					}
				})
			}
		}
	}
}

// A body may take as long as it likes, if it makes progress.
func TestLongBodiesArePassed(t *testing.T) {
	t.Parallel()
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	for _, mode := range allModes() {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			const idle, pieces = time.Second, 16 // a busy machine may be late with a piece
			r := newRig(t, mode, upstream, func(o *Options) { o.Limits.RequestIdle = idle })
			piece := strings.Repeat(" ", leastProgress)
			c := dialRig(t, r, fmt.Sprintf("POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", pieces*len(piece)))
			tick := time.NewTicker(2 * idle / pieces)
			defer tick.Stop()
			for range pieces {
				<-tick.C
				if _, err := io.WriteString(c, piece); err != nil {
					t.Fatal(err)
				}
			}
			readAnswer(t, bufio.NewReader(c)).want(t, 200, fmt.Sprint(pieces*len(piece), " <nil>"))
		})
	}
}

// The pace is that of a body which is waited for: the upstream may take its time, with the body
// and with the answer, and the connection is good for another request.
func TestPaceLeavesTheUpstreamItsTime(t *testing.T) {
	t.Parallel()
	// Long enough that a busy machine brings the body in time.
	const idle, pause = 500 * time.Millisecond, time.Second
	slowly := func(o *Options) { o.Limits.RequestIdle = idle }
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/thinks-first" {
			<-time.After(pause)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/thinks-afterwards" {
			<-time.After(pause)
		}
		fmt.Fprint(w, n, err)
	})
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Passthrough, upstream, slowly)
			if proto == "HTTP/2.0" {
				address, err := url.Parse(upstream)
				if err != nil {
					t.Fatal(err)
				}
				o := Options{Upstream: address, Contract: testContract(t), Decider: Fixed{Default: Passthrough}}
				slowly(&o)
				p, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				server := httptest.NewUnstartedServer(p)
				server.EnableHTTP2 = true
				server.StartTLS()
				t.Cleanup(server.Close)
				r.url, r.client = server.URL, server.Client()
			}
			// Larger than all buffers on the way, so that the upstream's pause reaches back to here.
			body := strings.Repeat(" ", 8<<20)
			for _, path := range []string{"/thinks-first", "/thinks-afterwards", "/thinks-first"} {
				got := r.do("POST", path, body)
				got.want(t, 200, fmt.Sprint(len(body), " <nil>"))
				if got.Proto != proto {
					t.Errorf("it was %s", got.Proto)
				}
			}
		})
	}
}

// An answer that comes before the whole body is there does not wait for the rest of it.
func TestEarlyAnswersEndAtOnce(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusForbidden)
	})
	r := newRig(t, Passthrough, upstream, func(o *Options) { o.Limits.RequestIdle = time.Hour })
	c := dialRig(t, r, "POST /api/upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nhalf")
	readAnswer(t, bufio.NewReader(c)).want(t, 403, "no\n")
}

// A body that nobody reads, because the answer was given without it, holds nothing up for longer.
func TestUnreadBodiesHoldNothingUp(t *testing.T) {
	r := newRig(t, FlowOnly, answers(t, 200, nil, ""), paced)
	c := dialRig(t, r, "TRACE / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
	readAnswer(t, bufio.NewReader(c)).wantProblem(t, problemMethod)
	c = dialRig(t, r, "GET /api/me;a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
	readAnswer(t, bufio.NewReader(c)).wantProblem(t, problemAmbiguous)
}
