package loop

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// both is one handler behind both servers.
type both struct {
	mu        sync.Mutex
	seen      []string // by the handler, of one connection
	methods   []string
	ours      string
	reference string
}

// newBoth serves with a handler, which releases its answers to a Server or not.
func newBoth(tb testing.TB, handler http.HandlerFunc, releases bool) *both {
	tb.Helper()
	b := &both{}
	o := Options{MaxHeaderBytes: 4 << 10, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.see(r)
		handler(w, r)
		if own, ok := w.(releaser); ok && releases {
			own.Release()
		}
	})}
	b.ours, b.reference = serve(tb, o), reference(tb, o)
	return b
}

func (b *both) see(r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.methods = append(b.methods, r.Method)
	b.seen = append(b.seen, fmt.Sprintf("%s %s %s %d.%d url %+v host %q close %v length %d coding %q trailer %q; %s",
		r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor, *r.URL, r.Host, r.Close, r.ContentLength, r.TransferEncoding, lines(r.Trailer), lines(r.Header)))
}

// one is what one of them makes of the bytes: the requests that the handler saw, and the answers.
func (b *both) one(tb testing.TB, address, text string, piece int) (seen, answers []string) {
	tb.Helper()
	b.mu.Lock()
	b.seen, b.methods = nil, nil
	b.mu.Unlock()
	got, reset := say(tb, address, text, piece)
	if reset {
		return nil, []string{lost}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen, read(got, b.methods)
}

// differ says what a Server does otherwise than net/http with the same bytes; "" for nothing that it may not.
func (b *both) differ(tb testing.TB, text string, piece int) string {
	tb.Helper()
	seen, answers := b.one(tb, b.ours, text, piece)
	wantSeen, want := b.one(tb, b.reference, text, piece)
	if slices.Contains(answers, lost) || slices.Contains(want, lost) {
		return ""
	}
	for i := range max(len(answers), len(want)) {
		var got, wanted string
		if i < len(answers) {
			got = answers[i]
		}
		if i < len(want) {
			wanted = want[i]
		}
		refused := isRefusal(got) // of several faults, either may be told
		switch {
		case refused && i == len(seen) && isOdd(text):
			return "" // and nothing behind it is heard
		case i < len(seen) && (i >= len(wantSeen) || !same(seen[i], wantSeen[i])):
			return fmt.Sprintf("request %d is seen as\n%s\nwant\n%s", i, seen[i], strings.Join(wantSeen, "\n"))
		case strings.Contains(got, `body "unreadable"`) && isOdd(text):
			return ""
		case strings.HasSuffix(got, cut) && (wanted == "" || got == wanted):
			return "" // net/http holds more of it back
		case strings.Contains(text, "abort") && (got == "" || strings.HasPrefix(got, "HTTP/1.0")):
			return "" // an end that cannot be seen, and how much comes before it
		case got != wanted && !(refused && isRefusal(wanted)):
			return fmt.Sprintf("answer %d\n%s\nwant\n%s", i, got, wanted)
		}
	}
	if len(seen) != len(wantSeen) {
		return fmt.Sprintf("%d requests are seen, want %d", len(seen), len(wantSeen))
	}
	return ""
}

// same compares requests, but for Cache-Control, which net/http adds to Pragma.
func same(got, want string) bool {
	const added = `Cache-Control: ["no-cache"]; `
	return got == want || strings.Contains(got, `Pragma: ["no-cache`) && got == strings.Replace(want, added, "", 1)
}

// isRefusal says that net/http has not taken a request, or said nothing.
func isRefusal(answer string) bool {
	return answer == "" || strings.Contains(answer, " 400 Bad Request") || strings.Contains(answer, " 505 ") || strings.Contains(answer, " 501 ") || strings.Contains(answer, " 417 ")
}

// isOdd says of a text that it has one of the things in which a Server is stricter than net/http: a bare line feed, a fold, a
// length or HTTP/1.0 beside a transfer coding, the beginning of HTTP/2, an end in the middle of a head.
func isOdd(text string) bool {
	small := strings.ToLower(text)
	return strings.Count(text, "\r\n") != strings.Count(text, "\n") || strings.Contains(text, "\n ") || strings.Contains(text, "\n\t") ||
		strings.Contains(small, "transfer-encoding") && (strings.Contains(small, "content-length") || strings.Contains(text, "HTTP/1.0")) ||
		strings.Contains(text, "PRI ") || !strings.HasSuffix(text, "\r\n\r\n")
}

// echo answers with the body, in the way that the target asks for.
func echo(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Date"], h["Content-Type"] = nil, nil
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "unreadable")
		return
	}
	text := string(body) + lines(r.Trailer)
	q := r.URL.Query()
	for name, values := range q {
		// An empty length net/http sends to HTTP/1.0 as it is, which nobody can read; here it is counted.
		if len(name) > 2 && strings.HasPrefix(name, "h-") && (name != "h-Content-Length" || values[0] != "") {
			h[name[2:]] = values
		}
	}
	if q.Has("sniff") {
		delete(h, "Content-Type")
	}
	if q.Has("hints") {
		h["Link"] = []string{"</a>"}
		w.WriteHeader(http.StatusEarlyHints)
		delete(h, "Link")
	}
	if q.Has("length") {
		h["Content-Length"] = []string{strconv.Itoa(len(text))}
	}
	if q.Has("announce") {
		h["Trailer"] = []string{"X-Sum"}
	}
	if status, err := strconv.Atoi(q.Get("status")); err == nil && status >= 200 && status < 1000 {
		w.WriteHeader(status)
		if connection := h["Connection"]; connection != nil {
			connection[0] = "x-late"
		}
	}
	h["X-Late"] = []string{"1"} // too late where the status was said
	if n, err := strconv.Atoi(q.Get("times")); err == nil {
		text = strings.Repeat(text+"0123456789", min(n, 10_000))
	}
	switch {
	case q.Has("pieces"):
		for i := 0; i < len(text); i += 7 {
			io.WriteString(w, text[i:min(i+7, len(text))])
			if q.Has("flush") {
				_ = http.NewResponseController(w).Flush()
			}
		}
	case q.Has("nothing"):
	default:
		io.WriteString(w, text)
	}
	if q.Has("more") {
		io.WriteString(w, "more")
	}
	if q.Has("announce") {
		h["X-Sum"] = []string{"7"}
	}
	if q.Has("trailer") {
		h[http.TrailerPrefix+"X-New"] = []string{"8"}
	}
	if q.Has("abort") {
		panic(http.ErrAbortHandler)
	}
}

// requests are good and evil ones.
func requests() map[string]string {
	const host = "Host: h\r\n"
	all := map[string]string{
		"two behind each other":          "GET /a HTTP/1.1\r\n" + host + "\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"a POST with a length":           "POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\n" + host + "\r\n",
		"line ends behind a POST":        "POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\n{}\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"chunks":                         "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"chunks, CHUNKED":                "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"chunks with trailers":           "POST / HTTP/1.1\r\n" + host + "Trailer: X-Sum, x-b\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nX-Sum: 1\r\nx-new: 2\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"a trailer that is none":         "POST / HTTP/1.1\r\n" + host + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a trailer without chunks":       "GET / HTTP/1.1\r\n" + host + "Trailer: X\r\n\r\n",
		"long chunks":                    "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 100_000, strings.Repeat("x", 100_000)) + "GET /b HTTP/1.1\r\n" + host + "\r\n",
		"a long body":                    "POST /?length HTTP/1.1\r\n" + host + "Content-Length: 300000\r\n\r\n" + strings.Repeat("x", 300_000) + "GET /b HTTP/1.1\r\n" + host + "\r\n",
		"a body cut":                     "POST / HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\n{}",
		"a body cut in a chunk":          "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
		"close":                          "GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"close, no comma":                "GET / HTTP/1.1\r\n" + host + "Connection: x Close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"close in the second field":      "GET / HTTP/1.1\r\n" + host + "Connection: x\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"close, no comma, in the second": "GET / HTTP/1.1\r\n" + host + "Connection: x\r\nConnection: y close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"expects among others":           "POST / HTTP/1.1\r\n" + host + "Expect: x 100-continue\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0 that stays, no comma":       "GET /?length HTTP/1.0\r\nConnection: x\tkeep-alive\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0 that stays and closes":      "GET /?length HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0 that stays, in the second":  "GET /?length HTTP/1.0\r\nConnection: x\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"close among others":             "GET / HTTP/1.1\r\n" + host + "Connection: x, Close\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0":                            "GET /?length HTTP/1.0\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0 that stays":                 "GET /?length HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0 that would stay":            "GET /?times=500&more HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.0 that stays, no length told": "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"1.2":                            "GET / HTTP/1.2\r\n" + host + "\r\n", "2.0": "GET / HTTP/2.0\r\n" + host + "\r\n", "0.9": "GET / HTTP/0.9\r\n" + host + "\r\n",
		"no version": "GET /\r\n\r\n", "an odd version": "GET / HTTP/1.11\r\n" + host + "\r\n", "small letters": "GET / http/1.1\r\n" + host + "\r\n",
		"expects":                "POST / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\n" + host + "\r\n",
		"expects in 1.0":         "POST / HTTP/1.0\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
		"expects without a body": "GET / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\nGET /b HTTP/1.1\r\n" + host + "\r\n",
		"no host":                "GET / HTTP/1.1\r\n\r\n", "two hosts": "GET / HTTP/1.1\r\n" + host + host + "\r\n", "an empty host": "GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"an odd host": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "a host with a path": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"absolute": "GET http://x.example/a?b HTTP/1.1\r\n" + host + "\r\n", "absolute without host": "GET http://x.example/ HTTP/1.1\r\n\r\n",
		"asterisk": "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "authority": "CONNECT h:80 HTTP/1.1\r\n" + host + "\r\n", "CONNECT without host": "CONNECT h:80 HTTP/1.1\r\n\r\n",
		"CONNECT with a path": "CONNECT /x HTTP/1.1\r\n" + host + "\r\n",
		"too large":           "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 9<<10) + "\r\n\r\n", "never ends": "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 3000),
		"as large as may be": "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 8<<10-100) + "\r\n\r\n",
		"pragma":             "GET / HTTP/1.1\r\n" + host + "Pragma: no-cache\r\n\r\n",
		"nothing":            "", "half a line": "GET / HT", "half a head": "GET / HTTP/1.1\r\nHost: h\r\n", "a TLS hello": "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
		"HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an empty line first": "\r\nGET / HTTP/1.1\r\n" + host + "\r\n",
	}
	for _, field := range []string{
		"X: a\x00b", "X\x00: a", "X: a\rY: b", "X : a", "X\t: a", ": a", "X", "X: a\r\n b", "X: a\x01b", "X: a\x7fb", "X: \xff", "X:a", "X:  a \t ", "X:", "X: a\nY: b",
		"x-a: 1\r\nX-A: 2", "x_y: 1", "X: a\x0b", "\u00e9: x", "Connection: keep-alive", "Connection: upgrade\r\nUpgrade: x",
		"Content-Length: 0", "Content-Length: 2, 2", "Content-Length: +2", "Content-Length: -2", "Content-Length: 0x2", "Content-Length: 2.0", "Content-Length: 18446744073709551618",
		"Content-Length:", "Content-Length: 2 ;", "Content-Length: two", "Content-Length: 0\r\nContent-Length: 0", "Content-Length: 0\r\nContent-Length: 1", "Content-Length: 1 0", "Content-Length : 0",
		"Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: \"chunked\"",
		"Transfer-Encoding: chunked\x0b", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding:", "Transfer-Encoding : chunked",
		"Content-Length: 5\r\nTransfer-Encoding: chunked", "Expect: x", "Expect:",
	} {
		all["the field "+strconv.Quote(field)] = "GET / HTTP/1.1\r\n" + host + field + "\r\n\r\n"
	}
	for _, target := range []string{
		"x", "//x", "/a b", "/%", "/%zz", "/%2F", "/a%20b", "/\x01", "/\xff", "/?\xff", "/?a b", "/?", "/??", "/#x", "/a;b,c=d", "/a:b@c", "?", "h:80", "http://", "http://%", "/a?b?c", "/a?%zz", "*", "/..//./",
	} {
		all["the target "+strconv.Quote(target)] = "GET " + target + " HTTP/1.1\r\n" + host + "\r\n"
	}
	for _, query := range []string{
		"status=204", "status=304", "status=304&length", "status=404", "status=799", "length", "length&pieces", "pieces", "pieces&flush", "flush", "times=1000", "times=1000&length", "times=10000",
		"times=10000&pieces", "times=3000&pieces&flush", "hints", "hints&status=201", "sniff", "sniff&length", "sniff&h-Content-Encoding=x", "announce", "announce&flush", "trailer", "trailer&flush", "trailer&announce",
		"h-Connection=close", "h-Connection=keep-alive", "h-X=a%0d%0ab", "h-Bad%20Name=x", "h-Content-Length=1000", "h-Content-Length=1", "abort", "abort&flush", "length&abort", "length&more", "length&nothing",
		"times=2000&abort", "times=2000&length&abort", "nothing", "nothing&flush", "h-Date=x", "h-X=1&h-X=2", "h-Trailer=Content-Length", "status=200", "h-Server=x", "status=200&h-Connection=close", "status=200&h-Connection=x",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, proto := range []string{"HTTP/1.1", "HTTP/1.0"} {
				all[method+" "+query+" "+proto] = method + " /?" + query + " " + proto + "\r\n" + host + "\r\nGET /next HTTP/1.1\r\n" + host + "\r\n"
			}
		}
		all["POST "+query] = "POST /?" + query + " HTTP/1.1\r\n" + host + "Content-Length: 11\r\n\r\nhello worldGET /next HTTP/1.1\r\n" + host + "\r\n"
	}
	return all
}

// TestSameAsNetHTTP: the same bytes are the same requests, and get the same answers.
func TestSameAsNetHTTP(t *testing.T) {
	for _, releases := range []bool{false, true} {
		b := newBoth(t, echo, releases)
		for name, text := range requests() {
			for _, piece := range []int{1 << 20, max(len(text)/5, 1)} {
				if diff := b.differ(t, text, piece); diff != "" {
					t.Errorf("%s, in pieces of %d, releases %v: %s", name, piece, releases, diff)
				}
			}
		}
	}
}

// FuzzSameAsNetHTTP: nor do others differ.
func FuzzSameAsNetHTTP(f *testing.F) {
	for _, text := range requests() {
		if len(text) < 1<<10 {
			f.Add(text)
		}
	}
	keeps, releases := newBoth(f, echo, false), newBoth(f, echo, true)
	f.Fuzz(func(t *testing.T, text string) {
		for _, b := range []*both{keeps, releases} {
			if diff := b.differ(t, text, 1<<20); diff != "" {
				t.Error(diff)
			}
		}
	})
}
