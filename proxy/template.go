package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// template is a path with variables, one to a segment: /engagements/{id}/flows.
type template string

// check says what is wrong with a template, nil if nothing is. gorilla/mux knows more forms;
// paths are filled in here as well as matched, and only this one can be.
func (t template) check() error {
	if !strings.HasPrefix(string(t), "/") {
		return fmt.Errorf("path template %q: want it to begin with /", string(t))
	}
	var names []string
	for s := range strings.SplitSeq(string(t), "/") {
		name, ok := variable(s)
		switch {
		case !ok && strings.ContainsAny(s, "{}?#%;\\"):
			return fmt.Errorf("path template %q: bad segment %q (want plain text or a whole segment like {id})", string(t), s)
		case ok && slices.Contains(names, name):
			return fmt.Errorf("path template %q: {%s} is there twice", string(t), name)
		case ok:
			names = append(names, name)
		}
	}
	return nil
}

// variable gives the name in a segment like {id}.
func variable(segment string) (string, bool) {
	name, ok := strings.CutPrefix(segment, "{")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}")
	return name, ok && name != "" && !strings.ContainsAny(name, "{}:")
}

// variables lists the names of the variables, sorted.
func (t template) variables() []string {
	var names []string
	for s := range strings.SplitSeq(string(t), "/") {
		if name, ok := variable(s); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// head is the text in front of the first variable: the whole template if there is none.
func (t template) head() string {
	head, _, _ := strings.Cut(string(t), "{")
	return head
}

// fill puts values, escaped as they shall stand in the path, in the variables' places.
func (t template) fill(values map[string]string) string {
	if len(values) == 0 {
		return string(t)
	}
	var b strings.Builder
	for i, s := range strings.Split(string(t), "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		if name, ok := variable(s); ok {
			s = values[name]
		}
		b.WriteString(s)
	}
	return b.String()
}

func (t template) itself() template { return t }

func (t template) lower() template { return template(strings.ToLower(string(t))) }
