package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/coding"
)

// encoded puts codings on a body, as an upstream does that was not asked for them.
func encoded(tb testing.TB, body string, layers ...coding.Coding) string {
	tb.Helper()
	var e coding.Encoder
	out := []byte(body)
	for _, c := range layers {
		var err error
		if out, err = e.Encode(nil, out, c); err != nil {
			tb.Fatal(err)
		}
	}
	return string(out)
}

// plain undoes what an answer says that it has.
func (a answer) plain(t *testing.T) string {
	t.Helper()
	layers, err := coding.Parse(a.Header["Content-Encoding"])
	if err != nil {
		t.Fatal(err)
	}
	out, err := coding.Decode(nil, []byte(a.body), layers, coding.Limits{Bytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestCodings: whatever the upstream has put on, and whatever the client takes: the body is
// mapped, and goes out in a coding that the client listed.
func TestCodings(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layers []coding.Coding // of the upstream's body
		told   string          // Content-Encoding
		accept string
		want   string // Content-Encoding of the mapped answer
		vary   string
	}{
		{"none, and the client takes all", nil, "", "gzip, br, zstd", "", ""},
		{"identity by name", nil, "identity", "gzip", "", ""},
		{"none, and the client takes nothing else but one", nil, "", "identity;q=0, br", "br", "Accept-Encoding"},
		{"gzip, and the client takes it", []coding.Coding{coding.Gzip}, "gzip", "gzip, br", "gzip", "Accept-Encoding"},
		{"gzip by its old name", []coding.Coding{coding.Gzip}, "X-GZIP", "gzip", "gzip", "Accept-Encoding"},
		{"gzip, and the client says nothing", []coding.Coding{coding.Gzip}, "gzip", "", "", "Accept-Encoding"},
		{"gzip, and the client takes another", []coding.Coding{coding.Gzip}, "gzip", "gzip;q=0, zstd", "zstd", "Accept-Encoding"},
		{"deflate", []coding.Coding{coding.Deflate}, "deflate", "deflate", "deflate", "Accept-Encoding"},
		{"br", []coding.Coding{coding.Brotli}, "br", "gzip, deflate, br", "br", "Accept-Encoding"},
		{"zstd, and the client is old", []coding.Coding{coding.Zstd}, "zstd", "gzip", "gzip", "Accept-Encoding"},
		{"a stack", []coding.Coding{coding.Gzip, coding.Brotli}, "gzip, br", "gzip, br", "br", "Accept-Encoding"},
		{"a stack, and the client says nothing", []coding.Coding{coding.Deflate, coding.Zstd}, "deflate, zstd", "", "", "Accept-Encoding"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for what, bodies := range map[string]map[Mode]string{
				sessionMe: {Dual: dualMe, FlowOnly: flowMe},
				flowMe:    {Dual: flowMe, FlowOnly: flowMe}, // nothing to map
			} {
				head := jsonHead("Etag", `"v"`)
				if tc.told != "" {
					head.Set("Content-Encoding", tc.told)
				}
				upstream := answers(t, 200, head, encoded(t, what, tc.layers...))
				raw := newRig(t, Passthrough, upstream).do("GET", "/api/me", "", "Accept-Encoding", tc.accept)
				raw.want(t, 200, encoded(t, what, tc.layers...))
				raw.wantHeader(t, "Content-Encoding", tc.told, "Vary", "", "Etag", `"v"`)
				for mode, want := range bodies {
					r := newRig(t, mode, upstream)
					got := r.do("GET", "/api/me", "", "Accept-Encoding", tc.accept)
					told := got.Header.Get("Content-Encoding")
					if told != tc.want && (want != what || !strings.EqualFold(told, tc.told)) {
						t.Errorf("%s: Content-Encoding %q, want %q", mode, told, tc.want)
					}
					if got.StatusCode != http.StatusOK || got.plain(t) != want || got.ContentLength != int64(len(got.body)) {
						t.Errorf("%s: got %d %q with length %d", mode, got.StatusCode, got.body, got.ContentLength)
					}
					got.wantHeader(t, "Vary", tc.vary, "Crossfade-Fallback", "")
					mark := ""
					if tc.want != "" {
						mark = "-" + tc.want
					}
					if tag := got.Header.Get("Etag"); !strings.HasPrefix(tag, `"v;cf-`+string(mode)) || len(tag) != len(`"v;cf--01234567"`)+len(mode)+len(mark) || !strings.HasSuffix(tag, mark+`"`) {
						t.Errorf("%s: Etag %s", mode, tag)
					}
					head := r.do("HEAD", "/api/me", "", "Accept-Encoding", tc.accept)
					head.want(t, 200, "")
					head.wantHeader(t, "Etag", got.Header.Get("Etag"), "Vary", tc.vary, "Content-Encoding", tc.want, "Content-Length", "")
				}
			}
		})
	}
}

// TestUnreadableCodings: what cannot be decoded goes out as it came in dual, and not at all in
// flow_only. HEAD says the same.
func TestUnreadableCodings(t *testing.T) {
	br := encoded(t, sessionMe, coding.Brotli)
	zs := encoded(t, sessionMe, coding.Zstd)
	for _, tc := range []struct {
		name, told, body string
		head             bool // can be told by the head alone
		fallback         Fallback
	}{
		{"an unknown coding", "compress", sessionMe, true, FallbackCoding},
		{"an unknown coding under one that is known", "compress, gzip", zip(sessionMe), true, FallbackCoding},
		{"four codings", "gzip, br, gzip, br", zip(sessionMe), true, FallbackCoding},
		{"br that lies", "br", sessionMe, false, FallbackCoding},
		{"br with something behind it", "br", br + "x", false, FallbackCoding},
		{"cut br", "br", br[:len(br)-3], false, FallbackCoding},
		{"cut zstd", "zstd", zs[:len(zs)-3], false, FallbackCoding},
		{"deflate with a wrong checksum", "deflate", encoded(t, sessionMe, coding.Deflate)[:60] + "\x00\x00\x00\x00", false, FallbackCoding},
		{"the codings in the wrong order", "br, gzip", encoded(t, sessionMe, coding.Gzip, coding.Brotli), false, FallbackCoding},
		{"a body under a coding that is no JSON", "br", encoded(t, "<html>", coding.Brotli), false, FallbackUnmappable},
		{"nothing", "gzip", "", false, FallbackCoding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			upstream := answers(t, 200, jsonHead("Content-Encoding", tc.told, "Etag", `"v"`, "Content-Digest", "x"), tc.body)
			for _, mode := range []Mode{Passthrough, Dual} {
				fallback := tc.fallback
				if mode == Passthrough {
					fallback = ""
				}
				got := newRig(t, mode, upstream).do("GET", "/api/me", "")
				got.want(t, 200, tc.body)
				got.wantHeader(t, "Content-Encoding", tc.told, "Etag", `"v"`, "Content-Digest", "x", "Crossfade-Fallback", string(fallback))
			}
			newRig(t, FlowOnly, upstream).do("GET", "/api/me", "").wantProblem(t, problemUnmappable)
			if tc.head {
				got := newRig(t, Dual, upstream).do("HEAD", "/api/me", "")
				got.wantHeader(t, "Etag", `"v"`, "Crossfade-Fallback", string(tc.fallback))
				if got := newRig(t, FlowOnly, upstream).do("HEAD", "/api/me", ""); got.StatusCode != http.StatusBadGateway {
					t.Errorf("HEAD in flow_only: %d", got.StatusCode)
				}
			}
		})
	}
}

// TestBombs: every coding, and one on top of the other; dual passes the bomb on, flow_only refuses it.
func TestBombs(t *testing.T) {
	for told, layers := range map[string][]coding.Coding{
		"br": {coding.Brotli}, "zstd": {coding.Zstd}, "deflate": {coding.Deflate}, "gzip, gzip": {coding.Gzip, coding.Gzip},
	} {
		t.Run(told, func(t *testing.T) {
			inflated := 64 << 20
			if told == "br" || told == "deflate" {
				inflated = 24 << 20 // slow to be made; still more than is allowed
			}
			bomb := encoded(t, strings.Repeat(" ", inflated), layers...)
			upstream := answers(t, 200, jsonHead("Content-Encoding", told), bomb)
			stop := watchHeap(t, 48<<20)
			defer stop()
			got := newRig(t, Dual, upstream).do("GET", "/api/me", "")
			got.want(t, 200, bomb)
			got.wantHeader(t, "Content-Encoding", told, "Crossfade-Fallback", "too-large")
			newRig(t, FlowOnly, upstream).do("GET", "/api/me", "").wantProblem(t, problemUnmappable)
		})
	}
}

// TestRatio is a setting.
func TestRatio(t *testing.T) {
	body := `{"session":{"id":"s1"},"pad":"` + strings.Repeat("x", 2<<20) + `"}`
	upstream := answers(t, 200, jsonHead("Content-Encoding", "gzip"), zip(body))
	got := newRig(t, Dual, upstream).do("GET", "/api/me", "")
	got.wantHeader(t, "Crossfade-Fallback", "too-large")
	got = newRig(t, Dual, upstream, func(o *Options) { o.Limits.MaxRatio = 2000 }).do("GET", "/api/me", "")
	got.wantHeader(t, "Crossfade-Fallback", "")
	if !strings.Contains(got.body, "current_flow") {
		t.Errorf("%d bytes, not mapped", len(got.body))
	}
}

// TestCompress: where the operator wants it, what the upstream sent without a coding gets one;
// only if it is worth it, and only what a lens has looked at.
func TestCompress(t *testing.T) {
	long := `{"session":{"id":"s1"},"pad":"` + strings.Repeat("x", 2000) + `"}`
	on := func(o *Options) { o.Compress = true }
	for _, tc := range []struct {
		name   string
		mode   Mode
		target string
		body   string
		header http.Header
		accept string
		want   string
		vary   string
	}{
		{"mapped", Dual, "/api/me", long, jsonHead(), "gzip, br", "br", "Accept-Encoding"},
		{"mapped, for a client that says nothing", Dual, "/api/me", long, jsonHead(), "", "", "Accept-Encoding"},
		{"native", FlowOnly, "/api/me", strings.Replace(long, "session", "current_flow", 1), jsonHead(), "gzip", "gzip", "Accept-Encoding"},
		{"short", Dual, "/api/me", sessionMe, jsonHead(), "gzip", "", ""},
		{"no-transform", Dual, "/api/me", long, jsonHead("Cache-Control", "no-transform"), "gzip", "", ""},
		{"not JSON", Dual, "/api/me", long, http.Header{"Content-Type": {"text/plain"}}, "gzip", "", ""},
		{"passthrough", Passthrough, "/api/me", long, jsonHead(), "gzip", "", ""},
		{"no endpoint", Dual, "/api/other", long, jsonHead(), "gzip", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.header.Set("Etag", `"v"`)
			r := newRig(t, tc.mode, answers(t, 200, tc.header, tc.body), on)
			got := r.do("GET", tc.target, "", "Accept-Encoding", tc.accept)
			got.wantHeader(t, "Content-Encoding", tc.want, "Vary", tc.vary)
			if plain := got.plain(t); !strings.Contains(plain, "s1") || tc.mode == Dual && tc.want != "" && !strings.Contains(plain, "current_flow") {
				t.Errorf("%q", plain)
			}
		})
	}
	t.Run("HEAD says so where the length is known, and says less where it is not", func(t *testing.T) {
		var known bool
		upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Etag", `"v"`)
			if !known {
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = io.WriteString(w, long)
		})
		r := newRig(t, Dual, upstream, on)
		get := r.do("GET", "/api/me", "", "Accept-Encoding", "gzip")
		r.do("HEAD", "/api/me", "", "Accept-Encoding", "gzip").wantHeader(t, "Etag", "", "Content-Encoding", "")
		known = true
		r.do("HEAD", "/api/me", "", "Accept-Encoding", "gzip").wantHeader(t, "Etag", get.Header.Get("Etag"), "Content-Encoding", "gzip")
	})
}

// TestTrailersOfMappedAnswers: a mapped body has a length and no trailers; one that passes keeps them.
func TestTrailersOfMappedAnswers(t *testing.T) {
	for mode, want := range map[Mode]string{Passthrough: "42", Dual: "", FlowOnly: ""} {
		upstream := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Trailer", "Repr-Digest")
			_, _ = io.WriteString(w, zip(sessionMe))
			w.Header().Set("Repr-Digest", "42")
		})
		got := newRig(t, mode, upstream).do("GET", "/api/me", "", "Accept-Encoding", "gzip")
		if got.err != nil || got.Trailer.Get("Repr-Digest") != want {
			t.Errorf("%s: trailers %v, %v", mode, got.Trailer, got.err)
		}
		if mode != Passthrough {
			got.wantHeader(t, "Content-Encoding", "gzip", "Trailer", "")
		}
	}
}

// TestNoTransform: by default crossfade speaks as the origin; by policy such an answer passes.
func TestNoTransform(t *testing.T) {
	upstream := answers(t, 200, jsonHead("Cache-Control", "max-age=5, No-Transform", "Etag", `"v"`), sessionMe)
	pass := func(o *Options) { o.Policies = map[string]Policy{"me": {NoTransform: NoTransformPass}} }
	for mode, mapped := range map[Mode]string{Dual: dualMe, FlowOnly: flowMe} {
		newRig(t, mode, upstream).do("GET", "/api/me", "").want(t, 200, mapped)
		got := newRig(t, mode, upstream, pass).do("GET", "/api/me", "")
		got.want(t, 200, sessionMe)
		got.wantHeader(t, "Crossfade-Fallback", "no-transform", "Etag", `"v"`, "Crossfade-Mode", string(mode))
		newRig(t, mode, answers(t, 200, jsonHead("Cache-Control", "max-age=5"), sessionMe), pass).do("GET", "/api/me", "").want(t, 200, mapped)
	}
	newRig(t, Passthrough, upstream, pass).do("GET", "/api/me", "").wantHeader(t, "Crossfade-Fallback", "")
}

// TestCodedRequests: a flow-shaped body in a coding is mapped, and goes on without it; what has
// nothing to map, or cannot be read, goes on as it came.
func TestCodedRequests(t *testing.T) {
	for _, tc := range []struct {
		name, told, body string
		want, coding     string
		fallback         Fallback
	}{
		{"gzip", "gzip", zip(`{"context":{"flow_id":"1"}}`), `{"context":{"session_id":"1"}}`, "", ""},
		{"a stack", "br, gzip", encoded(t, `{"context":{"flow_id":"1"}}`, coding.Brotli, coding.Gzip), `{"context":{"session_id":"1"}}`, "", ""},
		{"nothing to map", "gzip", zip(`{"x":1}`), zip(`{"x":1}`), "gzip", ""},
		{"an unknown coding", "compress", "x", "x", "compress", FallbackRequestCoding},
		{"a coding that lies", "gzip", "x", "x", "gzip", FallbackRequestCoding},
		{"a bomb", "gzip", zip(strings.Repeat(" ", 20<<20)), zip(strings.Repeat(" ", 20<<20)), "gzip", FallbackRequestCoding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, mode := range allModes() {
				upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					want, told := tc.want, tc.coding
					if mode == Passthrough {
						want, told = tc.body, tc.told
					}
					if err != nil || string(body) != want || r.Header.Get("Content-Encoding") != told {
						t.Errorf("%s: the upstream got %q in %q, %v", mode, body, r.Header.Get("Content-Encoding"), err)
					}
				})
				got := newRig(t, mode, upstream).do("POST", "/api/upload", tc.body, "Content-Encoding", tc.told)
				if mode != Passthrough {
					got.wantHeader(t, "Crossfade-Fallback", string(tc.fallback))
				}
			}
		})
	}
}
