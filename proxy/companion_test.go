package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// remembering puts a member for what is remembered behind a body, "" for nothing.
func remembering(now *string) *recollection {
	return &recollection{complete: func(_, mapped []byte) ([]byte, error) {
		switch *now {
		case "":
			return mapped, nil
		case "away":
			return mapped, errors.New("the store is away")
		}
		end := bytes.LastIndexByte(mapped, '}')
		return slices.Concat(mapped[:end], []byte(`,"now":"`+*now+`"}`)), nil
	}}
}

func mappingModes() []Mode { return []Mode{Dual, FlowOnly} }

// Answers that memory has changed nothing in are those without memory, to the last field, whether something could
// have been remembered or not.
func TestAnswerThatMemoryLeavesAloneKeepsItsHeader(t *testing.T) {
	for _, mode := range mappingModes() {
		for _, nothing := range []bool{false, true} {
			for _, fields := range [][]string{
				{"Etag", `"1"`, "Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT", "Expires", "Tue, 03 Jan 2006 15:04:05 GMT", "Cache-Control", "public, max-age=60", "Vary", "Cookie"},
				{"Etag", `W/"1"`, "Cache-Control", "no-store"},
				{"Accept-Ranges", "bytes", "Content-Digest", "sha-256=:x:", "Surrogate-Control", "max-age=5"},
			} {
				upstream := answers(t, 200, jsonHead(fields...), sessionMe)
				now := ""
				m := remembering(&now)
				m.nothing = nothing
				plain, r := newRig(t, mode, upstream), newRig(t, mode, upstream, withMemory(m))
				for _, method := range []string{"GET", "HEAD"} {
					want, got := plain.do(method, mePath, ""), r.do(method, mePath, "")
					if !nothing && method == "HEAD" {
						want.Header["Content-Length"] = got.Header["Content-Length"] // it is known, where the body is
					}
					for _, own := range []string{"Date", "X-Request-Id"} {
						want.Header.Del(own)
						got.Header.Del(own)
					}
					if got.body != want.body || fmt.Sprint(got.Header) != fmt.Sprint(want.Header) {
						t.Errorf("%s, %s, nothing remembered %t: got\n%v %s\nwant\n%v %s", mode, method, nothing, got.Header, got.body, want.Header, want.body)
					}
				}
			}
		}
	}
}

func TestAnswerThatMemoryChangesMustBeAskedFor(t *testing.T) {
	for _, mode := range mappingModes() {
		for _, c := range []struct {
			name, now, control, want, fallback string
			tagged                             bool
		}{
			{"no word on caches", "a", "", "private, no-cache", "", true},
			{"public for a time", "a", "public, max-age=60, s-maxage=90, immutable, must-revalidate", "must-revalidate, private, no-cache", "", true},
			{"private for a time", "a", "private, max-age=60, stale-while-revalidate=5", "private, no-cache", "", true},
			{"not to be kept", "a", "no-store", "no-store", "", true},
			{"not to be transformed", "a", "no-transform", "no-transform, private, no-cache", "", true},
			{"memory is away", "away", "max-age=60", "private, no-cache", "flow-memory", false},
		} {
			t.Run(string(mode)+"/"+c.name, func(t *testing.T) {
				head := jsonHead("Etag", `"1"`, "Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT", "Expires", "Tue, 03 Jan 2006 15:04:05 GMT", "Surrogate-Control", "max-age=5")
				if c.control != "" {
					head.Set("Cache-Control", c.control)
				}
				m := remembering(&c.now)
				r := newRig(t, mode, answers(t, 200, head, sessionMe), withMemory(m))
				for _, method := range []string{"GET", "HEAD"} {
					res := r.do(method, mePath, "")
					<-m.closed
					res.wantHeader(t, "Cache-Control", c.want, "Last-Modified", "", "Expires", "", "Surrogate-Control", "", "Crossfade-Fallback", c.fallback)
					tag := res.Header.Get("Etag")
					if parts, ok := splitTag(strings.Trim(tag, `"`)); ok != c.tagged || ok && (!parts.memory || parts.before != "1") {
						t.Errorf("%s: tag %s", method, tag)
					}
				}
				if rec := r.observed.last(t, 2); string(rec.Fallback) != c.fallback {
					t.Errorf("recorded %q", rec.Fallback)
				}
			})
		}
	}
}

// What a client holds may be from before or after an activate, from another mode, or from when memory was away: it is
// confirmed only where it is what it would be given.
func TestConditionsWhereMemoryMatters(t *testing.T) {
	for _, weak := range []bool{false, true} {
		now := ""
		s := newShelf(t, weak, withMemory(remembering(&now)))
		type state struct {
			mode Mode
			now  string
		}
		var states []state
		for _, mode := range allModes() {
			for _, now := range []string{"", "a", "b", "away"} {
				states = append(states, state{mode, now})
			}
		}
		for _, before := range states {
			for _, after := range states {
				t.Run(fmt.Sprintf("weak %t/from %s %q to %s %q", weak, before.mode, before.now, after.mode, after.now), func(t *testing.T) {
					now = before.now
					copied := s.front[before.mode].do("GET", mePath, "")
					now = after.now
					front := s.front[after.mode]
					fresh := front.do("GET", mePath, "")
					tag := copied.Header.Get("Etag")
					good := before == after || before.mode == Passthrough && after.mode == Passthrough
					if away := before.mode != Passthrough && before.now == "away"; away {
						if tag != "" {
							t.Fatalf("an answer without memory has the tag %s", tag)
						}
						return
					}
					for _, method := range []string{"GET", "HEAD"} {
						got := front.do(method, mePath, "", "If-None-Match", `"x", `+tag)
						switch {
						case good:
							got.want(t, 304, "")
							got.wantHeader(t, "Etag", tag, "Cache-Control", fresh.Header.Get("Cache-Control"), "Content-Length", "")
						case got.StatusCode != http.StatusOK || method == "GET" && got.body != fresh.body || method == "HEAD" && got.body != "":
							t.Errorf("%s: got %d %s", method, got.StatusCode, got.body)
						default:
							got.wantHeader(t, "Etag", fresh.Header.Get("Etag"))
						}
					}
					got := front.do("GET", mePath, "", "If-Match", tag)
					if want := map[bool]int{true: 200, false: 412}[good && !weak]; got.StatusCode != want {
						t.Errorf("If-Match: got %d %s, want %d", got.StatusCode, got.body, want)
					}
					front.do("GET", mePath, "", "If-Match", "*").want(t, 200, fresh.body)
					if after.mode != Passthrough {
						front.do("GET", mePath, "", "Range", "bytes=0-1").want(t, 200, fresh.body)
						front.do("GET", mePath, "", "Range", "bytes=0-1", "If-Range", tag).want(t, 200, fresh.body)
						front.do("GET", mePath, "", "If-Modified-Since", modified().Format(http.TimeFormat)).want(t, 200, fresh.body)
					}
				})
			}
		}
	}
}

// Where nothing is remembered for anybody the upstream judges, as without memory; else it is asked for the whole.
func TestConditionsThatTheUpstreamIsTold(t *testing.T) {
	for _, mode := range mappingModes() {
		for _, nothing := range []bool{true, false} {
			now := ""
			m := remembering(&now)
			m.nothing = nothing
			s := newShelf(t, false, withMemory(m))
			tag := s.front[mode].do("GET", mePath, "").Header.Get("Etag")
			s.front[mode].do("HEAD", mePath, "", "If-None-Match", tag).want(t, 304, "")
			want := map[bool]string{true: `"v0"`}[nothing]
			if got := s.library.seen.Load().Get("If-None-Match"); got != want {
				t.Errorf("%s, nothing remembered %t: the upstream was told %q, want %q", mode, nothing, got, want)
			}
		}
	}
}

// In another coding it is another representation; and the tag is of the body before it was encoded.
func TestCodedAnswerThatMemoryChanges(t *testing.T) {
	now := "a"
	long := strings.Replace(sessionMe, "{", `{"pad":"`+strings.Repeat("x", 2000)+`",`, 1)
	r := newRig(t, Dual, answers(t, 200, jsonHead("Etag", `"1"`), long), withMemory(remembering(&now)), func(o *Options) { o.Compress = true })
	plain := r.do("GET", mePath, "").Header.Get("Etag")
	coded := r.do("GET", mePath, "", "Accept-Encoding", "gzip").Header.Get("Etag")
	if coded != strings.TrimSuffix(plain, `"`)+`-gzip"` {
		t.Errorf("tags %s and %s", plain, coded)
	}
	for _, c := range []struct {
		accept, tag string
		status      int
	}{{"gzip", coded, 304}, {"identity", plain, 304}, {"gzip", plain, 200}, {"identity", coded, 200}} {
		if res := r.do("GET", mePath, "", "Accept-Encoding", c.accept, "If-None-Match", c.tag); res.StatusCode != c.status {
			t.Errorf("%s, %s: got %d, want %d", c.accept, c.tag, res.StatusCode, c.status)
		}
	}
}

// A long answer streams while nothing is remembered, and is held where something may be put into it.
func TestLongAnswersStreamWhileNothingIsRemembered(t *testing.T) {
	session, union := longMe()
	for _, nothing := range []bool{true, false} {
		now := ""
		m := remembering(&now)
		m.nothing = nothing
		r := newRig(t, Dual, answers(t, 200, jsonHead("Etag", `"1"`), session), withMemory(m))
		res := r.do("GET", mePath, "")
		if res.body != union || (res.Header.Get("Etag") == "") != nothing {
			t.Errorf("nothing remembered %t: tag %s, %d bytes, want %d", nothing, res.Header.Get("Etag"), len(res.body), len(union))
		}
	}
}

// Errors are nobody's context.
func TestErrorsAreNotCompleted(t *testing.T) {
	m := &recollection{complete: func(_, _ []byte) ([]byte, error) { panic("completed") }}
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"detail":"`+r.Method+`"}`)
	})
	r := newRig(t, FlowOnly, upstream, withMemory(m))
	if res := r.do("GET", mePath, "", "If-None-Match", "*"); res.StatusCode != http.StatusNotFound {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
	if res := r.do("HEAD", mePath, ""); res.StatusCode != http.StatusNotFound || res.body != "" {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
}
