package direct

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// chunks is how far the reading of a chunked body is.
type chunks struct {
	at     place
	excess int64 // bytes that were not of the body, beyond what is usual
}

type place uint8

const (
	beforeSize place = iota
	inChunk
	behindChunk
	inTrailer
)

const (
	// maxChunkLine bounds the line with the size of a chunk, its extensions included, in bytes.
	maxChunkLine = 4 << 10
	// maxTrailers bounds all trailers, in bytes.
	maxTrailers = 16 << 10
	// usualOverhead is what a chunk may have around it, and beside it twice its length; maxExcess is how much more there may
	// be in a body. Small chunks are honest, and long extensions are not.
	usualOverhead = 16
	maxExcess     = 16 << 10
)

var (
	// errMore says that the buffer does not have enough.
	errMore       = errors.New("more bytes are needed")
	errChunkEnd   = errors.New("malformed chunked encoding: a chunk longer than its size")
	errChunkLine  = fmt.Errorf("malformed chunked encoding: a line of more than %d bytes", maxChunkLine)
	errBareLF     = errors.New("malformed chunked encoding: a line that does not end with CR and LF")
	errManyExtras = errors.New("malformed chunked encoding: too much beside the data")
	errTrailers   = fmt.Errorf("trailers of more than %d bytes", maxTrailers)
)

// readChunks gives some of the body: what is here, and waits only where nothing is.
func (x *Exchange) readChunks(p []byte) (n int, err error) {
	for n < len(p) {
		if x.chunks.at == inChunk {
			got := x.bufferedLeft(p[n:])
			if got == 0 && n > 0 {
				return n, nil
			}
			if got == 0 {
				if got, err = x.waitLeft(p); err != nil {
					return 0, err
				}
			}
			n += got
			if x.left == 0 {
				x.chunks.at = behindChunk
			}
			continue
		}
		switch err = x.nextChunk(); {
		case err == nil:
		case !errors.Is(err, errMore):
			return n, err
		case n > 0:
			return n, nil
		default:
			if err = x.more(); err != nil {
				return 0, err
			}
		}
	}
	// The end may be here already, and then the connection is free at once.
	for x.chunks.at != inChunk {
		if err = x.nextChunk(); errors.Is(err, errMore) {
			break
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

// bufferedLeft gives what is here of the chunk.
func (x *Exchange) bufferedLeft(p []byte) int {
	n := x.buffered(p[:min(uint64(len(p)), x.left)])
	x.left -= uint64(n)
	return n
}

// waitLeft waits for more of the chunk. A large rest goes past the buffer; into the buffer comes also what is
// behind a small one, with the same system call.
func (x *Exchange) waitLeft(p []byte) (int, error) {
	if x.left >= bufferSize && len(p) >= bufferSize {
		return x.readLeft(p)
	}
	if err := x.more(); err != nil {
		return 0, err
	}
	return x.bufferedLeft(p), nil
}

// more reads into the buffer.
func (x *Exchange) more() error {
	n, err := x.wait(x.buffer.room())
	x.buffer.to += n
	return unexpected(err)
}

// nextChunk goes on to the data of the next chunk. Behind the last one it is io.EOF; errMore says that
// it cannot go on.
func (x *Exchange) nextChunk() error {
	for {
		switch x.chunks.at {
		case inChunk:
			return nil
		case behindChunk:
			rest := x.buffer.unread()
			if len(rest) > 0 && rest[0] != '\r' || len(rest) > 1 && rest[1] != '\n' {
				return errChunkEnd
			}
			if len(rest) < 2 {
				return errMore
			}
			x.buffer.from += 2
			x.chunks.at = beforeSize
		case beforeSize:
			if err := x.size(); err != nil {
				return err
			}
		case inTrailer:
			return x.trailers()
		}
	}
}

// size reads the line before a chunk.
func (x *Exchange) size() error {
	unread := x.buffer.unread()
	i := bytes.IndexByte(unread[:min(len(unread), maxChunkLine)], '\n')
	switch {
	case i < 0 && len(unread) >= maxChunkLine:
		return errChunkLine
	case i < 0:
		return errMore
	case i == 0 || bytes.IndexByte(unread[:i], '\r') != i-1:
		return errBareLF
	}
	size, err := parseSize(unread[:i-1])
	if err != nil {
		return err
	}
	// One more for CR, LF and what ends the data.
	x.chunks.excess = max(0, x.chunks.excess+int64(i)+1+2-usualOverhead-2*int64(min(size, math.MaxInt64/4)))
	if x.chunks.excess > maxExcess {
		return errManyExtras
	}
	x.buffer.from += i + 1
	if x.left, x.chunks.at = size, inChunk; size == 0 {
		x.chunks.at = inTrailer
	}
	return nil
}

// parseSize reads the size of a chunk. An extension is left out: it is for the next hop, which is here.
func parseSize(line []byte) (uint64, error) {
	digits, _, _ := bytes.Cut(bytes.TrimRight(line, " \t"), []byte{';'})
	if len(digits) == 0 || len(digits) > 16 {
		return 0, fmt.Errorf("malformed chunked encoding: the size %q", wire.Quoted(line))
	}
	var n uint64
	for _, c := range digits {
		switch {
		case wire.IsDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, fmt.Errorf("malformed chunked encoding: the size %q", wire.Quoted(line))
		}
		n = n<<4 | uint64(c)
	}
	if n > math.MaxInt64 {
		return 0, fmt.Errorf("malformed chunked encoding: the size %q", wire.Quoted(line))
	}
	return n, nil
}

// trailers reads what is behind the last chunk, up to an empty line.
func (x *Exchange) trailers() error {
	unread := x.buffer.unread()
	var all wire.Lines
	n := all.End(unread)
	switch {
	case n > maxTrailers, n == 0 && len(unread) >= maxTrailers:
		return errTrailers
	case n == 0:
		return errMore
	}
	text := unread[:n]
	if bytes.Count(text, []byte("\r\n")) != bytes.Count(text, []byte{'\n'}) {
		return errBareLF
	}
	fields, err := wire.Canonicalise(text, false)
	if err != nil {
		return err
	}
	x.buffer.from += n
	if fields > 0 {
		if x.response.Trailer == nil {
			x.response.Trailer = http.Header{}
		}
		maps.Copy(x.response.Trailer, wire.Split(string(text), fields))
	}
	return io.EOF
}

// drainChunks goes to the end of the body as far as it is here, and says whether it is.
func (x *Exchange) drainChunks() bool {
	for {
		if x.chunks.at == inChunk {
			here := min(x.left, uint64(len(x.buffer.unread())))
			x.buffer.from += int(here)
			if x.left -= here; x.left > 0 {
				return false
			}
			x.chunks.at = behindChunk
		}
		if err := x.nextChunk(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
