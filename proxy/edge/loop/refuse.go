package loop

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

type lineEnds = wire.Lines

// refusal is why a request is not taken.
type refusal struct {
	status int
	// reason stands behind the words of the status, in the status line and the text; "" for nothing.
	reason string
	// text stands in place of the words of the status; "" for none.
	text string
}

func (r *refusal) Error() string { return strconv.Itoa(r.status) + " " + r.reason + r.text }

var (
	// errGone says that the client has left, or was too slow: nobody is there to be told.
	errGone      = errors.New("the client is gone")
	errLargeHead = &refusal{status: http.StatusRequestHeaderFieldsTooLarge}
	errMalformed = &refusal{status: http.StatusBadRequest}
	errVersion   = &refusal{status: http.StatusHTTPVersionNotSupported, reason: "unsupported protocol version"}
	errNoHost    = &refusal{status: http.StatusBadRequest, reason: "missing required Host header"}
	errOddHost   = &refusal{status: http.StatusBadRequest, reason: "malformed Host header"}
	errCoding    = &refusal{status: http.StatusNotImplemented, text: "Unsupported transfer encoding"}
	errExpect    = &refusal{status: http.StatusExpectationFailed}
)

// refuse says why a request is not taken, in the words of net/http, and ends the connection.
func (c *conn) refuse(err error) {
	var why *refusal
	if !errors.As(err, &why) {
		return
	}
	line := strconv.Itoa(why.status) + " " + http.StatusText(why.status)
	if why.reason != "" {
		line += ": " + why.reason
	}
	text := line
	if why.text != "" {
		text = why.text
	}
	out := c.output()
	out.bytes = append(out.bytes, "HTTP/1.1 "+line+"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"+text...)
	if c.send() == nil {
		c.part()
	}
}
