package admin

import (
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// freezes tells those that were announced at run time; those of the configuration are among the settings.
func (a *api) freezes(*call) (reply, error) {
	s := a.Flags.State()
	all := s.Freezes
	if all == nil {
		all = []flags.Freeze{}
	}
	return reply{tag: entityTag(s.Version), body: struct {
		Version int64          `json:"version"`
		Freezes []flags.Freeze `json:"freezes"`
	}{s.Version, all}}, nil
}

func (a *api) freeze(c *call) (reply, error) {
	var body struct {
		order
		Name  string     `json:"name"`
		From  *time.Time `json:"from"`
		Until time.Time  `json:"until"`
	}
	if err := a.read(c.w, c.r, &body); err != nil {
		return reply{}, err
	}
	version, err := seen(c.r, false)
	if err != nil {
		return reply{}, err
	}
	f := flags.Freeze{Name: body.Name, Until: body.Until}
	if body.From != nil {
		f.From = *body.From
	}
	return a.change(c, "", flags.AddFreeze{Freeze: f}, body.order, version)
}

func (a *api) unfreeze(c *call) (reply, error) {
	return a.simple(c, "", flags.RemoveFreeze{Name: c.r.PathValue("name")}, false)
}
