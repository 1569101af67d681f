package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
)

// decoded reads a tree with encoding/json, a token at a time: slow, and nobody's invention. nil for what is no JSON.
func decoded(data []byte) *tree {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var read func() *tree
	read = func() *tree {
		token, err := d.Token()
		if err != nil {
			return nil
		}
		switch token := token.(type) {
		case json.Delim:
			t := &tree{kind: byte(token)}
			for d.More() {
				var m treeMember
				if t.kind == '{' {
					key, err := d.Token()
					if err != nil {
						return nil
					}
					m.name, _ = key.(string)
				}
				if m.tree = read(); m.tree == nil {
					return nil
				}
				if t.kind == '{' {
					t.members = append(t.members, m)
				} else {
					t.items = append(t.items, m.tree)
				}
			}
			if _, err := d.Token(); err != nil {
				return nil
			}
			return t
		case string:
			var b bytes.Buffer
			writeString(&b, token)
			return &tree{kind: 'v', text: b.String()}
		case nil:
			return &tree{kind: 'v', text: "null"}
		default:
			return &tree{kind: 'v', text: fmt.Sprint(token)}
		}
	}
	t := read()
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return t
}

// FuzzTree: what is read is what encoding/json reads, and what it does not read is refused.
func FuzzTree(f *testing.F) {
	for _, seed := range []string{
		`null`, ` true `, `-1.10e+5`, `"a"`, `{}`, `[]`, "[ ]\n", `{"a":1,"a":[{"b":null},2,"c"]}`, "{ \"a\" : [ 1 , 2 ] , \"b\" :\t{ } }\r\n",
		`"\u00e9\/😀é\"\\"`, "\"\xff\u2028\x7f\"", `{"\u0061\n":"\u0000<&>"}`, `[[[[]]],{"":""}]`, `{"a":"}],:{["}`,
		``, `{`, `[1,]`, `{"a"}`, `1 2`, `nul`, `"a`, `[1 2]`, `{"a":1,}`, `01`, "\"\n\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want := decoded(data)
		got, err := parseTree(bytes.Clone(data))
		if want == nil || err != nil {
			if want != nil || err == nil {
				t.Fatalf("%q: want a tree: %t; got the error %v", data, want != nil, err)
			}
			return
		}
		if d := difference(want, got); d != "" {
			t.Fatalf("%q: %s", data, d)
		}
		if d := difference(got, want); d != "" {
			t.Fatalf("%q: the other way: %s", data, d)
		}
	})
}

// TestTreeRefuses: what is wrong is told with encoding/json's words.
func TestTreeRefuses(t *testing.T) {
	for body, want := range map[string]string{
		``:        "unexpected end of JSON input",
		`{"a":1`:  "unexpected end of JSON input",
		`{"a":x}`: "invalid character 'x' looking for beginning of value",
		`1 2`:     "invalid character '2' after top-level value",
	} {
		if _, err := parseTree([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", body, err, want)
		}
	}
}
