package wire

import (
	"net/http"
	"strings"
	"testing"
)

// head is what a browser sends behind its request line.
const head = "Host: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: application/json, text/plain, */*\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef0123456789abcdef\r\n" +
	"Connection: keep-alive\r\nReferer: https://shop.example/discovery/flows\r\nCookie: id=0123456789abcdef; theme=dark\r\nX-Flow-ID: 1f3c\r\n\r\n"

// BenchmarkHeads reads a head into a header whose memory was used before.
func BenchmarkHeads(b *testing.B) {
	for name, text := range map[string]string{"names as they should be": head, "small letters": strings.ToLower(head)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			h, values, came := http.Header{}, make([]string, 32), make([]byte, len(text))
			for b.Loop() {
				copy(came, text)
				fields, err := Canonicalise(came, true)
				if err != nil {
					b.Fatal(err)
				}
				clear(h)
				SplitInto(h, values[:fields], text)
			}
		})
	}
}
