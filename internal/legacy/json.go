package legacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// object is a JSON object with its members in order. The values of members, and of lists ([]any), are nil, bool,
// string, int, float64, number, object or []any.
type object []member

type member struct {
	name  string
	value any
}

// number is a number that came in, as Python would write it.
type number string

func (o object) lookup(name string) (v any, ok bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// get is the member of that name, or nil if there is none.
func (o object) get(name string) any {
	v, _ := o.lookup(name)
	return v
}

// text is the string member of that name, or "" if there is none.
func (o object) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

// at is the object member of that name, or an empty one.
func (o object) at(name string) object {
	inner, _ := o.get(name).(object)
	return inner
}

// list is the list member of that name, or an empty one.
func (o object) list(name string) []any {
	l, _ := o.get(name).([]any)
	return l
}

// set changes the member of that name, which must be there.
func (o object) set(name string, value any) {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
			return
		}
	}
}

// encode writes compact JSON as Python does: only what must be escaped is, and floats keep a fraction.
func encode(v any) []byte { return appendValue(nil, v) }

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case float64:
		return append(b, pythonFloat(v)...)
	case number:
		return append(b, v...)
	case string:
		return appendString(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	case object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.name), ':')
			b = appendValue(b, m.value)
		}
		return append(b, '}')
	default:
		panic(fmt.Sprintf("legacy: a %T is no JSON value", v)) // a handler's mistake
	}
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		default:
			if c < 0x20 {
				b = fmt.Appendf(b, `\u%04x`, c)
				continue
			}
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// pythonFloat writes a finite float as Python's repr: the shortest digits, always a fraction or an exponent.
func pythonFloat(f float64) string {
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// maxDepth is how deep a body may nest before the parser gives up, as Python's does at its recursion limit.
const maxDepth = 900

var errUnreadable = errors.New("the body cannot be parsed")

// syntaxError is where a body stops being JSON.
type syntaxError int

func (e syntaxError) Error() string { return fmt.Sprintf("not JSON from byte %d", int(e)) }

// decode reads one JSON document. Of equal names in an object the last value wins, in the place of the first. It
// fails with a syntaxError, or with errUnreadable for what is not UTF-8 or too deep.
func decode(data []byte) (any, error) {
	if !utf8.Valid(data) || depth(data) > maxDepth {
		return nil, errUnreadable
	}
	if !json.Valid(data) {
		// The zero byte makes an early end an error at a byte of its own, like any other.
		var broken *json.SyntaxError
		errors.As(json.Unmarshal(append(bytes.Clone(data), 0), new(json.RawMessage)), &broken)
		return nil, syntaxError(startOfWord(data, int(broken.Offset-1)))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return decodeValue(d)
}

// startOfWord is where a broken literal begins that ends at a byte; the byte itself if there is none. Python tells
// the beginning of what it cannot read.
func startOfWord(data []byte, at int) int {
	start := at
	for start > 0 && data[start-1] >= 'a' && data[start-1] <= 'z' {
		start--
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(word, string(data[start:at])) {
			return start
		}
	}
	return at
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return pythonNumber(t.String()), nil
	case json.Delim:
		if t == '[' {
			return decodeList(d)
		}
		return decodeObject(d)
	default:
		return t, nil // nil, bool or string
	}
}

func decodeList(d *json.Decoder) ([]any, error) {
	l := []any{}
	for d.More() {
		v, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := d.Token()
	return l, err
}

func decodeObject(d *json.Decoder) (object, error) {
	o := object{}
	places := map[string]int{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // a valid document has nothing else here
		v, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		if i, ok := places[name]; ok {
			o[i].value = v
			continue
		}
		places[name] = len(o)
		o = append(o, member{name, v})
	}
	_, err := d.Token()
	return o, err
}

func pythonNumber(text string) number {
	if strings.ContainsAny(text, ".eE") {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return number(pythonFloat(f))
		}
	}
	if text == "-0" {
		return "0"
	}
	return number(text)
}

// depth is how deep brackets nest outside of strings.
func depth(data []byte) int {
	deepest, open := 0, 0
	inString := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}
