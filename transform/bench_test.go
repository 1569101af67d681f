package transform_test

import (
	"bytes"
	"io"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// benchSize is a body by its usual name; the bodies are a little larger.
type benchSize struct {
	name     string
	sessions int
}

func benchSizes() []benchSize {
	return []benchSize{{"1KB", 1}, {"10KB", 24}, {"1MB", 2640}}
}

// andLarge adds the size of the largest bodies that are held.
func andLarge(sizes []benchSize) []benchSize { return append(sizes, benchSize{"16MB", 42240}) }

func BenchmarkLens(b *testing.B) {
	l := compile(b, contextOps())
	for _, form := range []struct {
		name string
		form Form
	}{{"union", Union}, {"replace", Replace}} {
		for _, size := range andLarge(benchSizes()) {
			b.Run(form.name+"/"+size.name, func(b *testing.B) {
				body := contextBody(size.sessions)
				var out []byte // given again and again, as the data path does it
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					result, err := l.Map(out[:0], body, Job{Form: form.form})
					if err != nil {
						b.Fatal(err)
					}
					out = result.Body
				}
			})
		}
	}
}

// BenchmarkStream is the union again, in pieces of 64 KiB as the data path reads them, given to nobody.
func BenchmarkStream(b *testing.B) {
	l := compile(b, contextOps())
	piece := make([]byte, 64<<10)
	for _, size := range andLarge(benchSizes()) {
		b.Run(size.name, func(b *testing.B) {
			body := contextBody(size.sessions)
			src := bytes.NewReader(nil)
			from, to := &onlyReader{}, &onlyWriter{io.Discard}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(body)
				s := l.Stream(src, Job{}, nil)
				from.Reader = s
				if _, err := io.CopyBuffer(to, from, piece); err != nil {
					b.Fatal(err)
				}
				if res, err := s.Result(); err != nil || !res.Changed {
					b.Fatal(res, err)
				}
				s.Release()
			}
		})
	}
}

// onlyReader and onlyWriter hide what io.Copy would rather call.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

func BenchmarkYardstick(b *testing.B) {
	for _, size := range benchSizes() {
		b.Run(size.name, func(b *testing.B) {
			body := contextBody(size.sessions)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := yardstick(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
