package contract

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

//go:embed builtin.yaml
var builtin []byte

// BuiltinName is how the built-in contract is called in problems and Endpoint.Source.
const BuiltinName = "builtin.yaml"

// Source is the text of a contract file. Name is what problems call it.
type Source struct {
	Name string
	Data []byte
}

// Builtin gives the contract that crossfade brings along.
func Builtin() (*Contract, error) { return Load() }

// Load reads the built-in contract and then the given ones, in order. All that is wrong
// comes at once, as a *LoadError. Load checks each declaration; what the endpoints make of
// bodies is checked by Contract.Check.
func Load(sources ...Source) (*Contract, error) {
	return Parse(append([]Source{{BuiltinName, builtin}}, sources...)...)
}

// Parse is Load without the built-in contract. A file has at most 512 KiB.
func Parse(sources ...Source) (*Contract, error) {
	r := newResolver(sources)
	for i, s := range sources {
		root, f := parseYAML(s.Data)
		if f != nil {
			r.problems.add(i, f.at, f.text)
			r.unread = true
			continue
		}
		r.file(value{r.problems, i, "", root})
	}
	// A file that cannot be read leaves names undeclared; saying so everywhere would hide the cause.
	if r.unread {
		return nil, r.problems.err()
	}
	return r.resolve(revision(sources))
}

func revision(sources []Source) string {
	h := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(h, "%d:", len(s.Data)) // so that two files are not one
		h.Write(s.Data)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Endpoint gives the endpoint of a name, switched off or not. The error names a near one.
func (c *Contract) Endpoint(name string) (*Endpoint, error) {
	for _, e := range c.Endpoints {
		if e.Name == name {
			return e, nil
		}
	}
	return nil, fmt.Errorf("no endpoint %q%s", name, hint(name, c.names()))
}

func (c *Contract) names() []string {
	out := make([]string, len(c.Endpoints))
	for i, e := range c.Endpoints {
		out[i] = e.Name
	}
	return out
}

// Switch gives the contract with some endpoints, by name, switched on or off. An unknown
// name and two enabled endpoints on one route are errors. c stays as it is.
func (c *Contract) Switch(enabled map[string]bool) (*Contract, error) {
	out := &Contract{Revision: c.Revision, Endpoints: slices.Clone(c.Endpoints), Dates: c.Dates}
	changed := []byte(c.Revision)
	for _, name := range slices.Sorted(maps.Keys(enabled)) {
		i := slices.Index(c.names(), name)
		if i < 0 {
			return nil, fmt.Errorf("no endpoint %q%s", name, hint(name, c.names()))
		}
		if out.Endpoints[i].Enabled == enabled[name] {
			continue
		}
		e := *out.Endpoints[i]
		e.Enabled = enabled[name]
		out.Endpoints[i] = &e
		changed = fmt.Appendf(changed, " %s=%t", name, e.Enabled)
		out.Revision = revision([]Source{{Data: changed}})
	}
	for _, c := range clashes(out.Endpoints) {
		return nil, fmt.Errorf("endpoint %q: %s", c.other.Name, c)
	}
	return out, nil
}
