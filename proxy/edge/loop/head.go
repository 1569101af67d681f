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

// appendFields appends the handler's header in the order of its names, but for those that are left out.
func (a *answer) appendFields(t []byte, without func(name string) bool) []byte {
	var space [24]string
	names := space[:0]
	for name := range a.header {
		if !without(name) && wire.IsToken(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range a.header[name] {
			t = appendField(t, name, value)
		}
	}
	return t
}

// appendField appends a field line. A line end in a value becomes a blank, as with net/http.
func appendField(t []byte, name, value string) []byte {
	t = append(t, name...)
	t = append(t, ':', ' ')
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
	h := a.header
	a.bodiless = a.request.Method == http.MethodHead || !bodyAllowed(a.status)
	if v := h["Content-Length"]; len(v) > 0 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			a.declared = n
		}
	}
	codings := h["Transfer-Encoding"]
	coded := len(codings) > 0 && codings[0] != ""
	if coded && codings[0] != "identity" {
		a.declared = unknown // it is chunked
	}
	a.connection = slices.Clone(h["Connection"]) // the handler may change its own
	_, a.hasType = h["Content-Type"]
	_, a.hasDate = h["Date"]
	a.hasType = a.hasType || coded || h.Get("Content-Encoding") != ""
	for _, list := range h["Trailer"] {
		a.hasTrailers = true
		for name := range strings.SplitSeq(list, ",") {
			if name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); name != "" && !isFraming(name) {
				a.trailers = append(a.trailers, name)
			}
		}
	}
	for name := range h {
		a.hasTrailers = a.hasTrailers || strings.HasPrefix(name, http.TrailerPrefix)
	}
	a.hasTrailers = a.hasTrailers || coded
	out := a.conn.output()
	out.bytes = appendStatus(out.bytes, a.request.ProtoMinor, a.status)
	out.bytes = a.appendFields(out.bytes, func(name string) bool {
		switch name {
		case "Connection", "Content-Length", "Transfer-Encoding":
			return true
		case "Content-Type":
			return a.status == http.StatusNotModified
		}
		return strings.HasPrefix(name, http.TrailerPrefix)
	})
	a.head = len(out.bytes)
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
	type trailer struct {
		name   string
		values []string
	}
	var all []trailer
	for name, values := range a.header {
		if own, ok := strings.CutPrefix(name, http.TrailerPrefix); ok && wire.IsToken(own) {
			all = append(all, trailer{own, values})
		}
	}
	for _, name := range a.trailers {
		if values := a.header[name]; len(values) > 0 && wire.IsToken(name) {
			all = append(all, trailer{name, values})
		}
	}
	slices.SortFunc(all, func(x, y trailer) int { return strings.Compare(x.name, y.name) })
	for _, one := range all {
		for _, value := range one.values {
			t = appendField(t, one.name, value)
		}
	}
	return t
}
