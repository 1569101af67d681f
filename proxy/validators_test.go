package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// library is an upstream that keeps one resource as HTTP wants it: validators, conditions,
// ranges. A PUT makes a new version of it.
type library struct {
	weak    bool
	version atomic.Int64
	seen    atomic.Pointer[http.Header] // of the last request
}

func modified() time.Time { return time.Date(2026, time.January, 2, 15, 4, 5, 0, time.UTC) }

func (l *library) tag() string {
	if l.weak {
		return fmt.Sprintf(`W/"v%d"`, l.version.Load())
	}
	return fmt.Sprintf(`"v%d"`, l.version.Load())
}

func (l *library) body() string {
	return fmt.Sprintf(`{"session":{"id":"s%d"},"x":1}`, l.version.Load())
}

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := r.Header.Clone()
	l.seen.Store(&seen)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Etag", l.tag())
	h.Set("Content-Digest", "sha-256=:x:")
	// ServeContent judges the conditions of all methods; of what it says to a PUT only 412 counts.
	if r.Method == http.MethodPut {
		told := &statusOnly{header: h.Clone(), status: http.StatusOK}
		http.ServeContent(told, r, "", modified(), strings.NewReader(l.body()))
		if told.status != http.StatusOK {
			w.WriteHeader(told.status)
			return
		}
		l.version.Add(1)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.ServeContent(w, r, "", modified(), strings.NewReader(l.body()))
}

type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

// shelf is a library with a proxy in each mode in front of it: a flip is a change from one to another.
type shelf struct {
	library *library
	url     string
	front   map[Mode]*rig
}

func newShelf(t *testing.T, weak bool, change ...func(*Options)) *shelf {
	t.Helper()
	l := &library{weak: weak}
	url := serve(t, l.ServeHTTP)
	s := &shelf{l, url, map[Mode]*rig{}}
	for _, mode := range allModes() {
		s.front[mode] = newRig(t, mode, url, change...)
	}
	return s
}

// TestValidatorsAcrossFlips: a copy of one mode is still good in that mode, and in no other one.
func TestValidatorsAcrossFlips(t *testing.T) {
	for _, weak := range []bool{false, true} {
		s := newShelf(t, weak)
		for _, before := range allModes() {
			for _, now := range allModes() {
				t.Run(fmt.Sprintf("weak %t/from %s to %s", weak, before, now), func(t *testing.T) {
					copied := s.front[before].do("GET", "/api/me", "")
					fresh := s.front[now].do("GET", "/api/me", "")
					tag, date := copied.Header.Get("Etag"), copied.Header.Get("Last-Modified")
					if copied.StatusCode != http.StatusOK || !strings.HasPrefix(tag, strings.TrimSuffix(s.library.tag(), `"`)) || (before == Passthrough) != (date != "") {
						t.Fatalf("a copy with %q, %q: %d %s", tag, date, copied.StatusCode, copied.body)
					}
					if weak != strings.HasPrefix(tag, "W/") {
						t.Errorf("%s is not as weak as the upstream's", tag)
					}
					check := func(name string, header ...string) {
						t.Helper()
						for _, method := range []string{"GET", "HEAD"} {
							got := s.front[now].do(method, "/api/me", "", header...)
							got.wantHeader(t, "Etag", fresh.Header.Get("Etag"), "Crossfade-Mode", string(now))
							if before == now {
								got.want(t, 304, "")
								continue
							}
							body := fresh.body
							if method == "HEAD" {
								body = ""
							}
							if got.StatusCode != http.StatusOK || got.body != body {
								t.Errorf("%s, %s: got %d %s", name, method, got.StatusCode, got.body)
							}
						}
					}
					check("the tag", "If-None-Match", tag)
					check("the tag and others", "If-None-Match", `"x", `+tag+`, W/"y"`)
					if date != "" {
						check("the tag and the date", "If-None-Match", tag, "If-Modified-Since", date)
						if !weak && now == Passthrough {
							check("the date", "If-Modified-Since", date)
						}
					}

					got := s.front[now].do("GET", "/api/me", "", "If-Match", tag)
					switch {
					case weak: // by the strong comparison nothing matches
						if got.StatusCode != http.StatusPreconditionFailed {
							t.Errorf("If-Match with a weak tag: %d %s", got.StatusCode, got.body)
						}
					case before == now:
						got.want(t, 200, fresh.body)
					default:
						if got.StatusCode != http.StatusPreconditionFailed {
							t.Errorf("If-Match of another mode: %d %s", got.StatusCode, got.body)
						}
					}
					s.front[now].do("GET", "/api/me", "", "If-Match", "*").want(t, 200, fresh.body)
					s.front[now].do("GET", "/api/me", "", "If-None-Match", "*").want(t, 304, "")
				})
			}
		}
	}
}

// TestDatesTellNoShape: a date alone never confirms a copy in dual and flow_only.
func TestDatesTellNoShape(t *testing.T) {
	s := newShelf(t, false)
	date := modified().Format(http.TimeFormat)
	s.front[Passthrough].do("GET", "/api/me", "", "If-Modified-Since", date).want(t, 304, "")
	for _, mode := range []Mode{Dual, FlowOnly} {
		if got := s.front[mode].do("GET", "/api/me", "", "If-Modified-Since", date); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", mode, got.StatusCode)
		}
	}
}

// TestRangesAreAnsweredWhole: a part of the session shape is no part of what is made of it.
func TestRangesAreAnsweredWhole(t *testing.T) {
	s := newShelf(t, false)
	part := s.front[Passthrough].do("GET", "/api/me", "", "Range", "bytes=2-8")
	part.want(t, 206, "session")
	for _, mode := range []Mode{Dual, FlowOnly} {
		whole := s.front[mode].do("GET", "/api/me", "")
		whole.wantHeader(t, "Accept-Ranges", "")
		for _, condition := range []string{`"v0"`, whole.Header.Get("Etag"), part.Header.Get("Last-Modified")} {
			got := s.front[mode].do("GET", "/api/me", "", "Range", "bytes=2-8", "If-Range", condition)
			got.want(t, 200, whole.body)
			got.wantHeader(t, "Content-Range", "", "Accept-Ranges", "")
			// And back: a part that was asked for with this copy in hand is not glued to it.
			s.front[Passthrough].do("GET", "/api/me", "", "Range", "bytes=2-8", "If-Range", whole.Header.Get("Etag")).want(t, 200, s.library.body())
		}
	}
}

// TestWritesAreProtected: If-Match of a write works with what was read in any mode and is written
// in any mode, by whatever contract it was mapped; and it fails when somebody else wrote.
func TestWritesAreProtected(t *testing.T) {
	for _, target := range []string{"/api/me", "/api/other"} { // no PUT is an endpoint's; the marks come off all the same
		s := newShelf(t, false)
		older := newRig(t, Dual, s.url, func(o *Options) { o.Build = "older" })
		for _, read := range []*rig{s.front[Passthrough], s.front[Dual], s.front[FlowOnly], older} {
			for _, write := range allModes() {
				tag := read.do("GET", "/api/me", "").Header.Get("Etag")
				s.front[write].do("PUT", target, "{}", "If-Match", tag).want(t, 204, "")
				s.front[write].do("PUT", target, "{}", "If-Match", tag).want(t, 412, "")
				tag = read.do("GET", "/api/me", "").Header.Get("Etag")
				s.front[write].do("PUT", target, "{}", "If-None-Match", tag).want(t, 412, "")
				s.front[write].do("PUT", target, "{}", "If-None-Match", `"else"`).want(t, 204, "")
			}
		}
	}
}

// TestConditionsForTheUpstream: what the upstream gets of a client's conditions.
func TestConditionsForTheUpstream(t *testing.T) {
	s := newShelf(t, false)
	mark := map[Mode]string{}
	for _, mode := range []Mode{Dual, FlowOnly} {
		tag := s.front[mode].do("GET", "/api/me", "").Header.Get("Etag")
		mark[mode] = strings.TrimSuffix(strings.TrimPrefix(tag, `"v0`), `"`)
	}
	d, f := mark[Dual], mark[FlowOnly]
	if len(d) != len(";cf-dual-01234567") || len(f) != len(";cf-flow_only-01234567") {
		t.Fatalf("marks %q and %q", d, f)
	}
	for _, tc := range []struct {
		name, method, target string
		mode                 Mode
		field, sent, want    string
	}{
		{"passthrough", "GET", "/api/me", Passthrough, "If-None-Match", `"a` + d + `"`, `"a` + d + `"`},
		{"no endpoint", "GET", "/api/other", Dual, "If-None-Match", `"a` + d + `"`, `"a` + d + `"`},
		{"a route without a union", "GET", "/api/groups/7/sessions", Dual, "If-None-Match", `"a"`, `"a"`},
		{"of this mode", "GET", "/api/me", Dual, "If-None-Match", `"a` + d + `"`, `"a"`},
		{"of this mode, HEAD", "HEAD", "/api/me", FlowOnly, "If-None-Match", `W/"a` + f + `"`, `W/"a"`},
		{"of all modes", "GET", "/api/me", FlowOnly, "If-None-Match", `"a", "b` + d + `", "c` + f + `"`, `"c"`},
		{"of other modes", "GET", "/api/me", FlowOnly, "If-None-Match", `"a", "b` + d + `"`, ""},
		{"of another revision", "GET", "/api/me", Dual, "If-None-Match", `"a;cf-dual-00000000"`, ""},
		{"nonsense", "GET", "/api/me", Dual, "If-None-Match", `a`, ""},
		{"any", "GET", "/api/me", Dual, "If-None-Match", `*`, `*`},
		{"in a coding that is taken", "GET", "/api/me", Dual, "If-None-Match", `"a` + d + `-gzip"`, `"a"`},
		{"in a coding that is not taken", "GET", "/api/me", Dual, "If-None-Match", `"a` + d + `-br"`, ""},
		{"a match of this mode", "GET", "/api/me", Dual, "If-Match", `"a` + d + `"`, `"a"`},
		{"a match of another mode", "GET", "/api/me", Dual, "If-Match", `"a` + f + `", "b"`, `"a` + f + `", "b"`},
		{"nonsense to match", "GET", "/api/me", Dual, "If-Match", `a`, `a`},
		{"a date to match", "GET", "/api/me", Dual, "If-Unmodified-Since", "x", "x"},
		{"a write", "PUT", "/api/me", Dual, "If-Match", `"a` + d + `", W/"b` + f + `-gzip", "c;cf-dual-00000000", "d"`, `"a", W/"b", "c", "d"`},
		{"a write with the spelling of its own", "PUT", "/api/me", Dual, "If-Match", `"a" ,"b"`, `"a" ,"b"`},
		{"a write with nonsense", "PUT", "/api/me", Dual, "If-Match", `a` + d, `a` + d},
		{"a write in passthrough", "PUT", "/api/me", Passthrough, "If-None-Match", `"a` + d + `"`, `"a"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.front[tc.mode].do(tc.method, tc.target, "", tc.field, tc.sent, "Accept-Encoding", "gzip")
			if got := s.library.seen.Load().Get(tc.field); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// TestMatchIsHeld: also before an upstream that heeds no conditions; one without tags is let be.
func TestMatchIsHeld(t *testing.T) {
	for _, told := range []string{`"v"`, `W/"v"`} {
		r := newRig(t, Dual, answers(t, 200, jsonHead("Etag", told), sessionMe))
		tag := r.do("GET", "/api/me", "").Header.Get("Etag")
		for sent, held := range map[string]bool{tag: told == `"v"`, `"x", ` + tag: told == `"v"`, "*": true, told: false, `"x"`: false, "nonsense": true} {
			got := r.do("GET", "/api/me", "", "If-Match", sent)
			if held {
				got.want(t, 200, dualMe)
			} else {
				got.wantProblem(t, problemPrecondition)
			}
		}
	}
	newRig(t, Dual, answers(t, 200, jsonHead(), sessionMe)).do("GET", "/api/me", "", "If-Match", `"x"`).want(t, 200, dualMe)
	newRig(t, Passthrough, answers(t, 200, jsonHead("Etag", `"v"`), sessionMe)).do("GET", "/api/me", "", "If-Match", `"x"`).want(t, 200, sessionMe)
}

// TestNotModified: a 304 speaks of the client's copy, not of the upstream's body.
func TestNotModified(t *testing.T) {
	var tag string
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Etag"] = []string{tag}
		for _, name := range []string{"Last-Modified", "Accept-Ranges", "Content-Digest", "Signature", "Content-Encoding", "X-Kept"} {
			h.Set(name, "x")
		}
		if r.Header.Get("If-None-Match") == "" {
			h.Set("Content-Type", "application/json")
			h.Set("Content-Encoding", "identity")
			_, _ = w.Write([]byte(sessionMe))
			return
		}
		w.WriteHeader(http.StatusNotModified)
	})
	r := newRig(t, Dual, upstream)
	tag = `"one"`
	one := r.do("GET", "/api/me", "").Header.Get("Etag")
	tag = `"two"`
	two := r.do("GET", "/api/me", "").Header.Get("Etag")
	gz := strings.TrimSuffix(two, `"`) + `-gzip"`
	for _, tc := range []struct{ name, told, sent, want, vary string }{
		{"the one that matched", `"two"`, one + ", " + two, two, ""},
		{"weak as the upstream compares", `W/"two"`, one + ", " + two, two, ""},
		{"weak as the client has it", `"two"`, "W/" + two, "W/" + two, ""},
		{"encoded", `"two"`, gz, gz, "Accept-Encoding"},
		{"the upstream does not say", ``, two, two, ""},
		{"the upstream does not say which", ``, one + ", " + two, "", ""},
		{"any", `"two"`, "*", two, ""},
		{"any, and the upstream does not say", ``, "*", "", ""},
		{"the upstream says another one", `"three"`, two, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tag = tc.told
			got := r.do("GET", "/api/me", "", "If-None-Match", tc.sent, "Accept-Encoding", "gzip")
			got.want(t, 304, "")
			got.wantHeader(t, "Etag", tc.want, "Vary", tc.vary, "X-Kept", "x", "Last-Modified", "", "Accept-Ranges", "",
				"Content-Digest", "", "Signature", "", "Content-Encoding", "", "Content-Length", "", "Crossfade-Fallback", "")
		})
	}
}

// TestNativeBodiesHaveValidators: a body that the lens leaves as it is has a tag of the mode too, so that it can be
// confirmed, and keeps all that is true of its bytes. One that the lens gives up on keeps the upstream's.
func TestNativeBodiesHaveValidators(t *testing.T) {
	told := jsonHead("Etag", `"v"`, "Last-Modified", "x", "Content-Digest", "x", "Accept-Ranges", "bytes", "Signature", "x", "Signature-Input", "x")
	for _, mode := range []Mode{Dual, FlowOnly} {
		got := newRig(t, mode, answers(t, 200, told, flowMe)).do("GET", "/api/me", "")
		got.want(t, 200, flowMe)
		got.wantHeader(t, "Last-Modified", "x", "Content-Digest", "x", "Accept-Ranges", "", "Signature", "", "Signature-Input", "")
		if tag := got.Header.Get("Etag"); !strings.HasPrefix(tag, `"v;cf-`+string(mode)+"-") {
			t.Errorf("%s: %s", mode, tag)
		}
		head := newRig(t, mode, answers(t, 200, told, "")).do("HEAD", "/api/me", "")
		head.wantHeader(t, "Etag", got.Header.Get("Etag"), "Accept-Ranges", "")
	}
	got := newRig(t, Dual, answers(t, 200, told, `{"session":1}`)).do("GET", "/api/me", "", "If-Match", `"v"`)
	got.want(t, 200, `{"session":1}`)
	got.wantHeader(t, "Etag", `"v"`, "Accept-Ranges", "bytes", "Signature", "x")
	got = newRig(t, Dual, answers(t, 200, jsonHead("Etag", "v"), sessionMe)).do("GET", "/api/me", "")
	got.wantHeader(t, "Etag", "")
	got = newRig(t, FlowOnly, answers(t, 500, told, `{"session_error":1}`)).do("GET", "/api/me", "")
	got.want(t, 500, `{"flow_error":1}`)
	got.wantHeader(t, "Etag", "", "Last-Modified", "", "Content-Digest", "")
}

// TestMappedRequestsGetNoValidator: a tag in the answer to a write would vouch for what the
// client sent, and that was mapped.
func TestMappedRequestsGetNoValidator(t *testing.T) {
	upstream := answers(t, 200, jsonHead("Etag", `"v"`, "Last-Modified", "x"), `{"ok":true}`)
	for _, mode := range allModes() {
		for body, mapped := range map[string]bool{`{"context":{"flow_id":"1"}}`: true, `{"x":1}`: false} {
			got := newRig(t, mode, upstream).do("POST", "/api/upload", body)
			want := []string{`"v"`, "x"}
			if mapped && mode != Passthrough {
				want = []string{"", ""}
			}
			got.wantHeader(t, "Etag", want[0], "Last-Modified", want[1])
		}
	}
}
