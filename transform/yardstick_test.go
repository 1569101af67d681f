package transform_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// The yardstick is what one would write by hand to make the union of one context body and of
// no other: one pass that checks the JSON and remembers where the wanted members stand, and
// one allocation. What a lens takes is told as a multiple of it.

var errYardstick = errors.New("not a context body")

// yardstick makes the union of a context body whose members stand in the usual order: the
// session before the list, and in a session what the flow keeps.
func yardstick(src []byte) ([]byte, error) {
	y := ruler{src: src, out: make([]byte, len(src), 2*len(src)+512)}
	end, ok := y.body()
	if !ok {
		return nil, errYardstick
	}
	copy(y.out, src[:end])
	n := copy(y.out[end:], y.out[len(src):])
	return y.out[:end+n], nil
}

type ruler struct {
	src, out []byte
	id       stretch // of the current session
}

// stretch is a part of the body: of a member with its name, or of a value.
type stretch struct{ from, to int }

// fields of a session, in the order that a flow has them.
const (
	fieldID = iota
	fieldName
	fieldEngagement
	fieldCreatedBy
	fieldMetadata
	fieldCreatedAt
	fieldUpdatedAt
	fieldOther
	fieldCount
)

func (y *ruler) body() (end int, ok bool) {
	i := y.space(0)
	if i >= len(y.src) || y.src[i] != '{' {
		return 0, false
	}
	var current [fieldCount]stretch
	var list stretch // of the rows in out
	for {
		i = y.space(i + 1)
		key, v := y.key(i)
		if v < 0 {
			return 0, false
		}
		switch {
		case string(key) == "session" && y.src[v] == '{':
			i = y.session(v, &current)
			y.id = current[fieldID]
		case string(key) == "available_sessions" && y.src[v] == '[':
			list.from = len(y.out)
			i = y.rows(v, &current)
			list.to = len(y.out)
		default:
			i = y.value(v)
		}
		if i < 0 {
			return 0, false
		}
		end = i
		if i = y.space(i); i >= len(y.src) {
			return 0, false
		}
		if y.src[i] == '}' {
			break
		}
		if y.src[i] != ',' {
			return 0, false
		}
	}
	if list.to == 0 || current[fieldID].to == 0 || y.space(i+1) != len(y.src) {
		return 0, false
	}
	y.out = append(y.out, `],"current_flow":`...)
	y.flow(&current)
	y.out = append(y.out, y.src[end:]...)
	return end, true
}

// rows writes the list of flows, but for the bracket at its end. The current session is in it.
func (y *ruler) rows(i int, current *[fieldCount]stretch) int {
	y.out = append(y.out, `,"active_flows":[`...)
	listed := false
	begin := len(y.out)
	for first := true; ; first = false {
		i = y.space(i + 1)
		if i >= len(y.src) || y.src[i] != '{' {
			return -1
		}
		var row [fieldCount]stretch
		if i = y.session(i, &row); i < 0 {
			return -1
		}
		id := row[fieldID]
		listed = listed || bytes.Equal(y.src[id.from:id.to], y.src[y.id.from:y.id.to])
		if !first {
			y.out = append(y.out, ',')
		}
		y.flow(&row)
		if i = y.space(i); i >= len(y.src) {
			return -1
		}
		if y.src[i] == ']' {
			break
		}
		if y.src[i] != ',' {
			return -1
		}
	}
	if !listed {
		rest := bytes.Clone(y.out[begin:])
		y.out = y.out[:begin]
		y.flow(current)
		y.out = append(append(y.out, ','), rest...)
	}
	return i + 1
}

// session finds the members of the session at i.
func (y *ruler) session(i int, f *[fieldCount]stretch) int {
	for {
		i = y.space(i + 1)
		k := i
		key, v := y.key(i)
		if v < 0 {
			return -1
		}
		if i = y.value(v); i < 0 {
			return -1
		}
		switch string(key) {
		case "id":
			f[fieldID] = stretch{v, i}
		case "name":
			f[fieldName] = stretch{v, i}
		case "engagement_id":
			f[fieldEngagement] = stretch{k, i}
		case "created_by":
			f[fieldCreatedBy] = stretch{k, i}
		case "metadata":
			f[fieldMetadata] = stretch{k, i}
		case "created_at":
			f[fieldCreatedAt] = stretch{k, i}
		case "updated_at":
			f[fieldUpdatedAt] = stretch{k, i}
		}
		if i = y.space(i); i >= len(y.src) {
			return -1
		}
		if y.src[i] == '}' {
			return i + 1
		}
		if y.src[i] != ',' {
			return -1
		}
	}
}

// flow writes a flow; members that follow each other in the body are copied as one piece.
func (y *ruler) flow(f *[fieldCount]stretch) {
	y.out = append(y.out, `{"id":`...)
	y.out = append(y.out, y.src[f[fieldID].from:f[fieldID].to]...)
	y.out = append(y.out, `,"name":`...)
	name := y.src[f[fieldName].from:f[fieldName].to]
	for _, prefix := range [...]string{`"Admin Session - `, `"Default Session - `} {
		if len(name) > len(prefix) && string(name[:len(prefix)]) == prefix {
			y.out = append(y.out, `"Discovery Flow - `...)
			name = name[len(prefix):]
			break
		}
	}
	y.out = append(y.out, name...)
	y.out = append(y.out, `,"flow_type":"discovery","status":"active",`...)
	piece := f[fieldEngagement]
	for _, next := range f[fieldCreatedBy : fieldUpdatedAt+1] {
		if next.from == piece.to+1 {
			piece.to = next.to
			continue
		}
		y.out = append(append(y.out, y.src[piece.from:piece.to]...), ',')
		piece = next
	}
	y.out = append(append(y.out, y.src[piece.from:piece.to]...), '}')
}

// space skips white space, of which there is most often none.
func (y *ruler) space(i int) int {
	if i < len(y.src) && y.src[i] > ' ' {
		return i
	}
	return y.spaces(i)
}

func (y *ruler) spaces(i int) int {
	for i < len(y.src) && (y.src[i] == ' ' || y.src[i] == '\n' || y.src[i] == '\r' || y.src[i] == '\t') {
		i++
	}
	return i
}

// key reads a name and its colon; v is where the value is, or negative.
func (y *ruler) key(i int) (key []byte, v int) {
	if i >= len(y.src) || y.src[i] != '"' {
		return nil, -1
	}
	end := y.text(i + 1)
	if end < 0 {
		return nil, -1
	}
	if v = y.space(end); v >= len(y.src) || y.src[v] != ':' {
		return nil, -1
	}
	if v = y.space(v + 1); v >= len(y.src) {
		return nil, -1
	}
	return y.src[i+1 : end-1], v
}

// text scans a string from behind its opening quote, eight bytes at a time.
func (y *ruler) text(i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	b := y.src
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^ones*'"', w^ones*'\\'
			if m := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & tops; m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
			i++
		}
		if i < len(b) && b[i] == '"' {
			return i + 1
		}
		switch {
		case i >= len(b) || b[i] < 0x20:
			return -1
		case i+1 < len(b) && bytes.IndexByte([]byte(`"\/bfnrt`), b[i+1]) >= 0:
			i += 2
		case i+6 <= len(b) && b[i+1] == 'u' && strings.Trim(string(b[i+2:i+6]), "0123456789abcdefABCDEF") == "":
			i += 6
		default:
			return -1
		}
	}
}

func (y *ruler) value(i int) int {
	b := y.src
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; c {
	case '"':
		return y.text(i + 1)
	case '{', '[':
		end := c + 2
		if i = y.space(i + 1); i < len(b) && b[i] == end {
			return i + 1
		}
		for {
			if c == '{' {
				if _, i = y.key(i); i < 0 {
					return -1
				}
			}
			if i = y.value(i); i < 0 {
				return -1
			}
			if i = y.space(i); i >= len(b) {
				return -1
			}
			if b[i] == end {
				return i + 1
			}
			if b[i] != ',' {
				return -1
			}
			i = y.space(i + 1)
		}
	case 't', 'f', 'n':
		for _, word := range [...]string{"true", "false", "null"} {
			if i+len(word) <= len(b) && string(b[i:i+len(word)]) == word {
				return i + len(word)
			}
		}
		return -1
	}
	return y.number(i)
}

func (y *ruler) number(i int) int {
	b := y.src
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

// contextBody makes a context with a number of sessions, always the same one: the first is the current.
func contextBody(sessions int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	id := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32N(1<<16), r.Uint32N(1<<12), r.Uint32N(1<<12), r.Uint64N(1<<48))
	}
	engagement, owner := id(), id()
	rows := make([]string, sessions)
	for i := range rows {
		prefix := [...]string{"Admin Session - ", "Default Session - ", ""}[i%3]
		rows[i] = fmt.Sprintf(`{"id":"%s","name":"%sWave %04d","description":"%s","engagement_id":"%s","is_default":%t,"created_by":"%s",`+
			`"created_at":"2025-06-%02dT12:34:56.%06d","updated_at":"2025-07-%02dT08:11:02.%06dZ","metadata":%s}`,
			id(), prefix, i, [...]string{"Assessment of 120 applications", `Scope of \"Phase 2\"\nwave one`, "Évaluation du périmètre"}[i%3], engagement, i == 0, owner,
			1+r.IntN(28), r.IntN(1e6), 1+r.IntN(28), r.IntN(1e6), [...]string{"null", `{"source":"auto","assets":4711}`, "{}"}[i%3])
	}
	return fmt.Appendf(nil, `{"user":{"id":"%s","email":"jane@example.com","full_name":"Jane Doe","role":"admin"},"client":{"id":"%s","name":"Acme Corp"},`+
		`"engagement":{"id":"%s","name":"Cloud Migration 2025"},"session":%s,"available_sessions":[%s]}`,
		owner, id(), engagement, rows[0], strings.Join(rows, ","))
}

// The yardstick makes the same of the same body, or it would measure nothing.
func TestYardstickMakesTheSame(t *testing.T) {
	l := compile(t, contextOps())
	for _, size := range benchSizes() {
		body := contextBody(size.sessions)
		want, err := l.Map(nil, body, Job{Form: Union})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := yardstick(body); err != nil || !bytes.Equal(got, want.Body) {
			t.Errorf("%s: the yardstick makes another union (%v)", size.name, err)
		}
		for _, cut := range []int{1, len(body) / 3, len(body) - 1} {
			if _, err := yardstick(body[:cut]); err == nil {
				t.Errorf("%s: the yardstick maps its first %d bytes", size.name, cut)
			}
		}
	}
}
