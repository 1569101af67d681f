package proxy

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// message is an answer as the upstream sends it.
type message struct {
	status  int
	header  http.Header
	body    string
	chunked bool
	trailer string
}

func drawMessage(t *rapid.T) message {
	token := rapid.StringMatching(`X-[A-Za-z0-9!#$%&'*+.^|~-]{1,12}`)
	value := rapid.StringMatching(`[!-~\x80-\xff]([ -~\t]{0,30}[!-~])?|`)
	m := message{
		status:  rapid.OneOf(rapid.IntRange(200, 599), rapid.SampledFrom([]int{200, 204, 206, 304, 307, 422, 500, 999})).Draw(t, "status"),
		header:  http.Header{},
		chunked: rapid.Bool().Draw(t, "chunked"),
		trailer: rapid.SampledFrom([]string{"", "42"}).Draw(t, "trailer"),
		body: rapid.OneOf(
			rapid.SampledFrom([]string{"", sessionMe, flowMe, rows, `{"session":`, "\xef\xbb\xbf{}", zip(sessionMe)}),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.Map(rapid.IntRange(0, 300_000), func(n int) string { return strings.Repeat("0123456789abcde\n", n/16+1)[:n] }),
		).Draw(t, "body"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "fields") {
		m.header.Add(token.Draw(t, "name"), value.Draw(t, "value"))
	}
	for _, f := range [][]string{
		{"Content-Type", "", "application/json", "text/html", "application/json; charset=utf-8", "no/such type"},
		{"Content-Encoding", "", "gzip", "br", "identity"},
		{"Etag", "", `"1"`, `W/"1"`},
		{"Content-Digest", "", "sha-256=:x:"},
		{"Set-Cookie", "", "a=1; Expires=Mon, 02 Jan 2006 15:04:05 GMT"},
		{"Location", "", "/api/session/switch"},
		{"Cache-Control", "", "no-transform"},
	} {
		if v := rapid.SampledFrom(f[1:]).Draw(t, f[0]); v != "" {
			m.header[f[0]] = []string{v}
		}
	}
	if m.status == 204 || m.status == 304 {
		m.body, m.chunked, m.trailer = "", false, ""
	}
	if !m.chunked {
		m.trailer = ""
	}
	return m
}

func (m message) send(w http.ResponseWriter) {
	for k, v := range m.header {
		w.Header()[k] = v
	}
	for _, name := range []string{"Content-Type", "Date"} {
		if m.header[name] == nil {
			w.Header()[name] = nil
		}
	}
	if m.trailer != "" {
		w.Header().Set("Trailer", "X-Trailer")
	}
	if !m.chunked && m.status != 204 && m.status != 304 {
		w.Header().Set("Content-Length", fmt.Sprint(len(m.body)))
	}
	w.WriteHeader(m.status)
	_, _ = io.WriteString(w, m.body[:len(m.body)/2])
	if m.chunked {
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = io.WriteString(w, m.body[len(m.body)/2:])
	if m.trailer != "" {
		w.Header().Set("X-Trailer", m.trailer)
	}
}

// TestPassthroughIsIdentity is law 1: whatever the upstream answers, and to whatever question, the client gets
// the same as without crossfade, in passthrough on every route, and in every mode on routes
// that are no endpoint's.
func TestPassthroughIsIdentity(t *testing.T) {
	var now message
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		now.send(w)
	})
	direct := &rig{t: t, url: upstream, client: &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(direct.client.CloseIdleConnections)
	rigs := map[Mode]*rig{}
	for _, m := range allModes() {
		rigs[m] = newRig(t, m, upstream)
	}
	rapid.Check(t, func(t *rapid.T) {
		now = drawMessage(t)
		method := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}).Draw(t, "method")
		target := rapid.SampledFrom([]string{"/api/me", "/api/flow/activate", "/api/groups/7/sessions?x", "/api//me", "/api%2Fme", "/other"}).Draw(t, "target")
		body := rapid.SampledFrom([]string{"", `{"flow_id":1}`, "nonsense"}).Draw(t, "request")
		want := direct.do(method, target, body)
		for mode, r := range rigs {
			if mode != Passthrough && target != "/other" {
				continue
			}
			got := r.do(method, target, body)
			got.Header.Del("Crossfade-Mode")
			if g, w := got.tell(), want.tell(); g != w {
				t.Fatalf("%s %s %s\ngot  %s\nwant %s", mode, method, target, g, w)
			}
		}
	})
}

// tell is all of an answer that one could see.
func (a answer) tell() string {
	var fields []string
	for name, values := range a.Header {
		if name == "Trailer" { // an announcement, hop by hop; the trailers themselves are below
			continue
		}
		fields = append(fields, fmt.Sprintf("%s: %q", name, values))
	}
	slices.Sort(fields)
	return fmt.Sprintf("%s %d %q %v length %d coding %v trailers %v body %q", a.Status, a.StatusCode, fields, a.err, a.ContentLength, a.TransferEncoding, a.Trailer, a.body)
}
