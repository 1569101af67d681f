package proxy

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// poisoner is an upstream that answers each request with its target, and on a connection's first
// sends a whole second answer behind it. second gets a token when it is asked for /second.
func poisoner(t *testing.T) (address string, second chan struct{}) {
	second = make(chan struct{}, 1)
	return tcp(t, func(c net.Conn, next func() (string, bool)) {
		for first := true; ; first = false {
			head, ok := next()
			if !ok {
				return
			}
			target := strings.Fields(head)[1]
			text := "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + target[:7]
			if target == "/second" {
				second <- struct{}{}
			}
			if first && target == "/first-" {
				text += "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}), second
}

// askTwice sends two requests over one transport, and holds the transport, between offering
// the first one's connection to others and looking what is in its buffer, until the upstream was
// asked for the second. That is the moment that the guard is about; by chance it is one in some hundred.
func askTwice(t *testing.T, transport http.RoundTripper) string {
	t.Helper()
	address, second := poisoner(t)
	offered := make(chan struct{})
	trace := &httptrace.ClientTrace{PutIdleConn: func(error) {
		close(offered)
		select {
		case <-second:
		case <-time.After(patience):
		}
	}}
	ask := func(ctx context.Context, target string) string {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	var first sync.WaitGroup
	first.Go(func() {
		// Not Fatal-safe in a goroutine of its own, but a failure shows in the second answer too.
		ask(httptrace.WithClientTrace(t.Context(), trace), "/first-")
	})
	<-offered
	answer := ask(t.Context(), "/second")
	first.Wait()
	return answer
}

// TestNobodyGetsStrayBytes: the guard closes the gap, and without it the gap is there.
func TestNobodyGetsStrayBytes(t *testing.T) {
	quiet(t)
	guarded := NewTransport(TransportOptions{})
	defer guarded.CloseIdleConnections()
	if got := askTwice(t, guarded); got != "/second" {
		t.Errorf("with the guard: the second caller got %q", got)
	}
	open := NewTransport(TransportOptions{}).inner
	defer open.CloseIdleConnections()
	if got := askTwice(t, open); got != "POISON" {
		t.Errorf("without the guard: the second caller got %q; if net/http has closed the gap, the guard can go", got)
	}
}

// quiet silences net/http, which tells of each stray answer that it finds.
func quiet(t *testing.T) {
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
}

// TestGuardUnderLoad: many callers at once, every answer followed by stray bytes; each gets its own.
func TestGuardUnderLoad(t *testing.T) {
	quiet(t)
	upstream := tcp(t, func(c net.Conn, next func() (string, bool)) {
		for {
			head, ok := next()
			if !ok {
				return
			}
			target := strings.Fields(head)[1]
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(target))+"\r\n\r\n"+target+
				"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"); err != nil {
				return
			}
		}
	})
	r := newRig(t, Passthrough, upstream)
	var workers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() {
			for n := range 100 {
				target := "/w" + strconv.Itoa(w) + "-" + strconv.Itoa(n)
				got, err := r.try(http.MethodGet, target, "")
				if err != nil || got.StatusCode == 200 && got.body != target {
					t.Errorf("%s: got %d %q, %v", target, got.StatusCode, got.body, err)
				}
			}
		})
	}
	workers.Wait()
}

// TestWatched finds the watched connection below others, as TLS puts itself above.
func TestWatched(t *testing.T) {
	plain, other := net.Pipe()
	defer plain.Close()
	defer other.Close()
	c := &watchedConn{Conn: plain}
	if watched(c) != c || watched(above{c}) != c || watched(plain) != nil {
		t.Error("not found, or found where it is not")
	}
	awaitQuiet(httptrace.GotConnInfo{Conn: plain, Reused: true}) // not ours: no wait
	awaitQuiet(httptrace.GotConnInfo{Conn: c})                   // new: no wait
	awaitQuiet(httptrace.GotConnInfo{Conn: c, Reused: true})     // nobody reads: closed in the end
	if !c.closed.Load() {
		t.Error("a connection that nobody reads from was kept")
	}
}

type above struct{ net.Conn }

func (a above) NetConn() net.Conn { return a.Conn }
