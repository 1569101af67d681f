package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// BenchmarkWays is one request over a kept connection by each way, with the body read as package proxy
// does. cpu-us/op is the time of the process, user and system, with that of the upstream in it, which is the least
// that an upstream can do.
func BenchmarkWays(b *testing.B) {
	for _, size := range []int{1 << 10, 10 << 10, 1 << 20} {
		address := canned(b, raw.JSON(strings.Repeat("x", size), "Server: legacy", "Date: Mon, 23 Nov 2026 09:00:00 GMT", "Cache-Control: no-store",
			"X-Request-Id: 0b6e2a0c", "Vary: Origin", "Etag: \"33a64df5\""))
		for _, way := range []string{"direct", "transport"} {
			b.Run(fmt.Sprintf("%s/%dKB", way, size>>10), func(b *testing.B) {
				t := to(b, Options{}, address)
				if way == "transport" {
					t.addresses[0].direct = nil
				}
				piece := make([]byte, 64<<10)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				began := processor()
				for b.Loop() {
					benchmarkOne(b, t, piece)
				}
				b.ReportMetric((processor()-began)/float64(b.N), "cpu-us/op")
			})
		}
	}
}

func benchmarkOne(b *testing.B, t *Transport, piece []byte) {
	b.Helper()
	r := request(b, t, http.MethodGet, "/api/v1/context/me?x=1", "", "Accept", "application/json", "Authorization", "Bearer token",
		"X-Request-Id", "0b6e2a0c", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "client.example", "X-Forwarded-Proto", "http")
	res, err := t.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	for err == nil {
		_, err = res.Body.Read(piece)
	}
	if !errors.Is(err, io.EOF) {
		b.Error(err)
	}
	res.Body.Close()
}

// canned is an upstream that answers every request with the same bytes.
func canned(b *testing.B, answer string) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	text := []byte(answer)
	talk := func(c net.Conn) {
		defer c.Close()
		in := bufio.NewReader(c)
		for {
			for line := []byte("x"); len(line) > 0; {
				var err error
				if line, err = in.ReadSlice('\n'); err != nil {
					return
				}
				line = bytes.TrimSpace(line)
			}
			if _, err := c.Write(text); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go talk(c)
		}
	}()
	return "http://" + l.Addr().String()
}

// processor is the time that the process has had, in microseconds.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}
