package raw

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestMalformed: what two readers may understand in two ways is a fault.
func TestMalformed(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: h\r\n"
	for _, tc := range []struct{ name, text, want string }{
		{"bare LF behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", `a line ends without CR: "GET / HTTP/1.1\n"`},
		{"bare LF behind a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", `a line ends without CR: "Host: h\n"`},
		{"bare CR", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", `a line has '\r' in it: "Host: h\rX: y"`},
		{"NUL", "GET / HTTP/1.1\r\nHost: h\r\nX: \x00\r\n\r\n", `a line has '\x00' in it: "X: \x00"`},
		{"a fold", "GET / HTTP/1.1\r\nHost: h\r\n X: y\r\n\r\n", `no field line: " X: y"`},
		{"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", `no field line: "Host : h"`},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", `no field line: "Host"`},
		{"an empty name", "GET / HTTP/1.1\r\n: h\r\n\r\n", `no field line: ": h"`},
		{"two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", `2 Host fields`},
		{"no host", "GET / HTTP/1.1\r\n\r\n", `0 Host fields`},
		{"a space in the target", "GET / / HTTP/1.1\r\nHost: h\r\n\r\n", `no request line: "GET / / HTTP/1.1"`},
		{"a tab in the target", "GET /\tx HTTP/1.1\r\nHost: h\r\n\r\n", `a control character in the target "/\tx"`},
		{"HTTP/0.9", "GET /\r\nHost: h\r\n\r\n", `no request line: "GET /"`},
		{"version 2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", `version "HTTP/2.0"`},
		{"length and chunks", post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", `several framing fields: Content-Length ["1"], Transfer-Encoding ["chunked"]`},
		{"two lengths", post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", `several framing fields: Content-Length ["1" "1"], Transfer-Encoding []`},
		{"a list of lengths", post + "Content-Length: 1, 1\r\n\r\nx", `Content-Length "1, 1"`},
		{"a signed length", post + "Content-Length: +1\r\n\r\nx", `Content-Length "+1"`},
		{"an empty length", post + "Content-Length:\r\n\r\nx", `Content-Length ""`},
		{"another transfer coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", `Transfer-Encoding "gzip, chunked"`},
		{"a transfer coding in capitals", post + "Transfer-Encoding: Chunked\r\n\r\n", `Transfer-Encoding "Chunked"`},
		{"a chunk extension", post + "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n", `the size of a chunk is "1;x=y"`},
		{"a chunk with a bare LF", post + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", `a line ends without CR: "1\n"`},
		{"a chunk longer than its size", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", `a chunk is longer than its size: "b"`},
		{"a hexadecimal sign", post + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", `the size of a chunk is "0x1"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReader(strings.NewReader(tc.text))
			req, err := r.request()
			if err == nil {
				err = r.requestBody(&req)
			}
			if want := "malformed message: " + tc.want; err == nil || err.Error() != want || !isFault(req.Err) {
				t.Errorf("got %v\nwant %s", err, want)
			}
		})
	}
}

func TestRequestsAreKeptAsTheyCame(t *testing.T) {
	one := "POST //a%2Fb;c?x=%zz HTTP/1.1\r\nhOsT: h\r\nX_y:  a \r\nX_y: b\r\nContent-Length: 3\r\n\r\nabc"
	two := "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
	r := newReader(strings.NewReader(one + two))
	first, err := r.request()
	if err != nil || r.requestBody(&first) != nil {
		t.Fatal(err, first.Err)
	}
	if string(first.Raw) != one || first.Line != "POST //a%2Fb;c?x=%zz HTTP/1.1" || first.Target != "//a%2Fb;c?x=%zz" || string(first.Body) != "abc" ||
		first.Fields.Get("x_Y") != "a|b" || first.Fields[0] != (Field{"hOsT", "h"}) || first.Length != 3 {
		t.Errorf("got %+v", first)
	}
	second, err := r.request()
	if err != nil || r.requestBody(&second) != nil {
		t.Fatal(err, second.Err)
	}
	if string(second.Raw) != two || string(second.Body) != "abc0123456789" || second.Trailers.Get("X-Sum") != "1" {
		t.Errorf("got %+v", second)
	}
	if _, err := r.request(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v, want EOF", err)
	}
}

// TestBrokenOff: a message that ended early is no malformed one.
func TestBrokenOff(t *testing.T) {
	whole := "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
	for n := 1; n < len(whole); n++ {
		r := newReader(strings.NewReader(whole[:n]))
		req, err := r.request()
		if err == nil {
			err = r.requestBody(&req)
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || isFault(err) {
			t.Errorf("after %d bytes: %v, want %v", n, err, io.ErrUnexpectedEOF)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, method, text string
		status             int
		body, err          string
		interim            int
	}{
		{"a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabNEXT", 200, "ab", "", 0},
		{"chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunks("ab", "", "c") + "NEXT", 200, "abc", "", 0},
		{"until the end", "GET", "HTTP/1.0 200\r\n\r\nab", 200, "ab", "", 0},
		{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nNEXT", 200, "", "", 0},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\nNEXT", 204, "", "", 0},
		{"hints before it", "GET", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", "", 2},
		{"an upgrade", "GET", "HTTP/1.1 101 Switching Protocols\r\n\r\nNEXT", 101, "", "", 0},
		{"too short", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", 200, "ab", "unexpected EOF", 0},
		{"chunks without an end", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + Begun("ab"), 200, "ab", "unexpected EOF", 0},
		{"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200, "", `malformed message: several framing fields: Content-Length ["2" "2"], Transfer-Encoding []`, 0},
		{"status 1000", "GET", "HTTP/1.1 1000 Much\r\n\r\n", 1000, "", `malformed message: no status line: "HTTP/1.1 1000 Much"`, 0},
		{"status 099", "GET", "HTTP/1.1 099 Little\r\n\r\n", 99, "", `malformed message: no status line: "HTTP/1.1 099 Little"`, 0},
		{"nothing", "GET", "", 0, "", "EOF", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newReader(strings.NewReader(tc.text))
			a := r.answer(tc.method)
			var text string
			if a.Err != nil {
				text = a.Err.Error()
			}
			if a.Status != tc.status || string(a.Body) != tc.body || text != tc.err || len(a.Interim) != tc.interim {
				t.Errorf("got %d %q %v, %d interim", a.Status, a.Body, a.Err, len(a.Interim))
			}
			if rest, _ := io.ReadAll(r.in); strings.HasSuffix(tc.text, "NEXT") && string(rest) != "NEXT" {
				t.Errorf("left behind: %q, want NEXT", rest)
			}
		})
	}
}
