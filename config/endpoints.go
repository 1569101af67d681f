package config

import (
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

// item is an entry of `endpoints` in the file.
type item struct {
	shown  string // "endpoints[1]"
	name   string
	line   int
	values map[string]value // what it says, by attribute: "mode"
	rules  ast.Node         // nil for none

	rulesShown string // "endpoints[1].rules"
}

// endpointSetting is the dotted name of what is said about one endpoint.
func endpointSetting(name, attribute string) string { return "endpoints." + name + "." + attribute }

// placeItems judges the names that the file gives and takes over what it says about them.
func (l *loader) placeItems(declared []Declared, known bool) {
	var names []string
	isDeclared := map[string]bool{}
	for _, d := range declared {
		names = append(names, d.Name)
		isDeclared[d.Name] = true
	}
	first := map[string]item{}
	for _, it := range l.items {
		key := it.shown + ".name"
		if before, twice := first[it.name]; twice {
			l.failAt(it.line, key, "%s is there twice, first in line %d: make one entry of them", quote(it.name), before.line)
			continue
		}
		first[it.name] = it
		if known && !isDeclared[it.name] {
			l.failAt(it.line, key, "unknown endpoint %s%s", quote(it.name), near.Hint(it.name, names))
		}
		if it.rules != nil {
			l.readRules(it.name, it.rulesShown, it.rules)
		}
		for attribute, v := range it.values {
			l.take(endpointSetting(it.name, attribute), LayerFile, v)
		}
	}
}

// endpoint resolves what applies to one endpoint, and tells where each part came from.
func (l *loader) endpoint(d Declared) (Endpoint, []Setting) {
	var settings []Setting
	add := func(attribute string, v value) any {
		settings = append(settings, Setting{Key: endpointSetting(d.Name, attribute), Value: v.text, Source: v.source})
		return v.parsed
	}
	resolve := func(attribute string, inherited value) any {
		v, own := l.values[endpointSetting(d.Name, attribute)]
		if !own {
			v = inherited
		}
		return add(attribute, v)
	}
	enabled := value{strconv.FormatBool(d.Enabled), d.Enabled, "contract"}
	sessionRoute := value{string(SessionGone), SessionGone, defaultSource}
	onFailure := value{string(FailureRefuse), FailureRefuse, defaultSource}
	said := saidOf(l.said, d.Name)
	e := Endpoint{
		Name:         d.Name,
		Mode:         add("mode", value{string(said[0].Mode), said[0].Mode, said[0].Source}).(Mode),
		Journey:      resolve("journey", value{"", "", "contract"}).(string),
		Enabled:      resolve("enabled", enabled).(bool),
		SessionRoute: resolve("session_route", sessionRoute).(SessionRoute),
		OnFailure:    resolve("on_failure", onFailure).(OnFailure),
		NoTransform:  resolve("no_transform", l.values["no_transform"]).(NoTransform),
	}
	if ruled, own := l.rules[d.Name]; own {
		add("rules", value{text: ruled.ruleNames(), source: ruled.Source})
	}
	return e, settings
}
