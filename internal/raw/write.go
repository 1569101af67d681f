package raw

import (
	"fmt"
	"strings"
)

// Text is the bytes of a message with a body and its length: a first line ("HTTP/1.1 200 OK",
// "POST /x HTTP/1.1"), field lines ("Name: value"), a body. Nothing is checked: the first line may
// have field lines behind it, and a Content-Length among the fields stands beside the true one.
func Text(line, body string, fields ...string) string {
	return Head(line, append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

// Head is the bytes of a first line and field lines, with the empty line behind them.
func Head(line string, fields ...string) string {
	return strings.Join(append([]string{line}, fields...), "\r\n") + "\r\n\r\n"
}

// JSON is a 200 with a JSON body and its length, and with more field lines.
func JSON(body string, fields ...string) string {
	return Text("HTTP/1.1 200 OK", body, append([]string{"Content-Type: application/json"}, fields...)...)
}

// Chunks is a body in these chunks, whole, without trailers. An empty piece would end it, and is left out.
func Chunks(pieces ...string) string { return Begun(pieces...) + "0\r\n\r\n" }

// Begun is a body in these chunks that goes on.
func Begun(pieces ...string) string {
	var b strings.Builder
	for _, piece := range pieces {
		if piece != "" {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
		}
	}
	return b.String()
}
