package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// consulting decides by what a test says.
type consulting Decision

func (c consulting) Decide(*http.Request, string) Decision { return Decision(c) }

// TestVaryNamesWhatWasConsulted: in every mode, on every answer of an endpoint, also those of
// crossfade's own; and not where nothing was consulted.
func TestVaryNamesWhatWasConsulted(t *testing.T) {
	for _, tc := range []struct {
		name      string
		consulted []string
		told      []string
		want      string
	}{
		{"nothing", nil, []string{"Origin"}, "Origin"},
		{"one field", []string{"X-Cohort"}, nil, "X-Cohort"},
		{"two, beside the upstream's", []string{"X-Cohort", "Authorization"}, []string{"Origin, Accept"}, "Origin, Accept|X-Cohort, Authorization"},
		{"one that is there already", []string{"X-Cohort", "X-User"}, []string{"origin,x-cohort"}, "origin,x-cohort|X-User"},
		{"one named twice", []string{"X-Cohort", "x-cohort"}, nil, "X-Cohort"},
		{"the upstream varies by everything", []string{"X-Cohort"}, []string{"*"}, "*"},
	} {
		for _, mode := range append(allModes(), "no_mode") {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				for _, status := range []int{200, 204, 404, 500} {
					upstream := answers(t, status, http.Header{"Content-Type": {"application/json"}, "Vary": tc.told}, map[bool]string{true: "", false: sessionMe}[status == 204])
					r := newRig(t, mode, upstream, func(o *Options) { o.Decider = consulting{Mode: mode, Consulted: tc.consulted} })
					r.do("GET", "/api/me", "").wantHeader(t, "Vary", tc.want)
					r.do("HEAD", "/api/me", "").wantHeader(t, "Vary", tc.want)
					r.do("GET", "/api/other", "").wantHeader(t, "Vary", strings.Join(tc.told, "|"))
				}
			})
		}
	}
	gone := newRig(t, FlowOnly, answers(t, 200, nil, ""), func(o *Options) { o.Decider = consulting{Mode: FlowOnly, Consulted: []string{"X-Cohort"}} })
	gone.do("GET", "/api/groups/7/sessions", "").wantHeader(t, "Vary", "X-Cohort", "Cache-Control", "no-store")
}

// TestVaryKnowsBothNames: where the upstream's answer depends on a field that clients may send by
// another name, it depends on that as well.
func TestVaryKnowsBothNames(t *testing.T) {
	for _, mode := range allModes() {
		want := "Origin, x-flow-id"
		if mode != Passthrough {
			want += "|X-Session-Id"
		}
		got := newRig(t, mode, answers(t, 200, jsonHead("Vary", "Origin, x-flow-id"), "{}")).do("POST", "/api/flow/activate", "{}")
		got.wantHeader(t, "Vary", want)
		newRig(t, mode, answers(t, 200, jsonHead("Vary", "Origin"), "{}")).do("POST", "/api/flow/activate", "{}").wantHeader(t, "Vary", "Origin")
	}
}

// TestPrivateDecisions: where the mode depends on who asks, no shared cache keeps the answer, and
// nobody keeps it for longer than before.
func TestPrivateDecisions(t *testing.T) {
	for _, tc := range []struct {
		name string
		told []string
		want string
	}{
		{"nothing said", nil, "private"},
		{"for everybody", []string{"public, max-age=60", "s-maxage=600"}, "max-age=60, private"},
		{"in other spellings", []string{`Public ,, S-MaxAge="5", Max-Age=60`}, "Max-Age=60, private"},
		{"private already", []string{"private,max-age=5"}, "private,max-age=5"},
		{"private and public", []string{"private, public, max-age=5"}, "private, max-age=5"},
		{"private as to some fields", []string{`private="set-cookie, x", max-age=5`}, "max-age=5, private"},
		{"not to be stored", []string{"no-store, public"}, "no-store, public"},
		{"to be asked about", []string{"no-cache"}, "no-cache, private"},
	} {
		for _, mode := range allModes() {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				head := http.Header{
					"Content-Type": {"application/json"}, "Cache-Control": tc.told, "Cdn-Cache-Control": {"max-age=9"},
					"Cloudflare-Cdn-Cache-Control": {"max-age=9"}, "Surrogate-Control": {"max-age=9"}, "X-Accel-Expires": {"9"}, "Expires": {"x"},
				}
				upstream := answers(t, 200, head, sessionMe)
				r := newRig(t, mode, upstream, func(o *Options) { o.Decider = consulting{Mode: mode, Private: true} })
				got := r.do("GET", "/api/me", "")
				got.wantHeader(t, "Cache-Control", tc.want, "Cdn-Cache-Control", "", "Cloudflare-Cdn-Cache-Control", "", "Surrogate-Control", "", "X-Accel-Expires", "", "Expires", "x")
				r.do("GET", "/api/other", "").wantHeader(t, "Cache-Control", strings.Join(tc.told, "|"), "Cdn-Cache-Control", "max-age=9")
				newRig(t, mode, upstream).do("GET", "/api/me", "").wantHeader(t, "Cache-Control", strings.Join(tc.told, "|"), "Surrogate-Control", "max-age=9")
			})
		}
	}
}
