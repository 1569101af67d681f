package loop

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// appendStatus appends a status line, in net/http's words.
func appendStatus(t []byte, minor, status int) []byte {
	if minor > 0 && status == http.StatusOK {
		return append(t, "HTTP/1.1 200 OK\r\n"...)
	}
	version := "HTTP/1.1 "
	if minor == 0 {
		version = "HTTP/1.0 "
	}
	t = strconv.AppendInt(append(t, version...), int64(status), 10)
	t = append(t, ' ')
	if text := http.StatusText(status); text != "" {
		t = append(t, text...)
	} else {
		t = append(t, "status code "...)
		t = strconv.AppendInt(t, int64(status), 10)
	}
	return append(t, '\r', '\n')
}

// field is one of a header.
type field struct {
	name   string
	values []string
}

// appendFields appends them in the order of their names.
func appendFields(t []byte, fields []field) []byte {
	slices.SortFunc(fields, func(x, y field) int { return strings.Compare(x.name, y.name) })
	for _, f := range fields {
		for _, value := range f.values {
			t = appendField(t, f.name, value)
		}
	}
	return t
}

// appendField appends a field line. A line end in a value becomes a blank, as with net/http.
func appendField(t []byte, name, value string) []byte {
	t = append(t, name...)
	t = append(t, ':', ' ')
	if wire.IsValue(value) {
		t = append(t, wire.Trim(value)...)
		return append(t, '\r', '\n')
	}
	at := len(t)
	t = append(t, strings.Trim(value, " \t\r\n")...)
	for i, c := range t[at:] {
		if c == '\r' || c == '\n' {
			t[at+i] = ' '
		}
	}
	return append(t, '\r', '\n')
}

// begin writes what of the head does not depend on the body. The handler may change its header behind that.
func (a *answer) begin() {
	a.interim.Lock()
	a.begun = true
	a.interim.Unlock()
	a.bodiless = a.request.Method == http.MethodHead || !bodyAllowed(a.status)
	var space [24]field
	fields := a.sort(space[:0])
	out := a.conn.output()
	out.bytes = appendStatus(out.bytes, a.request.ProtoMinor, a.status)
	out.bytes = appendFields(out.bytes, fields)
	a.head = len(out.bytes)
}

// sort notes of each field what it says about the answer, and gives those that are sent as they are, in any order. Each is looked at once.
func (a *answer) sort(sent []field) []field {
	var coded, chunked, encoded bool
	for name, values := range a.header {
		switch name {
		case "Content-Length":
			if len(values) > 0 {
				if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 {
					a.declared = n
				}
			}
			continue
		case "Transfer-Encoding":
			coded = len(values) > 0 && values[0] != ""
			chunked = coded && values[0] != "identity"
			continue
		case "Connection":
			a.connection = slices.Clone(values) // the handler may change its own
			continue
		case "Content-Type":
			a.hasType = true
			if a.status == http.StatusNotModified {
				continue
			}
		case "Content-Encoding":
			encoded = len(values) > 0 && values[0] != ""
		case "Date":
			a.hasDate = true
		case "Trailer":
			a.announce(values)
		default:
			if strings.HasPrefix(name, http.TrailerPrefix) {
				a.hasTrailers = true
				continue
			}
		}
		if wire.IsToken(name) {
			sent = append(sent, field{name, values})
		}
	}
	if chunked {
		a.declared = unknown
	}
	a.hasType = a.hasType || coded || encoded
	a.hasTrailers = a.hasTrailers || coded
	return sent
}

// announce notes the trailers that the handler will give.
func (a *answer) announce(lists []string) {
	for _, list := range lists {
		a.hasTrailers = true
		for name := range strings.SplitSeq(list, ",") {
			if name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); name != "" && !isFraming(name) {
				a.trailers = append(a.trailers, name)
			}
		}
	}
}

// isFraming says of a field that it cannot be a trailer.
func isFraming(name string) bool {
	return name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer"
}

// commit completes the head: now it is known how the body is framed, and whether the connection stays. More of the body
// may be about to come.
func (a *answer) commit(more []byte) {
	a.committed = true
	r, out := a.request, a.conn.output()
	if b := a.body; b != nil {
		switch {
		case b.over.Load():
			a.closes = a.closes || !b.isWhole()
		case b.asks:
			// Nobody knows whether the client sends it. Who reads it may wait for it for ever.
			a.closes = true
		case !a.closes && !a.duplex && !b.discard():
			a.closes = true
		}
	}
	pending := out.bytes[a.head:]
	allowed := bodyAllowed(a.status)
	if a.done && a.declared == unknown && allowed && !a.hasTrailers && (r.Method != http.MethodHead || len(pending) > 0) {
		a.declared = a.written
	}
	var space [256]byte
	extra := space[:0]
	if !a.hasType && allowed && a.written > 0 {
		text := pending
		if len(text) == 0 {
			text = more
		}
		extra = appendField(extra, "Content-Type", http.DetectContentType(text))
	}
	keep10 := a.keepAlive10 && (a.declared != unknown || a.bodiless)
	a.closes = a.closes || r.Close && !keep10 || wire.HasToken(a.connection, "close") || a.conn.server.closing.Load()
	switch {
	case a.bodiless, a.declared != unknown:
	case r.ProtoMinor > 0:
		a.chunked = true
	default:
		a.closes = true
	}
	switch {
	case a.status == http.StatusSwitchingProtocols, !a.closes, wire.HasToken(a.connection, "close"):
		for _, value := range a.connection {
			extra = appendField(extra, "Connection", value)
		}
		if keep10 && len(a.connection) == 0 {
			extra = append(extra, "Connection: keep-alive\r\n"...)
		}
	case r.ProtoMinor > 0:
		extra = append(extra, "Connection: close\r\n"...)
	}
	if !a.hasDate {
		extra = time.Now().UTC().AppendFormat(append(extra, "Date: "...), http.TimeFormat)
		extra = append(extra, '\r', '\n')
	}
	switch {
	case a.chunked:
		extra = append(extra, "Transfer-Encoding: chunked\r\n"...)
	case a.declared != unknown && allowed:
		extra = append(extra, "Content-Length: "...)
		extra = append(strconv.AppendInt(extra, a.declared, 10), '\r', '\n')
	}
	extra = append(extra, '\r', '\n')
	if a.bodiless {
		out.bytes = out.bytes[:a.head]
	}
	out.insert(a.head, extra)
	a.chunkAt = a.head + len(extra)
}

// appendTrailers appends the trailers that the handler has announced, and those that it names by http.TrailerPrefix.
func (a *answer) appendTrailers(t []byte) []byte {
	var all []field
	for name, values := range a.header {
		if own, ok := strings.CutPrefix(name, http.TrailerPrefix); ok && wire.IsToken(own) {
			all = append(all, field{own, values})
		}
	}
	for _, name := range a.trailers {
		if values := a.header[name]; len(values) > 0 && wire.IsToken(name) {
			all = append(all, field{name, values})
		}
	}
	return appendFields(t, all)
}
