package legacy

import (
	"context"
	"net/http"
	"strconv"
)

// call is a request on its way inwards, with what the layers found out about it.
type call struct {
	*http.Request
	traceID string
	tenant  tenant            // set by gate; zero on exempt routes
	vars    map[string]string // path variables, set by dispatch
	query   map[string]int    // checked query parameters, set by dispatch
	body    any               // the checked JSON body, set by dispatch
	user    *user             // the caller on routes that ask for a bearer token, set by dispatch
}

// input is the body of a route whose body is an object.
func (c *call) input() object {
	o, _ := c.body.(object)
	return o
}

// answer is what goes back. Handlers return plain values instead unless they need a status or headers.
type answer struct {
	status int
	header http.Header
	body   []byte

	// stream, if set, takes the place of body. It runs until ctx is done or send fails.
	stream func(ctx context.Context, send func([]byte) error)
}

func jsonAnswer(status int, v any) *answer {
	return &answer{
		status: status,
		header: http.Header{"Content-Type": {"application/json"}},
		body:   encode(v),
	}
}

func textAnswer(status int, text string) *answer {
	return &answer{
		status: status,
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body:   []byte(text),
	}
}

func (a *answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("Server", "uvicorn")
	if a.stream != nil {
		w.WriteHeader(a.status)
		flush := http.NewResponseController(w)
		a.stream(r.Context(), func(b []byte) error {
			if _, err := w.Write(b); err != nil {
				return err
			}
			return flush.Flush()
		})
		return
	}
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone; there is nobody to tell
}
