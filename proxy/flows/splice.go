package flows

import (
	"bytes"
	"slices"

	"github.com/tidwall/gjson"
)

// member is a member of an object: what it is called and where its value stands.
type member struct {
	name     string
	from, to int // of the value, in the text of the object
	value    gjson.Result
}

// usualMembers is how many members most objects here have at most: flows, and contexts in dual.
const usualMembers = 12

// members are those of an object's text, in order. ok is false for what is no object, and for one that has a name
// twice: nobody can tell which one counts.
func members(object []byte) (list []member, ok bool) { return membersOf(string(object)) }

// membersOf is members without a copy.
func membersOf(object string) (list []member, ok bool) {
	root := gjson.Parse(object)
	if !root.IsObject() {
		return nil, false
	}
	list, ok = make([]member, 0, usualMembers), true
	root.ForEach(func(name, value gjson.Result) bool {
		m := member{name.String(), value.Index, value.Index + len(value.Raw), value}
		if slices.ContainsFunc(list, func(o member) bool { return o.name == m.name }) {
			ok = false
		}
		list = append(list, m)
		return ok
	})
	return list, ok
}

// named is the member of a name.
func named(list []member, name string) (member, bool) {
	if i := slices.IndexFunc(list, func(m member) bool { return m.name == name }); i >= 0 {
		return list[i], true
	}
	return member{}, false
}

// textOf is the text of a member that is one.
func textOf(list []member, name string) string {
	if m, ok := named(list, name); ok && m.value.Type == gjson.String {
		return m.value.Str
	}
	return ""
}

// put is a member's new value.
type put struct {
	name string
	text []byte
}

// with gives the text of an object in which members have new values: at their places, or at the end where there were
// none. Everything else keeps its bytes.
func with(object []byte, list []member, puts ...put) []byte {
	edits := make([]put, len(list))
	var added []put
	for _, p := range puts {
		if i := slices.IndexFunc(list, func(m member) bool { return m.name == p.name }); i >= 0 {
			edits[i] = p
		} else {
			added = append(added, p)
		}
	}
	more := 0
	for _, p := range puts {
		more += len(p.name) + len(p.text) + len(`,"":`)
	}
	var out bytes.Buffer
	out.Grow(len(object) + more)
	at := 0
	for i, m := range list {
		if edits[i].text != nil {
			out.Write(object[at:m.from])
			out.Write(edits[i].text)
			at = m.to
		}
	}
	end := bytes.LastIndexByte(object, '}')
	out.Write(object[at:end])
	for i, p := range added {
		if i > 0 || len(list) > 0 {
			out.WriteByte(',')
		}
		out.Write(gjson.AppendJSONString(nil, p.name))
		out.WriteByte(':')
		out.Write(p.text)
	}
	out.Write(object[end:])
	return out.Bytes()
}

// array is the text of a list of values.
func array(values [][]byte) []byte {
	size := len(`[]`) + len(values)
	for _, v := range values {
		size += len(v)
	}
	out := append(make([]byte, 0, size), '[')
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}

// quoted is a text as JSON.
func quoted(text string) []byte { return gjson.AppendJSONString(nil, text) }
