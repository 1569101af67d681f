package proxy

import (
	"net/http"
	"net/netip"
	"strings"
)

// asker is who asks, as far as crossfade knows: found once for each request.
type asker struct {
	chain string // the addresses for X-Forwarded-For, the nearest last; empty where there is none to tell
	// host and proto are those by which the client knows crossfade, perhaps by way of proxies that are trusted.
	host, proto string
	trusted     bool // the peer is a proxy that the operator trusts
}

// askerOf finds out who asks. A client's word on that does not count; a proxy that the operator trusts is
// believed, and its list of addresses is kept as far as it is vouched for: from the right, up to the first
// address that is not a trusted proxy's.
func (p *Proxy) askerOf(in *http.Request) asker {
	a := asker{host: in.Host, proto: "http"}
	if in.TLS != nil {
		a.proto = "https"
	}
	peer, text := peerOf(in)
	a.chain = text
	if a.trusted = text != "" && p.isTrusted(peer); !a.trusted {
		return a
	}
	if v := in.Header["X-Forwarded-Host"]; len(v) == 1 && v[0] != "" {
		a.host = v[0]
	}
	if v := in.Header["X-Forwarded-Proto"]; len(v) == 1 && (v[0] == "http" || v[0] == "https") {
		a.proto = v[0]
	}
	if known := p.vouched(in.Header["X-Forwarded-For"]); known != "" {
		a.chain = known + ", " + a.chain
	}
	return a
}

// peerOf is the address that a request came from, and its text; a unix socket's peer has none.
func peerOf(in *http.Request) (netip.Addr, string) {
	peer, err := netip.ParseAddrPort(in.RemoteAddr)
	if err != nil {
		return netip.Addr{}, ""
	}
	if peer.Addr().Is4() { // its text stands there already, and there is but one way to write it
		return peer.Addr(), in.RemoteAddr[:strings.LastIndexByte(in.RemoteAddr, ':')]
	}
	addr := peer.Addr().Unmap().WithZone("")
	return addr, addr.String()
}

// setForwarded tells the upstream who asks, in a header without the client's own word on that.
func (a *asker) setForwarded(h http.Header, l *lines) {
	if a.chain != "" {
		h["X-Forwarded-For"] = l.of(a.chain)
	}
	h["X-Forwarded-Host"] = l.of(a.host)
	h["X-Forwarded-Proto"] = l.of(a.proto)
}

// isForwarding says of fields that they are about on whose behalf a request comes. Of some even a trusted
// proxy's are not passed on: two accounts of one thing can contradict each other.
func isForwarding(name string, trusted bool) bool {
	switch name {
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return true
	case "X-Real-Ip":
		return !trusted
	}
	return !trusted && strings.HasPrefix(name, "X-Forwarded-")
}

// dropForwarding takes such fields out, whoever asks.
func dropForwarding(h http.Header) {
	for name := range h {
		if isForwarding(name, false) {
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
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	client := peer.Addr().Unmap().WithZone("")
	if err != nil || !among(trusted, client) {
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
