//go:build linux && !386

package direct

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// FuzzHeads: a head is read as net/http reads it, or refused for one of the reasons that are known.
func FuzzHeads(f *testing.F) {
	n := 0
	for _, answer := range answers() {
		if len(answer) < 10_000 {
			f.Add(answer, false)
			f.Add(answer, true)
			n++
		}
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, text string, toHead bool) {
		var l wire.Lines
		end := l.End([]byte(text))
		if end == 0 || !beginsHead([]byte(text)) {
			return // no whole head
		}
		method := http.MethodGet
		if toHead {
			method = http.MethodHead
		}
		r := &http.Request{Method: method}
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), r)
		want := outcome{err: err}
		if err == nil {
			want = seen(res)
			defer res.Body.Close() // which reads trailers
		}
		var x Exchange
		mine := &x.response
		err = x.parseHead([]byte(text[:end]))
		if err == nil {
			_, err = frame(mine, method)
		}
		got := outcome{err: err}
		if err == nil {
			got = seen(mine)
		}
		if got.status == http.StatusSwitchingProtocols {
			return // refused behind this
		}
		if diff := compare(got, want); diff != "" {
			t.Error(diff)
		}
	})
}

// seen is what is to be seen of the head of an answer.
func seen(res *http.Response) outcome {
	return outcome{
		status: res.StatusCode, text: res.Status, proto: res.Proto, header: res.Header, length: res.ContentLength,
		coding: strings.Join(res.TransferEncoding, ","), closes: res.Close, trailer: res.Trailer,
	}
}

// TestHeadsComeInPieces: the end of a head is found wherever it is cut, and never before it is there.
func TestHeadsComeInPieces(t *testing.T) {
	for _, head := range []string{"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 200 OK\r\nX: y\n\r\n"} {
		text := []byte(head + "body\n\n")
		for first := range len(head) {
			var l wire.Lines
			if n := l.End(text[:first]); n != 0 {
				t.Errorf("%q: an end at %d", text[:first], n)
			}
			if n := l.End(text); n != len(head) {
				t.Errorf("%q, cut at %d: an end at %d, want %d", head, first, n, len(head))
			}
		}
	}
}

// TestHeadsAreForgotten: of a head with many lines, nothing is kept when the next one came into the same memory.
func TestHeadsAreForgotten(t *testing.T) {
	var x Exchange
	for _, lines := range []int{30, 3000} {
		old := strings.Repeat("A: old\r\n", lines)
		x.split(old+"\r\n", lines)
		x.split("B: new\r\n\r\n", 1)
		if slices.ContainsFunc(x.values[:cap(x.values)], func(v string) bool { return v == "old" }) {
			t.Errorf("of %d lines, some are kept", lines)
		}
		if len(x.values) > mostFields {
			t.Errorf("of %d lines, the memory of %d is kept", lines, len(x.values))
		}
	}
}
