package admin

import (
	"encoding/json"
	"slices"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// state tells everything that was set at run time.
func (a *api) state(*call) (reply, error) {
	s := a.Flags.State()
	return reply{tag: entityTag(s.Version), body: s}, nil
}

// flag tells the flag of one endpoint.
func (a *api) flag(c *call) (reply, error) {
	name := c.r.PathValue("endpoint")
	f := flagOf(a.Flags.State(), name)
	if f == nil {
		if name != flags.DefaultFlag && !slices.ContainsFunc(a.Endpoints(), func(e Endpoint) bool { return e.Name == name }) {
			return reply{}, fail(problemNotFound, "no endpoint is called %q (GET %s/endpoints lists them)", name, base)
		}
		return reply{}, fail(problemNotFound, "endpoint %s has no flag; its stage comes from the flag default, proxy.yaml or the environment", name)
	}
	return reply{tag: entityTag(f.Changed), body: f}, nil
}

// setFlag puts a whole flag in place.
func (a *api) setFlag(c *call) (reply, error) {
	var body struct {
		order
		Flag json.RawMessage `json:"flag"`
	}
	if err := a.read(c.w, c.r, &body); err != nil {
		return reply{}, err
	}
	if len(body.Flag) == 0 {
		return reply{}, fail(problemBody, `no "flag" (want one like {"stage": "dual"})`)
	}
	version, err := seen(c.r, true)
	if err != nil {
		return reply{}, err
	}
	name := c.r.PathValue("endpoint")
	f, err := flags.ParseFlag(body.Flag, name)
	if err != nil {
		return reply{}, err
	}
	return a.change(c, name, flags.SetFlag{Flag: f}, body.order, version)
}

// removeFlag takes a flag away.
func (a *api) removeFlag(c *call) (reply, error) {
	name := c.r.PathValue("endpoint")
	return a.simple(c, name, flags.RemoveFlag{Endpoint: name}, true)
}

// simple is a change that the path says all about but the reason.
func (a *api) simple(c *call, endpoint string, what flags.Change, versionRequired bool) (reply, error) {
	var body order
	if err := a.read(c.w, c.r, &body); err != nil {
		return reply{}, err
	}
	version, err := seen(c.r, versionRequired)
	if err != nil {
		return reply{}, err
	}
	return a.change(c, endpoint, what, body, version)
}
