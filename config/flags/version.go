package flags

import (
	"errors"
	"fmt"
	"strings"
)

// version is a semantic version. Its comparison and its parsing allocate nothing, since they are done for requests.
type version struct {
	numbers    [3]uint64
	prerelease string // "" for a release
}

// parseVersion reads "2", "2.3", "v2.3.1", "2.3.1-beta.2+build"; what is missing is 0. given counts the numbers that were there.
func parseVersion(s string) (v version, given int, ok bool) {
	const longest = 64 // bytes; a longer text is no version
	if len(s) > longest {
		return version{}, 0, false
	}
	s = strings.TrimPrefix(s, "v")
	if i := strings.IndexByte(s, '+'); i >= 0 {
		if !identifiers(s[i+1:]) {
			return version{}, 0, false
		}
		s = s[:i]
	}
	if i := strings.IndexByte(s, '-'); i >= 0 {
		if v.prerelease = s[i+1:]; !identifiers(v.prerelease) {
			return version{}, 0, false
		}
		s = s[:i]
	}
	for given < len(v.numbers) {
		part, rest, more := strings.Cut(s, ".")
		n, ok := number(part)
		if !ok {
			return version{}, 0, false
		}
		v.numbers[given] = n
		given++
		if !more {
			return v, given, true
		}
		s = rest
	}
	return version{}, 0, false // a fourth number
}

// number reads digits without a leading zero, at most 18 of them.
func number(s string) (n uint64, ok bool) {
	if s == "" || len(s) > 18 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}

// identifiers accepts what may stand behind - and +: words of letters, digits and hyphens with dots between them.
func identifiers(s string) bool {
	empty := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if empty {
				return false
			}
			empty = true
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
			empty = false
		default:
			return false
		}
	}
	return !empty
}

// compare is -1, 0 or 1 by the rules of semantic versions.
func (v version) compare(w version) int {
	for i := range v.numbers {
		if v.numbers[i] != w.numbers[i] {
			return order(v.numbers[i] < w.numbers[i])
		}
	}
	a, b := v.prerelease, w.prerelease
	switch {
	case a == b:
		return 0
	case a == "" || b == "":
		return order(b == "") // a prerelease is before its release
	}
	for {
		left, moreLeft, isMoreLeft := strings.Cut(a, ".")
		right, moreRight, isMoreRight := strings.Cut(b, ".")
		if left != right {
			m, leftNumber := number(left)
			n, rightNumber := number(right)
			switch {
			case leftNumber && rightNumber:
				return order(m < n)
			case leftNumber != rightNumber:
				return order(leftNumber) // numbers are before words
			}
			return order(left < right)
		}
		if !isMoreLeft || !isMoreRight {
			return order(!isMoreLeft) // the longer one is later
		}
		a, b = moreLeft, moreRight
	}
}

func order(before bool) int {
	if before {
		return -1
	}
	return 1
}

// versionRange is a list of bounds that all have to hold.
type versionRange []versionBound

type versionBound struct {
	operator string
	version  version
}

// parseVersionRange reads ">= 2.3 < 4": bounds with white space or commas between them.
func parseVersionRange(s string) (versionRange, error) {
	var r versionRange
	rest := strings.TrimLeft(s, " ,")
	for rest != "" {
		operator := rest[:len(rest)-len(strings.TrimLeft(rest, "<>=!~^"))]
		rest = strings.TrimLeft(rest[len(operator):], " ")
		end := strings.IndexAny(rest, " ,<>=!~^")
		if end < 0 {
			end = len(rest)
		}
		word := rest[:end]
		rest = strings.TrimLeft(rest[end:], " ,")
		switch operator {
		case ">=", "<", ">", "<=", "=", "!=":
		default:
			return nil, fmt.Errorf("want >=, <, >, <=, = or != before a version, got %q", operator+word)
		}
		v, given, ok := parseVersion(word)
		if !ok {
			return nil, fmt.Errorf("%q is no semantic version such as 2.3 or 2.3.1", word)
		}
		if given < len(v.numbers) && operator != ">=" && operator != "<" {
			// Is 2.3.1 greater than 2.3? People disagree.
			return nil, fmt.Errorf("%s wants all three numbers, got %q", operator, word)
		}
		r = append(r, versionBound{operator, v})
	}
	if r == nil {
		return nil, errors.New(`want a range of versions such as ">= 2.3 < 4"`)
	}
	return r, nil
}

// has says whether a text is a version within the range. What is no version is in none.
func (r versionRange) has(s string) bool {
	v, _, ok := parseVersion(s)
	if !ok {
		return false
	}
	for i := range r {
		c := v.compare(r[i].version)
		var holds bool
		switch r[i].operator {
		case ">=":
			holds = c >= 0
		case ">":
			holds = c > 0
		case "<=":
			holds = c <= 0
		case "<":
			holds = c < 0
		case "=":
			holds = c == 0
		case "!=":
			holds = c != 0
		}
		if !holds {
			return false
		}
	}
	return true
}
