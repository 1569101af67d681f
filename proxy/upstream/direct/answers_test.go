//go:build linux && !386

package direct

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/crossfade-proxy/crossfade/internal/raw"
	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// stricter are the words of the errors for what http.Transport takes and a Client does not.
func stricter() []string {
	return []string{
		errTwoFramings.Error(), "a transfer encoding in HTTP/1.0", "a folded field line", errSwitched.Error(),
		"a control character in the status line", ", which is none", errBareLF.Error(),
	}
}

// compare says what a Client does otherwise than http.Transport with the same bytes, "" for nothing that it may not.
func compare(got, want outcome) string {
	for _, err := range []error{got.err, got.bodyErr} {
		for _, text := range stricter() {
			if err != nil && strings.Contains(err.Error(), text) {
				return ""
			}
		}
	}
	if got.err != nil {
		if want.err == nil && strings.HasPrefix(want.proto, "HTTP/1.") && want.status >= 100 {
			return fmt.Sprintf("refused: %v", got.err)
		}
		return ""
	}
	if want.err != nil {
		return fmt.Sprintf("taken, although %v", want.err)
	}
	if (got.bodyErr == nil) != (want.bodyErr == nil) {
		return fmt.Sprintf("the body ended with %v, want %v", got.bodyErr, want.bodyErr)
	}
	if pragma := want.header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && got.header["Cache-Control"] == nil {
		delete(want.header, "Cache-Control") // http.Transport makes it up
	}
	if wire.HasToken(got.header["Connection"], "close") {
		delete(got.header, "Connection") // http.Transport takes it out, whatever else it names
	}
	if got.bodyErr != nil {
		// How much is seen of what breaks off is a matter of buffers.
		if !strings.HasPrefix(got.body, want.body) && !strings.HasPrefix(want.body, got.body) {
			return fmt.Sprintf("a broken body %.100q, want %.100q", got.body, want.body)
		}
		got.body, got.bodyErr, want.body, want.bodyErr = "", nil, "", nil
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("got\n%+v\nwant\n%+v", got, want)
	}
	return ""
}

// both asks one upstream by both ways. It sends the answer in pieces and closes the connection.
type both struct {
	upstream  *raw.Upstream
	client    *Client
	reference *http.Transport
}

func newBoth(tb testing.TB) *both {
	tb.Helper()
	tb.Cleanup(zap.RedirectStdLog(zap.NewNop())) // net/http tells of each stray byte
	u := raw.Serve(tb).Sparse()
	reference := transport(tb, u.Address())
	reference.DisableKeepAlives = true // it would take bytes behind one answer for the next
	return &both{u, to(tb, u.Address()), reference}
}

func (b *both) differ(ctx context.Context, method, answer string, piece int) string {
	script := func() {
		b.upstream.Script(raw.Take(), raw.Dribble(answer, max(len(answer)/3, 1), 0), raw.Close())
	}
	r := (&http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: "h"}, Header: http.Header{}}).WithContext(ctx)
	script()
	got := ask(b.client, r, piece)
	script()
	return compare(got, ask(b.reference, r.Clone(ctx), 4096))
}

// answers are good and evil ones.
func answers() map[string]string {
	const head = "HTTP/1.1 200 OK\r\n"
	chunked := func(body string) string { return head + "Transfer-Encoding: chunked\r\n\r\n" + body }
	all := map[string]string{
		"a length":                        ok("hello"),
		"no bytes":                        ok(""),
		"chunks":                          chunked(raw.Chunks("hello", "world")),
		"chunks with trailers":            head + "Transfer-Encoding: chunked\r\nTrailer: X-Sum, x-other\r\n\r\n" + raw.Begun("a") + "0\r\nX-Sum: 1\r\nX-New: 2\r\nX-New: 3\r\n\r\n",
		"chunks with an extension":        chunked("5;x=y\r\nhello\r\n0;last\r\n\r\n"),
		"chunks with a blank":             chunked("5 \r\nhello\r\n0\r\n\r\n"),
		"chunks with a blank, extension":  chunked("5 ;x\r\nhello\r\n0\r\n\r\n"),
		"chunks with zeros":               chunked("0000000000000005\r\nhello\r\n0\r\n\r\n"),
		"chunks with too many zeros":      chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"),
		"chunks with a sign":              chunked("+5\r\nhello\r\n0\r\n\r\n"),
		"chunks in 0x":                    chunked("0x5\r\nhello\r\n0\r\n\r\n"),
		"chunks beyond all numbers":       chunked("ffffffffffffffff\r\nhello"),
		"chunks of no size":               chunked("\r\nhello\r\n0\r\n\r\n"),
		"chunks of only an extension":     chunked(";x\r\nhello\r\n0\r\n\r\n"),
		"chunks that lie":                 chunked("3\r\nhello\r\n0\r\n\r\n"),
		"chunks with bare LF":             chunked("5\nhello\r\n0\r\n\r\n"),
		"chunks with bare LF behind":      chunked("5\r\nhello\n0\r\n\r\n"),
		"chunks with a CR within":         chunked("5\r;x\r\nhello\r\n0\r\n\r\n"),
		"chunks with CR in an extension":  chunked("5;x\ry\r\nhello\r\n0\r\n\r\n"),
		"chunks with only LF":             chunked("\n5\r\nhello\r\n0\r\n\r\n"),
		"chunks with only CR":             chunked("\r5\r\nhello\r\n0\r\n\r\n"),
		"chunks with CR at the end":       chunked("5\r\nhello\r\r0\r\n\r\n"),
		"chunks with LF at the end":       chunked("5\r\nhello\n\n0\r\n\r\n"),
		"chunks with two CRs":             chunked("5\r\r\nhello\r\n0\r\n\r\n"),
		"chunks that end before a size":   chunked(raw.Begun("hello")),
		"chunks that end in a size":       chunked(raw.Begun("hello") + "5"),
		"chunks that end in data":         chunked("9\r\nhello"),
		"chunks that end in the last":     chunked(raw.Begun("hello") + "0\r\n"),
		"chunks that end in a trailer":    chunked(raw.Begun("hello") + "0\r\nX: y\r\n"),
		"chunks with a bad trailer":       chunked(raw.Begun("hello") + "0\r\nnonsense\r\n\r\n"),
		"chunks with a folded trailer":    chunked(raw.Begun("hello") + "0\r\nX: y\r\n z\r\n\r\n"),
		"chunks with long trailers":       chunked(raw.Begun("hello") + "0\r\nX: " + strings.Repeat("y", 20<<10) + "\r\n\r\n"),
		"chunks with a long extension":    chunked("5;" + strings.Repeat("x", 5000) + "\r\nhello\r\n0\r\n\r\n"),
		"chunks with many extensions":     chunked(strings.Repeat("1;"+strings.Repeat("x", 1000)+"\r\na\r\n", 100) + "0\r\n\r\n"),
		"many small chunks":               chunked(strings.Repeat("1\r\na\r\n", 20_000) + "0\r\n\r\n"),
		"large chunks":                    chunked(raw.Chunks(strings.Repeat("x", 100_000), strings.Repeat("y", 40_000))),
		"a large body":                    ok(strings.Repeat("x", 300_000)),
		"a large body, cut":               head + "Content-Length: 400000\r\n\r\n" + strings.Repeat("x", 300_000),
		"a trailer announced in vain":     head + "Trailer: X\r\nContent-Length: 2\r\n\r\nab",
		"a trailer that is none":          head + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("a"),
		"until the end":                   head + "\r\nhello",
		"until the end, nothing":          head + "\r\n",
		"HTTP/1.0":                        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 that stays":             "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 with chunks":            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("a"),
		"HTTP/1.2":                        "HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/2.0":                        "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/11":                         "HTTP/11 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/0.9":                        "<html>hello</html>",
		"small letters":                   "http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"another protocol":                "SSH-2.0-OpenSSH_9.2\r\n",
		"nothing":                         "",
		"an empty line":                   "\r\n" + ok("hello"),
		"no reason":                       "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
		"an empty reason":                 "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
		"blanks before the status":        "HTTP/1.1   200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"a reason with NUL":               "HTTP/1.1 200 O\x00K\r\nContent-Length: 5\r\n\r\nhello",
		"a reason in Latin-1":             "HTTP/1.1 200 \xe9t\xe9\r\nContent-Length: 5\r\n\r\nhello",
		"status 99":                       "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
		"status 600":                      "HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n",
		"status 1000":                     "HTTP/1.1 1000 Higher\r\nContent-Length: 0\r\n\r\n",
		"status 20":                       "HTTP/1.1 20 Low\r\nContent-Length: 0\r\n\r\n",
		"status +20":                      "HTTP/1.1 +20 Low\r\nContent-Length: 0\r\n\r\n",
		"no status":                       "HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"a status in words":               "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
		"204":                             "HTTP/1.1 204 No Content\r\n\r\n",
		"204 with a length":               "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
		"204 with chunks":                 "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("a"),
		"304 with a length":               "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nEtag: \"x\"\r\n\r\n",
		"205":                             "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
		"early hints":                     "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nLink: </y>\r\n\r\n" + ok("hello"),
		"100, 102 and 103":                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok("hello"),
		"hints that close":                "HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n" + ok("hello"),
		"hints with a length":             "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n" + ok("hello"),
		"hints alone":                     "HTTP/1.1 103 Early Hints\r\n\r\n",
		"101":                             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
		"it closes":                       head + "Connection: x, Close\r\nContent-Length: 5\r\n\r\nhello",
		"bytes behind":                    ok("hello") + ok("POISON"),
		"the same length twice":           head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"two lengths":                     head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"a length twice in a line":        head + "Content-Length: 5, 5\r\n\r\nhello",
		"an empty length":                 head + "Content-Length:\r\n\r\nhello",
		"a negative length":               head + "Content-Length: -5\r\n\r\nhello",
		"a length with a sign":            head + "Content-Length: +5\r\n\r\nhello",
		"a hexadecimal length":            head + "Content-Length: 0x5\r\n\r\nhello",
		"a length with a line under it":   head + "Content-Length: 1_0\r\n\r\nhelloworld",
		"a length beyond all numbers":     head + "Content-Length: 9223372036854775808\r\n\r\nhello",
		"a length with zeros":             head + "Content-Length: 005\r\n\r\nhello",
		"a length too long":               head + "Content-Length: 9\r\n\r\nhello",
		"a length and chunks":             head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("a"),
		"gzip, chunked":                   head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + raw.Chunks("a"),
		"chunked twice":                   head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("a"),
		"identity":                        head + "Transfer-Encoding: identity\r\n\r\nhello",
		"Chunked in capitals":             head + "Transfer-Encoding: CHUNKED\r\n\r\n" + raw.Chunks("a"),
		"a blank behind chunked":          head + "Transfer-Encoding: chunked \t\r\n\r\n" + raw.Chunks("a"),
		"an empty coding":                 head + "Transfer-Encoding:\r\n\r\n" + raw.Chunks("a"),
		"bare line feeds":                 "HTTP/1.1 200 OK\nContent-Length: 5\nX: y\n\nhello",
		"bare line feeds, then not":       "HTTP/1.1 200 OK\nContent-Length: 5\r\nX: y\n\r\nhello",
		"a bare CR in a value":            head + "X: a\rb\r\nContent-Length: 5\r\n\r\nhello",
		"a CR at the end of a value":      head + "X: a\r\r\nContent-Length: 5\r\n\r\nhello",
		"NUL in a value":                  head + "X: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
		"DEL in a value":                  head + "X: a\x7fb\r\nContent-Length: 5\r\n\r\nhello",
		"a tab in a value":                head + "X: \t a\tb \t\r\nContent-Length: 5\r\n\r\nhello",
		"UTF-8 in a value":                head + "X: ü\r\nContent-Length: 5\r\n\r\nhello",
		"an empty value":                  head + "X:\r\nY: \r\nContent-Length: 5\r\n\r\nhello",
		"a fold":                          head + "X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
		"a fold at once":                  head + " X: a\r\nContent-Length: 5\r\n\r\nhello",
		"a fold of blanks":                head + "X: a\r\n  \r\nContent-Length: 5\r\n\r\nhello",
		"a field without colon":           head + "nonsense\r\nContent-Length: 5\r\n\r\nhello",
		"a field without name":            head + ": x\r\nContent-Length: 5\r\n\r\nhello",
		"a name with a blank":             head + "X Y: z\r\nContent-Length: 5\r\n\r\nhello",
		"a blank before the colon":        head + "Content-Length : 5\r\nX: y\r\n\r\nhello",
		"a tab before the colon":          head + "Content-Length\t: 5\r\n\r\nhello",
		"a name in UTF-8":                 head + "Ü: z\r\nContent-Length: 5\r\n\r\nhello",
		"names in any letters":            head + "x-REQUEST-id: 1\r\nX-Request-ID: 2\r\nETAG: 3\r\nwww-authenticate: 4\r\n!#$%&'*+-.^_`|~: 5\r\ncontent-LENGTH: 5\r\n\r\nhello",
		"cookies":                         head + "Set-Cookie: a=1\r\nset-cookie: b=2\r\nSet-Cookie: a=1\r\nContent-Length: 5\r\n\r\nhello",
		"no-cache":                        head + "Pragma: no-cache\r\nContent-Length: 5\r\n\r\nhello",
		"a large head":                    raw.Text("HTTP/1.1 200 OK", "hello", "X: "+strings.Repeat("x", 40<<10), "Y: "+strings.Repeat("y", 40<<10)),
		"many fields":                     raw.Text("HTTP/1.1 200 OK", "hello", strings.Split(strings.Repeat("X: y;Z: w;", 500)+"V: u", ";")...),
		"a head beyond the limit":         raw.Text("HTTP/1.1 200 OK", "hello", "X: "+strings.Repeat("x", 2<<20)),
		"a head that ends in the status":  "HTTP/1.1 20",
		"a head that ends in a field":     head + "Content-Le",
		"a head that ends before its end": head + "Content-Length: 5\r\n",
	}
	return all
}

// TestAnswersAsByTransport: the same bytes are the same answer by both ways, but for what a Client refuses.
func TestAnswersAsByTransport(t *testing.T) {
	b := newBoth(t)
	for name, answer := range answers() {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, piece := range []int{1, 7, 64 << 10} {
				if piece == 1 && len(answer) > 64<<10 {
					continue
				}
				if diff := b.differ(t.Context(), method, answer, piece); diff != "" {
					t.Errorf("%s, to %s, read %d bytes at a time: %s", name, method, piece, diff)
				}
			}
		}
	}
}

// TestRefusedAnswers are those which http.Transport takes.
func TestRefusedAnswers(t *testing.T) {
	b := newBoth(t)
	all := answers()
	for name, want := range map[string]string{
		"a length and chunks":          "an answer with both Content-Length and Transfer-Encoding",
		"HTTP/1.0 with chunks":         "a transfer encoding in HTTP/1.0",
		"a fold":                       `a folded field line " b"`,
		"a fold of blanks":             `a folded field line "  "`,
		"101":                          "status 101, which nobody asked for",
		"a reason with NUL":            `a control character in the status line "HTTP/1.1 200 O\x00K"`,
		"status 99":                    "status 099, which is none",
		"status +20":                   `malformed HTTP status line "HTTP/1.1 +20 Low"`,
		"HTTP/2.0":                     `malformed HTTP response "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"`,
		"chunks with a folded trailer": `a folded field line " z"`,
	} {
		b.upstream.Script(raw.Take(), raw.Send(all[name]), raw.Close())
		got := ask(b.client, request(t, http.MethodGet, "/", ""), 4096)
		err := got.err
		if err == nil {
			err = got.bodyErr
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
		if want := ask(b.reference, request(t, http.MethodGet, "/", ""), 4096); want.err != nil || want.bodyErr != nil {
			t.Errorf("%s: http.Transport refuses it as well: %v %v", name, want.err, want.bodyErr)
		}
	}
}

// someAnswer is one put together of parts that fit, and now and then of one that does not.
func someAnswer(t *rapid.T) string {
	pick := func(label string, usual string, others ...string) string {
		if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
			return usual
		}
		return rapid.SampledFrom(others).Draw(t, label)
	}
	end := func() string { return pick("end", "\r\n", "\n", "\r\r\n", "\r", " \r\n", "\r\n ") }
	var b strings.Builder
	b.WriteString(pick("version", "HTTP/1.1", "HTTP/1.0", "HTTP/1.9", "HTTP/2.0", "HTTP/1.1 ", "HTTP/1", "") + " ")
	b.WriteString(pick("status", "200 OK", "103 Hints", "204 None", "304 Same", "500", "099 Low", "2000 High", "", "20x", "599 \x01") + end())
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		b.WriteString(rapid.SampledFrom([]string{
			"X-A: 1", "x-a: 2", "Set-Cookie: a=b; Expires=Mon, 1 Jan", "Connection: close", "Connection: keep-alive", "Trailer: X-Sum", "ETag: \"x\"",
			"Content-Length: 5", "Content-Length: 5", "Content-Length: 6", "Content-Length : 5", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip",
			" folded", "no colon", ": no name", "X: \x00", "X:", "content-length:5\t", "Pragma: no-cache", "Cache-Control: no-store",
		}).Draw(t, "field") + end())
	}
	switch rapid.IntRange(0, 3).Draw(t, "framing") {
	case 0:
		b.WriteString("Content-Length: 5" + end() + end() + pick("body", "hello", "hell", "hello!", ""))
	case 1:
		b.WriteString("Transfer-Encoding: chunked" + end() + end())
		for range rapid.IntRange(0, 4).Draw(t, "chunks") {
			data := rapid.StringN(0, 40, 40).Draw(t, "data")
			b.WriteString(pick("size", fmt.Sprintf("%x", len(data)), "5", "", "+1", "0x1", "1 ", "1;x=y", "ffffffffffffffff") + end() + data + end())
		}
		b.WriteString(pick("last", "0", "00", "0;x", "") + end() + pick("trailer", "", "X-Sum: 1\r\n", "X-Sum: 1\n", "bad\r\n", "X: 1\r\n y\r\n") + end())
	case 2:
		b.WriteString(end() + "hello")
	case 3:
		b.WriteString(end())
	}
	return b.String()
}

// FuzzAnswers: whatever answer is put together, both ways see the same. Without -fuzz it is a test.
func FuzzAnswers(f *testing.F) {
	b := newBoth(f)
	f.Fuzz(rapid.MakeFuzz(b.property))
}

func (b *both) property(t *rapid.T) {
	answer := someAnswer(t)
	method := rapid.SampledFrom([]string{http.MethodGet, http.MethodHead}).Draw(t, "method")
	piece := rapid.IntRange(1, 64).Draw(t, "piece")
	if diff := b.differ(context.Background(), method, answer, piece); diff != "" {
		t.Fatalf("%q: %s", answer, diff)
	}
}
