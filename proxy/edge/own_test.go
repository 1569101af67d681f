package edge

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ownAnswer is what the answers of package loop do beyond those of net/http.
type ownAnswer interface {
	UseHeader(h http.Header)
	Release()
}

// own looks for it behind wrappers, as a handler does.
func own(w http.ResponseWriter) ownAnswer {
	for {
		if found, ok := w.(ownAnswer); ok {
			return found
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapper.Unwrap()
	}
}

// TestAHeaderTakenAsItIs: it is found behind what wraps an answer, where the loop serves, and loses nothing of what others have put into the
// answer: that the client shall come back with a new connection, and what browsers are told.
func TestAHeaderTakenAsItIs(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := own(w)
		if (found != nil) != ownLoop {
			t.Errorf("found: %v, want %v", found != nil, ownLoop)
		}
		if found == nil {
			w.Header()["X-Whose"] = []string{r.URL.Path}
			io.WriteString(w, "text")
			return
		}
		h := http.Header{"X-Whose": {r.URL.Path}, "Access-Control-Allow-Origin": {"*"}}
		found.UseHeader(h)
		io.WriteString(w, "text")
		found.Release()
		h["X-Whose"][0] = "nobody"
		clear(h)
	})
	s := start(t, Options{Handler: CORS(CORSOptions{AllowedOrigins: []string{"https://shop.example"}}, handler)})
	c := s.dial(t)
	in := bufio.NewReader(c)
	ask := func(path string, closes bool) {
		t.Helper()
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		got := read(t, res, err)
		if got != (reply{http.StatusOK, closes, "text"}) {
			t.Errorf("%s: %+v", path, got)
		}
		if whose, allowed := res.Header.Get("X-Whose"), strings.Join(res.Header["Access-Control-Allow-Origin"], "; "); whose != path || allowed != "https://shop.example" {
			t.Errorf("%s: the header of %s, for pages of %s", path, whose, allowed)
		}
	}
	ask("/a", false)
	ask("/b", false)
	s.Drain()
	ask("/c", true)
}
