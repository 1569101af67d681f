package edge

import (
	"net/http"
	"time"
)

// stream is the answer of one HTTP/2 stream. A client may leave its window shut while its
// connection is well: then no write to the connection is late, but this one never goes.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	late    *time.Timer
}

func newStream(w http.ResponseWriter, idle time.Duration) *stream {
	s := &stream{ResponseWriter: w, control: http.NewResponseController(w), idle: idle}
	// A deadline that is set ahead would also end a stream that has nothing to say.
	s.late = time.AfterFunc(idle, func() { _ = s.control.SetWriteDeadline(time.Unix(1, 0)) })
	s.late.Stop()
	return s
}

func (s *stream) Write(b []byte) (int, error) {
	s.late.Reset(s.idle)
	defer s.late.Stop()
	return s.ResponseWriter.Write(b)
}

// FlushError is what http.ResponseController flushes by.
func (s *stream) FlushError() error {
	s.late.Reset(s.idle)
	defer s.late.Stop()
	return s.control.Flush()
}

// Unwrap lets http.ResponseController do the rest.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// end bounds what net/http still has to send when the handler is done.
func (s *stream) end() { _ = s.control.SetWriteDeadline(time.Now().Add(s.idle)) }
