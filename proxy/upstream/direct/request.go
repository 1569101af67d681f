package direct

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/wire"
)

// maxBody is the longest body of a request that is taken, in bytes. It is written before the answer is
// looked for, so it has to fit what the kernels of both ends take from a peer that does not read.
const maxBody = 64 << 10

// takes says whether a request is one of those that the package is for, as far as can be told without
// looking at its text.
func takes(r *http.Request) bool {
	if r.URL == nil || r.URL.Scheme != "http" || r.URL.Opaque != "" || r.Method == http.MethodConnect ||
		r.Close || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
		return false
	}
	for _, name := range [...]string{"Connection", "Upgrade", "Expect"} {
		if _, ok := r.Header[name]; ok {
			return false
		}
	}
	switch {
	case r.Body == nil, r.Body == http.NoBody:
		return r.ContentLength == 0
	}
	// What can be had again is in memory.
	return r.GetBody != nil && r.ContentLength > 0 && r.ContentLength <= maxBody
}

// userAgent is what net/http says for a request that says nothing.
const userAgent = "Go-http-client/1.1"

// putHead makes the head of r the content of b, in the order in which http.Transport writes it. It is
// false where a part of it is not what may be written.
func (b *buffer) putHead(r *http.Request) bool {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if !wire.IsToken(r.Method) || !isPlainHost(host) {
		return false
	}
	t := b.bytes[:0]
	t = append(t, r.Method...)
	t = append(t, ' ')
	at := len(t)
	if path := r.URL.EscapedPath(); path != "" {
		t = append(t, path...)
	} else {
		t = append(t, '/')
	}
	if r.URL.ForceQuery || r.URL.RawQuery != "" {
		t = append(t, '?')
		t = append(t, r.URL.RawQuery...)
	}
	for _, c := range t[at:] {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	t = append(t, " HTTP/1.1\r\nHost: "...)
	t = append(t, host...)
	t = append(t, '\r', '\n')
	ok := true
	if agent, told := r.Header["User-Agent"]; !told {
		t = append(t, "User-Agent: "+userAgent+"\r\n"...)
	} else if len(agent) > 0 && agent[0] != "" {
		t, ok = appendField(t, "User-Agent", agent[0])
	}
	switch {
	case r.ContentLength > 0, r.Method == http.MethodPost, r.Method == http.MethodPut, r.Method == http.MethodPatch:
		t = append(t, "Content-Length: "...)
		t = strconv.AppendInt(t, r.ContentLength, 10)
		t = append(t, '\r', '\n')
	}
	if ok {
		t, ok = b.appendFields(t, r.Header)
	}
	if !ok {
		return false
	}
	t = append(t, '\r', '\n')
	b.take(t)
	return true
}

// take makes t, which began as b's own bytes, the content.
func (b *buffer) take(t []byte) {
	b.from, b.to = 0, len(t)
	b.bytes = t[:cap(t)]
}

// appendFields appends a header in the order of its names, but for what putHead has said.
func (b *buffer) appendFields(t []byte, h http.Header) (_ []byte, ok bool) {
	b.fields = b.fields[:0]
	for name := range h {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
		default:
			b.fields = append(b.fields, name)
		}
	}
	slices.Sort(b.fields)
	defer clear(b.fields) // they are of the request's memory
	for _, name := range b.fields {
		if !wire.IsToken(name) {
			return t, false
		}
		for _, value := range h[name] {
			if t, ok = appendField(t, name, value); !ok {
				return t, false
			}
		}
	}
	return t, true
}

func appendField(t []byte, name, value string) (_ []byte, ok bool) {
	for i := range len(value) {
		if !wire.IsValueByte(value[i]) {
			return t, false
		}
	}
	t = append(t, name...)
	t = append(t, ':', ' ')
	t = append(t, strings.Trim(value, " \t")...)
	return append(t, '\r', '\n'), true
}

// isPlainHost says whether a host needs no change and no thought: a name, or an address, with or without a port.
func isPlainHost(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case wire.IsAlphanumeric(c), c == '.', c == '-', c == ':', c == '_', c == '[', c == ']':
		default:
			return false
		}
	}
	return host != ""
}

// putBody puts the body of r behind its head, and closes it.
func (b *buffer) putBody(r *http.Request) error {
	length := int(r.ContentLength)
	t := slices.Grow(b.bytes[:b.to], length+1)
	n, err := io.ReadFull(r.Body, t[len(t):len(t)+length+1]) // one more, to see the end
	_ = r.Body.Close()                                       // what is needed of it is here
	switch {
	case err == nil:
		return fmt.Errorf("a body longer than its %d bytes", length)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read the request's body: %w", err)
	case n < length:
		return fmt.Errorf("a body of %d bytes, with %d announced", n, length)
	}
	b.take(t[:len(t)+n])
	return nil
}
