package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// requestPromises are about what clients send. The upstream of these tests reads strictly: what
// reaches it in another form than one framing field, CRLF and one Host fails the test (internal/raw).
func requestPromises() []promise {
	return []promise{
		{"Content-Length beside Transfer-Encoding", "refused, or the connection is closed behind it; one framing field goes on", bothFramings},
		{"obfuscated framing fields", "refused; lengths that only repeat themselves become one", oddFramings},
		{"bare LF in chunk lines, chunk extensions", "bare LF is refused, no extension goes on", oddChunks},
		{"folds, NUL, bare CR, space before a colon, two Hosts, none", "refused, or rebuilt: never copied", oddHeads},
		{"HTTP/2 that is no HTTP/1.1: blanks and line ends in a target, a host or a field, framing fields, wrong lengths", "refused, or rebuilt: never copied", http2IsNoWayAround},
		{"CONNECT and TRACE", "405, and the connection is closed", methodsThatAreNotServed},
		{"upgrades: h2c, bytes behind a refusal, a body", "only websocket is forwarded as an upgrade", upgradesAreForWebSocket},
		{"Connection: X-Forwarded-For", "named fields are stripped, crossfade's own are set behind that", hopByHopAbuse},
		{"spoofed X-Forwarded-* and Forwarded", "dropped and set anew; proxies that are trusted are believed, from right to left", forwardedIsNotSpoofed},
		{"names with underscores", "dropped", underscoresAreDropped},
		{"odd targets and queries", "forwarded as they came", targetsAreRaw},
		{"reserved names (metrics, debug, admin) on the traffic port", "they go to the backend", noNameIsReserved},
	}
}

// echo is a script that answers each request of a connection with its body.
func echo() raw.Step {
	return raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		return raw.Text("HTTP/1.1 200 OK", string(r.Body), "Content-Type: text/plain")
	}))
}

// routes are where requests of these tests go: to an endpoint, and past the contract.
func routes() []string { return []string{other, switchTo} }

// route is one of routes, in a form that the mode serves.
func route(mode, target string) string {
	if mode == flowOnly && target == switchTo {
		return activate
	}
	return target
}

func bothFramings(t *testing.T, mode string) {
	for _, target := range routes() {
		for _, fields := range [][]string{
			{"Content-Length: 4", "Transfer-Encoding: chunked"},
			{"Transfer-Encoding: chunked", "Content-Length: 4"},
			{"Transfer-Encoding: chunked", "Content-Length: 0"},
		} {
			h := open(t, mode, echo())
			c := raw.Dial(t, h.Address)
			c.Send(request("POST", route(mode, target), fields...), raw.Chunks("{}"), request("GET", "/smuggled"))
			a := c.Answer("POST")
			if a.Err != nil || a.Status != 200 && a.Status != 400 {
				t.Errorf("%q: got %d %q (%v)", fields, a.Status, a.Body, a.Err)
			}
			if rest := c.Rest(); len(rest) > 0 {
				t.Errorf("%q: the connection was kept, and brought %.100q", fields, rest)
			}
			for _, r := range h.upstream.Requests() {
				if r.Target == "/smuggled" || string(r.Body) != "{}" {
					t.Errorf("%q: the upstream got %q", fields, r.Raw)
				}
			}
		}
	}
}

func oddFramings(t *testing.T, mode string) {
	h := open(t, mode, echo())
	chunks := raw.Chunks("{}")
	for _, tc := range []struct{ field, body string }{
		{"Transfer-Encoding: xchunked", chunks}, {"Transfer-Encoding: chunked, chunked", chunks}, {"Transfer-Encoding: identity", chunks},
		{"Transfer-Encoding: chunked, identity", chunks}, {"Transfer-Encoding: gzip, chunked", chunks}, {"Transfer-Encoding: \"chunked\"", chunks},
		{"Transfer-Encoding: chunked\x0b", chunks}, {"Transfer-Encoding: \x00chunked", chunks}, {"Transfer-Encoding : chunked", chunks},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", chunks}, {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunks},
		{"Transfer-Encoding:\r\n chunked", chunks}, {"Transfer-Encoding: chunked;q=1", chunks}, {"\x20Transfer-Encoding: chunked", chunks}, {"Transfer-Encoding:", chunks},
		{"Content-Length: 2, 2", "{}"}, {"Content-Length: +2", "{}"}, {"Content-Length: -2", "{}"}, {"Content-Length: 0x2", "{}"}, {"Content-Length: 2.0", "{}"},
		{"Content-Length: 18446744073709551618", "{}"}, {"Content-Length: 99999999999999999999999", "{}"}, {"Content-Length:", "{}"}, {"Content-Length: 2 ;", "{}"},
		{"Content-Length: two", "{}"}, {"Content-Length: 2\r\nContent-Length: 3", "{}"}, {"Content-Length: 3\r\nContent-Length: 2", "{}"},
		{"Content-Length: 1 0", "{}"}, {"Content-Length : 2", "{}"},
	} {
		t.Run(fmt.Sprintf("%q", tc.field), func(t *testing.T) {
			before := len(h.upstream.Requests())
			c := raw.Dial(t, h.Address)
			c.Send(request("POST", route(mode, switchTo), tc.field), tc.body)
			switch a := c.Answer("POST"); {
			case a.Err == nil && a.Status == 200 && string(a.Body) == "{}":
				// Understood as it can only be meant; the upstream had it strictly framed.
			case a.Err != nil || a.Status < 400 || a.Status > 499 && a.Status != 501:
				t.Errorf("got %d %.300q (%v), want a 4xx or 501", a.Status, a.Body, a.Err)
			case len(h.upstream.Requests()) > before:
				t.Errorf("refused with %d, but the upstream got %q", a.Status, h.upstream.Request(before+1).Raw)
			default:
				if rest := c.Rest(); len(rest) > 0 {
					t.Errorf("behind the refusal came %.300q", rest)
				}
			}
		})
	}
	twice := "Content-Length: 2\r\nContent-Length: 2"
	whole(t, raw.Ask(t, h.Address, "POST", request("POST", other, twice)+"{}"), 200, "{}")
}

func oddChunks(t *testing.T, mode string) {
	h := open(t, mode, echo())
	head := request("POST", route(mode, switchTo), "Transfer-Encoding: chunked", "Content-Type: application/json")
	for _, body := range []string{
		"2\n{}\r\n0\r\n\r\n", "2\r\n{}\n0\r\n\r\n", "2\r\n{}\r\n0\n\n", "0x2\r\n{}\r\n0\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n", "2 \r{}\r\n0\r\n\r\n",
		"-1\r\n{}\r\n0\r\n\r\n", "10000000000000002\r\n{}\r\n0\r\n\r\n", "2\r\n{}0\r\n\r\n", "2\r\n{}xx0\r\n\r\n", "\r\n2\r\n{}\r\n0\r\n\r\n",
		"2;a\nb\r\n{}\r\n0\r\n\r\n", "2;\n{}\r\n0\r\n\r\n",
	} {
		t.Run(fmt.Sprintf("%q", body), func(t *testing.T) {
			h.upstream.Forgive() // what was forwarded already ends with the client's mistake: cut, never completed
			before := len(h.upstream.Requests())
			c := raw.Dial(t, h.Address)
			c.Send(head, body, request("GET", "/smuggled"))
			a := c.Answer("POST")
			if a.Err == nil && (a.Status < 400 || a.Status > 499) { // the client's mistake, not the upstream's
				t.Errorf("got %d %.300q, want a refusal", a.Status, a.Body)
			}
			if rest := c.Rest(); len(rest) > 0 {
				t.Errorf("behind it came %.300q", rest)
			}
			for _, r := range h.upstream.Requests()[before:] {
				if r.Err == nil {
					t.Errorf("the upstream got a whole request: %q", r.Raw)
				}
			}
		})
	}
	for _, target := range routes() {
		for _, body := range []string{"2;x=y\r\n{}\r\n0\r\n\r\n", "1;\"\r\n{\r\n1\r\n}\r\n0;last\r\n\r\n"} {
			h := open(t, mode, echo())
			a := raw.Ask(t, h.Address, "POST", request("POST", route(mode, target), "Transfer-Encoding: chunked")+body)
			if a.Status != 400 {
				whole(t, a, 200, "{}")
				if r := h.upstream.Request(1); string(r.Body) != "{}" {
					t.Errorf("the upstream got %q", r.Raw)
				}
			}
		}
	}
}

func oddHeads(t *testing.T, mode string) {
	h := open(t, mode, echo())
	const host = "Host: h\r\n"
	for _, tc := range []struct{ name, request string }{
		{"NUL in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n"},
		{"NUL in a name", "GET / HTTP/1.1\r\n" + host + "X\x00: a\r\n\r\n"},
		{"bare CR in a value", "GET / HTTP/1.1\r\n" + host + "X: a\rY: b\r\n\r\n"},
		{"space before the colon", "GET / HTTP/1.1\r\n" + host + "X : a\r\n\r\n"},
		{"tab before the colon", "GET / HTTP/1.1\r\n" + host + "X\t: a\r\n\r\n"},
		{"an empty name", "GET / HTTP/1.1\r\n" + host + ": a\r\n\r\n"},
		{"no colon", "GET / HTTP/1.1\r\n" + host + "X\r\n\r\n"},
		{"two hosts", "GET / HTTP/1.1\r\n" + host + "Host: i\r\n\r\n"},
		{"the same host twice", "GET / HTTP/1.1\r\n" + host + host + "\r\n"},
		{"no host", "GET / HTTP/1.1\r\n\r\n"},
		{"an odd host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
		{"a host with a path", "GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n"},
		{"a fold in the first field", "GET / HTTP/1.1\r\n " + host + "\r\n"},
		{"a fold", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"},
		{"a folded host", "GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n"},
		{"bare LF everywhere", "GET / HTTP/1.1\nHost: h\n\n"},
		{"bare LF behind a field", "GET / HTTP/1.1\r\nHost: h\nX: a\r\n\r\n"},
		{"a control character in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x01b\r\n\r\n"},
		{"a control character in the target", "GET /\x01 HTTP/1.1\r\n" + host + "\r\n"},
		{"a space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n"},
		{"a tab behind the method", "GET\t/ HTTP/1.1\r\n" + host + "\r\n"},
		{"no version", "GET /\r\n" + host + "\r\n"},
		{"version 1.2", "GET / HTTP/1.2\r\n" + host + "\r\n"},
		{"version 3", "GET / HTTP/3\r\n" + host + "\r\n"},
		{"a lower case protocol", "GET / http/1.1\r\n" + host + "\r\n"},
		{"no method", " / HTTP/1.1\r\n" + host + "\r\n"},
		{"a method that is no token", "G@T / HTTP/1.1\r\n" + host + "\r\n"},
		{"no slash", "GET x HTTP/1.1\r\n" + host + "\r\n"},
		{"an authority as target", "GET h:80 HTTP/1.1\r\n" + host + "\r\n"},
		{"a fragment", "GET /#x HTTP/1.1\r\n" + host + "\r\n"},
		{"an HTTP/2 preface", preface},
		{"a TLS hello", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(h.upstream.Requests())
			c := raw.Dial(t, h.Address)
			c.Send(tc.request)
			a := c.Answer("GET")
			sent := h.upstream.Requests()[before:]
			if a.Status == 200 && tc.request != preface {
				// Accepted: the upstream must have got one strict request, which raw has checked, of what was meant.
				if len(sent) != 1 || sent[0].Err != nil || len(sent[0].Fields.Values("Host")) != 1 {
					t.Errorf("200, and the upstream got %+v", sent)
				}
				return
			}
			if a.Status < 400 || a.Status > 505 || len(sent) > 0 {
				if a.Err == nil || a.Status != 0 || len(sent) > 0 { // closed without a word is a refusal as well
					t.Errorf("got %d %q (%v); the upstream got %+v", a.Status, a.Body, a.Err, sent)
				}
			}
		})
	}
}

func methodsThatAreNotServed(t *testing.T, mode string) {
	h := open(t, mode, echo())
	for _, start := range []string{"CONNECT shop.example:443", "CONNECT /x", "CONNECT " + me, "TRACE /x", "TRACE " + me} {
		t.Run(start, func(t *testing.T) {
			method, _, _ := strings.Cut(start, " ")
			c := raw.Dial(t, h.Address)
			c.Send(raw.Head(start+" HTTP/1.1", "Host: shop.example"), request("GET", "/smuggled"))
			a := c.Answer("GET")
			if a.Err != nil || a.Status != 405 && a.Status != 400 || method == "TRACE" && a.Status != 405 {
				t.Errorf("got %d %q (%v), want 405", a.Status, a.Body, a.Err)
			}
			if rest := c.Rest(); len(rest) > 0 {
				t.Errorf("the connection was kept, and brought %.100q", rest)
			}
		})
	}
	if sent := h.upstream.Requests(); len(sent) > 0 {
		t.Errorf("the upstream got %q", sent[0].Raw)
	}
}

func upgradesAreForWebSocket(t *testing.T, mode string) {
	h := open(t, mode, answering(raw.JSON(context)))
	for i, fields := range [][]string{
		{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"},
		{"Connection: Upgrade", "Upgrade: h2c"}, {"Connection: upgrade", "Upgrade: h2c, websocket"}, {"Connection: Upgrade", "Upgrade: TLS/1.0"},
		{"Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"}, {"Connection: Upgrade", "Upgrade: foo"}, {"Upgrade: h2c"},
	} {
		whole(t, h.ask("GET", me, fields...), 200, shaped(mode))
		r := h.upstream.Request(i + 1)
		if r.Fields.Has("Upgrade") || r.Fields.Has("Connection") || r.Fields.Has("HTTP2-Settings") {
			t.Errorf("%q went on as %q", fields, r.Raw)
		}
	}
	// Refused by the upstream: what comes behind the request is the next request, or nothing.
	n := len(h.upstream.Requests())
	c := raw.Dial(t, h.Address)
	c.Send(request("GET", me, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"), request("GET", "/second"))
	whole(t, c.Answer("GET"), 200, shaped(mode))
	if a := c.Answer("GET"); a.Err == nil {
		whole(t, a, 200, context)
		if r := h.upstream.Request(n + 2); r.Target != "/second" {
			t.Errorf("the upstream was asked for %s", r.Target)
		}
	}
	// An upgrade with a body: the body is the request's, whole.
	h = open(t, mode, echo())
	whole(t, raw.Ask(t, h.Address, "POST", raw.Text("POST "+other+" HTTP/1.1", "GET /smuggled", "Host: h", "Connection: Upgrade", "Upgrade: h2c")), 200, "GET /smuggled")
	// Nobody asked for a tunnel, and the upstream opens one.
	h = open(t, mode, raw.Take(), raw.Send(raw.Head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: h2c")), raw.UntilGone())
	refused(t, h.ask("GET", me, "Connection: Upgrade", "Upgrade: h2c"), 502)
}

func hopByHopAbuse(t *testing.T, mode string) {
	for i, target := range []string{other, me} {
		h := open(t, mode, echo())
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", target,
			"Connection: keep-alive, X-Forwarded-For, X-Forwarded-Proto, X-Request-Id, Cookie, X-Mine", "Keep-Alive: timeout=9", "Proxy-Connection: keep-alive",
			"Proxy-Authorization: Basic x", "TE: gzip", "X-Mine: 1", "X-Kept: 2", "Authorization: Bearer x"))
		_ = c.Answer("GET")
		r := h.upstream.Request(1)
		for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "X-Mine"} {
			if r.Fields.Has(name) {
				t.Errorf("%d: %s went on: %q", i, name, r.Fields.Get(name))
			}
		}
		for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Kept": "2", "Authorization": "Bearer x"} {
			if got := r.Fields.Get(name); got != want {
				t.Errorf("%d: %s is %q, want %q", i, name, got, want)
			}
		}
	}
	// The other way: fields that the upstream names are between it and crossfade.
	for _, stays := range []string{"keep-alive", "close"} {
		a := open(t, mode).gets(raw.JSON(context, "Connection: "+stays+", X-Inner", "X-Inner: 1", "Keep-Alive: timeout=9", "X-Kept: 2"))
		whole(t, a, 200, shaped(mode))
		field(t, a, "X-Inner", "")
		field(t, a, "Keep-Alive", "")
		field(t, a, "X-Kept", "2")
	}
}

func forwardedIsNotSpoofed(t *testing.T, mode string) {
	spoofed := []string{
		"X-Forwarded-For: 10.0.0.1, 192.0.2.9", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: for=10.0.0.1;host=evil.example;proto=https",
		"X-Forwarded-Port: 444", "X-Forwarded-Prefix: /evil", "X-Real-IP: 10.0.0.1", "x-forwarded-FOR: 10.0.0.2",
	}
	h := open(t, mode, echo())
	h.ask("GET", me, spoofed...)
	r := h.upstream.Request(1)
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http", "Host": "shop.example",
	} {
		if got := r.Fields.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if text := string(r.Raw); strings.Contains(text, "evil.example") || strings.Contains(text, "10.0.0.") {
		t.Errorf("a spoofed word went on: %q", text)
	}
	// From a proxy that is trusted: its addresses up to the first that is not, from the right.
	h = before(t, mode, raw.Serve(t, echo()), "CROSSFADE_SERVER_TRUSTED_PROXIES=127.0.0.0/8,10.0.0.0/8")
	h.ask("GET", me, "X-Forwarded-For: 203.0.113.9, 192.0.2.7, 10.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: front.example")
	r = h.upstream.Request(1)
	hops := strings.Split(r.Fields.Get("X-Forwarded-For"), ", ")
	if !slices.Contains(hops, "192.0.2.7") || hops[len(hops)-1] != "127.0.0.1" || slices.Contains(hops, "203.0.113.9") {
		t.Errorf("X-Forwarded-For is %q", hops)
	}
	if r.Fields.Get("X-Forwarded-Proto") != "https" || r.Fields.Get("X-Forwarded-Host") != "front.example" {
		t.Errorf("a trusted proxy was not believed: %v", r.Fields)
	}
}

func underscoresAreDropped(t *testing.T, mode string) {
	for _, target := range []string{other, me} {
		h := open(t, mode, echo())
		h.ask("GET", target, "X_Forwarded_For: 10.0.0.1", "X_FORWARDED_PROTO: https", "X-Forwarded_Host: evil", "Content_Length: 9", "X_y: 1", "X-Kept: 2")
		r := h.upstream.Request(1)
		for _, f := range r.Fields {
			if strings.Contains(f.Name, "_") {
				t.Errorf("%s: %s went on", f.Name, f.Value)
			}
		}
		if r.Fields.Get("X-Kept") != "2" {
			t.Errorf("the upstream got %v", r.Fields)
		}
	}
}

func targetsAreRaw(t *testing.T, mode string) {
	h := open(t, mode, echo())
	for _, target := range []string{
		"/a%2Fb", "/a%2fb", "//a//b", "/a;v=1/b;w", "/%zz", "/%", "/a%00b", "/%61", "/a/../b", "/a/./b/", "/é", "/\xff", "/a'(b)*!$", "/\"<>^`{|}",
		"/x?", "/x??", "/x?a=1;b=2", "/x?a=%zz", "/x?a=%", "/x?a=b=c&&&d", "/x?a=/../?", "/x?é=\xff", "/x?a[]=1&a[]=2", "/x?q=a+b%20c", "/?", "/x#y", me + "?a=1;b=%zz&c", "/x?" + strings.Repeat("a", 8000),
	} {
		t.Run(fmt.Sprintf("%.40q", target), func(t *testing.T) {
			a := h.ask("GET", target)
			if path, _, _ := strings.Cut(target, "?"); a.Status == 400 && strings.Contains(path, "%") {
				return // an escape that is none may be refused, as a path; never repaired
			}
			sent := h.upstream.Requests()
			if a.Status != 200 || sent[len(sent)-1].Target != target {
				t.Errorf("%d; it went on as %q", a.Status, sent[len(sent)-1].Target)
			}
		})
	}
	// About the server as a whole: what it can do is the backend's to say.
	n := len(h.upstream.Requests())
	whole(t, h.ask("OPTIONS", "*"), 200, "")
	if r := h.upstream.Request(n + 1); r.Method != http.MethodOptions || r.Target != "*" {
		t.Errorf("OPTIONS * went on as %s %s", r.Method, r.Target)
	}
}

func noNameIsReserved(t *testing.T, mode string) {
	h := open(t, mode, echo())
	for i, target := range []string{"/metrics", "/debug/pprof/", "/admin", "/admin/flags", "/healthz", "/readyz", "/livez", "/_crossfade", "/favicon.ico", "/"} {
		whole(t, h.ask("GET", target), 200, "")
		if got := h.upstream.Request(i + 1).Target; got != target {
			t.Errorf("%s went on as %s", target, got)
		}
	}
}
