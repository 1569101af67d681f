package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

// DefaultFile is read when nobody names a file; it need not be there.
const DefaultFile = "proxy.yaml"

const defaultSource = "default"

// Options is what Load reads from. The zero value gives the defaults, or proxy.yaml of the
// working directory.
type Options struct {
	// File is the path of proxy.yaml as the command was told. "" leaves it to the variable
	// CROSSFADE_CONFIG, then to DefaultFile. A file that was named must exist.
	File string
	// Environ has the form of os.Environ. Nil is an empty environment.
	Environ []string
	// Flags maps Key.Flag to the value given, for the flags that were given.
	Flags map[string]string
	// Require names keys that must not be empty, for a command that cannot do without them.
	Require []string
	// ReadFile reads proxy.yaml and the files that *_FILE variables name. Nil is os.ReadFile.
	// [Files] has one that remembers what to watch.
	ReadFile func(path string) ([]byte, error)
	// Endpoints tells which endpoints the contracts declare, in order; contracts is
	// Config.Contracts. Load calls it once and joins its error to the others, so a command loads
	// the contracts in it; it is not called when the file cannot tell its contracts. Nil: there
	// are no endpoints.
	Endpoints func(contracts []string) ([]Declared, error)
}

// Declared is an endpoint as the contracts declare it.
type Declared struct {
	Name    string
	Enabled bool
}

// Load reads all layers and checks them. The error joins everything that is wrong, one line
// each: where ("proxy.yaml:12"), which key, what, and what to write instead. With an error
// there is no Config.
func Load(o Options) (*Config, error) {
	l := &loader{Options: o, keys: Keys(), values: map[string]value{}, rules: map[string]Ruled{}}
	if l.ReadFile == nil {
		l.ReadFile = os.ReadFile
	}
	for _, k := range l.keys {
		if k.scalar() {
			l.set(k, k.Name, k.Default, LayerDefault, defaultSource)
		}
	}
	environ := variables(o.Environ)
	l.readFile(environ[configVariable])
	declared, known := l.declared()
	l.placeItems(declared, known)
	l.readEnvironment(environ, declared, known)
	l.readFlags()
	l.checkTogether()
	if len(l.problems) > 0 {
		return nil, l.everything()
	}

	c, err := l.decode()
	if err != nil {
		return nil, err
	}
	c.File, c.Contracts = l.path, l.contracts
	c.settings, c.said, c.rules = l.settings(), l.said, l.rules
	for _, d := range declared {
		e, settings := l.endpoint(d)
		c.Endpoints = append(c.Endpoints, e)
		c.settings = append(c.settings, settings...)
	}
	return c, nil
}

// loader is one run of Load.
type loader struct {
	Options
	keys   []Key
	path   string // of proxy.yaml, "" when there is none
	unread bool   // there is a file but what it says is not known
	// values has the scalars by the names of their keys ("server.listen") and what was said about
	// endpoints ("endpoints.context-me.mode").
	values          map[string]value
	contracts       []string
	contractsSource string // "" for the default
	items           []item
	said            []Said // stages, of all layers but the default
	rules           map[string]Ruled
	problems        []error
}

// value is a checked value of the layer that has won so far.
type value struct {
	text   string // as written
	parsed any
	source string
}

// problem is one thing that is wrong.
type problem struct {
	line   int    // in the file; 0 when the file is not at fault
	source string // as Setting.Source; "" when it is not about one place
	key    string // "" when it is about no key
	err    error
}

func (p *problem) Error() string {
	text := p.err.Error()
	if p.key != "" {
		text = p.key + ": " + text
	}
	if p.source != "" {
		text = p.source + ": " + text
	}
	return text
}

func (p *problem) Unwrap() error { return p.err }

func (l *loader) fail(source, key, format string, args ...any) {
	l.problems = append(l.problems, &problem{source: source, key: key, err: fmt.Errorf(format, args...)})
}

// failed tells whether any layer's value of a key, or an item of it, was refused.
func (l *loader) failed(key string) bool {
	return slices.ContainsFunc(l.problems, func(err error) bool {
		var p *problem
		return errors.As(err, &p) && (p.key == key || strings.HasPrefix(p.key, key+"["))
	})
}

// everything joins the problems: the file's by line, then those of the contracts, the
// environment, the flags and the whole.
func (l *loader) everything() error {
	line := func(err error) int {
		var p *problem
		if errors.As(err, &p) && p.line > 0 {
			return p.line
		}
		return math.MaxInt
	}
	slices.SortStableFunc(l.problems, func(a, b error) int { return cmp.Compare(line(a), line(b)) })
	return errors.Join(l.problems...)
}

// set checks a text and lets it take the place of the layer below. name is the key of values.
func (l *loader) set(k Key, name, text string, layer Layer, source string) {
	parsed, err := k.kind.parse(text)
	if err != nil {
		l.fail(source, name, "%w", err)
		return
	}
	l.take(name, layer, value{text, parsed, source})
}

// take lets a checked value take the place of the layer below.
func (l *loader) take(name string, layer Layer, v value) {
	if isStage(name) && layer != LayerDefault {
		l.say(name, layer, v)
		return
	}
	l.values[name] = v
}

// declared asks for the endpoints of the contracts. known is false when nobody can tell them,
// so that names of endpoints cannot be judged.
func (l *loader) declared() (endpoints []Declared, known bool) {
	if l.Endpoints == nil {
		return nil, true
	}
	if l.unread || l.failed("contracts") {
		return nil, false
	}
	endpoints, err := l.Endpoints(slices.Clone(l.contracts))
	if err != nil {
		l.problems = append(l.problems, err)
		return nil, false
	}
	return endpoints, true
}

func (l *loader) readFlags() {
	var flags []string
	for _, k := range l.keys {
		if k.Flag == "" {
			continue
		}
		flags = append(flags, k.Flag)
		if text, ok := l.Flags[k.Flag]; ok {
			l.set(k, k.Name, text, LayerCommand, flagSource(k.Flag))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Flags)) {
		if !slices.Contains(flags, name) {
			l.fail(flagSource(name), "", "unknown flag%s", near.Hint(name, flags))
		}
	}
}

func flagSource(flag string) string { return "flag --" + flag }

// decode lets viper put the values into a Config. viper gets checked values and has to be
// strict: a key without a field or a field without a key is a mistake in this package.
func (l *loader) decode() (*Config, error) {
	v := viper.New()
	for _, k := range l.keys {
		if k.scalar() {
			v.Set(k.Name, l.values[k.Name].parsed)
		}
	}
	c := &Config{}
	err := v.Unmarshal(c, func(d *mapstructure.DecoderConfig) {
		d.DecodeHook, d.WeaklyTypedInput = nil, false
		d.ErrorUnused, d.ErrorUnset, d.IgnoreUntaggedFields = true, true, true
	})
	return c, err
}

// settings lists what is not about single endpoints.
func (l *loader) settings() []Setting {
	var all []Setting
	for _, k := range l.keys {
		switch v := l.values[k.Name]; {
		case k.scalar() && k.kind.shown != nil:
			all = append(all, Setting{k.Name, k.kind.shown(v.text), v.source})
		case k.scalar():
			all = append(all, Setting{k.Name, v.text, v.source})
		case k.Name == "rules":
			all = append(all, Setting{k.Name, l.rules[""].ruleNames(), cmp.Or(l.rules[""].Source, defaultSource)})
		case k.Name == "contracts":
			all = append(all, Setting{k.Name, strings.Join(l.contracts, ", "), cmp.Or(l.contractsSource, defaultSource)})
		}
	}
	return all
}
