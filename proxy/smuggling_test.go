package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a raw upstream that keeps the heads of the requests that it gets.
type wire struct {
	mu    sync.Mutex
	heads []string
}

func (w *wire) serve(tb testing.TB) string {
	tb.Helper()
	return tcp(tb, func(c net.Conn, _ func() (string, bool)) {
		var raw bytes.Buffer
		r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &raw)))
		if err != nil {
			return
		}
		// Whole, so that an early answer does not end the client's connection.
		_, _ = io.Copy(io.Discard, r.Body)
		head, _, _ := strings.Cut(raw.String(), "\r\n\r\n")
		head += "\r\n\r\n"
		w.mu.Lock()
		w.heads = append(w.heads, head)
		w.mu.Unlock()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
	})
}

func (w *wire) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.heads)
}

// talk sends bytes on one connection and gives the status of each answer, until crossfade ends the connection.
func (r *rig) talk(request string) (statuses []int) {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		r.t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(in, nil)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			r.t.Fatalf("the connection does not end: answers %v", statuses)
		case err != nil:
			return statuses
		}
		statuses = append(statuses, res.StatusCode)
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}

// smuggled is a request behind another one. It is answered if the connection goes on, and ends it then.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

// TestSmuggling: a request that can be framed in two ways is refused, or is the last one of its
// connection; what the upstream gets has one framing.
func TestSmuggling(t *testing.T) {
	const chunks = "5\r\nhello\r\n0\r\n\r\n"
	for _, tc := range []struct {
		name, request string
		statuses      []int  // 200 is the upstream's answer; the second one that to what follows
		framing       string // of what the upstream got; "" where it got nothing
	}{
		{"Content-Length and chunked", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, []int{200}, "Transfer-Encoding: chunked"},
		{"chunked and Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n", []int{200}, "Transfer-Encoding: chunked"},
		{"chunked alone", "Transfer-Encoding: chunked\r\n\r\n" + chunks, []int{200}, "Transfer-Encoding: chunked"},
		{"chunked in other letters", "Transfer-Encoding: Chunked\r\n\r\n" + chunks, []int{200}, "Transfer-Encoding: chunked"},
		{"a coding that is none", "Transfer-Encoding: xchunked\r\n\r\n" + chunks, []int{501}, ""},
		{"a coding before", "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks, []int{501}, ""},
		{"identity", "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", []int{501}, ""},
		{"a coding behind", "Transfer-Encoding: chunked, identity\r\n\r\n" + chunks, []int{501}, ""},
		{"chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, []int{501}, ""},
		{"chunked and another line", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + chunks, []int{501}, ""},
		{"chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n" + chunks, []int{501}, ""},
		{"a control character before chunked", "Transfer-Encoding: \x0bchunked\r\n\r\n" + chunks, []int{400}, ""},
		{"a blank before the colon", "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\nhello", []int{400}, ""},
		{"a blank before the name", " Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", []int{400}, ""}, // it belongs to the Host before
		{"an underscore", "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", []int{200, 200}, "Content-Length: 5"},
		{"two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", []int{400}, ""},
		{"two lengths in one", "Content-Length: 5, 5\r\n\r\nhello", []int{400}, ""},
		{"the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", []int{200, 200}, "Content-Length: 5"},
		{"a sign", "Content-Length: +5\r\n\r\nhello", []int{400}, ""},
		{"less than nothing", "Content-Length: -5\r\n\r\nhello", []int{400}, ""},
		{"a length in other digits", "Content-Length: 0x5\r\n\r\nhello", []int{400}, ""},
		{"a length with a blank", "Content-Length: 5 5\r\n\r\nhello", []int{400}, ""},
		{"a length beyond 64 bits", "Content-Length: 18446744073709551617\r\n\r\nh", []int{400}, ""},
		{"an empty length", "Content-Length: \r\n\r\n", []int{400}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var up wire
			r := newRig(t, Passthrough, up.serve(t))
			statuses := r.talk("POST /x HTTP/1.1\r\nHost: h\r\n" + tc.request + smuggled)
			if !slices.Equal(statuses, tc.statuses) {
				t.Errorf("answers %v, want %v", statuses, tc.statuses)
			}
			heads := up.all()
			if tc.framing == "" {
				if len(heads) > 0 {
					t.Errorf("the upstream got %q", heads)
				}
				return
			}
			var framing []string
			for _, line := range strings.Split(heads[0], "\r\n") {
				if lower := strings.ToLower(line); strings.HasPrefix(lower, "content-length") || strings.Contains(lower, "chunked") {
					framing = append(framing, line)
				}
			}
			if len(heads) != len(tc.statuses) || !slices.Contains(framing, tc.framing) || len(framing) != 1 {
				t.Errorf("the upstream got %q", heads)
			}
		})
	}
}

// TestChunks: chunks are made anew, so that no way to write them reaches the upstream but one.
func TestChunks(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		whole      bool
	}{
		{"extensions", "5;a=\"b\r\";c\r\nhello\r\n0;d\r\n\r\n", false},
		{"plain extensions", "5;a=b\r\nhello\r\n0;c\r\n\r\n", true},
		{"a bare line feed behind the size", "5\nhello\r\n0\r\n\r\n", false},
		{"a bare line feed behind the data", "5\r\nhello\n0\r\n\r\n", false},
		{"more data than the size", "3\r\nhello\r\n0\r\n\r\n", false},
		{"a size that is none", "0x5\r\nhello\r\n0\r\n\r\n", false},
		{"a sign", "+5\r\nhello\r\n0\r\n\r\n", false},
		{"no size", "\r\nhello\r\n0\r\n\r\n", false},
		{"a size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n", false},
		{"capital digits and zeros", "0000A\r\nhellohello\r\n0\r\n\r\n", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make(chan string, 1)
			upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					body = nil
				}
				got <- string(body)
				_, _ = w.Write([]byte("ok"))
			})
			r := newRig(t, Passthrough, upstream)
			statuses := r.talk("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + tc.body + smuggled)
			if len(statuses) > 1 {
				t.Errorf("answers %v", statuses)
			}
			if whole := slices.Equal(statuses, []int{200}); whole != tc.whole {
				t.Errorf("answers %v", statuses)
			}
			select {
			case body := <-got:
				if (body != "") != tc.whole {
					t.Errorf("the upstream got %q", body)
				}
			default:
				if tc.whole {
					t.Error("the upstream got nothing")
				}
			}
		})
	}
}

// TestRequestHeads: a head that servers read in different ways is refused where net/http lets it be
// seen; what is passed on is written anew, one field to a line.
func TestRequestHeads(t *testing.T) {
	for _, tc := range []struct {
		name, head string
		status     int
		line       string // that the upstream gets
	}{
		{"a folded line", "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-A: 1\r\n 2\r\n\r\n", 200, "X-A: 1 2"},
		{"bare line feeds", "GET /x HTTP/1.1\nHost: h\nConnection: close\nX-A: 1\n\n", 200, "X-A: 1"},
		{"a zero byte", "GET /x HTTP/1.1\r\nHost: h\r\nX-A: 1\x002\r\n\r\n", 400, ""},
		{"a bare carriage return", "GET /x HTTP/1.1\r\nHost: h\r\nX-A: 1\rX-B: 2\r\n\r\n", 400, ""},
		{"a blank before the colon", "GET /x HTTP/1.1\r\nHost: h\r\nX-A : 1\r\n\r\n", 400, ""},
		{"no name", "GET /x HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n", 400, ""},
		{"no colon", "GET /x HTTP/1.1\r\nHost: h\r\nX-A\r\n\r\n", 400, ""},
		{"a name with a bracket", "GET /x HTTP/1.1\r\nHost: h\r\nX[A]: 1\r\n\r\n", 400, ""},
		{"a name with letters of others", "GET /x HTTP/1.1\r\nHost: h\r\nX-\xc3\xa9: 1\r\n\r\n", 400, ""},
		{"a folded first line", "GET /x HTTP/1.1\r\n X-A: 1\r\nHost: h\r\n\r\n", 400, ""},
		{"two hosts", "GET /x HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400, ""},
		{"no host", "GET /x HTTP/1.1\r\nX-A: 1\r\n\r\n", 400, ""},
		{"a host that is none", "GET /x HTTP/1.1\r\nHost: h/x\r\n\r\n", 400, ""},
		{"a host in the target", "GET http://i/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 200, "Host: i"},
		{"two blanks in the request line", "GET  /x HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
		{"a blank in the target", "GET /x y HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
		{"a tab in the request line", "GET\t/x HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
		{"no version", "GET /x\r\n\r\n", 400, ""},
		{"a version in small letters", "GET /x http/1.1\r\nHost: h\r\n\r\n", 400, ""},
		{"a version of the future", "GET /x HTTP/3.0\r\nHost: h\r\n\r\n", 505, ""},
		{"a method that is none", "G@T /x HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var up wire
			r := newRig(t, Passthrough, up.serve(t))
			statuses := r.talk(tc.head)
			heads := strings.Join(up.all(), "")
			if !slices.Equal(statuses, []int{tc.status}) || (heads == "") != (tc.line == "") || !strings.Contains(heads, tc.line) {
				t.Errorf("answers %v, the upstream got %q", statuses, heads)
			}
			if strings.Contains(strings.ReplaceAll(heads, "\r\n", ""), "\n") || strings.Contains(heads, "\r\n ") {
				t.Errorf("the upstream got %q", heads)
			}
		})
	}
}

// TestMethodsThatAreRefused: what comes behind a CONNECT or TRACE may be meant for another protocol. It is
// not read as requests.
func TestMethodsThatAreRefused(t *testing.T) {
	for _, first := range []string{
		"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", "CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n", "TRACE /x HTTP/1.1\r\nHost: h\r\n\r\n",
		"connect /x HTTP/1.1\r\nHost: h\r\n\r\n", "Trace /x HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		for _, mode := range allModes() {
			var up wire
			statuses := newRig(t, mode, up.serve(t)).talk(first + smuggled)
			if !slices.Equal(statuses, []int{http.StatusMethodNotAllowed}) || len(up.all()) > 0 {
				t.Errorf("%q in %s: answers %v, the upstream got %q", first, mode, statuses, up.all())
			}
		}
	}
}

// TestUpgrades: no protocol but WebSocket gets a tunnel past crossfade.
func TestUpgrades(t *testing.T) {
	for _, fields := range []string{
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
		"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
		"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
		"Connection: upgrade\r\nUpgrade: TLS/1.0\r\n",
		"Connection: Upgrade\r\nUpgrade: \r\n",
	} {
		for _, target := range []string{"/x", "/api/me"} {
			for _, mode := range allModes() {
				upstream := tcp(t, func(c net.Conn, next func() (string, bool)) {
					head, ok := next()
					if !ok {
						return
					}
					if lower := strings.ToLower(head); strings.Contains(lower, "upgrade") {
						t.Errorf("the upstream got %q", head)
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
				})
				if statuses := newRig(t, mode, upstream).talk("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + fields + "\r\n"); len(statuses) != 1 || statuses[0] == http.StatusSwitchingProtocols {
					t.Errorf("%q: answers %v", fields, statuses)
				}
			}
		}
	}
}

// TestOldVersions: a request of HTTP/1.0 is the last one of its connection, because net/http takes a
// Transfer-Encoding out of it unseen.
func TestOldVersions(t *testing.T) {
	var up wire
	statuses := newRig(t, Passthrough, up.serve(t)).talk("POST /x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled)
	if len(statuses) != 1 || len(up.all()) > 1 {
		t.Errorf("answers %v, the upstream got %q", statuses, up.all())
	}
	for _, head := range up.all() {
		if strings.Contains(strings.ToLower(head), "chunked") {
			t.Errorf("the upstream got %q", head)
		}
	}
}

// TestTrailersOfClients: a server that takes trailers for headers does not hear from one who asks, or how
// long a body is.
func TestTrailersOfClients(t *testing.T) {
	for _, target := range []string{"/x", "/api/upload"} {
		var got http.Header
		var names []string
		upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			for name := range r.Trailer {
				names = append(names, name)
			}
			_, _ = io.Copy(io.Discard, r.Body)
			got = r.Trailer
		})
		r := newRig(t, Dual, upstream)
		r.raw("POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Forwarded-For, X_Real_IP, Authorization\r\n\r\n" +
			"2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nForwarded: for=1\r\nAuthorization: x\r\nX_Real_IP: 1\r\n\r\n")
		if !slices.Equal(names, []string{"X-Sum"}) || len(got) != 1 || got.Get("X-Sum") != "1" {
			t.Errorf("%s: announced %q, got %v", target, names, got)
		}
	}
}

// TestNothingIsInvented: an answer has the fields that the upstream gave it, in every mode; those that speak
// to a proxy of the upstream's own kind are neither obeyed nor taken out.
func TestNothingIsInvented(t *testing.T) {
	accel := []string{"X-Accel-Redirect: /internal", "X-Accel-Buffering: no", "X-Accel-Expires: 0", "X-Sendfile: /etc/passwd", "X-Accel-Limit-Rate: 1", "Surrogate-Control: x"}
	for _, body := range []string{"<html>", sessionMe} {
		for _, more := range [][]string{nil, accel} {
			for _, mode := range allModes() {
				head := append([]string{"HTTP/1.1 200 OK", "Content-Length: " + strconv.Itoa(len(body))}, more...)
				r := newRig(t, mode, says(t, strings.Join(head, "\r\n")+"\r\n\r\n"+body, true))
				for _, target := range []string{"/metrics", "/debug/pprof/", "/admin", "/healthz", "/api/me"} {
					got := r.do("GET", target, "")
					for name := range got.Header {
						known := slices.ContainsFunc(head, func(line string) bool { return strings.HasPrefix(line, name+":") })
						if own := strings.HasPrefix(name, "Crossfade-"); own != (target == "/api/me") && own || !own && !known {
							t.Errorf("%s %s: %s is invented: %v", mode, target, name, got.Header)
						}
					}
					if n := len(got.Header); n < len(head)-1 {
						t.Errorf("%s %s: fields are missing: %v", mode, target, got.Header)
					}
					if target != "/api/me" {
						got.want(t, http.StatusOK, body)
					}
				}
			}
		}
	}
}
