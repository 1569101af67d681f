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
	var chain string
	peer, known := peerOf(in)
	if known {
		chain = peer.String()
	}
	host, proto, trusted := p.facing(in)
	if trusted {
		if known := p.vouched(in.Header["X-Forwarded-For"]); known != "" {
			chain = known + ", " + chain
		}
	} else {
		dropForwarding(h)
	}
	values := [...]string{chain, host, proto} // one allocation for the three
	if chain != "" {
		h["X-Forwarded-For"] = values[0:1:1]
	}
	h["X-Forwarded-Host"] = values[1:2:2]
	h["X-Forwarded-Proto"] = values[2:3:3]
}

// facing is the host and the scheme by which the client knows crossfade, perhaps by way of proxies
// that are trusted.
func (p *Proxy) facing(in *http.Request) (host, proto string, trusted bool) {
	host, proto = in.Host, "http"
	if in.TLS != nil {
		proto = "https"
	}
	peer, known := peerOf(in)
	if trusted = known && p.isTrusted(peer); !trusted {
		return host, proto, false
	}
	if v := in.Header["X-Forwarded-Host"]; len(v) == 1 && v[0] != "" {
		host = v[0]
	}
	if v := in.Header["X-Forwarded-Proto"]; len(v) == 1 && (v[0] == "http" || v[0] == "https") {
		proto = v[0]
	}
	return host, proto, true
}

// peerOf is the address that a request came from; a unix socket's peer has none.
func peerOf(in *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(in.RemoteAddr)
	return peer.Addr().Unmap().WithZone(""), err == nil
}

// dropForwarding takes out what says on whose behalf a request comes.
func dropForwarding(h http.Header) {
	for name := range h {
		if name == "Forwarded" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			delete(h, name)
		}
	}
}

func (p *Proxy) isTrusted(a netip.Addr) bool { return among(p.trusted, a) }

func among(networks []netip.Prefix, a netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// hopOf reads an address of X-Forwarded-For; some load balancers write the port as well.
func hopOf(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		var hop netip.AddrPort
		hop, err = netip.ParseAddrPort(text)
		a = hop.Addr()
	}
	return a.Unmap().WithZone(""), err
}

// vouched is the end of a list of addresses that trusted proxies have written.
func (p *Proxy) vouched(lists []string) string {
	addrs := strings.Split(strings.Join(lists, ","), ",")
	for i := len(addrs) - 1; i >= 0; i-- {
		addrs[i] = strings.TrimSpace(addrs[i])
		hop, err := hopOf(addrs[i])
		if err != nil {
			return strings.Join(addrs[i+1:], ", ")
		}
		if !p.isTrusted(hop) {
			return strings.Join(addrs[i:], ", ")
		}
	}
	return strings.Join(addrs, ", ")
}

// ClientAddr is the address of a request's client: the peer's or, as far as trusted proxies vouch for it, the one that
// they have written down. It is the zero Addr where there is none, as on a unix socket.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	client, known := peerOf(r)
	if !known || !among(trusted, client) {
		return client
	}
	lists := r.Header["X-Forwarded-For"]
	for i := len(lists) - 1; i >= 0; i-- {
		for rest := lists[i]; rest != ""; {
			var item string
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, item = rest[:at], rest[at+1:]
			} else {
				rest, item = "", rest
			}
			hop, err := hopOf(strings.TrimSpace(item))
			if err != nil {
				return client
			}
			if client = hop; !among(trusted, client) {
				return client
			}
		}
	}
	return client
}
