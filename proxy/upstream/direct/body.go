package direct

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
)

// The states of a body. Whoever leads it out of the first two gives the connection back.
const (
	open    int32 = iota
	reading       // by one goroutine
	ended         // with the error that Read gives from now on
	closed
)

var errBusy = errors.New("the body is being read already")

// Read implements io.Reader for the body of the answer. It gives what is there without waiting for more,
// and the end together with the last bytes.
func (x *Exchange) Read(p []byte) (int, error) {
	if !x.state.CompareAndSwap(open, reading) {
		switch x.state.Load() {
		case ended:
			return 0, x.err
		case reading:
			return 0, errBusy
		}
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := x.read(p)
	next, whole := open, errors.Is(err, io.EOF)
	if err != nil {
		if cause := context.Cause(x.ctx); cause != nil && !whole {
			err = cause
		}
		x.err, next = err, ended
	}
	if !x.state.CompareAndSwap(reading, next) {
		x.release(false) // Close has closed the connection below
		return 0, http.ErrBodyReadAfterClose
	}
	if err != nil {
		x.release(whole)
	}
	return n, err
}

// Ready says that the next Read gives something without waiting for it.
func (x *Exchange) Ready() bool { return x.state.Load() == ended || len(x.buffer.unread()) > 0 }

// Close implements io.Closer. Before the end of the body it closes the connection, if the rest is not
// here already. It may be called while somebody reads: that Read fails then.
func (x *Exchange) Close() error {
	for {
		switch x.state.Load() {
		case open:
			if x.state.CompareAndSwap(open, closed) {
				x.release(x.drain())
				return nil
			}
		case reading:
			if x.state.CompareAndSwap(reading, closed) {
				x.conn.close()
				return nil
			}
		case ended:
			if x.state.CompareAndSwap(ended, closed) {
				return nil
			}
		default:
			return nil
		}
	}
}

// read gives a piece of the body.
func (x *Exchange) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	switch x.framing.body {
	case chunkedBody:
		return x.readChunks(p)
	case lengthBody:
		n, err := x.readLeft(p)
		if err == nil && x.left == 0 {
			err = io.EOF
		}
		return n, err
	case untilClose, noBody:
	}
	if n := x.buffered(p); n > 0 {
		return n, nil
	}
	return x.wait(p)
}

// readLeft reads some of the bytes that are left. The end of the connection is not their end.
func (x *Exchange) readLeft(p []byte) (int, error) {
	p = p[:min(uint64(len(p)), x.left)]
	n := x.buffered(p)
	if n == 0 {
		var err error
		if n, err = x.wait(p); err != nil {
			return 0, unexpected(err)
		}
	}
	x.left -= uint64(n)
	return n, nil
}

// buffered gives what has been read already.
func (x *Exchange) buffered(p []byte) int {
	n := copy(p, x.buffer.unread())
	x.buffer.from += n
	return n
}

// wait reads from the connection. The limit for the head does not hold for the body: it is taken off when
// it comes, which it hardly ever does.
func (x *Exchange) wait(p []byte) (int, error) {
	n, err := x.conn.read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err := x.conn.awaitForever(); err != nil {
			return 0, err
		}
		n, err = x.conn.read(p)
	}
	return n, err
}

// drain says whether the rest of the body is in the buffer, and takes it out.
func (x *Exchange) drain() bool {
	switch x.framing.body {
	case lengthBody:
		here := x.left <= uint64(len(x.buffer.unread()))
		if here {
			x.buffer.from += int(x.left)
		}
		return here
	case chunkedBody:
		return x.drainChunks()
	case noBody, untilClose:
	}
	return false
}

// unexpected is an end that came too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
