package config

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// masked stands for a secret.
const masked = "***"

func mask(text string) string {
	if text == "" {
		return ""
	}
	return masked
}

// secret takes printable text of at least so many characters, or "" for none. Its errors do not repeat it.
func secret(what string, least int) kind {
	want := fmt.Sprintf(`%s of at least %d characters, or "" for none`, what, least)
	return kind{name: "secret", want: want, shown: mask, parse: func(text string) (any, error) {
		if text != "" && len(text) < least || hasControls(text) || strings.Contains(text, " ") {
			return nil, errors.New("want " + want + ", without spaces")
		}
		return text, nil
	}}
}

// names takes a list of texts that nobody can check.
func names(of, example string) kind {
	return listOf(of, example, func(text string) (string, error) {
		if text == "" || hasControls(text) {
			return "", fmt.Errorf("want %s such as %s, got %s", of, example, quote(text))
		}
		return text, nil
	})
}

// hosts takes a list of host names or addresses, without ports.
func hosts() kind {
	return listOf("host names", "crossfade.internal", func(text string) (string, error) {
		if !isHost(text) {
			return "", fmt.Errorf("want host names such as crossfade.internal, without a port, got %s", quote(text))
		}
		return strings.ToLower(text), nil
	})
}

// How values of flags.provider begin.
const (
	flagdFile  = "flagd:file:"
	flagdPlain = "flagd:grpc:"
	flagdTLS   = "flagd:grpcs:"
)

// flagProvider takes where another system has the flags, or "" for nowhere.
func flagProvider() kind {
	const want = flagdFile + "PATH, " + flagdPlain + "HOST:PORT, " + flagdTLS + `HOST:PORT, or "" for none`
	return kind{name: "provider", want: want, path: true, beforePath: flagdFile, parse: func(text string) (any, error) {
		var p FlagProvider
		if text == "" {
			return p, nil
		}
		if path, found := strings.CutPrefix(text, flagdFile); found && path != "" && !hasControls(path) {
			p.File = path
			return p, nil
		}
		address, plain := strings.CutPrefix(text, flagdPlain)
		if !plain {
			address, p.TLS = strings.CutPrefix(text, flagdTLS)
		}
		host, port, err := net.SplitHostPort(address)
		if !plain && !p.TLS || err != nil || !isHost(host) || !isPort(port) || port == "0" {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		p.Address = address
		return p, nil
	}}
}

// attributes takes a list of names with values.
func attributes() kind {
	return listOf("attributes", "environment=staging", func(text string) (Attribute, error) {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" || hasControls(text) {
			return Attribute{}, fmt.Errorf("want attributes such as environment=staging, got %s", quote(text))
		}
		return Attribute{Name: name, Value: value}, nil
	})
}

func isToken(text string) bool {
	return regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$").MatchString(text)
}

// headerName takes the name of a header.
func headerName() kind {
	const want = "the name of a header such as Crossfade-Override"
	return kind{name: "header name", want: want, parse: func(text string) (any, error) {
		if !isToken(text) {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return text, nil
	}}
}

// bucketKeys takes what a request may be put into its bucket by, at least one.
func bucketKeys() kind {
	const want = "token, user_id, tenant, engagement, header:NAME or cookie:NAME"
	k := listOf("bucket keys", want, func(text string) (string, error) {
		kind, name, named := strings.Cut(text, ":")
		switch {
		case !named && slices.Contains([]string{"token", "user_id", "tenant", "engagement"}, kind):
		case named && (kind == "header" || kind == "cookie") && isToken(name):
		default:
			return "", fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return text, nil
	})
	parse := k.parse
	k.parse = func(text string) (any, error) {
		if text == "" {
			return nil, errors.New("want at least one of " + want)
		}
		return parse(text)
	}
	return k
}

// freezes takes a list of times, each from and until with a slash between.
func freezes() kind {
	const want = "2026-12-20T00:00:00Z/2027-01-02T00:00:00Z"
	return listOf("freezes", want, func(text string) (Freeze, error) {
		from, until, _ := strings.Cut(text, "/")
		f, errFrom := time.Parse(time.RFC3339, from)
		u, errUntil := time.Parse(time.RFC3339, until)
		if errFrom != nil || errUntil != nil || !u.After(f) {
			return Freeze{}, fmt.Errorf("want times such as %s, the second after the first, got %s", want, quote(text))
		}
		return Freeze{f, u}, nil
	})
}
