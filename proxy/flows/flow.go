package flows

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// flow is one flow as the upstream tells it, in the flow shape.
type flow struct {
	id   string // in lower case where it is a UUID
	text []byte // the object
	list []member
}

// flowsIn reads a list of flows. What is no object with an id stays behind, where nobody can mean it.
func flowsIn(value gjson.Result) []flow {
	var out []flow
	value.ForEach(func(_, v gjson.Result) bool {
		if f, ok := flowOf(v.Raw); ok {
			out = append(out, f)
		}
		return true
	})
	return out
}

func flowOf(text string) (flow, bool) {
	list, ok := membersOf(text)
	if !ok {
		return flow{}, false
	}
	f := flow{text: []byte(text), list: list}
	f.id, _ = uuid(textOf(list, "id"))
	if f.id == "" {
		f.id = textOf(list, "id")
	}
	return f, f.id != ""
}

func (f flow) member(name string) string { return textOf(f.list, name) }

// marker is the member of a session's metadata by which the upstream's session of an intent is found again.
const marker = "crossfade_intent"

// told is the text of a flow as clients get it: with what is remembered, and without the marker.
func (f flow) told(d Details, remembered bool) []byte {
	var puts []put
	if m, ok := named(f.list, "metadata"); ok && strings.Contains(m.value.Raw, marker) {
		if inner, ok := membersOf(m.value.Raw); ok {
			if _, marked := named(inner, marker); marked {
				puts = append(puts, put{"metadata", without(inner, marker)})
			}
		}
	}
	if remembered {
		puts = slices.DeleteFunc(puts, func(put) bool { return d.Metadata != nil })
		puts = append(puts, put{"flow_type", quoted(d.Type)}, put{"status", quoted(d.Status)})
		if d.Metadata != nil {
			puts = append(puts, put{"metadata", d.Metadata})
		}
	}
	if len(puts) == 0 {
		return f.text
	}
	return with(f.text, f.list, puts...)
}

// shown is a flow as it is told.
func (f flow) shown(d Details, remembered bool) flow {
	if shown, ok := flowOf(string(f.told(d, remembered))); ok {
		return shown
	}
	return f
}

// without is an object without one of its members; null where none is left.
func without(list []member, name string) []byte {
	out := []byte{'{'}
	for _, m := range list {
		if m.name == name {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted(m.name)...), ':'), m.value.Raw...)
	}
	if len(out) == 1 {
		return []byte("null")
	}
	return append(out, '}')
}

// ids are those of flows that can be remembered: a store keeps UUIDs.
func ids(list []flow) []string {
	var out []string
	for _, f := range list {
		if id, ok := uuid(f.id); ok {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// uuid is the usual spelling of a UUID.
func uuid(text string) (string, bool) {
	if len(text) != 36 {
		return "", false
	}
	for i := range len(text) {
		c := text[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if dash != (c == '-') || !dash && !hex {
			return "", false
		}
	}
	return strings.ToLower(text), true
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// flowTypes and flowStatuses are the plan's words.
func flowTypes() []string {
	return []string{"discovery", "assessment", "planning", "execution", "modernize", "finops", "observability", "decommission"}
}

func flowStatuses() []string {
	return []string{"pending", "active", "in_progress", "completed", "paused", "failed", "cancelled"}
}
