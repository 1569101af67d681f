package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// Layer is where a setting can be given.
type Layer int

// The layers, by what they are worth where the stage of an endpoint is asked for. Other settings obey
// the environment rather than the file; a stage in the file is one that somebody has reviewed.
const (
	LayerDefault Layer = iota
	LayerEnvironment
	LayerFile
	LayerCommand
)

// Said is what one place says about the stage of endpoints.
type Said struct {
	Endpoint string // "" is all of them
	Mode     Mode
	Layer    Layer
	Source   string // as Setting.Source
}

// say remembers a stage beside those of other layers, and makes it the setting if no stronger layer has
// said one. name is the key of values.
func (l *loader) say(name string, layer Layer, v value) {
	endpoint, _ := strings.CutSuffix(strings.TrimPrefix(name, "endpoints."), ".mode")
	if name == "mode" {
		endpoint = ""
	}
	l.said = append(l.said, Said{endpoint, v.parsed.(Mode), layer, v.source})
	if !slices.ContainsFunc(l.said, func(s Said) bool { return s.Endpoint == endpoint && s.Layer > layer }) {
		l.values[name] = v
	}
}

// isStage tells the keys whose layers are all remembered.
func isStage(name string) bool {
	return name == "mode" || strings.HasPrefix(name, "endpoints.") && strings.HasSuffix(name, ".mode")
}

// Said lists what is said about the stage of an endpoint, the strongest first: the command, which means all of
// them; then what names the endpoint; then what is for all that nobody names. It ends with the default. With "" it is
// what is said of all.
func (c *Config) Said(endpoint string) []Said { return saidOf(c.said, endpoint) }

func saidOf(all []Said, endpoint string) []Said {
	var of []Said
	for _, s := range all {
		if s.Endpoint == "" || s.Endpoint == endpoint {
			of = append(of, s)
		}
	}
	of = append(of, Said{Mode: Passthrough, Layer: LayerDefault, Source: defaultSource})
	named := func(s Said) int {
		switch {
		case s.Layer == LayerCommand:
			return 0
		case s.Endpoint != "":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(of, func(a, b Said) int {
		return cmp.Or(cmp.Compare(named(a), named(b)), cmp.Compare(b.Layer, a.Layer))
	})
	return of
}

// Ruled is the rules that the file has for an endpoint, or for all.
type Ruled struct {
	Rules  []flags.Rule
	Source string // as Setting.Source
}

// Rules gives the rules that the file has for one endpoint, or with "" for all that have none of their own; the
// zero Ruled for none.
func (c *Config) Rules(endpoint string) Ruled { return c.rules[endpoint] }

// readRules reads rules in the language of flags, for an endpoint or with "" for all.
func (l *loader) readRules(endpoint, shown string, node ast.Node) {
	ruled := Ruled{Source: l.at(line(node))}
	if list, ok := node.(*ast.SequenceNode); node.Type() != ast.NullType && (!ok || len(list.Values) > 0) {
		var problems []*flags.Invalid
		ruled.Rules, problems = flags.ParseRules(node, shown)
		for _, p := range problems {
			l.failAt(p.Line, p.Path, "%s", p.Reason)
		}
	}
	l.rules[endpoint] = ruled
}

// ruleNames is how rules are shown among the settings.
func (r Ruled) ruleNames() string {
	names := make([]string, len(r.Rules))
	for i, rule := range r.Rules {
		names[i] = rule.Name
	}
	return strings.Join(names, ", ")
}
