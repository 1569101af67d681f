package conformance

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/edge"
	"github.com/crossfade-proxy/crossfade/proxy/upstream"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// FuzzRequestHead sends bytes to crossfade and reads what reaches the upstream. Whatever they are,
// the upstream gets well-formed requests (internal/raw fails the test otherwise) and never more of
// them than were sent; what a strict reader understands arrives as that reader understood it, or
// is refused.
//
// crossfade is a part of the test binary here, so that the fuzzer sees which of its code was run.
func FuzzRequestHead(f *testing.F) {
	for _, seed := range requestSeeds() {
		f.Add([]byte(seed))
	}
	socket := filepath.Join(f.TempDir(), "socket")
	address := inProcess(f, "unix://"+socket)
	f.Fuzz(func(t *testing.T, sent []byte) {
		listener, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		upstream := raw.ServeOn(t, listener, raw.Take(), raw.Reply(func(r raw.Request) string {
			return raw.Text("HTTP/1.1 200 OK", string(r.Body), "Connection: close")
		}))
		exchange(t, address, sent)
		got := slices.DeleteFunc(upstream.Requests(), func(r raw.Request) bool { return r.Err != nil })
		if most := countRequests(sent); len(got) > most {
			t.Fatalf("%d requests were sent, the upstream got %d: %q", most, len(got), got[len(got)-1].Raw)
		}
		meant, _ := raw.Parse(sent)
		if meant.Err != nil || len(got) == 0 {
			return
		}
		host := meant.Fields.Get("Host") // empty: nobody was named, and net/http names the upstream itself
		if want, have := essence(meant, host == ""), essence(got[0], host == ""); want != have {
			t.Errorf("the client sent\n%s\nthe upstream got\n%s", want, have)
		}
	})
}

// inProcess starts a crossfade in passthrough and gives its address.
func inProcess(f *testing.F, address string) string {
	f.Helper()
	target, err := url.Parse(address)
	if err != nil {
		f.Fatal(err)
	}
	transport, err := upstream.New(upstream.Options{URLs: []*url.URL{target}})
	if err != nil {
		f.Fatal(err)
	}
	declared, err := contract.Load()
	if err != nil {
		f.Fatal(err)
	}
	p, err := proxy.New(proxy.Options{Upstream: transport.URL(), Transport: transport, Contract: declared, Decider: proxy.Fixed{Default: proxy.Passthrough}})
	if err != nil {
		f.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	server := edge.New(edge.Options{Handler: p, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10})
	go server.Serve(listener) //nolint:errcheck // it ends when the listener is closed
	f.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// exchange sends bytes, says that there are no more, and reads until crossfade closes.
func exchange(t *testing.T, address string, sent []byte) {
	t.Helper()
	c := raw.Dial(t, address)
	c.Do(raw.Send(string(sent)))
	if r, rest := raw.Parse(sent); r.Err == nil && len(rest) == 0 {
		// One whole request: wait for its answer, since nobody forwards for a client that has gone.
		_ = c.Answer(r.Method)
	}
	c.Do(raw.HalfClose())
	c.Rest()
}

// countRequests is how many requests net/http finds in what was sent, the last perhaps not whole.
func countRequests(sent []byte) int {
	in := bufio.NewReader(bytes.NewReader(sent))
	for n := 0; ; n++ {
		r, err := http.ReadRequest(in)
		if err != nil {
			return n
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return n + 1
		}
	}
}

// essence is what a request means, end to end: without what is between two neighbours, and what a
// proxy says of itself.
func essence(r raw.Request, anyHost bool) string {
	dropped := []string{
		"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
		"content-length", "host", "expect", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id",
	}
	for _, v := range r.Fields.Values("Connection") {
		for name := range strings.SplitSeq(v, ",") {
			dropped = append(dropped, strings.ToLower(strings.Trim(name, " \t")))
		}
	}
	host, target := r.Fields.Get("Host"), r.Target
	if scheme, rest, ok := strings.Cut(target, "://"); ok && !strings.Contains(scheme, "/") {
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		host, target = rest[:i], rest[i:]
		if !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	if anyHost {
		host = ""
	}
	if plain, err := url.PathUnescape(target); err == nil && strings.HasPrefix(target, "//") {
		target = plain // behind two slashes net/http escapes what needs it; elsewhere the spelling is kept
	}
	var fields []string
	for _, f := range r.Fields {
		name := strings.ToLower(f.Name)
		// Names that net/http does not know as its own may stand in another order: each name has its list.
		if !slices.Contains(dropped, name) && !strings.Contains(name, "_") && !strings.HasPrefix(name, "x-forwarded-") && name != "x-real-ip" {
			fields = append(fields, name+": "+f.Value)
		}
	}
	slices.SortStableFunc(fields, func(a, b string) int {
		a, _, _ = strings.Cut(a, ":")
		b, _, _ = strings.Cut(b, ":")
		return strings.Compare(a, b)
	})
	return strings.Join([]string{r.Method, target, host, strings.Join(fields, "\n"), string(r.Body)}, "\n")
}

// requestSeeds are whole requests, good and bad.
func requestSeeds() []string {
	next := request("GET", "/next")
	seeds := []string{
		request("GET", me), request("GET", other+"?a=1;b=%zz"), request("GET", "//a%2Fb/../c;d"), request("OPTIONS", "*"), posting(activate, `{"flow_id":"e1"}`),
		request("GET", "http://other.example/x?y"), request("GET", "/", "Cookie: a=1", "cookie: b=2", "X_Under: 1"),
		request("POST", "/", "Transfer-Encoding: chunked") + raw.Chunks("abc", "d") + next,
		request("POST", "/", "Transfer-Encoding: chunked", "Content-Length: 4") + raw.Chunks("abc") + next,
		request("POST", "/", "Content-Length: 3", "Content-Length: 3") + "abc" + next,
		request("POST", "/", "Content-Length: 3, 3") + "abc" + next,
		request("POST", "/", "Transfer-Encoding:\vchunked") + raw.Chunks("abc") + next,
		request("POST", "/", "Transfer-Encoding: chunked") + "3;x=y\r\nabc\r\n0\r\n\r\n" + next,
		request("POST", "/", "Transfer-Encoding: chunked") + "3\nabc\n0\n\n" + next,
		request("GET", "/", "X: a\r\n b"), request("GET", "/", "X : a"), "GET / HTTP/1.1\nHost: h\n\n" + next, "GET / HTTP/1.0\r\n\r\n" + next,
		request("GET", "/", "Connection: X-Forwarded-For, close", "X-Forwarded-For: 10.0.0.1") + next,
		request("GET", "/", "Connection: Upgrade", "Upgrade: h2c") + next, request("CONNECT", "h:80") + next, request("TRACE", "/") + next, preface,
		request("POST", "/", "Expect: 100-continue", "Content-Length: 3") + "abc", request("GET", "/#x"), request("GET", "/\x7f"), request("GET", "/", "Host: i"),
	}
	return seeds
}
