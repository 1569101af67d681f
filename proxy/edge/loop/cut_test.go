package loop

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestCutBehindRelease: where something fails behind an answer that was released, the client gets no bytes that were never written.
func TestCutBehindRelease(t *testing.T) {
	address := serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "text")
		_ = http.NewResponseController(w).Flush()
		w.(releaser).Release()
		panic(http.ErrAbortHandler)
	})})
	got, _ := say(t, address, get, len(get))
	if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != "4\r\ntext\r\n" {
		t.Errorf("%q", body)
	}
}
