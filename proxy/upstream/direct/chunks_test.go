//go:build linux && !386

package direct

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// FuzzChunks: a chunked body is read as net/http reads it, to the same byte, or refused.
func FuzzChunks(f *testing.F) {
	n := 0
	for _, answer := range answers() {
		if _, body, ok := strings.Cut(answer, "chunked\r\n\r\n"); ok && len(body) < 10_000 {
			f.Add(body, 7)
			n++
		}
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
	c := silent(f)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		got := decode(c, text, min(max(piece, 1), 4096))
		want, err := reference(text)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case errors.Is(got.err, errBareLF), got.err != nil && strings.Contains(got.err.Error(), "a folded field line"):
		case got.err != nil && want.err != nil:
			if !strings.HasPrefix(got.body, want.body) && !strings.HasPrefix(want.body, got.body) {
				t.Errorf("broken after %q, want after %q", got.body, want.body)
			}
		case !reflect.DeepEqual(got, want):
			t.Errorf("got\n%+v\nwant\n%+v", got, want)
		}
	})
}

// decoded is a body, and how much stood behind it.
type decoded struct {
	body    string
	trailer http.Header
	rest    int
	err     error
}

// decode reads a body that is all there.
func decode(c *conn, text string, piece int) (d decoded) {
	b := &buffer{bytes: make([]byte, max(len(text), bufferSize)), to: len(text)}
	copy(b.bytes, text)
	x := &Exchange{conn: c, ctx: context.Background(), buffer: b}
	p := make([]byte, piece)
	var body strings.Builder
	for d.err == nil {
		var n int
		n, d.err = x.readChunks(p)
		body.Write(p[:n])
	}
	d.body, d.trailer, d.rest = body.String(), x.response.Trailer, len(b.unread())
	if errors.Is(d.err, io.EOF) {
		d.err = nil
	}
	return d
}

func reference(text string) (d decoded, err error) {
	rest := strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + text)
	in := bufio.NewReaderSize(rest, bufferSize)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return d, fmt.Errorf("no head: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return decoded{string(body), res.Trailer, in.Buffered() + rest.Len(), err}, nil
}

// silent is a connection that has ended.
func silent(tb testing.TB) *conn {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { near.Close() })
	far, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	far.Close()
	c, err := newConn(near)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
