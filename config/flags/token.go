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

// legacyUser gives what stands for the uuid in a token of the backend's own.
func legacyUser(token string) (uuid string, ok bool) {
	rest, ok := strings.CutPrefix(token, legacyToken)
	if !ok || len(rest) < uuidLength || len(rest) > uuidLength && rest[uuidLength] != '-' {
		return "", false
	}
	return rest[:uuidLength], true
}

// fold writes a uuid with small letters, so that it is one key however it was spelt. It is false for what is none.
func fold[T string | []byte](to []byte, uuid T) bool {
	if len(uuid) != uuidLength || uuid[8] != '-' || uuid[13] != '-' || uuid[18] != '-' || uuid[23] != '-' {
		return false
	}
	to = to[:uuidLength]
	for i := range to {
		c := uuid[i]
		if c-'0' > 9 { // bytes wrap around
			if c |= 0x20; c-'a' > 'f'-'a' && (c != '-' || i != 8 && i != 13 && i != 18 && i != 23) {
				return false
			}
		}
		to[i] = c
	}
	return true
}

// Bounds of a payload. Larger ones are not read; the largest that identity providers make by default has half of it.
const (
	maxPayload = 4096 // bytes, decoded
	maxClaims  = 32
)

// payload is what a JSON web token says, read and not trusted: the signature is the backend's affair. It is large and lives on the
// stack of the decision that needs it.
type payload struct {
	buffer [maxPayload]byte
	claims [maxClaims]claim
	count  int
	sub    claim // of kind noClaim when there is none to be known by
}

// encodedPayload gives the middle part of a signed JSON web token, and the length of what is encoded in it; false for every other text.
func encodedPayload(token string) (encoded string, length int, ok bool) {
	_, rest, ok := strings.Cut(token, ".")
	if !ok {
		return "", 0, false
	}
	encoded, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.IndexByte(signature, '.') >= 0 {
		return "", 0, false
	}
	encoded = strings.TrimRight(encoded, "=")
	return encoded, base64.RawURLEncoding.DecodedLen(len(encoded)), true
}

// read decodes a payload of at most maxPayload bytes; without success there are no claims.
func (p *payload) read(encoded string) {
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
	// A uuid is written with small letters. What is none stays as it is.
	var folded [uuidLength]byte
	if fold(folded[:], value) {
		copy(value, folded[:])
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
