package admin

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// guarded refuses what only a browser that was tricked would send: requests to a name that is not
// ours (DNS rebinding: a page's own name that now leads here), and requests of other sites' pages. Tokens would
// hold those up as well; but /metrics has none, and the next fault should not be the last one.
func (a *api) guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.guard(r); err != nil {
			a.refuse(w, r, Token{}, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (a *api) guard(r *http.Request) error {
	if !a.ours(r.Host) {
		return fail(problemWrongHost, "host %q is not a name of this listener (admin.hosts has them)", r.Host)
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
	default:
		return fail(problemCrossSite, "Sec-Fetch-Site is %q", site)
	}
	for _, origin := range r.Header["Origin"] {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
			return fail(problemCrossSite, "Origin is %q", origin)
		}
	}
	return nil
}

// ours says whether a Host is this listener's. A plain address always is: it cannot be made to lead elsewhere.
func (a *api) ours(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || name != "" && slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}
