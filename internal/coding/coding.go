// Package coding undoes and does the content codings of HTTP (RFC 9110 section 8.4) on bodies
// that are whole in memory: gzip, deflate, br and zstd, also one on top of the other.
//
// It knows bytes and the values of two header fields, and nothing else of HTTP:
//
//   - [Parse] reads Content-Encoding: which codings a body has, in the order of application.
//   - [Decode] undoes them. Every layer has to be whole, with lengths and checksums that are
//     true and nothing behind its end, and may not become larger than [Limits] allow.
//   - [ParseAccept] reads Accept-Encoding, and [Accept.Choose] says what to answer in.
//   - An [Encoder] does one of them.
//
// Start at [Decode].
package coding

import (
	"fmt"
	"strings"
)

// Coding is one content coding.
type Coding int

// The codings. Identity is none at all.
const (
	Identity Coding = iota
	Gzip
	Deflate
	Brotli
	Zstd
)

// String is the coding's name in header fields.
func (c Coding) String() string {
	switch c {
	case Identity:
		return "identity"
	case Gzip:
		return "gzip"
	case Deflate:
		return "deflate"
	case Brotli:
		return "br"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("Coding(%d)", int(c))
}

// all lists the codings but for Identity, by how gladly they are used on bodies made at run
// time: the least time for the fewest bytes first.
func all() [4]Coding { return [...]Coding{Zstd, Brotli, Gzip, Deflate} }

// named gives the coding of a name, in any case. ok is false for one that is not known.
func named(name string) (c Coding, ok bool) {
	if strings.EqualFold(name, Identity.String()) {
		return Identity, true
	}
	for _, c := range all() {
		if strings.EqualFold(name, c.String()) {
			return c, true
		}
	}
	return Gzip, strings.EqualFold(name, "x-gzip") // an alias from the time before RFC 1945
}

// maxLayers is how many codings a body may have. One is usual, a second is a mistake that
// happens (two middlewares), more are an attack.
const maxLayers = 3

// Parse reads the values of Content-Encoding. The result lists the codings in the order in which they were
// applied, without Identity; it is empty for a body as it is. A coding that is not known, or
// more of them than anyone uses, is an error.
func Parse(fields []string) ([]Coding, error) {
	var layers []Coding
	for _, field := range fields {
		for name := range strings.SplitSeq(field, ",") {
			name = strings.Trim(name, " \t")
			if name == "" {
				continue
			}
			c, ok := named(name)
			if !ok {
				return nil, fmt.Errorf("unknown coding %.40q (want gzip, deflate, br or zstd)", name)
			}
			if c == Identity {
				continue
			}
			if len(layers) == maxLayers {
				return nil, fmt.Errorf("more than %d codings on top of each other", maxLayers)
			}
			layers = append(layers, c)
		}
	}
	return layers, nil
}
