package coding

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// The efforts are for bodies that are made at run time and sent once: most of what there is
// to gain, for a few milliseconds a MiB.
const (
	deflateLevel  = 5
	brotliQuality = 4
	// encodeWindow bounds the memory of a writer, in bytes; few bodies are longer.
	encodeWindow     = 1 << encodeWindowBits
	encodeWindowBits = 20
)

// Encoder encodes bodies. Its zero value is ready; it is safe for concurrent use and must not be
// copied. It keeps writers to use them again. The same body becomes the same bytes each time.
type Encoder struct {
	pools [Zstd + 1]sync.Pool // of *encoding
}

// encoding is a writer and what it writes to.
type encoding struct {
	writer interface {
		io.WriteCloser
		Reset(io.Writer)
	}
	out []byte
}

func (e *encoding) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

// Encode appends the encoded body to dst.
func (e *Encoder) Encode(dst, body []byte, c Coding) ([]byte, error) {
	if c == Identity {
		return append(dst, body...), nil
	}
	if c < Identity || c > Zstd {
		return nil, &Error{c, errUnknown}
	}
	pool := &e.pools[c]
	w, ok := pool.Get().(*encoding)
	if ok {
		w.writer.Reset(w)
	} else {
		w = new(encoding)
		if err := w.open(c); err != nil {
			return nil, &Error{c, err}
		}
	}
	w.out = dst
	_, err := w.writer.Write(body)
	err = errors.Join(err, w.writer.Close())
	dst, w.out = w.out, nil
	if err != nil {
		return nil, &Error{c, err}
	}
	pool.Put(w)
	return dst, nil
}

// open makes the writer. All of them work on the caller's goroutine alone.
func (e *encoding) open(c Coding) (err error) {
	switch c {
	case Gzip:
		e.writer, err = gzip.NewWriterLevel(e, deflateLevel)
	case Deflate:
		e.writer, err = zlib.NewWriterLevel(e, deflateLevel)
	case Brotli:
		e.writer = brotli.NewWriterOptions(e, brotli.WriterOptions{Quality: brotliQuality, LGWin: encodeWindowBits})
	case Zstd:
		e.writer, err = zstd.NewWriter(e, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(encodeWindow), zstd.WithZeroFrames(true))
	case Identity:
		err = fmt.Errorf("nothing to write for %s", c)
	}
	return err
}
