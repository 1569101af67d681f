package flags

import (
	"encoding/base64"
	"strings"
)

// unreadable is the user of every bearer token that names none: the backend takes all of them for its demo user.
const unreadable = "33333333-3333-3333-3333-333333333333"

// legacyToken begins the backend's own tokens: the user's uuid and a few digits follow.
const legacyToken = "db-token-"

const uuidLength = 36 // characters, in five groups

// bearer gives the token of an Authorization field, "" when there is none.
func bearer(header map[string][]string) string {
	const scheme = "bearer "
	values := header["Authorization"]
	if len(values) == 0 || len(values[0]) < len(scheme) || !strings.EqualFold(values[0][:len(scheme)], scheme) {
		return ""
	}
	return strings.Trim(values[0][len(scheme):], " ")
}

// legacyUser gives the uuid in a token of the backend's own, as it is written there.
func legacyUser(token string) (uuid string, ok bool) {
	rest, ok := strings.CutPrefix(token, legacyToken)
	if !ok || len(rest) < uuidLength || len(rest) > uuidLength && rest[uuidLength] != '-' || !isUUID(rest[:uuidLength]) {
		return "", false
	}
	return rest[:uuidLength], true
}

func isUUID[T string | []byte](s T) bool {
	if len(s) != uuidLength {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
		}
	}
	return true
}

// fold writes a uuid with small letters, so that it is one key however it was spelt.
func fold[T string | []byte](to []byte, uuid T) {
	for i := range len(uuid) {
		c := uuid[i]
		if c >= 'A' && c <= 'F' {
			c |= 0x20
		}
		to[i] = c
	}
}

// Bounds of a payload. Larger ones are not read; the largest that identity providers make by default has half of it.
const (
	maxPayload = 4096 // bytes, decoded
	maxClaims  = 64
)

// payload is what a JSON web token says, read and not trusted: the signature is the backend's affair. It is large and lives on the
// stack of the decision that needs it.
type payload struct {
	buffer [maxPayload]byte
	claims [maxClaims]claim
	count  int
	sub    claim // of kind noClaim when there is none to be known by
}

// isWebToken says whether a token has the form of a signed JSON web token.
func isWebToken(token string) bool { return strings.Count(token, ".") == 2 }

// read decodes a token; without success there are no claims.
func (p *payload) read(token string) {
	_, rest, _ := strings.Cut(token, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	encoded = strings.TrimRight(encoded, "=")
	if base64.RawURLEncoding.DecodedLen(len(encoded)) > len(p.buffer) {
		return
	}
	n, err := base64.RawURLEncoding.Decode(p.buffer[:], []byte(encoded)) // no copy: Decode only reads it
	if err != nil {
		return
	}
	count, ok := scanObject(p.buffer[:n], p.claims[:])
	if !ok {
		return
	}
	p.count = count
	i, ok := p.find("sub")
	if !ok || p.claims[i].kind != textClaim || p.claims[i].end == p.claims[i].start {
		return
	}
	sub := &p.claims[i]
	value, ok := unquote(p.buffer[sub.start:sub.start], p.buffer[sub.start:sub.end])
	if !ok {
		p.count = 0
		return
	}
	if isUUID(value) {
		fold(value, value)
	}
	// Unescaped in its place: what is compared with it from now on is the text itself.
	sub.kind, sub.end = wordClaim, sub.start+uint16(len(value))
	p.sub = *sub
}

// find gives the place of the claim with a name, the last one where there are several, as the backend's parser has it.
func (p *payload) find(name string) (i int, ok bool) {
	for i := p.count - 1; i >= 0; i-- {
		if c := p.claims[i]; string(p.buffer[c.nameStart:c.nameEnd]) == name {
			return i, true
		}
	}
	return 0, false
}
