package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// file takes the path of a file, or "" for none. It does not look whether it is there.
func file(of string) kind {
	k := text("the path of a file "+of, true)
	k.name, k.path = "file", true
	return k
}

// listOf takes a list of texts, none twice, and gives what item makes of each. item's error is
// what is wrong with one of them.
func listOf[T any](of, want string, item func(text string) (T, error)) kind {
	k := kind{name: "list of " + of, want: "a list of " + of + " such as " + want, scalar: listScalar}
	k.parse = func(text string) (any, error) {
		values := []T{}
		var seen []string
		for part := range strings.SplitSeq(text, ",") {
			part = strings.TrimSpace(part)
			if part == "" && text == "" {
				break
			}
			value, err := item(part)
			if err != nil {
				return nil, err
			}
			if slices.Contains(seen, part) {
				return nil, fmt.Errorf("%s is there twice", quote(part))
			}
			seen, values = append(seen, part), append(values, value)
		}
		return values, nil
	}
	return k
}

// tokens takes a list of words as HTTP has them (RFC 9110 section 5.6.2).
func tokens(of, example string) kind {
	return listOf(of, example, func(text string) (string, error) {
		// A star would be a wildcard, and means something else once credentials are sent.
		if !isToken(text) || strings.Contains(text, "*") {
			return "", fmt.Errorf("want %s such as %s, got %s", of, example, quote(text))
		}
		return text, nil
	})
}

// origins takes a list of origins as browsers write them, or * for every page.
func origins() kind {
	return listOf("origins", "https://app.example.com", func(text string) (string, error) {
		if text == "*" {
			return text, nil
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Hostname()) || u.Port() != "" && !isPort(u.Port()) || strings.HasSuffix(u.Host, ":") ||
			// Browsers send it in just one spelling, and it is compared byte for byte.
			text != u.Scheme+"://"+strings.ToLower(u.Host) || u.Port() == defaultPort(u) {
			return "", fmt.Errorf("want origins as browsers write them, such as https://app.example.com (lower case, no path, no default port), or * for every page, got %s", quote(text))
		}
		return text, nil
	})
}

// networks takes a list of networks; an address alone is a network of one.
func networks() kind {
	return listOf("networks", "10.0.0.0/8", func(text string) (netip.Prefix, error) {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return p, fmt.Errorf("want networks such as 10.0.0.0/8, or addresses, got %s", quote(text))
		case p != p.Masked():
			return p, fmt.Errorf("%s has bits behind its prefix (want %s)", quote(text), p.Masked())
		}
		return p, nil
	})
}
