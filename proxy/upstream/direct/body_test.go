//go:build linux && !386

package direct

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// opened asks for an answer and gives it, its body not read.
func opened(t *testing.T, client *Client) *http.Response {
	t.Helper()
	res, err := client.RoundTrip(request(t, http.MethodGet, "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestClosedEarly: a connection is kept where the rest of the body has come with what was read, and there is nothing behind it.
func TestClosedEarly(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, tc := range map[string]struct {
		answer string
		read   int
		kept   bool
	}{
		"a length, at once":          {ok("hello"), 0, true},
		"a length, later":            {ok("hello"), 2, true},
		"a length, in vain":          {strings.TrimSuffix(ok("hello"), "lo"), 2, false},
		"a length, with more behind": {ok("hello") + "x", 2, false},
		"a large body":               {ok(strings.Repeat("x", 1<<20)), 2, false},
		"chunks, at once":            {chunked + raw.Chunks("hello", "world"), 0, true},
		"chunks, later":              {chunked + raw.Chunks("hello", "world"), 7, true},
		"chunks, with trailers":      {chunked + raw.Begun("hello") + "0\r\nX: y\r\n\r\n", 2, true},
		"chunks that go on":          {chunked + raw.Begun("hello"), 2, false},
		"chunks in the middle":       {chunked + "9\r\nhello", 2, false},
		"bad chunks":                 {chunked + "3\r\nhello\r\n0\r\n\r\n", 2, false},
		"chunks, with more behind":   {chunked + raw.Chunks("hello") + "x", 2, false},
		"until the end":              {"HTTP/1.1 200 OK\r\n\r\nhello", 2, false},
		"it closes":                  {raw.Text("HTTP/1.1 200 OK", "hello", "Connection: close"), 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, raw.Take(), raw.Send(tc.answer), raw.UntilGone())
			stray := 0
			client := to(t, u.Address(), func(o *Options) { o.Stray = func() { stray++ } })
			res := opened(t, client)
			if _, err := io.ReadFull(res.Body, make([]byte, tc.read)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // once more is no harm
				if err := res.Body.Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := res.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
				t.Errorf("read behind the close: %v", err)
			}
			if kept := len(client.pool.list()) == 1; kept != tc.kept {
				t.Errorf("kept: %v", kept)
			}
			if told := stray == 1; told != strings.Contains(name, "more behind") {
				t.Errorf("told of %d", stray)
			}
			if !tc.kept {
				u.AwaitIdle()
			}
		})
	}
}

// TestClosedWhileRead: a Read that waits ends with the Close, and so does the connection.
func TestClosedWhileRead(t *testing.T) {
	for name, head := range map[string]string{
		"a length":      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
		"chunks":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"until the end": "HTTP/1.1 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, raw.Take(), raw.Send(head), raw.UntilGone())
			client := to(t, u.Address())
			res := opened(t, client) //nolint:bodyclose // it is closed below, while somebody reads
			x := res.Body.(*Exchange)
			ended := make(chan error)
			go func() {
				_, err := res.Body.Read(make([]byte, 1))
				ended <- err
			}()
			await(t, "somebody reads", func() bool { return x.state.Load() == reading })
			if _, err := res.Body.Read(make([]byte, 1)); !errors.Is(err, errBusy) {
				t.Errorf("two at once: %v", err)
			}
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
			if err := <-ended; !errors.Is(err, http.ErrBodyReadAfterClose) {
				t.Errorf("got %v", err)
			}
			u.AwaitIdle()
			if n := len(client.pool.list()); n != 0 {
				t.Errorf("%d connections are kept", n)
			}
		})
	}
}

// TestTheEndIsTheEnd: behind it nothing changes, and the connection is free already.
func TestTheEndIsTheEnd(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		if r.Target == "/chunks" {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("hello")
		}
		return ok("hello")
	})))
	client := to(t, u.Address())
	for _, path := range []string{"/", "/chunks"} {
		res, err := client.RoundTrip(request(t, http.MethodGet, path, ""))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 5)
		if n, err := res.Body.Read(nil); n != 0 || err != nil {
			t.Errorf("%s: nothing is %d, %v", path, n, err)
		}
		if n, err := res.Body.Read(p); n != 5 || err != io.EOF {
			t.Errorf("%s: got %d, %v; want the end with the last byte", path, n, err)
		}
		get(t, client, "/")
		if n, err := res.Body.Read(p); n != 0 || err != io.EOF {
			t.Errorf("%s: behind the end %d, %v", path, n, err)
		}
		res.Body.Close()
	}
	if n := u.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestManyAtOnce: each of many callers, some of whom leave early, gets what was meant for it, from an upstream that now
// and then sends more than it should.
func TestManyAtOnce(t *testing.T) {
	u := raw.Serve(t, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		body := strings.Repeat(r.Target+"|", 500)
		switch {
		case strings.HasSuffix(r.Target, "3"):
			return ok(body) + ok("POISON")
		case strings.HasSuffix(r.Target, "7"):
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks(body[:700], body[700:])
		}
		return ok(body)
	}))).Sparse()
	client := to(t, u.Address())
	var all sync.WaitGroup
	for caller := range 16 {
		all.Go(func() {
			for n := range 100 {
				path := "/" + strings.Repeat("x", caller) + string(rune('0'+n%10))
				res, err := client.RoundTrip(request(t, http.MethodGet, path, ""))
				if err != nil {
					t.Error(err)
					return
				}
				if n%9 == 0 {
					res.Body.Close()
					continue
				}
				body, err := io.ReadAll(res.Body)
				if want := strings.Repeat(path+"|", 500); err != nil || string(body) != want {
					t.Errorf("%s: got %.100q, %v", path, body, err)
				}
				res.Body.Close()
			}
		})
	}
	all.Wait()
}
