package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

const (
	envPrefix      = "CROSSFADE_"
	configVariable = envPrefix + "CONFIG" // the path of proxy.yaml
	fileSuffix     = "_FILE"
)

// endpointEnv is the variable for an attribute of an endpoint.
func endpointEnv(name, attribute string) string {
	return envPrefix + "ENDPOINTS_" + strings.ToUpper(strings.ReplaceAll(name+"_"+attribute, "-", "_"))
}

// variables picks ours from an environment. An empty one counts as not set: that is how
// compose files and charts pass on what nobody gave.
func variables(environ []string) map[string]string {
	ours := map[string]string{}
	for _, entry := range environ {
		if name, text, _ := strings.Cut(entry, "="); strings.HasPrefix(name, envPrefix) && text != "" {
			ours[name] = text
		}
	}
	return ours
}

// readEnvironment takes the variables of all keys and of the declared endpoints, then refuses
// those that are left.
func (l *loader) readEnvironment(environ map[string]string, declared []Declared, known bool) {
	names := []string{configVariable}
	take := func(k Key, name string, variables []string) {
		var given []string
		var set func()
		for _, v := range variables {
			names = append(names, v, v+fileSuffix)
			if environ[v] != "" {
				given = append(given, v)
				set = func() { l.set(k, name, environ[v], LayerEnvironment, "environment "+v) }
			}
			if path := environ[v+fileSuffix]; path != "" {
				given = append(given, v+fileSuffix)
				set = func() { l.setFromFile(k, name, path, "environment "+v+fileSuffix) }
			}
		}
		switch len(given) {
		case 0:
		case 1:
			set()
		default:
			l.fail("environment "+strings.Join(given, ", "), name, "given more than once: keep one")
		}
	}
	for _, k := range l.keys {
		attribute, perEndpoint := strings.CutPrefix(k.Name, endpointPrefix)
		switch {
		case !perEndpoint:
			take(k, k.Name, k.Env)
		case len(k.Env) > 0:
			for _, d := range declared {
				take(k, endpointSetting(d.Name, attribute), []string{endpointEnv(d.Name, attribute)})
			}
		}
	}
	for _, v := range slices.Sorted(maps.Keys(environ)) {
		unjudged := !known && strings.HasPrefix(v, envPrefix+"ENDPOINTS_")
		if !slices.Contains(names, v) && !unjudged && !isServiceLink(v, environ[v]) {
			l.fail("environment "+v, "", "unknown variable%s", l.hintVariable(v, names))
		}
	}
}

// setFromFile sets a value from a file that a variable names.
func (l *loader) setFromFile(k Key, name, path, source string) {
	data, err := l.ReadFile(path)
	if err != nil {
		l.fail(source, name, "%w", err)
		return
	}
	l.set(k, name, strings.TrimRight(string(data), "\r\n"), LayerEnvironment, source) // editors end a file with a line break
}

// hintVariable hints at a near variable, or says that the file alone gives a key.
func (l *loader) hintVariable(variable string, names []string) string {
	for _, k := range l.keys {
		if len(k.Env) == 0 && variable == envPrefix+strings.ToUpper(k.Name) {
			return ": " + k.Name + " is given in proxy.yaml alone"
		}
	}
	// Without the prefix, or all of them would be near.
	rest := make([]string, len(names))
	for i, n := range names {
		rest[i] = strings.TrimPrefix(n, envPrefix)
	}
	if n := near.Nearest(strings.TrimPrefix(variable, envPrefix), rest); n != "" {
		return ` (did you mean "` + envPrefix + n + `"?)`
	}
	return ""
}

// isServiceLink knows the variables that Kubernetes and old container links put into a
// process when a service beside it is called crossfade or crossfade-something. Nobody wrote
// them, so they are no mistake.
func isServiceLink(name, text string) bool {
	return regexp.MustCompile(`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`).MatchString(name) ||
		strings.HasSuffix(name, "_PORT") && regexp.MustCompile(`^(tcp|udp|sctp)://`).MatchString(text)
}
