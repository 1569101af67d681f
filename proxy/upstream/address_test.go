package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestRequestsArriveAsHandedIn: nothing is added, whatever way they go, and the host is the client's.
func TestRequestsArriveAsHandedIn(t *testing.T) {
	t.Setenv("HTTP_PROXY", away(t))
	for name, door := range doors(t, newAuthority(t)) {
		t.Run(name, func(t *testing.T) {
			u, way := door(raw.Loop(raw.Take(), raw.Send(ok("done"))))
			got, err := get(t, way, "/a%2Fb//c?x=1;y=%zz")
			wantBody(t, got, err, "done")
			want := "GET /a%2Fb//c?x=1;y=%zz HTTP/1.1\r\nHost: client.example\r\n\r\n"
			if arrived := string(u.Request(1).Raw); arrived != want {
				t.Errorf("got %q, want %q", arrived, want)
			}
			r := request(t, way, http.MethodPost, "/x", "body")
			got, err = send(t, way, r)
			wantBody(t, got, err, "done")
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body")), nil }
			r.Body, _ = r.GetBody()
			got, err = send(t, way, r)
			wantBody(t, got, err, "done")
			want = "POST /x HTTP/1.1\r\nHost: client.example\r\nContent-Length: 4\r\n\r\nbody"
			for n := 2; n <= 3; n++ {
				if arrived := string(u.Request(n).Raw); arrived != want {
					t.Errorf("got %q, want %q", arrived, want)
				}
			}
			// A body that is not in memory goes by http.Transport, with connections of its own.
			wantConnections := map[string]int{"http": 2, "unix": 2, "https": 1}[name]
			if n := u.Connections(); n != wantConnections {
				t.Errorf("%d connections, want %d that are kept", n, wantConnections)
			}
		})
	}
}

// TestTrust: an https backend is who it should be, and sees who crossfade is, or nothing is sent to it.
func TestTrust(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	clientCert, clientKey := ours.issue(t, "crossfade")
	strangerCert, strangerKey := theirs.issue(t, "crossfade")
	address := func(tb testing.TB, name string, change ...func(*tls.Config)) string {
		tb.Helper()
		c := &tls.Config{Certificates: []tls.Certificate{ours.pair(tb, name)}}
		for _, f := range change {
			f(c)
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name := "nobody"
			if len(r.TLS.PeerCertificates) > 0 {
				name = r.TLS.PeerCertificates[0].Subject.CommonName
			}
			_, _ = io.WriteString(w, name+" asks "+r.TLS.ServerName)
		}))
		s.TLS = c
		s.StartTLS()
		tb.Cleanup(s.Close)
		return s.URL
	}
	mutual := func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, authorityPool(ours)
	}
	old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }
	quiet(t)
	for name, tc := range map[string]struct {
		address string
		tls     TLS
		body    string // "" wants an error
		parts   []string
	}{
		"its own authority":     {address(t, "127.0.0.1"), TLS{CA: ours.pem}, "nobody asks ", nil},
		"the system's":          {address(t, "127.0.0.1"), TLS{}, "", []string{"certificate signed by unknown authority"}},
		"another authority":     {address(t, "127.0.0.1"), TLS{CA: theirs.pem}, "", []string{"certificate signed by unknown authority"}},
		"another name":          {address(t, "backend"), TLS{CA: ours.pem}, "", []string{"127.0.0.1"}},
		"the name that is told": {address(t, "backend"), TLS{CA: ours.pem, ServerName: "backend"}, "nobody asks backend", nil},
		"who crossfade is":      {address(t, "127.0.0.1", mutual), TLS{CA: ours.pem, Certificate: clientCert, Key: clientKey}, "crossfade asks ", nil},
		"nobody":                {address(t, "127.0.0.1", mutual), TLS{CA: ours.pem}, "", nil},
		"a stranger":            {address(t, "127.0.0.1", mutual), TLS{CA: ours.pem, Certificate: strangerCert, Key: strangerKey}, "", nil},
		"TLS 1.1":               {address(t, "127.0.0.1", old), TLS{CA: ours.pem}, "", []string{"protocol version"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := get(t, to(t, Options{TLS: tc.tls}, tc.address), "/")
			if tc.body != "" {
				wantBody(t, got, err, tc.body)
				return
			}
			// With TLS 1.3 a server judges the client's certificate when the handshake is over.
			if err == nil || kindOf(err) != Unreachable && kindOf(err) != Broken {
				t.Errorf("got %d %q, %v", got.status, got.body, err)
			}
			for _, part := range tc.parts {
				wantKind(t, err, Unreachable, part, strings.TrimPrefix(tc.address, "https://"))
			}
		})
	}
}

// TestEachAddressHasItsName: the certificate of each is held against its own host.
func TestEachAddressHasItsName(t *testing.T) {
	ca := newAuthority(t)
	address := func(host string) string {
		l, u := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.pair(t, host)}})
		raw.ServeOn(t, l, raw.Loop(raw.Take(), raw.Send(ok(host))))
		return strings.Replace(u, "127.0.0.1", host, 1)
	}
	way := to(t, Options{TLS: TLS{CA: ca.pem}}, address("127.0.0.1"), address("localhost"))
	asked := map[string]bool{}
	for range 2 {
		got, err := get(t, way, "/")
		if err != nil {
			t.Error(err)
		}
		asked[got.body] = true
	}
	if len(asked) != 2 {
		t.Errorf("answers from %v, want both", asked)
	}
}

// TestHTTP2 is spoken where it was asked for and understood. WebSockets go their own way.
func TestHTTP2(t *testing.T) {
	ca := newAuthority(t)
	start := func(tb testing.TB, secure bool, set func(*http.Protocols)) string {
		tb.Helper()
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != "" {
				c, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
				return
			}
			_, _ = io.WriteString(w, r.Proto+" "+r.Host)
		}))
		s.Config.Protocols = new(http.Protocols)
		set(s.Config.Protocols)
		if !secure {
			s.Start()
		} else {
			s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.pair(tb, "127.0.0.1")}}
			s.EnableHTTP2 = s.Config.Protocols.HTTP2()
			s.StartTLS()
		}
		tb.Cleanup(s.Close)
		return s.URL
	}
	one := func(p *http.Protocols) { p.SetHTTP1(true) }
	both := func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true); p.SetUnencryptedHTTP2(true) }
	for name, tc := range map[string]struct {
		address string
		http2   bool
		want    string
	}{
		"over TLS":                   {start(t, true, both), true, "HTTP/2.0"},
		"over TLS, not asked for":    {start(t, true, both), false, "HTTP/1.1"},
		"over TLS, not understood":   {start(t, true, one), true, "HTTP/1.1"},
		"in the clear":               {start(t, false, both), true, "HTTP/2.0"},
		"in the clear, not asked":    {start(t, false, both), false, "HTTP/1.1"},
		"in the clear, HTTP/1 alone": {start(t, false, one), false, "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			way := to(t, Options{HTTP2: tc.http2, TLS: TLS{CA: ca.pem}}, tc.address)
			for range 3 { // on a kept connection too
				got, err := get(t, way, "/")
				wantBody(t, got, err, tc.want+" client.example")
			}
			r := request(t, way, http.MethodGet, "/socket", "", "Connection", "Upgrade", "Upgrade", "websocket")
			res, err := way.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			first := make([]byte, 5)
			if _, err := io.ReadFull(res.Body, first); err != nil || res.StatusCode != http.StatusSwitchingProtocols || string(first) != "hello" {
				t.Errorf("WebSocket: %d %q, %v", res.StatusCode, first, err)
			}
		})
	}
}

// TestManyRequestsOnOneConnection: the guard, which is for HTTP/1.1, closes no connection of HTTP/2 below others' requests.
func TestManyRequestsOnOneConnection(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			_ = http.NewResponseController(w).Flush()
			<-release
		}
		_, _ = io.WriteString(w, "whole")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	connections := make(chan struct{}, 100)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections <- struct{}{}
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	way := to(t, Options{HTTP2: true}, s.URL)
	res, err := way.RoundTrip(request(t, way, http.MethodGet, "/slow", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for range 200 {
		got, err := get(t, way, "/")
		wantBody(t, got, err, "whole")
	}
	close(release)
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "whole" {
		t.Errorf("the slow one: %q, %v", body, err)
	}
	if n := len(connections); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestTracesOfOthersAreKept: whoever traces the request already hears of it all.
func TestTracesOfOthersAreKept(t *testing.T) {
	hints := raw.Head("HTTP/1.1 103 Early Hints", "Link: </x>")
	upstreams := []string{
		raw.Serve(t, raw.Loop(raw.Take(), raw.Send(hints, ok("done")))).URL(),
		raw.Serve(t, raw.Loop(raw.Take(), raw.Send(hints, ok("done")))).URL(),
	}
	for name, way := range map[string]*Transport{"one": to(t, Options{}, upstreams[0]), "two": to(t, Options{}, upstreams...)} {
		heard := map[string]bool{}
		trace := &httptrace.ClientTrace{
			GetConn:              func(string) { heard["get"] = true },
			GotConn:              func(httptrace.GotConnInfo) { heard["got"] = true },
			GotFirstResponseByte: func() { heard["byte"] = true },
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				heard[fmt.Sprint(code, h.Get("Link"))] = true
				return nil
			},
			WroteRequest: func(httptrace.WroteRequestInfo) { heard["wrote"] = true },
		}
		r := request(t, way, http.MethodGet, "/", "")
		got, err := send(t, way, r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
		wantBody(t, got, err, "done")
		for _, want := range []string{"get", "got", "byte", "103</x>", "wrote"} {
			if !heard[want] {
				t.Errorf("%s: %s was not heard, of %v", name, want, heard)
			}
		}
	}
}

// TestRequestsHaveNoGoroutines: plain ones, with a context that can end, are their caller's alone, also while
// their bodies are open.
func TestRequestsHaveNoGoroutines(t *testing.T) {
	way := to(t, Options{}, raw.Serve(t, raw.Loop(raw.Take(), raw.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"))).URL())
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{}) // as ReverseProxy does
		res, err := way.RoundTrip(request(t, way, http.MethodGet, "/", "").WithContext(traced))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, whose := range []string{"propagateCancel", "upstream/direct.", "persistConn"} {
		if strings.Contains(string(stacks), whose) {
			t.Errorf("a goroutine of %s:\n%s", whose, stacks)
		}
	}
}
