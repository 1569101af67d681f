package direct

import "sync"

// bufferSize takes most answers, heads included, in one read.
const bufferSize = 16 << 10

// buffer is the memory of one request under way: what is written, then what was read and is not yet used.
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

// buffers is a pool of them. Connections that nobody uses have none.
type buffers struct{ pool sync.Pool }

func (p *buffers) get() *buffer {
	if b, ok := p.pool.Get().(*buffer); ok {
		b.from, b.to = 0, 0
		return b
	}
	return &buffer{bytes: make([]byte, bufferSize)}
}

// put takes a buffer back, but for one that a large head has made large.
func (p *buffers) put(b *buffer) {
	if len(b.bytes) == bufferSize {
		p.pool.Put(b)
	}
}
