package coding

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Limits bound what may come out of each layer of a body.
type Limits struct {
	// Bytes is the most that may come out. Not negative.
	Bytes int64
	// Ratio is how many times its encoded length a body may have, above 1 MiB; 0 is no bound.
	Ratio int64
}

// ratioFrom is where a ratio begins to count, in bytes: what is smaller is no bomb, and small
// bodies that repeat themselves shrink to almost nothing.
const ratioFrom = 1 << 20

// Errors of bodies that become too large. They are wrapped in an *Error.
var (
	ErrTooLarge = errors.New("too much comes out")
	ErrRatio    = errors.New("too much comes out of so little")
)

var (
	errBehind  = errors.New("there is something behind its end")
	errUnknown = errors.New("no coding that is known")
)

// Error is a layer that cannot be undone.
type Error struct {
	Coding Coding
	Err    error
}

func (e *Error) Error() string {
	name, text := e.Coding.String()+": ", e.Err.Error()
	if strings.HasPrefix(text, name) {
		return text // by a package of the same name
	}
	return name + text
}

func (e *Error) Unwrap() error { return e.Err }

// zstdWindow is how far a zstd frame may refer back, in bytes: the most that a sender may use in
// HTTP (RFC 9659).
const zstdWindow = 8 << 20

// Decode undoes layers, as Parse gives them, and appends what comes out to dst. On an error,
// which is an *Error, nothing is given. Beside what comes out, each layer has some memory of its
// own: at most its window, 32 KiB with gzip and deflate, 8 MiB with zstd, 16 MiB with br.
func Decode(dst, body []byte, layers []Coding, limits Limits) ([]byte, error) {
	var in io.Reader = bytes.NewReader(body)
	allowed := limits.allowed(len(body))
	for i := len(layers) - 1; i >= 0; i-- {
		in = &layer{coding: layers[i], in: bufio.NewReader(in), allowed: allowed}
	}
	// One more than is allowed, so that the layer is asked for it and says what is wrong.
	return appendAll(dst, in, allowed.bytes+1, len(body))
}

// allowance is what a layer may give.
type allowance struct {
	bytes int64
	over  error // what is wrong with more
}

func (l Limits) allowed(encoded int) allowance {
	most := allowance{l.Bytes, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, l.Bytes)}
	if l.Ratio > 0 && l.Ratio <= l.Bytes/max(int64(encoded), 1) {
		if bound := max(l.Ratio*int64(encoded), ratioFrom); bound < most.bytes {
			most = allowance{bound, fmt.Errorf("%w: more than %d bytes out of %d", ErrRatio, bound, encoded)}
		}
	}
	return most
}

// layer gives what comes out of one coding, and io.EOF only if all of it was in order.
type layer struct {
	coding  Coding
	in      *bufio.Reader
	out     io.Reader // nil before the first Read
	given   int64
	allowed allowance
}

func (l *layer) Read(p []byte) (int, error) {
	if l.out == nil {
		out, err := open(l.coding, l.in)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // it has not begun
		}
		if err != nil {
			return 0, l.fault(err)
		}
		l.out = out
	}
	n, err := l.out.Read(p)
	if l.given += int64(n); l.given > l.allowed.bytes {
		return 0, l.fault(l.allowed.over)
	}
	if err != io.EOF {
		return n, l.fault(err)
	}
	// This also brings the layer below to its end, where its checksum is.
	if _, err := l.in.ReadByte(); err == nil {
		return n, l.fault(errBehind)
	} else if err != io.EOF {
		return n, l.fault(err)
	}
	return n, io.EOF
}

// fault names the layer that an error is of, once.
func (l *layer) fault(err error) error {
	var named *Error
	if err == nil || errors.As(err, &named) {
		return err
	}
	return &Error{l.coding, err}
}

// open begins to undo a coding. What it gives leaves in just behind the coding's end, or has
// read in to the end itself.
func open(c Coding, in *bufio.Reader) (io.Reader, error) {
	switch c {
	case Identity:
		return in, nil
	case Gzip:
		return gzip.NewReader(in) // reads all members, one after the other
	case Deflate:
		return openDeflate(in)
	case Brotli:
		return brotli.NewReader(in), nil
	case Zstd:
		if _, err := in.Peek(1); err != nil {
			return nil, err // no frame at all would be nothing, in good order
		}
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return z, nil
	}
	return nil, errUnknown
}

// openDeflate reads both of what is sent under the name: a zlib stream, which it means, and a
// bare deflate stream, which servers have sent for decades. The first two bytes tell: a bare
// stream could have a zlib header there only by a block that is stored with odd bits in its padding, which
// nobody writes.
func openDeflate(in *bufio.Reader) (io.Reader, error) {
	head, err := in.Peek(2)
	if len(head) == 0 {
		return nil, err
	}
	const method, window, check = 0x08, 0x70, 31 // RFC 1950 section 2.2
	if len(head) == 2 && head[0]&0x0f == method && head[0]&0xf0 <= window && (int(head[0])<<8|int(head[1]))%check == 0 {
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}

const (
	// firstGuess is how many times longer than its encoded form a body is taken to be: what JSON
	// often is. A wrong guess costs one more allocation.
	firstGuess = 8
	// growth is by how much memory grows where the guess was wrong.
	growth = 4
)

// appendAll appends all of r, which ends within most bytes, to dst.
func appendAll(dst []byte, r io.Reader, most int64, encoded int) ([]byte, error) {
	begin := len(dst)
	room := min(int64(encoded)*firstGuess+bytes.MinRead, most)
	for {
		if len(dst) == cap(dst) {
			grown := make([]byte, len(dst), int64(begin)+max(room, 1))
			copy(grown, dst)
			dst = grown
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
		room = min(max(room, int64(len(dst)-begin))*growth, most)
	}
}
