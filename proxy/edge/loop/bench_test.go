package loop

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkServers is a request and its answer of 1 KiB over a kept connection, by a Server and by net/http's. The client is the same, and
// its time is in it.
func BenchmarkServers(b *testing.B) {
	body := []byte(strings.Repeat("x", 1<<10))
	length, kind, date := []string{"1024"}, []string{"application/json"}, []string{"x"}
	keeps := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Length"], h["Content-Type"], h["Date"] = length, kind, date
		_, _ = w.Write(body)
	})
	releases := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keeps(w, r)
		w.(*answer).Release()
	})
	const request = "GET /api/v1/context/me HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: application/json\r\nAuthorization: Bearer x\r\n\r\n"
	for name, address := range map[string]string{
		"loop": serve(b, Options{Handler: keeps}), "loop, released": serve(b, Options{Handler: releases}), "net/http": reference(b, Options{Handler: keeps}),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", address)
				if err != nil {
					b.Error(err)
					return
				}
				defer c.Close()
				r := bufio.NewReaderSize(c, 4<<10)
				for pb.Next() {
					if _, err := io.WriteString(c, request); err != nil {
						b.Error(err)
						return
					}
					for {
						line, err := r.ReadSlice('\n')
						if err != nil {
							b.Error(err)
							return
						}
						if len(line) == 2 {
							break
						}
					}
					if _, err := r.Discard(len(body)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkTurns is what is done for a request and its answer beside the system calls: the head is read, and the answer lies in the output.
func BenchmarkTurns(b *testing.B) {
	body := []byte(strings.Repeat("x", 1<<10))
	header := map[string][]string{
		"Content-Length": {"1024"}, "Content-Type": {"application/json"}, "Date": {"Mon, 02 Nov 2026 10:00:00 GMT"}, "Server": {"uvicorn"},
		"X-Request-Id": {"0123456789abcdef"}, "Cache-Control": {"no-store"}, "Vary": {"Accept-Encoding"}, "Crossfade-Mode": {"dual"},
	}
	s := New(Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(*answer).UseHeader(header)
		_, _ = w.Write(body)
		w.(*answer).Release()
	})})
	const request = "GET /api/v1/context/me HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: application/json\r\nAuthorization: Bearer x\r\n\r\n"
	c := &conn{server: s, ctx: context.Background()}
	c.watch.conn = c
	defer c.watch.stop()
	head := make([]byte, len(request))
	b.ReportAllocs()
	for b.Loop() {
		copy(head, request)
		t, err := c.request(head)
		if err != nil || !c.answer(t) {
			b.Fatalf("the answer was not taken (%v)", err)
		}
		c.dropOutput()
	}
}
