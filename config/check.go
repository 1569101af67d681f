package config

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
)

// checkTogether checks what no value can be blamed for alone.
func (l *loader) checkTogether() {
	for _, name := range l.Require {
		if l.values[name].text == "" && !l.failed(name) {
			l.fail("", name, "missing%s", l.ways(name))
		}
	}
	l.checkLifecycle()
	l.checkEdge()
	l.checkUpstream()
	l.checkFlows()
	if l.failed("server.listen") || l.failed("admin.listen") || l.failed("upstream.url") {
		return
	}
	server, admin, upstream := l.values["server.listen"], l.values["admin.listen"], l.values["upstream.url"]
	if meet(server.text, admin.text) {
		l.fail(admin.source, "admin.listen", "%s meets server.listen %s (%s): give them two ports",
			quote(admin.text), quote(server.text), server.source)
	}
	urls, _ := upstream.parsed.([]*url.URL)
	for _, u := range urls {
		if meet(server.text, dialled(u)) || "unix:"+u.Path == server.text && u.Scheme == "unix" {
			l.fail(upstream.source, "upstream.url", "%s is where crossfade itself listens (server.listen %s, %s): it would call itself",
				quote(u.String()), quote(server.text), server.source)
		}
	}
}

// ways tells how to give the value of a key.
func (l *loader) ways(name string) string {
	for _, k := range l.keys {
		if k.Name != name {
			continue
		}
		ways := []string{k.Name + " in proxy.yaml"}
		if n := len(k.Env); n > 0 {
			ways = append(ways, k.Env[n-1]) // the alias is the one that people know
		}
		if k.Flag != "" {
			ways = append(ways, "--"+k.Flag)
		}
		return ": give it by " + list(ways)
	}
	return ": there is no such key"
}

// dialled is the address that a URL leads to.
func dialled(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), defaultPort(u)))
}

func defaultPort(u *url.URL) string {
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// meet tells whether one listener would take the other address too, as far as that can be
// told without looking names up. Port 0 is a new port each time and meets nothing.
func meet(listen, other string) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return false
	}
	otherHost, otherPort, err := net.SplitHostPort(other)
	if err != nil || port != otherPort {
		return false
	}
	if host == otherHost || isLoopback(host) && isLoopback(otherHost) {
		return true
	}
	// The wildcard takes every address of this machine; of those we know the loopback ones.
	return isWildcard(host) && (isLoopback(otherHost) || isWildcard(otherHost)) || isWildcard(otherHost) && isLoopback(host)
}

func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
