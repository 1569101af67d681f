package coding

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

const text = `{"session":{"id":"s1","name":"Admin Session - Azure"},"sessions":["a","a","a","a","a","a"]}`

func roomy() Limits { return Limits{Bytes: 16 << 20, Ratio: 200} }

// encoded puts codings on a body with other writers than ours, or other settings.
func encoded(tb testing.TB, body string, layers ...Coding) string {
	tb.Helper()
	for _, c := range layers {
		var b bytes.Buffer
		var w io.WriteCloser
		var err error
		switch c {
		case Identity:
			continue
		case Gzip:
			w = gzip.NewWriter(&b)
		case Deflate:
			w = zlib.NewWriter(&b)
		case Brotli:
			w = brotli.NewWriter(&b)
		case Zstd:
			w, err = zstd.NewWriter(&b)
		}
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			tb.Fatal(err)
		}
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
		body = b.String()
	}
	return body
}

func bare(tb testing.TB, body string) string {
	tb.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.String()
}

func TestDecode(t *testing.T) {
	gz, zl, br, zs := encoded(t, text, Gzip), encoded(t, text, Deflate), encoded(t, text, Brotli), encoded(t, text, Zstd)
	spoilt := func(s string, at int) string {
		b := []byte(s)
		b[(len(b)+at)%len(b)] ^= 1
		return string(b)
	}
	named := gz[:3] + "\x08" + gz[4:10] // a header that goes on with a name
	for _, tc := range []struct {
		name   string
		layers []Coding
		body   string
		want   string // of an error, if it does not begin with a brace
	}{
		{"none", nil, text, text},
		{"gzip", []Coding{Gzip}, gz, text},
		{"gzip in two members", []Coding{Gzip}, encoded(t, text[:9], Gzip) + encoded(t, text[9:], Gzip), text},
		{"gzip with an empty member", []Coding{Gzip}, gz + encoded(t, "", Gzip), text},
		{"deflate with its zlib header", []Coding{Deflate}, zl, text},
		{"deflate without", []Coding{Deflate}, bare(t, text), text},
		{"br", []Coding{Brotli}, br, text},
		{"zstd", []Coding{Zstd}, zs, text},
		{"zstd in two frames", []Coding{Zstd}, encoded(t, text[:9], Zstd) + encoded(t, text[9:], Zstd), text},
		{"zstd with a frame to skip", []Coding{Zstd}, zs + "\x50\x2a\x4d\x18\x03\x00\x00\x00abc", text},
		{"gzip, then br", []Coding{Gzip, Brotli}, encoded(t, text, Gzip, Brotli), text},
		{"br, then deflate, then zstd", []Coding{Brotli, Deflate, Zstd}, encoded(t, text, Brotli, Deflate, Zstd), text},
		{"gzip in two members, then gzip in two", []Coding{Gzip, Gzip}, func() string {
			inner := encoded(t, text[:20], Gzip) + encoded(t, text[20:], Gzip)
			return encoded(t, inner[:30], Gzip) + encoded(t, inner[30:], Gzip)
		}(), text},

		{"gzip that is none", []Coding{Gzip}, text, "gzip: invalid header"},
		{"gzip of nothing at all", []Coding{Gzip}, "", "gzip: unexpected EOF"},
		{"gzip with a wrong checksum", []Coding{Gzip}, spoilt(gz, -8), "gzip: invalid checksum"},
		{"gzip with a wrong length", []Coding{Gzip}, spoilt(gz, -4), "gzip: invalid checksum"},
		{"gzip with something behind it", []Coding{Gzip}, gz + text, "gzip: invalid header"},
		{"gzip with zeros behind it", []Coding{Gzip}, gz + "\x00\x00", "gzip: unexpected EOF"},
		{"gzip whose second member is cut in its name", []Coding{Gzip}, gz + named + "name", "gzip: unexpected EOF"},
		{"deflate of nothing at all", []Coding{Deflate}, "", "deflate: unexpected EOF"},
		{"deflate that is none", []Coding{Deflate}, "\x07" + text, "deflate: flate: corrupt input before offset 1"},
		{"deflate with a wrong checksum", []Coding{Deflate}, spoilt(zl, -1), "deflate: zlib: invalid checksum"},
		{"deflate with something behind it", []Coding{Deflate}, zl + "\x00", "deflate: there is something behind its end"},
		{"deflate without a header, with something behind it", []Coding{Deflate}, bare(t, text) + "\x00", "deflate: there is something behind its end"},
		{"deflate with a dictionary", []Coding{Deflate}, "\x78\xbb\x00\x00\x00\x02" + bare(t, text), "deflate: zlib: invalid dictionary"},
		{"br of nothing at all", []Coding{Brotli}, "", "br: unexpected EOF"},
		{"br with something behind it", []Coding{Brotli}, br + "\x00", "br: brotli: excessive input"},
		{"zstd that is none", []Coding{Zstd}, text, "zstd: invalid input: magic number mismatch"},
		{"zstd of nothing at all", []Coding{Zstd}, "", "zstd: unexpected EOF"},
		{"zstd with a wrong checksum", []Coding{Zstd}, spoilt(zs, -1), "zstd: CRC check failed"},
		{"zstd with something behind it", []Coding{Zstd}, zs + "\x00", "zstd: unexpected EOF"},
		{"zstd with more behind it", []Coding{Zstd}, zs + text, "zstd: invalid input: magic number mismatch"},
		{"zstd with a dictionary", []Coding{Zstd}, "\x28\xb5\x2f\xfd\x21\x07\x01\x09\x00\x00\x01", "zstd: unknown dictionary"},
		{"zstd that looks back 16 MiB", []Coding{Zstd}, "\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00", "zstd: window size exceeded"},
		{"zstd that looks back 8 MiB, at nothing", []Coding{Zstd}, "\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00", ""},
		{"another coding than it says", []Coding{Brotli}, gz, "br: brotli: CL_SPACE"},
		{"the layers in the wrong order", []Coding{Brotli, Gzip}, encoded(t, text, Gzip, Brotli), "gzip: invalid header"},
		{"a wrong checksum below", []Coding{Gzip, Gzip}, encoded(t, spoilt(gz, -8), Gzip), "gzip: invalid checksum"},
		{"a wrong checksum above, all else in order", []Coding{Deflate, Gzip}, spoilt(encoded(t, zl, Gzip), -8), "gzip: invalid checksum"},
		{"something between the layers", []Coding{Deflate, Brotli}, encoded(t, zl+"x", Brotli), "deflate: there is something behind its end"},
		{"no coding", []Coding{17}, text, "Coding(17): no coding that is known"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := Decode([]byte("in front "), []byte(tc.body), tc.layers, roomy())
			got, front := strings.CutPrefix(string(out), "in front ")
			if err != nil {
				var told *Error
				if got = err.Error(); out != nil || !errors.As(err, &told) {
					t.Errorf("%q together with an error of type %T", out, err)
				}
			} else if !front {
				t.Errorf("what was there is gone: %q", out)
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestCutAnywhere: a body that ends early is an error wherever it ends, and so is one that
// goes on, also where readers fill their buffers again.
func TestCutAnywhere(t *testing.T) {
	noise := make([]byte, 70_000)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(source.Uint32())
	}
	for _, c := range all() {
		t.Run(c.String(), func(t *testing.T) {
			short := encoded(t, text, c)
			for n := range len(short) {
				if out, err := Decode(nil, []byte(short[:n]), []Coding{c}, roomy()); err == nil {
					t.Fatalf("cut at %d of %d: %q", n, len(short), out)
				}
			}
			for _, size := range []int{4096, 32 << 10, 64 << 10} {
				for n := size - 300; n < size+100; n += 7 {
					body := encoded(t, string(noise[:n]), c)
					if _, err := Decode(nil, []byte(body), []Coding{c}, roomy()); err != nil {
						t.Fatalf("%d bytes: %v", n, err)
					}
					if _, err := Decode(nil, []byte(body+"x"), []Coding{c}, roomy()); err == nil {
						t.Fatalf("%d bytes and one more: no error", n)
					}
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	spaces := strings.Repeat(" ", 3<<20)
	noise := func(n int) string {
		b := make([]byte, n)
		source := rand.New(rand.NewPCG(3, 4))
		for i := range b {
			b[i] = byte(source.Uint32())
		}
		return string(b)
	}
	for _, tc := range []struct {
		name   string
		body   string
		limits Limits
		err    error
	}{
		{"exactly the limit", text, Limits{Bytes: int64(len(text))}, nil},
		{"one more than the limit", text, Limits{Bytes: int64(len(text)) - 1}, ErrTooLarge},
		{"nothing is allowed, and nothing comes", "", Limits{}, nil},
		{"nothing is allowed", "x", Limits{}, ErrTooLarge},
		{"many times its length, without a bound", spaces, Limits{Bytes: 16 << 20}, nil},
		{"many times its length", spaces, roomy(), ErrRatio},
		{"many times its length, but small", spaces[:1<<20], roomy(), nil},
		{"large and hardly shorter", noise(3 << 20), roomy(), nil},
	} {
		for _, c := range all() {
			t.Run(tc.name+"/"+c.String(), func(t *testing.T) {
				_, err := Decode(nil, []byte(encoded(t, tc.body, c)), []Coding{c}, tc.limits)
				if !errors.Is(err, tc.err) || err != nil && tc.err == nil {
					t.Errorf("got %v, want %v", err, tc.err)
				}
			})
		}
	}
	_, err := Decode(nil, []byte(encoded(t, text, Gzip)), []Coding{Gzip}, Limits{Bytes: 10})
	if want := "gzip: too much comes out: more than 10 bytes"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Decode(nil, []byte(encoded(t, spaces, Gzip)), []Coding{Gzip}, Limits{Bytes: 2 << 20, Ratio: 10})
	if want := "gzip: too much comes out of so little: more than 1048576 bytes out of 3088"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestBombs: neither a body that grows without end nor one that says that it will costs more
// memory than what is allowed and the windows; a layer in the middle is bounded as well.
func TestBombs(t *testing.T) {
	const limit = 4 << 20
	zeros := strings.Repeat("\x00", 8<<20)
	once := encoded(t, zeros, Gzip)
	many := strings.Repeat(once, 8)                                                                             // members follow each other
	promised := "\x28\xb5\x2f\xfd\xa0" + string(binary.LittleEndian.AppendUint32(nil, 1<<30)) + "\x03\x00\x00x" // a frame of 1 GiB, it says
	for _, tc := range []struct {
		name   string
		layers []Coding
		body   string
	}{
		{"gzip", []Coding{Gzip}, once},
		{"deflate", []Coding{Deflate}, encoded(t, zeros, Deflate)},
		{"br", []Coding{Brotli}, encoded(t, zeros, Brotli)},
		{"zstd", []Coding{Zstd}, strings.Repeat(encoded(t, zeros, Zstd), 8)},
		{"gzip of many members", []Coding{Gzip}, many},
		{"gzip of gzip", []Coding{Gzip, Gzip}, encoded(t, many, Gzip)},
		{"a layer in the middle that gives nothing", []Coding{Gzip, Brotli}, encoded(t, strings.Repeat(encoded(t, "", Gzip), 1<<18), Brotli)},
		{"zstd that promises", []Coding{Zstd}, promised},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, limits := range []Limits{{Bytes: limit}, {Bytes: limit, Ratio: 200}} {
				spent := allocated(func() {
					if out, err := Decode(nil, []byte(tc.body), tc.layers, limits); err == nil {
						t.Errorf("%d bytes and no error", len(out))
					}
				})
				if spent > 2*limit+16<<20 {
					t.Errorf("%d KiB were allocated for at most %d KiB", spent>>10, limit>>10)
				}
			}
		})
	}
}

// allocated is how many bytes f allocates, all together.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestRoundTrip: any body in any stack comes back, and the same body becomes the same bytes also
// by writers that were used before.
func TestRoundTrip(t *testing.T) {
	var e Encoder
	rapid.Check(t, func(t *rapid.T) {
		body := drawBody(t)
		layers := rapid.SliceOfN(rapid.SampledFrom(append(slices.Collect(values(all())), Identity)), 0, maxLayers).Draw(t, "layers")
		coded, again := body, body
		for _, c := range layers {
			var err error
			if coded, err = e.Encode(nil, coded, c); err != nil {
				t.Fatal(err)
			}
			if again, err = new(Encoder).Encode(nil, again, c); err != nil || !bytes.Equal(again, coded) {
				t.Fatalf("%s twice: %v, or not the same bytes", c, err)
			}
		}
		back, err := Decode(nil, coded, layers, Limits{Bytes: int64(max(len(body), len(coded)) + 1024)})
		if err != nil || !bytes.Equal(back, body) {
			t.Fatalf("%v: %v, or not the same bytes", layers, err)
		}
	})
}

func values[T any](a [4]T) func(func(T) bool) { return slices.Values(a[:]) }

func drawBody(t *rapid.T) []byte {
	return rapid.OneOf(
		rapid.SliceOf(rapid.Byte()),
		rapid.Map(rapid.IntRange(0, 400_000), func(n int) []byte { return []byte(strings.Repeat(text, n/len(text)+1)[:n]) }),
	).Draw(t, "body")
}

// TestEncode: others read what we write, and what stands in front stays.
func TestEncode(t *testing.T) {
	var e Encoder
	for _, tc := range []struct {
		coding Coding
		open   func(io.Reader) (io.Reader, error)
	}{
		{Identity, func(r io.Reader) (io.Reader, error) { return r, nil }},
		{Gzip, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{Deflate, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }},
		{Brotli, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
		{Zstd, func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
	} {
		for _, body := range []string{"", text, strings.Repeat(text, 5000)} {
			out, err := e.Encode([]byte("in front "), []byte(body), tc.coding)
			if err != nil {
				t.Fatal(err)
			}
			rest, front := bytes.CutPrefix(out, []byte("in front "))
			r, err := tc.open(bytes.NewReader(rest))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if !front || err != nil || string(got) != body {
				t.Errorf("%s of %d bytes: %d come back, %v", tc.coding, len(body), len(got), err)
			}
			if len(body) > 10_000 && tc.coding != Identity && len(rest) > len(body)/20 {
				t.Errorf("%s: %d bytes became %d", tc.coding, len(body), len(rest))
			}
		}
	}
	if _, err := e.Encode(nil, nil, 17); err == nil || err.Error() != "Coding(17): no coding that is known" {
		t.Errorf("an unknown coding: %v", err)
	}
}

// FuzzDecode: whatever comes, nothing panics, hangs or becomes too large.
func FuzzDecode(f *testing.F) {
	for i, c := range all() {
		f.Add([]byte(encoded(f, text, c)), byte(i))
		f.Add([]byte(encoded(f, text, c, Gzip)), byte(i)|Gzip.selector()<<2)
	}
	f.Add([]byte(bare(f, text)), Deflate.selector())
	f.Fuzz(func(t *testing.T, body []byte, pick byte) {
		choice := all()
		layers := []Coding{choice[pick&3]}
		if pick&0x80 != 0 {
			layers = append(layers, choice[pick>>2&3])
		}
		limits := Limits{Bytes: 1 << 16, Ratio: 200}
		out, err := Decode(nil, body, layers, limits)
		if (err == nil) != (out != nil) || len(out) > 1<<16 || cap(out) > 1<<17 {
			t.Errorf("%v: %d bytes in %d, %v", layers, len(out), cap(out), err)
		}
	})
}

// selector is the place of a coding in all.
func (c Coding) selector() byte {
	choice := all()
	return byte(slices.Index(choice[:], c))
}

// FuzzRoundTrip: what we encode comes back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte(text), byte(0))
	f.Add([]byte(nil), byte(1))
	var e Encoder
	f.Fuzz(func(t *testing.T, body []byte, pick byte) {
		c := all()[pick&3]
		coded, err := e.Encode(nil, body, c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(nil, coded, []Coding{c}, Limits{Bytes: int64(len(body))})
		if err != nil || !bytes.Equal(back, body) {
			t.Errorf("%s: %q came back, %v", c, back, err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	body := []byte(strings.Repeat(text, 100<<10/len(text)))
	var e Encoder
	for _, c := range all() {
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				var err error
				if out, err = e.Encode(out[:0], body, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
