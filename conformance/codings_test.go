package conformance

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

func codingPromises() []promise {
	return []promise{
		{"a coded body on a mapped route", "the upstream is asked for none; what comes is decoded, mapped, and coded again only as the client accepts", codedBodiesAreMapped},
		{"an Accept-Encoding that the client did not send", "none is added, nothing is decoded behind the client's back", noCodingIsAsked},
		{"a decompression bomb", "output is bounded while it is decoded, and so is memory", bombsAreNotInflated},
		{"lying, truncated, unknown, stacked codings", "opaque in passthrough, else decoded whole or refused", codingsAreWholeOrRefused},
		{"a stale Content-Length", "length, framing, coding and trailers are set together", framingFitsTheBody},
		{"HEAD, 204, 205, 304", "no body, the connection in step, HEAD's length that of GET or none", bodilessAnswersStayInStep},
		{"several Set-Cookie lines", "every line, in order", cookiesAreKept},
	}
}

// encoder puts a body into a coding.
type encoder func(body string) string

func encoders() map[string]encoder {
	with := func(open func(w io.Writer) io.WriteCloser) encoder {
		return func(body string) string {
			var b bytes.Buffer
			w := open(&b)
			_, err := io.WriteString(w, body)
			if err = errors.Join(err, w.Close()); err != nil {
				panic(err) // memory takes everything
			}
			return b.String()
		}
	}
	gz := with(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	br := with(func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 1) })
	return map[string]encoder{
		"gzip":    gz,
		"x-gzip":  gz,
		"GZIP":    gz,
		"br":      br,
		"deflate": with(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"deflate ": with(func(w io.Writer) io.WriteCloser { // the other reading of the name
			z, err := flate.NewWriter(w, 5)
			if err != nil {
				panic(err)
			}
			return z
		}),
		"zstd": with(func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w)
			if err != nil {
				panic(err)
			}
			return z
		}),
		"gzip, br":           func(body string) string { return br(gz(body)) },
		"br,gzip , identity": func(body string) string { return gz(br(body)) },
		"gzip ":              func(body string) string { return gz(body[:len(body)/2]) + gz(body[len(body)/2:]) }, // two members
	}
}

// decoded takes a body out of its coding.
func decoded(t *testing.T, a raw.Answer) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(a.Body)
	var err error
	switch coding := a.Fields.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	default:
		t.Errorf("Content-Encoding %q", coding)
	}
	if err != nil {
		t.Errorf("decode: %v", err)
		return ""
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("decode: %v", err)
	}
	return string(body)
}

func codedBodiesAreMapped(t *testing.T, mode string) {
	h := open(t, mode)
	accepted := map[string][]string{ // what a client says, and what it may get then
		"":                           {""},
		"gzip":                       {"", "gzip"},
		"br;q=1, gzip;q=0.5":         {"", "br", "gzip"},
		"zstd, gzip;q=0, br;q=0.001": {"", "zstd", "br"},
		"identity":                   {""},
		"deflate, *;q=0, identity":   {"", "deflate"},
		"*":                          {"", "gzip", "br", "zstd", "deflate"},
	}
	requests := 0
	for name, encode := range encoders() {
		coding := strings.TrimSpace(name)
		body := encode(context)
		for accept, want := range accepted {
			var fields []string
			if accept != "" {
				fields = []string{"Accept-Encoding: " + accept}
			}
			a := h.gets(raw.JSON(body, "Content-Encoding: "+coding), fields...)
			requests++
			asked := h.upstream.Request(requests).Fields.Get("Accept-Encoding")
			if mode == passthrough {
				whole(t, a, 200, body)
				field(t, a, "Content-Encoding", coding)
				if asked != accept {
					t.Errorf("the upstream was asked for %q, the client accepts %q", asked, accept)
				}
				continue
			}
			if asked != "" && asked != "identity" {
				t.Errorf("%s: the upstream was asked for %q", mode, asked)
			}
			if got := decoded(t, a); got != shaped(mode) || a.Status != 200 {
				t.Errorf("%q: %d %q, want %q", name, a.Status, got, shaped(mode))
			}
			if got := a.Fields.Get("Content-Encoding"); !slices.Contains(want, got) {
				t.Errorf("the client accepts %q and got %q", accept, got)
			}
			if a.Fields.Get("Content-Encoding") != "" && !strings.Contains(strings.ToLower(a.Fields.Get("Vary")), "accept-encoding") {
				t.Errorf("the coding was chosen by Accept-Encoding, but Vary is %q", a.Fields.Get("Vary"))
			}
		}
	}
}

func noCodingIsAsked(t *testing.T, mode string) {
	coded := encoders()["gzip"](context)
	h := open(t, mode, answering(raw.JSON(coded, "Content-Encoding: gzip")))
	for i, accept := range []string{"", "gzip, br"} {
		var fields []string
		if accept != "" {
			fields = []string{"Accept-Encoding: " + accept}
		}
		a := h.ask("GET", other, fields...)
		whole(t, a, 200, coded)
		field(t, a, "Content-Encoding", "gzip")
		if got := h.upstream.Request(i + 1).Fields.Get("Accept-Encoding"); got != accept {
			t.Errorf("the upstream was asked for %q, the client accepts %q", got, accept)
		}
	}
}

func bombsAreNotInflated(t *testing.T, mode string) {
	h := open(t, mode)
	const piece, times = 64 << 20, 16 // a GiB where members may follow each other
	zeros := strings.Repeat("\x00", piece)
	all := encoders()
	once := all["gzip"](zeros)
	for coding, bomb := range map[string]string{
		"gzip":       strings.Repeat(once, times),
		"zstd":       strings.Repeat(all["zstd"](zeros), times),
		"br":         all["br"](zeros),
		"gzip, gzip": all["gzip"](strings.Repeat(once, times)),
		"gzip, zstd": all["zstd"](all["gzip"](strings.Repeat(once, times))),
	} {
		a := h.gets(raw.JSON(bomb, "Content-Encoding: "+coding), "Accept-Encoding: gzip, zstd, br")
		unmapped(t, mode, a, 200, bomb)
		if a.Status == 200 {
			field(t, a, "Content-Encoding", coding)
		}
	}
	const most = 128 << 20 // a few bodies of the limit, and the process itself
	if peak := h.PeakMemory(); peak > most {
		t.Errorf("crossfade took %d MiB, want at most %d", peak>>20, most>>20)
	}
	whole(t, h.context(context), 200, shaped(mode))
}

func codingsAreWholeOrRefused(t *testing.T, mode string) {
	h := open(t, mode)
	all := encoders()
	gz := all["gzip"](context)
	wrong := []byte(gz)
	wrong[len(wrong)-8] ^= 1 // of the checksum
	for _, tc := range []struct{ coding, body string }{
		{"gzip", context},
		{"gzip", gz[:len(gz)-9]},
		{"gzip", gz[:len(gz)-3]},
		{"gzip", string(wrong)},
		{"gzip", gz + "garbage"},
		{"br", all["br"](context)[:20]},
		{"br", gz},
		{"zstd", all["zstd"](context)[:30]},
		{"deflate", context},
		{"gzip", all["br"](context)},
		{"compress", context},
		{"aes128gcm", gz},
		{"gzip, unknown", gz},
		{"br, gzip", all["br"](gz)}, // the other order
	} {
		a := h.gets(raw.JSON(tc.body, "Content-Encoding: "+tc.coding))
		unmapped(t, mode, a, 200, tc.body)
		if a.Status == 200 {
			field(t, a, "Content-Encoding", tc.coding)
		}
	}
}

func framingFitsTheBody(t *testing.T, mode string) {
	h := open(t, mode)
	digest := "Digest: sha-256=x"
	jsonHead := "Content-Type: application/json"
	for name, answer := range map[string]string{
		"a length":              raw.JSON(context),
		"chunks":                raw.Head("HTTP/1.1 200 OK", jsonHead, "Transfer-Encoding: chunked") + raw.Chunks(context[:10], context[10:]),
		"chunks and trailers":   raw.Head("HTTP/1.1 200 OK", jsonHead, "Transfer-Encoding: chunked", "Trailer: Digest") + raw.Begun(context) + "0\r\n" + digest + "\r\n\r\n",
		"chunks in one piece":   raw.Head("HTTP/1.1 200 OK", jsonHead, "Transfer-Encoding: chunked") + raw.Chunks(strings.Split(context, "")...),
		"the connection's end":  raw.Head("HTTP/1.1 200 OK", jsonHead, "Connection: close") + context,
		"HTTP/1.0 and its end":  raw.Head("HTTP/1.0 200 OK", jsonHead) + context,
		"a length and a coding": raw.JSON(encoders()["gzip"](context), "Content-Encoding: gzip"),
	} {
		t.Run(name, func(t *testing.T) {
			h.upstream.Script(raw.Take(), raw.Send(answer))
			c := raw.Dial(t, h.Address)
			// Both requests at once: an answer that is longer than it says would be in the second.
			for range 2 {
				c.Send(request("GET", me, "Accept-Encoding: gzip"))
			}
			for range 2 {
				a := c.Answer("GET")
				if got := decoded(t, a); a.Err != nil || a.Status != 200 || got != shaped(mode) {
					t.Errorf("got %d %q (%v), want %q", a.Status, got, a.Err, shaped(mode))
				}
				if mode == passthrough {
					continue
				}
				field(t, a, "Content-Length", fmt.Sprint(len(a.Body)))
				field(t, a, "Trailer", "")
				if len(a.Trailers) > 0 {
					t.Errorf("trailers %v behind a mapped body", a.Trailers)
				}
			}
		})
	}
}

func bodilessAnswersStayInStep(t *testing.T, mode string) {
	h := open(t, mode, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		switch {
		case strings.Contains(r.Target, "204"):
			return raw.Head("HTTP/1.1 204 No Content", "X-Kept: yes")
		case strings.Contains(r.Target, "205"):
			return raw.Text("HTTP/1.1 205 Reset Content", "")
		case strings.Contains(r.Target, "304"):
			return raw.Head("HTTP/1.1 304 Not Modified", `ETag: "v1"`, fmt.Sprintf("Content-Length: %d", len(context)))
		case r.Method == http.MethodHead:
			return raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(context)))
		}
		return raw.JSON(context)
	})))
	c := raw.Dial(t, h.Address)
	asked := []struct {
		method, target string
		status         int
	}{
		{"HEAD", me, 200}, {"GET", me, 200}, {"GET", other + "/204", 204}, {"GET", me + "?204", 204}, {"GET", me + "?205", 205},
		{"HEAD", me + "?204", 204}, {"GET", other + "/304", 304}, {"HEAD", other, 200}, {"HEAD", me, 200}, {"GET", me, 200},
	}
	for _, r := range asked { // all at once
		c.Send(request(r.method, r.target))
	}
	for _, r := range asked {
		a := c.Answer(r.method)
		body := ""
		if r.method == "GET" && r.status == 200 {
			body = shaped(mode)
		}
		whole(t, a, r.status, body)
		length := a.Fields.Get("Content-Length")
		switch {
		case r.method == "HEAD" && r.target == me && length != "" && length != fmt.Sprint(len(shaped(mode))):
			t.Errorf("HEAD says %s bytes, GET has %d", length, len(shaped(mode)))
		case r.method == "HEAD" && (r.target == other || mode == passthrough) && r.status == 200 && length != fmt.Sprint(len(context)):
			t.Errorf("HEAD lost the length: %q", length)
		case r.status == 204 && length != "":
			t.Errorf("a 204 with a length: %q", length)
		}
	}
}

func cookiesAreKept(t *testing.T, mode string) {
	cookies := []string{
		"a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/", "b=", "=c", "session=x; HttpOnly", "a=2", "e=\"quoted, comma\"; SameSite=None; Secure", "odd",
	}
	var lines []string
	for _, c := range cookies {
		lines = append(lines, "Set-Cookie: "+c)
	}
	h := open(t, mode)
	for _, answer := range []string{
		raw.JSON(context, lines...),
		raw.JSON(`{"session":1}`, lines...),
		raw.Text("HTTP/1.1 401 Unauthorized", "{}", append(lines, "Content-Type: application/json")...),
		raw.Text("HTTP/1.1 302 Found", "", append(lines, "Location: /login")...),
	} {
		a := h.gets(answer)
		if a.Status == 502 && mode == flowOnly {
			continue // a refusal is crossfade's own answer
		}
		if got := a.Fields.Values("Set-Cookie"); !slices.Equal(got, cookies) {
			t.Errorf("%d: cookies %q\nwant %q", a.Status, got, cookies)
		}
	}
}
