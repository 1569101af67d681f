package transform_test

import (
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// benchSize is a body by its usual name; the bodies are a little larger.
type benchSize struct {
	name     string
	sessions int
}

func benchSizes() []benchSize { return []benchSize{{"1KB", 1}, {"10KB", 24}, {"1MB", 2640}} }

func BenchmarkLens(b *testing.B) {
	l := compile(b, contextOps())
	for _, form := range []struct {
		name string
		form Form
	}{{"union", Union}, {"replace", Replace}} {
		for _, size := range benchSizes() {
			b.Run(form.name+"/"+size.name, func(b *testing.B) {
				body := contextBody(size.sessions)
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := l.Map(nil, body, Job{Form: form.form}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

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
