package direct

import (
	"net/http"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestWaitingHoldsLittle: a request that waits for its answer has no more memory than its head needs.
func TestWaitingHoldsLittle(t *testing.T) {
	for name, tt := range map[string]struct {
		length int64
		size   int
	}{
		"no body":         {0, askSize},
		"a short body":    {10, askSize},
		"one of some KiB": {4 << 10, bufferSize},
	} {
		var pool buffers
		if n := len(pool.getAsk(tt.length).bytes); n != tt.size {
			t.Errorf("%s: %d bytes, want %d", name, n, tt.size)
		}
	}
	u := raw.Serve(t, raw.Take(), raw.Send(ok("hello")))
	client := to(t, u.Address())
	res, err := client.RoundTrip(request(t, http.MethodGet, "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if x := res.Body.(*Exchange); x.asked != nil {
		t.Error("the request's memory is held while its answer is read")
	}
}
