package proxy

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

const (
	headerLink        = "Link"
	headerDeprecation = "Deprecation"
	headerSunset      = "Sunset"

	relSuccessor = `; rel="successor-version"`
)

// notice is what the session routes of an endpoint say of their own end, made when the
// endpoint is: Deprecation (RFC 9745), Sunset (RFC 8594) and, behind the route that succeeds,
// links to a page.
type notice struct {
	deprecation, sunset []string // values of the fields; nil: not said
	links               string   // `, <https://…>; rel="deprecation"`
}

// datesOf chooses the dates of an endpoint: its own, else the first of the others that say anything.
func datesOf(e *contract.Endpoint, others ...contract.Dates) contract.Dates {
	d := e.Dates
	for _, other := range others {
		if d.IsZero() {
			d = other
		}
	}
	return d
}

// newNotice makes the notice of dates, nil where there is nothing to say.
func newNotice(d contract.Dates) *notice {
	if d.IsZero() {
		return nil
	}
	n := &notice{}
	page := func(rel string) {
		if d.Link != "" {
			n.links += ", <" + d.Link + `>; rel="` + rel + `"`
		}
	}
	if !d.Deprecation.IsZero() {
		n.deprecation = []string{"@" + strconv.FormatInt(d.Deprecation.Unix(), 10)}
		page("deprecation")
	}
	if !d.Sunset.IsZero() {
		n.sunset = []string{d.Sunset.UTC().Format(http.TimeFormat)}
		page("sunset")
	}
	return n
}

// announce puts the notice of a session route into the head of an answer, whoever gave it.
// Passthrough says nothing, since it changes nothing; a route that both shapes share has no successor and
// does not end; the answer that a route is gone has its link already. What the upstream says itself stays
// and is not said again.
func (x *exchange) announce(h http.Header) {
	if !x.mapping || x.route.side != sessionSide || x.route.endpoint.notice == nil {
		return
	}
	n := x.route.endpoint.notice
	if _, ok := h[headerDeprecation]; !ok && n.deprecation != nil {
		h[headerDeprecation] = n.deprecation
	}
	if _, ok := h[headerSunset]; !ok && n.sunset != nil {
		h[headerSunset] = n.sunset
	}
	said := h[headerLink]
	for _, link := range said {
		if strings.Contains(link, "successor-version") {
			return
		}
	}
	h[headerLink] = append(said[:len(said):len(said)], successor(x.counterpart())+n.links)
}

// successor is a link to the route that takes the place of one. A client's own bytes in its path do not
// end the link and begin another.
func successor(path string) string { return "<" + uriPath(path) + ">" + relSuccessor }
