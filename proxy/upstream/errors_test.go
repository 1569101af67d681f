package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestFailures goes through what can happen instead of an answer. None of it takes long, and the error says
// what is known.
func TestFailures(t *testing.T) {
	quiet(t)
	silent := func() string { return raw.Serve(t, raw.Loop(raw.Take())).URL() }
	answering := func(text string) string {
		return raw.Serve(t, raw.Take(), raw.Send(text), raw.Close()).URL()
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	const soon = 50 * time.Millisecond
	for name, tc := range map[string]struct {
		address string
		options Options
		kind    Kind
		part    string
	}{
		"nobody listens":               {away(t), Options{}, Unreachable, "connection refused"},
		"no such host":                 {"http://nowhere.invalid", Options{}, Unreachable, "nowhere.invalid"},
		"no such socket":               {"unix:///nowhere/s", Options{}, Unreachable, "/nowhere/s"},
		"connecting takes too long":    {silent(), Options{DialTimeout: 1}, Unreachable, "i/o timeout"},
		"the handshake takes too long": {"https://" + mute.Addr().String(), Options{HandshakeTimeout: soon}, Unreachable, "TLS handshake timeout"},
		"it speaks no TLS":             {strings.Replace(says(t, "plain"), "http:", "https:", 1), Options{}, Unreachable, "does not look like a TLS handshake"},
		"the head takes too long":      {silent(), Options{ResponseHeaderTimeout: soon}, Late, "timeout awaiting response headers"},
		"it closes":                    {answering(""), Options{}, Broken, "EOF"},
		"half a head":                  {answering("HTTP/1.1 200 OK\r\nContent-"), Options{}, Broken, "the head of the answer broke off"},
		"another protocol":             {answering("SSH-2.0-OpenSSH_9.2\r\n"), Options{}, Broken, "malformed HTTP"},
		"HTTP/0.9":                     {answering("<html></html>"), Options{}, Broken, "malformed HTTP"},
		"a head without end":           {raw.Serve(t, raw.Take(), raw.Send("HTTP/1.1 200 OK\r\n"), raw.Flood("X: "+strings.Repeat("x", 1000)+"\r\n", 100_000)).URL(), Options{}, Broken, "exceeded 1048576 bytes"},
		"a line without end":           {raw.Serve(t, raw.Take(), raw.Send("HTTP/1.1 200 OK\r\nX: "), raw.Flood(strings.Repeat("x", 1000), 100_000)).URL(), Options{}, Broken, "exceeded 1048576 bytes"},
		"a head beyond a lower limit":  {answering(raw.Text("HTTP/1.1 200 OK", "", "X: "+strings.Repeat("x", 5000))), Options{MaxHeaderBytes: 4096}, Broken, "exceeded 4096 bytes"},
		"early hints without end":      {raw.Serve(t, raw.Take(), raw.Flood("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 100_000)).URL(), Options{}, Broken, "more than 32 interim answers"},
		"continues without end":        {raw.Serve(t, raw.Take(), raw.Flood("HTTP/1.1 100 Continue\r\n\r\n", 100_000)).URL(), Options{}, Broken, "more than 32 interim answers"},
		"two lengths":                  {answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), Options{}, Broken, "Content-Length"},
		"a negative length":            {answering("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Options{}, Broken, "Content-Length"},
		"a length that is a list":      {answering("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nxx"), Options{}, Broken, "Content-Length"},
		"a length beyond all numbers":  {answering("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), Options{}, Broken, "Content-Length"},
		"a coding for the transfer":    {answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), Options{}, Broken, "transfer encoding"},
		"a length beside chunks":       {answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Options{}, Broken, "both Content-Length and Transfer-Encoding"},
		"a folded field":               {answering("HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, `a folded field line " 2"`},
		"chunks in HTTP/1.0":           {answering("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Options{}, Broken, "a transfer encoding in HTTP/1.0"},
		"an upgrade unasked":           {answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), Options{}, Broken, "status 101, which nobody asked for"},
		"NUL in a value":               {answering("HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, "a control character in the field line"},
		"another protocol, and waits":  {raw.Serve(t, raw.Take(), raw.Send("220 mail ready\r\n"), raw.UntilGone()).URL(), Options{}, Broken, "malformed HTTP response"},
		"status 99":                    {answering("HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, "status 099, which is none"},
		"status 0":                     {answering("HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, "status 000, which is none"},
		"status 1000":                  {answering("HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, "malformed HTTP"},
		"a status that is none":        {answering("HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, "malformed HTTP"},
		"a space behind the length":    {answering("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nxx"), Options{}, Broken, `a field "Content-Length "`},
		"a space behind the transfer":  {answering("HTTP/1.1 200 OK\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n"), Options{}, Broken, `a field "transfer-encoding "`},
		"another version":              {answering("HTTP/9.1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Options{}, Broken, "malformed HTTP"},
		"a field without colon":        {answering("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), Options{}, Broken, `malformed field line "nonsense"`},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			got, err := get(t, to(t, tc.options, tc.address), "/")
			if err == nil {
				t.Fatalf("an answer: %d %q", got.status, got.body)
			}
			wantKind(t, err, tc.kind, tc.part, "upstream "+named(tc.address)+": ")
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// named is what logs call an address.
func named(address string) string {
	_, name, _ := strings.Cut(address, "://")
	return name
}

// TestCutBodies: what breaks off is an error, never an end.
func TestCutBodies(t *testing.T) {
	for name, text := range map[string]string{
		"before its length": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
		"between chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
		"within a chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
		"a chunk that lies": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nshort\r\n0\r\n\r\n",
		"a bad chunk size":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, raw.Take(), raw.Send(text), raw.Close())
			if got, err := get(t, to(t, Options{}, u.URL()), "/"); err == nil {
				t.Errorf("a whole answer: %q", got.body)
			}
		})
	}
}

// TestTheCallersOwnEnd: who gives up gets what ended the wait, and the address is not blamed.
func TestTheCallersOwnEnd(t *testing.T) {
	asked := make(chan raw.Request, 1)
	u := raw.Serve(t, raw.Take(), raw.Tell(asked), raw.UntilGone())
	way := to(t, Options{Breaker: Breaker{Failures: 1, Counts: CountServerError}}, u.URL())
	mine := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(mine)
	}()
	if _, err := send(t, way, request(t, way, http.MethodGet, "/", "").WithContext(ctx)); !errors.Is(err, mine) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	u.AwaitIdle() // the upstream is told by the end of the connection
	u.Script(raw.Take(), raw.Send(ok("there")))
	got, err := get(t, way, "/")
	wantBody(t, got, err, "there")
}
