package edge

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// short is a timeout that tests wait for.
const short = 50 * time.Millisecond

// Whoever is slow is cut, and everybody else is served meanwhile.
func TestSlowClientsAreCutAndOthersServed(t *testing.T) {
	// Long enough for the others' handshake and headers on a machine that does much else.
	const timeout = time.Second
	a := newAuthority(t)
	_, certificates := secured(t, a, files())
	plain := start(t, Options{Handler: text("ok"), ReadHeaderTimeout: timeout, IdleTimeout: timeout})
	secure := start(t, Options{Handler: text("ok"), ReadHeaderTimeout: timeout, Certificates: certificates})
	for name, tt := range map[string]struct {
		server *running
		sends  []string // piece by piece, until it is cut
	}{
		"says nothing":                    {plain, nil},
		"half a request line":             {plain, []string{"GET / HT"}},
		"a header now and then":           {plain, []string{"GET / HTTP/1.1\r\nHost: a\r\n", "X-A: b\r\n", "X-A: b\r\n", "X-A: b\r\n", "X-A: b\r\n", "X-A: b\r\n"}},
		"silence after a request":         {plain, []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}},
		"half a request after a request":  {plain, []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT"}},
		"says nothing to TLS":             {secure, nil},
		"half a handshake":                {secure, []string{"\x16\x03\x01\x02\x00\x01"}},
		"a record of TLS that never ends": {secure, []string{"\x16\x03\x01\x02\x00", "\x01", "\x00", "\x01", "\x00", "\x03", "\x03"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tt.server.dial(t)
			tick := time.NewTicker(timeout / 3)
			defer tick.Stop()
			for _, piece := range tt.sends {
				if _, err := io.WriteString(c, piece); err != nil {
					break // cut already
				}
				<-tick.C
			}
			scheme := "http://"
			if tt.server == secure {
				scheme = "https://"
			}
			if got := get(t, trusting(a), scheme+tt.server.address).body; got != "ok" {
				t.Errorf("others get %q", got)
			}
			wantClosed(t, c)
		})
	}
}

// The header limit is told, not suffered.
func TestLargeHeadersAreRefused(t *testing.T) {
	s := start(t, Options{Handler: text("ok"), MaxHeaderBytes: 4 << 10})
	c := s.dial(t)
	write(t, c, "GET / HTTP/1.1\r\nHost: a\r\nX-A: "+strings.Repeat("a", 16<<10)+"\r\n\r\n")
	if got := answer(t, bufio.NewReader(c)); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d, want 431", got.status)
	}
}

// A client that takes nothing of its answer holds its request no longer than the timeout; the
// connection may be of HTTP/1.1, TLS, or one that was taken over.
func TestClientsThatTakeNothingAreCut(t *testing.T) {
	a := newAuthority(t)
	_, certificates := secured(t, a, files())
	for name, tt := range map[string]struct {
		secure, hijack bool
	}{
		"HTTP/1.1":          {},
		"TLS":               {secure: true},
		"a WebSocket":       {hijack: true},
		"a WebSocket (TLS)": {secure: true, hijack: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			o := Options{WriteIdleTimeout: short, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				var to io.Writer = w
				if tt.hijack {
					c, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						ended <- err
						return
					}
					defer c.Close()
					to = c
				}
				ended <- pour(to)
			})}
			if tt.secure {
				o.Certificates = certificates
			}
			s := start(t, o)
			c := s.dial(t)
			if tt.secure {
				c = tls.Client(c, &tls.Config{RootCAs: a.pool(), ServerName: "127.0.0.1"})
			}
			write(t, c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the handler's write ends with %v, want a deadline", err)
			}
			eventually(t, "the connection is given up", func() bool { return s.connections.count() == 0 })
		})
	}
}

// pour writes until somebody stops it.
func pour(w io.Writer) error {
	piece := make([]byte, 64<<10)
	for {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
}

// A stream that has nothing to say for long is not slow.
func TestQuietStreamsAreNotCut(t *testing.T) {
	a := newAuthority(t)
	_, certificates := secured(t, a, files())
	for name, certificates := range map[string]*Certificates{"HTTP/1.1": nil, "HTTP/2": certificates} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{WriteIdleTimeout: short, Certificates: certificates,
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for _, event := range []string{"one", "two"} {
						io.WriteString(w, event)
						if event == "one" { // the other one waits with us
							if err := http.NewResponseController(w).Flush(); err != nil {
								t.Error(err)
							}
						}
						select {
						case <-time.After(3 * short):
						case <-r.Context().Done():
							t.Error("cut")
						}
					}
				})})
			scheme := "http://"
			if certificates != nil {
				scheme = "https://"
			}
			if got := get(t, trusting(a), scheme+s.address).body; got != "onetwo" {
				t.Errorf("%q, want both events", got)
			}
		})
	}
}

// Who takes a connection over may set deadlines; a write does not put them off.
func TestOwnDeadlinesAreKept(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	all := &connections{writeIdle: time.Hour}
	c := all.add(nc)
	defer func() { _ = c.Close() }()
	for name, set := range map[string]func(time.Time) error{"SetWriteDeadline": c.SetWriteDeadline, "SetDeadline": c.SetDeadline} {
		if err := set(time.Now().Add(short)); err != nil {
			t.Fatal(err)
		}
		if err := pour(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if err := set(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if c.ownDeadline.Load() {
			t.Errorf("%s: taken back, and still there", name)
		}
	}
}
