package proxy

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

const (
	// pieceSize is how much of a body that is not mapped is in memory at a time. Large enough for
	// few system calls, small enough for thousands of them at once.
	pieceSize = 64 << 10
	// largePieceSize is that of a body which is known to be as long. It takes a fifth off the cost of
	// 1 MB, most of it in the kernel.
	largePieceSize = 256 << 10
	// maxLargePieces is how many of those there are at once, so that their memory does not grow with the
	// number of clients. Who finds none takes small ones.
	maxLargePieces = 64
)

// pieces are the buffers that bodies are copied with.
type pieces struct {
	small, large sync.Pool
	inUse        atomic.Int64 // of the large ones
}

// get gives a buffer, of a size or smaller.
func (p *pieces) get(size int) []byte {
	if size == largePieceSize {
		if p.inUse.Add(1) <= maxLargePieces {
			if b, ok := p.large.Get().(*[largePieceSize]byte); ok {
				return b[:]
			}
			return make([]byte, largePieceSize)
		}
		p.inUse.Add(-1)
	}
	if b, ok := p.small.Get().(*[pieceSize]byte); ok {
		return b[:]
	}
	return make([]byte, pieceSize)
}

// put takes a buffer back. Where a write of it has failed it is not used again: net/http's HTTP/2 may still read what it was given for a
// stream that its client has ended, and what it would read then is another caller's.
func (p *pieces) put(b []byte, failed bool) {
	if len(b) == largePieceSize {
		p.inUse.Add(-1)
	}
	switch {
	case failed:
	case len(b) == largePieceSize:
		p.large.Put((*[largePieceSize]byte)(b))
	default:
		p.small.Put((*[pieceSize]byte)(b))
	}
}

// pieceSize is in what pieces a body of a length, -1 if unknown, goes to the client. HTTP/2 cuts them again, and
// edge gives a client there so much time for each.
func (x *exchange) pieceSize(length int64) int {
	if length >= largePieceSize && x.in.ProtoMajor == 1 {
		return largePieceSize
	}
	return pieceSize
}

// workspace is the memory of one answer being mapped: as it came, decoded, mapped, encoded. It
// belongs to one exchange, until the client has taken the body or nobody wants it any more.
type workspace struct {
	raw, plain, out, coded []byte
}

// maxPooled bounds, in bytes, what a workspace may hold and still be used again. Rarely is a
// body larger; memory for one that is should not wait for the next.
const maxPooled = 4 << 20

type workspaces struct{ pool sync.Pool }

func (p *workspaces) get() *workspace {
	if w, ok := p.pool.Get().(*workspace); ok {
		return w
	}
	return &workspace{}
}

func (p *workspaces) put(w *workspace) {
	if cap(w.raw)+cap(w.plain)+cap(w.out)+cap(w.coded) <= maxPooled {
		p.pool.Put(w)
	}
}

// firstRead is how much memory a body of unknown length gets at first, in bytes.
const firstRead = 16 << 10

// read reads a body into w.raw: all of it, or limit+1 bytes, and then whole is false. known is
// its length, -1 if unknown.
func (w *workspace) read(body io.Reader, known, limit int64) (whole bool, err error) {
	if w.raw, err = fill(w.raw[:0], body, known, limit); err != nil {
		return false, fmt.Errorf("read the upstream's body: %w", err)
	}
	return int64(len(w.raw)) <= limit, nil
}

// fill appends what r has to b, up to limit+1 bytes. It asks until the end, so that a reader
// that checks something there has checked it.
func fill(b []byte, r io.Reader, known, limit int64) ([]byte, error) {
	want := int64(firstRead)
	if known >= 0 {
		want = known + 1 // one more, to see the end without growing
	}
	if int64(cap(b)) < want {
		b = make([]byte, 0, want)
	}
	for int64(len(b)) <= limit {
		if len(b) == cap(b) {
			// Doubled: append grows large slices by a quarter, and leaves four times as much behind.
			b = append(make([]byte, 0, min(int64(2*cap(b)), limit+1)), b...)
		}
		n, err := r.Read(b[len(b):min(int64(cap(b)), limit+1)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// heldBody gives out a body that is in a workspace, and perhaps the rest of it behind.
type heldBody struct {
	pool *workspaces
	held *workspace
	left []byte
	rest io.ReadCloser
}

func (b *heldBody) Read(p []byte) (int, error) {
	if len(b.left) > 0 {
		n := copy(p, b.left)
		b.left = b.left[n:]
		return n, nil
	}
	if b.rest != nil {
		return b.rest.Read(p)
	}
	return 0, io.EOF
}

// Close gives the workspace back.
func (b *heldBody) Close() error {
	if b.held != nil {
		b.left = nil
		b.pool.put(b.held)
		b.held = nil
	}
	if b.rest != nil {
		return b.rest.Close()
	}
	return nil
}
