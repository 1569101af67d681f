package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// locationToFlow turns a Location that leads to a session route into the flow route, for
// callers who do not know the other. Scheme, host, query and fragment keep their spelling; addresses
// of other hosts are none of ours.
func (x *exchange) locationToFlow(h http.Header) {
	v := h["Location"]
	if len(v) != 1 {
		return
	}
	u, err := url.Parse(v[0])
	if err != nil || u.Opaque != "" || u.Host != "" && !strings.EqualFold(u.Host, x.in.Host) && !strings.EqualFold(u.Host, x.proxy.upstream.Host) {
		return
	}
	front, path := "", v[0]
	if u.Host != "" {
		authority := strings.Index(path, "//") + len("//")
		slash := strings.IndexByte(path[authority:], '/')
		if slash < 0 {
			return
		}
		front, path = path[:authority+slash], path[authority+slash:]
	}
	var behind string
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path, behind = path[:i], path[i:]
	}
	if flow, ok := x.proxy.routes.toFlow(strings.TrimPrefix(path, x.proxy.base)); ok {
		h["Location"] = []string{front + flow + behind}
	}
}
