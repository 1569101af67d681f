package direct

import "sync"

const (
	// bufferSize takes most answers, heads included, in one read.
	bufferSize = 16 << 10
	// askSize takes the heads of most requests. It is all that a request holds which waits for its answer.
	askSize = 2 << 10
)

// buffer is the memory of a request that is written, or of what was read of its answer and is not yet used.
type buffer struct {
	bytes    []byte
	from, to int // unread are bytes[from:to]
	fields   []string
}

func (b *buffer) unread() []byte { return b.bytes[b.from:b.to] }

// room makes some, behind the bytes that are unread.
func (b *buffer) room() []byte {
	switch {
	case b.from == b.to:
		b.from, b.to = 0, 0
	case b.to == len(b.bytes) && b.from > 0:
		b.to = copy(b.bytes, b.unread())
		b.from = 0
	case b.to == len(b.bytes):
		larger := make([]byte, 2*len(b.bytes))
		copy(larger, b.bytes)
		b.bytes = larger
	}
	return b.bytes[b.to:]
}

// buffers is a pool of each size. Connections that nobody uses have none.
type buffers struct{ large, small sync.Pool }

// get gives one for an answer.
func (p *buffers) get() *buffer { return take(&p.large, bufferSize) }

// getAsk gives one for a request with a body of that length.
func (p *buffers) getAsk(length int64) *buffer {
	if length > askSize/2 {
		return p.get()
	}
	return take(&p.small, askSize)
}

func take(pool *sync.Pool, size int) *buffer {
	if b, ok := pool.Get().(*buffer); ok {
		b.from, b.to = 0, 0
		return b
	}
	return &buffer{bytes: make([]byte, size)}
}

// put takes a buffer back, but for one that had to be made larger; nil for none.
func (p *buffers) put(b *buffer) {
	switch {
	case b == nil:
	case len(b.bytes) == bufferSize:
		p.large.Put(b)
	case len(b.bytes) == askSize:
		p.small.Put(b)
	}
}
