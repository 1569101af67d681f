package proxy

import (
	"io"
	"sync/atomic"
)

// sentBody is a request's body on its way to the upstream.
type sentBody struct {
	io.ReadCloser
	whole atomic.Bool // all of it was read
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.whole.Store(true)
	}
	return n, err
}

// watchRequest sees to it that the answer may begin while the body is still coming. net/http would hold it
// back until it has all of the body, and two that talk to each other would wait forever; it does not where
// the connection ends with the answer, which it should then anyway.
func (x *exchange) watchRequest() {
	if x.in.ProtoMajor == 1 && x.in.ContentLength > 0 && x.payload == nil && x.multipart == nil {
		x.sent = &sentBody{ReadCloser: x.in.Body}
		x.in.Body = x.sent
	}
}

// answersEarly says that the upstream answers while the client is still sending.
func (x *exchange) answersEarly() bool {
	return x.sent != nil && x.record.Problem == "" && !x.sent.whole.Load()
}
