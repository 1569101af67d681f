package proxy

import (
	"net/http"
	"net/netip"
	"strings"
)

// setForwarded tells the upstream who asks. A client's word on that is dropped, in all its
// spellings; a proxy that the operator trusts is believed, and its list of addresses is kept as far as it
// is vouched for: from the right, up to the first address that is not a trusted proxy's.
// ReverseProxy has taken Forwarded, X-Forwarded-For, -Host and -Proto out of h.
func (p *Proxy) setForwarded(h http.Header, in *http.Request) {
	host, proto := in.Host, "http"
	if in.TLS != nil {
		proto = "https"
	}
	var chain string
	peer, err := netip.ParseAddrPort(in.RemoteAddr)
	if err == nil { // a unix socket's peer has no address
		chain = peer.Addr().Unmap().WithZone("").String()
	}
	if err == nil && p.isTrusted(peer.Addr()) {
		if known := p.vouched(in.Header["X-Forwarded-For"]); known != "" {
			chain = known + ", " + chain
		}
		host = given(in.Header["X-Forwarded-Host"], host)
		proto = given(in.Header["X-Forwarded-Proto"], proto)
	} else {
		delete(h, "X-Real-Ip")
		for name := range h {
			if strings.HasPrefix(name, "X-Forwarded-") {
				delete(h, name)
			}
		}
	}
	values := [...]string{chain, host, proto} // one allocation for the three
	if chain != "" {
		h["X-Forwarded-For"] = values[0:1:1]
	}
	h["X-Forwarded-Host"] = values[1:2:2]
	h["X-Forwarded-Proto"] = values[2:3:3]
}

func given(values []string, fallback string) string {
	if len(values) == 1 && values[0] != "" {
		return values[0]
	}
	return fallback
}

func (p *Proxy) isTrusted(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, network := range p.trusted {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// vouched is the end of a list of addresses that trusted proxies have written.
func (p *Proxy) vouched(lists []string) string {
	addrs := strings.Split(strings.Join(lists, ","), ",")
	for i := len(addrs) - 1; i >= 0; i-- {
		addrs[i] = strings.TrimSpace(addrs[i])
		a, err := netip.ParseAddr(addrs[i])
		if err != nil {
			return strings.Join(addrs[i+1:], ", ")
		}
		if !p.isTrusted(a) {
			return strings.Join(addrs[i:], ", ")
		}
	}
	return strings.Join(addrs, ", ")
}
