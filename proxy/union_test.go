package proxy

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// longMe is an answer that streams, in the session shape and as a union: where the flow members go in.
func longMe() (session, union string) {
	session = `{"pad":"` + strings.Repeat("x", 300<<10) + `","session":{"id":"s1","name":"n","more":[1.0]} ` + "\n}\n"
	union = strings.Replace(session, ` `+"\n}", `,"current_flow":{"id":"s1","name":"n"} `+"\n}", 1)
	return session, union
}

// chunks serves an answer without a length, and a trailer behind it.
func chunks(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", "X-Sum, Content-Digest")
		_, _ = io.WriteString(w, body[:10])
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, body[10:])
		w.Header().Set("X-Sum", "42")
		w.Header().Set("Content-Digest", "sha-256=:of the upstream's body:")
	}
}

func TestLongUnion(t *testing.T) {
	session, union := longMe()
	broken := strings.Replace(session, `"id":"s1"`, `"id":"s1","id":"s2"`, 1)
	native := `{"pad":"` + strings.Repeat("x", 300<<10) + `","current_flow":{"id":"s1"}}`
	head := jsonHead("Etag", `"v1"`, "Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT", "Accept-Ranges", "bytes", "Content-Digest", "sha-256=:x:", "X-Kept", "a")
	mapped := newMarks(testContract(t).Revision, "").put(entityTag{opaque: "v1"}, Dual, "", 0).String()
	for _, c := range []struct {
		name, body, want, fallback, tag string
	}{
		{"mapped", session, union, "", mapped},
		{"not to be mapped", broken, broken, "unmappable", `"v1"`},
		{"not JSON", session + "x", session + "x", "unmappable", `"v1"`},
	} {
		for _, te := range []string{"", "trailers"} {
			t.Run(c.name+" "+te, func(t *testing.T) {
				h := head.Clone()
				h.Set("Content-Length", strconv.Itoa(len(c.body)))
				r := newRig(t, Dual, answers(t, 200, h, c.body))
				got := r.do("GET", "/api/me", "", "TE", te)
				got.want(t, 200, c.want)
				got.wantHeader(t, "Crossfade-Mode", "dual", "Content-Length", "", "Etag", "", "Last-Modified", "", "Accept-Ranges", "", "Content-Digest", "",
					"Crossfade-Fallback", "", "X-Kept", "a")
				fallback, tag := c.fallback, c.tag
				if te == "" {
					fallback, tag = "", ""
					if got.Trailer != nil {
						t.Errorf("trailers %v without being asked for", got.Trailer)
					}
				}
				if got.Trailer.Get("Crossfade-Fallback") != fallback || got.Trailer.Get("Etag") != tag {
					t.Errorf("trailers %v, want %q and %q", got.Trailer, fallback, tag)
				}
				rec := r.observed.last(t, 1)
				if rec.Outcome != Answered || string(rec.Fallback) != c.fallback || rec.Mapped != (c.fallback == "") || (rec.err != nil) != (c.fallback != "") {
					t.Errorf("record %+v", rec)
				}
				if rec.Bytes != int64(len(c.want)) || rec.Transform <= 0 || rec.Transform > rec.Duration {
					t.Errorf("record %+v", rec)
				}
			})
		}
	}
	t.Run("the answer to HEAD has the same head", func(t *testing.T) {
		h := head.Clone()
		h.Set("Content-Length", strconv.Itoa(len(session)))
		got := newRig(t, Dual, answers(t, 200, h, "")).do("HEAD", "/api/me", "")
		got.want(t, 200, "")
		got.wantHeader(t, "Content-Length", "", "Etag", "", "Last-Modified", "", "Content-Digest", "", "X-Kept", "a")
	})
	t.Run("already a flow", func(t *testing.T) {
		r := newRig(t, Dual, answers(t, 200, jsonHead(), native))
		r.do("GET", "/api/me", "").want(t, 200, native)
		if rec := r.observed.last(t, 1); rec.Mapped || rec.Fallback != "" || !rec.Native {
			t.Errorf("record %+v", rec)
		}
	})
	t.Run("of unknown length", func(t *testing.T) {
		got := newRig(t, Dual, serve(t, chunks(session))).do("GET", "/api/me", "")
		got.want(t, 200, union)
		got.wantHeader(t, "Content-Length", "", "Crossfade-Fallback", "")
		if got.Trailer.Get("X-Sum") != "42" || got.Trailer.Get("Content-Digest") != "" {
			t.Errorf("trailers %v", got.Trailer)
		}
	})
	t.Run("of unknown length and short", func(t *testing.T) {
		short := strings.ReplaceAll(union, "xxxxxxxx", "")
		got := newRig(t, Dual, serve(t, chunks(strings.ReplaceAll(session, "xxxxxxxx", "")))).do("GET", "/api/me", "")
		got.want(t, 200, short)
		got.wantHeader(t, "Content-Length", strconv.Itoa(len(short)))
	})
	t.Run("what answers a POST has no validator", func(t *testing.T) {
		r := newRig(t, Dual, answers(t, 200, head, session), postsMe(t))
		got := r.do("POST", "/api/posts", "{}", "TE", "trailers")
		got.want(t, 200, union)
		if _, ok := got.Trailer["Etag"]; ok {
			t.Errorf("trailers %v", got.Trailer)
		}
	})
}

// postsMe adds an endpoint that is written to and answers like me.
func postsMe(tb testing.TB) func(*Options) {
	tb.Helper()
	more := `version: 1
shapes: {short: {members: [id, name], unmapped: drop, loss: the rest}}
endpoints:
  - {name: posts, summary: Written., method: POST, session: /api/posts, response: [project: {at: session, to: current_flow, shape: short}]}`
	c, err := contract.Parse(contract.Source{Name: "more.yaml", Data: []byte(more)})
	if err != nil {
		tb.Fatal(err)
	}
	return func(o *Options) { o.Contract = c }
}

// What has to be known before the head goes out is held as before.
func TestLongUnionThatIsHeld(t *testing.T) {
	session, union := longMe()
	upstream := answers(t, 200, jsonHead("Etag", `"v1"`, "Content-Length", strconv.Itoa(len(session))), session)
	tag := newMarks(testContract(t).Revision, "").put(entityTag{opaque: "v1"}, Dual, "", 0).String()
	whole := func(t *testing.T, got answer, status int) {
		t.Helper()
		got.want(t, status, union)
		got.wantHeader(t, "Content-Length", strconv.Itoa(len(union)), "Etag", tag)
	}
	t.Run("HTTP/1.0", func(t *testing.T) {
		whole(t, newRig(t, Dual, upstream).raw("GET /api/me HTTP/1.0\r\nHost: a\r\n\r\n"), 200)
	})
	t.Run("If-Match", func(t *testing.T) {
		whole(t, newRig(t, Dual, upstream).do("GET", "/api/me", "", "If-Match", tag), 200)
	})
	t.Run("an operator who wants it so", func(t *testing.T) {
		whole(t, newRig(t, Dual, upstream, func(o *Options) { o.Limits.StreamAbove = 1 << 40 }).do("GET", "/api/me", ""), 200)
	})
	t.Run("of unknown length, for that operator", func(t *testing.T) {
		r := newRig(t, Dual, serve(t, chunks(session)), func(o *Options) { o.Limits.StreamAbove = 1 << 40 })
		got := r.do("GET", "/api/me", "")
		got.want(t, 200, union)
		got.wantHeader(t, "Content-Length", strconv.Itoa(len(union)))
	})
	t.Run("compressed for the client", func(t *testing.T) {
		r := newRig(t, Dual, upstream, func(o *Options) { o.Compress = true })
		got := r.do("GET", "/api/me", "", "Accept-Encoding", "gzip")
		got.wantHeader(t, "Content-Encoding", "gzip", "Content-Length", strconv.Itoa(len(got.body)), "Vary", "Accept-Encoding")
		got = r.do("GET", "/api/me", "")
		got.want(t, 200, union)
		got.wantHeader(t, "Content-Length", "", "Vary", "Accept-Encoding")
	})
	t.Run("encoded by the upstream", func(t *testing.T) {
		r := newRig(t, Dual, serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, session)
			_ = z.Close()
		}))
		r.do("GET", "/api/me", "").want(t, 200, union)
	})
	t.Run("no-transform", func(t *testing.T) {
		r := newRig(t, Dual, answers(t, 200, jsonHead("Cache-Control", "no-transform"), session), func(o *Options) {
			o.Policies = map[string]Policy{"me": {NoTransform: NoTransformPass}}
		})
		got := r.do("GET", "/api/me", "")
		got.want(t, 200, session)
		got.wantHeader(t, "Crossfade-Fallback", "no-transform")
	})
	t.Run("flow_only", func(t *testing.T) {
		got := newRig(t, FlowOnly, upstream).do("GET", "/api/me", "")
		got.wantHeader(t, "Content-Length", strconv.Itoa(len(got.body)))
		if strings.Contains(got.body, `"session"`) {
			t.Errorf("the session is in it")
		}
	})
	t.Run("a client that has it", func(t *testing.T) {
		r := newRig(t, Dual, serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != `"v1"` {
				t.Errorf("the upstream was asked for %q", r.Header.Get("If-None-Match"))
			}
			w.Header().Set("Etag", `"v1"`)
			w.WriteHeader(http.StatusNotModified)
		}))
		got := r.do("GET", "/api/me", "", "If-None-Match", tag)
		got.want(t, http.StatusNotModified, "")
		got.wantHeader(t, "Etag", tag)
	})
}

// Each piece goes out when it has come, and what the upstream holds back is not waited for.
func TestLongUnionComesAsItComes(t *testing.T) {
	session, union := longMe()
	for name, length := range map[string]bool{"announced": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			more := make(chan int)
			upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if length {
					w.Header().Set("Content-Length", strconv.Itoa(len(session)))
				}
				at := 0
				for next := range more {
					_, _ = io.WriteString(w, session[at:next])
					_ = http.NewResponseController(w).Flush()
					at = next
				}
			})
			r := newRig(t, Dual, upstream)
			first := 10
			if !length {
				first = 290 << 10 // what is above the size
			}
			req, err := http.NewRequest(http.MethodGet, r.url+"/api/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() { more <- first }()
			res, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got := make([]byte, len(session)-4)
			if _, err := io.ReadFull(res.Body, got[:first]); err != nil {
				t.Fatal(err)
			}
			// All but what could be the end: from the last value on.
			more <- len(session) - 1
			if _, err := io.ReadFull(res.Body, got[first:]); err != nil {
				t.Fatal(err)
			}
			go func() {
				more <- len(session)
				close(more)
			}()
			if rest, err := io.ReadAll(res.Body); string(got)+string(rest) != union || err != nil {
				t.Errorf("got another answer, which ends in %q (%v)", rest, err)
			}
		})
	}
}

// An upstream that dies in the middle is a cut: nobody may take a part for the whole.
func TestLongUnionCut(t *testing.T) {
	session, _ := longMe()
	for _, framing := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n", len(session)+1), "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", len(session)+1)} {
		for _, at := range []int{1, 290 << 10, len(session)} {
			head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			r := newRig(t, Dual, says(t, head+framing+session[:at], true))
			got, err := r.try("GET", "/api/me", "")
			if err == nil && got.err == nil && got.StatusCode == http.StatusOK {
				t.Errorf("cut at %d: a whole answer of %d bytes", at, len(got.body))
			}
			rec := r.observed.last(t, 1)
			if rec.Mapped || rec.Outcome != Cut && rec.Status != http.StatusBadGateway {
				t.Errorf("cut at %d: record %+v", at, rec)
			}
		}
	}
}

// TestUnionWithMemory: what is remembered is put into a body that is held, however long it is.
func TestUnionWithMemory(t *testing.T) {
	long := `{"pad":"` + strings.Repeat("n", 600<<10) + `","session":{"id":"s1"}}`
	m := &recollection{complete: func(_, mapped []byte) ([]byte, error) { return append(mapped[:len(mapped):len(mapped)], ' '), nil }}
	r := newRig(t, Dual, answers(t, 200, jsonHead("Content-Length", strconv.Itoa(len(long))), long), withMemory(m))
	got := r.do("GET", "/api/me", "")
	if !strings.HasSuffix(got.body, `"current_flow":{"id":"s1"}} `) {
		t.Errorf("%d bytes that memory has not seen, and that end in %q", len(got.body), got.body[max(0, len(got.body)-40):])
	}
}

func TestLongUnionInLittleMemory(t *testing.T) {
	session := `{"session":{"id":"s1","name":"` + strings.Repeat("n", 600<<10) + `"}}`
	pad := `{"session":{"id":"s1"},"pad":"` + strings.Repeat("n", 4<<20) + `"}`
	t.Run("what is held is counted", func(t *testing.T) {
		p := &places{requests: 2, memory: 8 << 20}
		got := newRig(t, Dual, answers(t, 200, jsonHead(), session), admitted(p)).do("GET", "/api/me", "")
		if !strings.HasSuffix(got.body, `n"}}`) || len(got.body) < 1200<<10 {
			t.Errorf("%d bytes", len(got.body))
		}
		if taken := p.want(t, 2, 8<<20); taken < 1200<<10 || taken > 2<<20 {
			t.Errorf("%d bytes were taken", taken)
		}
	})
	t.Run("what goes by is not", func(t *testing.T) {
		p := &places{requests: 2, memory: 1 << 20}
		got := newRig(t, Dual, answers(t, 200, jsonHead("Content-Length", strconv.Itoa(len(pad))), pad), admitted(p)).do("GET", "/api/me", "")
		if !strings.HasSuffix(got.body, `n","current_flow":{"id":"s1"}}`) {
			t.Errorf("%d bytes", len(got.body))
		}
		p.want(t, 2, 1<<20)
	})
	for name, c := range map[string]struct {
		change   func(*Options)
		fallback string
	}{
		"none is left":        {admitted(&places{requests: 2, memory: 400 << 10}), "memory"},
		"more than the limit": {func(o *Options) { o.Limits.MaxBody = 500 << 10 }, "too-large"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Dual, answers(t, 200, jsonHead("Content-Length", strconv.Itoa(len(session))), session), c.change)
			got := r.do("GET", "/api/me", "", "TE", "trailers")
			got.want(t, 200, session)
			// What is known to be too long beforehand is told in the head.
			if told := got.Trailer.Get("Crossfade-Fallback") + got.Header.Get("Crossfade-Fallback"); told != c.fallback {
				t.Errorf("%v and trailers %v, want %s", got.Header, got.Trailer, c.fallback)
			}
			if rec := r.observed.last(t, 1); string(rec.Fallback) != c.fallback || rec.err == nil {
				t.Errorf("record %+v", rec)
			}
		})
	}
}
