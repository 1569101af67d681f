package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// scalar says how YAML must write a value, so that nothing is decoded weakly. The environment
// and flags know text alone.
type scalar int

const (
	textScalar scalar = iota
	numberScalar
	boolScalar
	listScalar // a list of texts; the environment separates them by commas
)

// kind is what values a key takes.
type kind struct {
	name   string // for the table of keys: "duration"
	want   string // for errors: "a duration such as 30s"
	scalar scalar
	// parse gives the value for Config. Its errors name the text and what is wanted. It is nil
	// for lists.
	parse func(text string) (any, error)
	// shown is how a value is shown, where there may be a secret in it; nil shows it as it is.
	shown func(text string) string
	// path: in the file, a relative path is one from the file's directory. It stands behind beforePath; without that, it is none.
	path       bool
	beforePath string
}

// listKind is for keys whose values are lists; the file alone can give them.
func listKind(of string) kind { return kind{name: "list of " + of, want: "a list of " + of} }

// word takes one of a few words. what is the singular for errors.
func word[T ~string](what string, words []T) kind {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return kind{
		name: strings.Join(names, ", "),
		want: list(names),
		parse: func(text string) (any, error) {
			return T(text), checkWord(what, T(text), words)
		},
	}
}

// text takes printable text; with empty also "".
func text(want string, empty bool) kind {
	return kind{name: "text", want: want, parse: func(text string) (any, error) {
		if text == "" && !empty {
			return nil, fmt.Errorf("want %s, got nothing", want)
		}
		if hasControls(text) {
			return nil, fmt.Errorf("want %s, got %s with control characters", want, quote(text))
		}
		return text, nil
	}}
}

// boolean takes true and false, and no other way to say so.
func boolean() kind {
	const want = "true or false"
	return kind{name: "boolean", want: want, scalar: boolScalar, parse: func(text string) (any, error) {
		if text != "true" && text != "false" {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return text == "true", nil
	}}
}

// number takes a whole number in decimal digits.
func number(low, high int) kind {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	if low == high {
		want = fmt.Sprintf("the number %d", low)
	}
	return kind{name: "number", want: want, scalar: numberScalar, parse: func(text string) (any, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high || strconv.Itoa(n) != text {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return n, nil
	}}
}

// duration takes a Go duration. least is the smallest allowed; 0 lets 0s turn the timeout off.
func duration(least time.Duration) kind {
	want := "a duration such as 500ms, 30s or 2m"
	if least > 0 {
		want = fmt.Sprintf("a duration of at least %s, such as 500ms, 30s or 2m", least)
	}
	return kind{name: "duration", want: want, parse: func(text string) (any, error) {
		// A bare 0 is a duration to Go; here everything has a unit.
		d, err := time.ParseDuration(text)
		if err != nil || d < least || text == "0" {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return d, nil
	}}
}

// size takes a Size within bounds.
func size(least, most Size) kind {
	want := fmt.Sprintf("a size from %s to %s, such as 64KiB", least, most)
	return kind{name: "size", want: want, parse: func(text string) (any, error) {
		s, err := ParseSize(text)
		if err != nil || s < least || s > most {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return s, nil
	}}
}

// address takes host:port to listen on, or unix: and an absolute path. With off, "" is allowed
// and means no listener.
func address(off bool) kind {
	want := "an address such as 127.0.0.1:8080, :8080 for every interface, or unix: and an absolute path"
	if off {
		want += `, or "" for none`
	}
	return kind{name: "address", want: want, parse: func(text string) (any, error) {
		if off && text == "" {
			return text, nil
		}
		if path, ok := strings.CutPrefix(text, "unix:"); ok {
			if !isSocketPath(path) {
				return nil, fmt.Errorf("want %s, got %s", want, quote(text))
			}
			return text, nil
		}
		host, port, err := net.SplitHostPort(text)
		if err != nil || !isHost(host) && host != "" || !isPort(port) {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return text, nil
	}}
}

// isHost accepts IP addresses and host names. It looks nothing up.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= 253 && regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$`).MatchString(host)
}

func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

// isSocketPath accepts absolute paths of at most the 107 bytes that the kernel takes.
func isSocketPath(path string) bool {
	return strings.HasPrefix(path, "/") && len(path) <= 107 && !hasControls(path)
}

func hasControls(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// quote quotes a text for an error, cut so that a wrong file does not flood the terminal.
func quote(text string) string {
	const most = 60 // characters; enough to know the text again
	if runes := []rune(text); len(runes) > most {
		return strconv.Quote(string(runes[:most])) + "…"
	}
	return strconv.Quote(text)
}
