package edge

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
)

// Types of HTTP/2 frames (RFC 9113 section 6), as far as these tests speak it.
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
)

// speak2 begins HTTP/2 on a connection, with a window that is shut for every stream.
func speak2(t *testing.T, c net.Conn) {
	t.Helper()
	write(t, c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	const initialWindowSize = "\x00\x04\x00\x00\x00\x00"
	writeFrame(t, c, frameSettings, 0, 0, initialWindowSize)
}

// ask2 asks for / on a stream.
func ask2(t *testing.T, c net.Conn, id uint32) {
	t.Helper()
	const endStreamAndHeaders = 0x5
	// From the static table: GET, http, /, and :authority with the value a.
	writeFrame(t, c, frameHeaders, endStreamAndHeaders, id, "\x82\x86\x84\x41\x01a")
}

func writeFrame(t *testing.T, c net.Conn, kind, flags byte, id uint32, payload string) {
	t.Helper()
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	write(t, c, string(binary.BigEndian.AppendUint32(head, id))+payload)
}

// await reads frames until one of the kind comes, and gives its stream and payload.
func await(t *testing.T, c net.Conn, kind byte) (id uint32, payload []byte) {
	t.Helper()
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatalf("no frame of type %d: %v", kind, err)
		}
		payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			t.Fatal(err)
		}
		if head[3] == kind {
			return binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1), payload
		}
	}
}

func TestStreamsOfAConnectionAreBounded(t *testing.T) {
	s := start(t, Options{Handler: text("ok"), H2C: true})
	c := s.dial(t)
	speak2(t, c)
	_, settings := await(t, c, frameSettings)
	const maxConcurrentStreams = 3
	for ; len(settings) >= 6; settings = settings[6:] {
		if binary.BigEndian.Uint16(settings) == maxConcurrentStreams {
			if got := binary.BigEndian.Uint32(settings[2:]); got != 100 {
				t.Errorf("%d streams at once, want 100", got)
			}
			return
		}
	}
	t.Error("no bound on streams is told")
}

// A client that keeps the window of its stream shut holds the request no longer than the timeout,
// however well its connection is: while the handler writes, and when it is done.
func TestStreamsThatTakeNothingAreReset(t *testing.T) {
	for name, handler := range map[string]func(w http.ResponseWriter, ended chan<- error){
		"a body without end": func(w http.ResponseWriter, ended chan<- error) { ended <- pour(w) },
		"a flush": func(w http.ResponseWriter, ended chan<- error) {
			io.WriteString(w, "a")
			ended <- http.NewResponseController(w).Flush()
		},
		"a body that is still to be sent at the end": func(w http.ResponseWriter, ended chan<- error) {
			io.WriteString(w, "a")
			ended <- io.EOF // it has no error to see
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			s := start(t, Options{H2C: true, WriteIdleTimeout: short,
				Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { handler(w, ended) })})
			c := s.dial(t)
			speak2(t, c)
			ask2(t, c, 1)
			if err := <-ended; err == nil {
				t.Error("the handler sees no error")
			}
			if id, _ := await(t, c, frameReset); id != 1 {
				t.Errorf("stream %d is reset, want 1", id)
			}
		})
	}
}
