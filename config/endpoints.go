package config

import (
	"strconv"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

// item is an entry of `endpoints` in the file.
type item struct {
	shown  string // "endpoints[1]"
	name   string
	line   int
	values map[string]value // what it says, by attribute: "mode"
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
		for attribute, v := range it.values {
			l.values[endpointSetting(it.name, attribute)] = v
		}
	}
}

// endpoint resolves what applies to one endpoint, and tells where each part came from.
func (l *loader) endpoint(d Declared) (Endpoint, []Setting) {
	var settings []Setting
	resolve := func(attribute string, inherited value, obeyOwn bool) any {
		name := endpointSetting(d.Name, attribute)
		v, own := l.values[name]
		if !own || !obeyOwn {
			v = inherited
		}
		settings = append(settings, Setting{name, v.text, v.source})
		return v.parsed
	}
	mode := l.values["mode"]
	enabled := value{strconv.FormatBool(d.Enabled), d.Enabled, "contract"}
	sessionRoute := value{string(SessionGone), SessionGone, defaultSource}
	onFailure := value{string(FailureRefuse), FailureRefuse, defaultSource}
	e := Endpoint{
		Name: d.Name,
		// --mode says "all of them"; a mode of the file or the environment says "the others".
		Mode:         resolve("mode", mode, mode.source != flagSource("mode")).(Mode),
		Enabled:      resolve("enabled", enabled, true).(bool),
		SessionRoute: resolve("session_route", sessionRoute, true).(SessionRoute),
		OnFailure:    resolve("on_failure", onFailure, true).(OnFailure),
		NoTransform:  resolve("no_transform", l.values["no_transform"], true).(NoTransform),
	}
	return e, settings
}
