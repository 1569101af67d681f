package edge

import (
	"net/http"
	"strings"
	"testing"
)

// A request of HTTP/2 that would be another one in HTTP/1.1 is refused; no handler sees it.
func TestRequestsOfHTTP2AreWellFormed(t *testing.T) {
	seen := make(chan string, 1)
	s := start(t, Options{H2C: true, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Host + " " + r.RequestURI
	})})
	// Fields as they are (RFC 7541 section 6.2.2), with names from the static table.
	field := func(name byte, value string) string { return string([]byte{name, byte(len(value))}) + value }
	for name, tt := range map[string]struct {
		path, authority string
		good            bool
	}{
		"a path and a host":           {"/a%20b?c=d", "a.example:80", true},
		"an address":                  {"/", "[::1]:80", true},
		"bytes above ASCII":           {"/\xc3\xa9", "a", true},
		"a blank in the path":         {"/a HTTP/1.1", "a", false},
		"a blank in the query":        {"/?a b", "a", false},
		"a blank in the host":         {"/", "a b", false},
		"a path behind the host":      {"/", "a/b", false},
		"bytes above ASCII in a host": {"/", "\xc3\xa9", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial(t)
			speak2(t, c)
			const endStreamAndHeaders = 0x5
			writeFrame(t, c, frameHeaders, endStreamAndHeaders, 1, "\x82\x86"+field(0x04, tt.path)+field(0x01, tt.authority))
			if tt.good {
				if got := <-seen; got != tt.authority+" "+tt.path {
					t.Errorf("the handler sees %q", got)
				}
			}
			_, head := await(t, c, frameHeaders)
			const ok, badRequest = "\x88", "\x8c" // of the static table
			if want := map[bool]string{true: ok, false: badRequest}[tt.good]; !strings.HasPrefix(string(head), want) {
				t.Errorf("the answer begins with %x, want %x", head, want)
			}
		})
	}
	if len(seen) > 0 {
		t.Errorf("the handler sees %q", <-seen)
	}
}
