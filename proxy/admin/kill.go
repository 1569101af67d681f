package admin

import "github.com/crossfade-proxy/crossfade/config/flags"

// killed tells whether the kill switch is on, by the store or by this machine's kill file.
func (a *api) killed(*call) (reply, error) {
	h := a.Flags.Health()
	return reply{body: struct {
		On       bool        `json:"on"`
		KillFile bool        `json:"kill_file"`
		Kill     *flags.Kill `json:"kill,omitempty"`
		Version  int64       `json:"version"`
	}{h.Kill != nil, h.KillFile, h.Kill, h.Version}}, nil
}

func (a *api) kill(c *call) (reply, error) {
	return a.simple(c, "", flags.SwitchKill{On: true}, false)
}

func (a *api) unkill(c *call) (reply, error) {
	return a.simple(c, "", flags.SwitchKill{On: false}, false)
}
