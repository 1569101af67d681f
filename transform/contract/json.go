package contract

import (
	"bytes"
	"encoding/json"
	"strings"
)

// json gives the value as JSON text: numbers as they are written, keys in order. It is ""
// after a complaint.
func (v value) json() string {
	var b bytes.Buffer
	if !v.writeJSON(&b) {
		return ""
	}
	return b.String()
}

func (v value) writeJSON(b *bytes.Buffer) (ok bool) {
	switch v.kind {
	case kindNull:
		b.WriteString("null")
	case kindBool:
		b.WriteString(v.text)
	case kindNumber:
		if !json.Valid([]byte(v.text)) {
			v.fail("%s is no number of JSON (quote it if it is a text)", v.text)
			return false
		}
		b.WriteString(v.text)
	case kindString:
		writeString(b, v.text)
	case kindList:
		ok = true
		b.WriteByte('[')
		for i, item := range v.list() {
			if i > 0 {
				b.WriteByte(',')
			}
			ok = item.writeJSON(b) && ok
		}
		b.WriteByte(']')
		return ok
	case kindMap:
		ok = true
		b.WriteByte('{')
		for i, p := range v.pairs { // duplicates too: they may be what an example is about
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, p.key)
			b.WriteByte(':')
			ok = v.child(v.name+"."+p.key, p.value).writeJSON(b) && ok
		}
		b.WriteByte('}')
		return ok
	}
	return true
}

// writeString writes s as a JSON string with nothing escaped that need not be.
func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	// A string always encodes, and a bytes.Buffer takes everything.
	_ = enc.Encode(s)
	b.Truncate(b.Len() - 1) // the line end that Encode adds
}

// body gives a body of an example: a text is JSON as it stands, anything else is YAML for it.
func (v value) body() string {
	if v.kind != kindString {
		return v.json()
	}
	text := strings.TrimSpace(v.text)
	if !json.Valid([]byte(text)) {
		v.fail("not JSON (a body that is a text is taken as JSON; write it as YAML otherwise)")
		return ""
	}
	return text
}
