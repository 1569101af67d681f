package admin

import (
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// startRamp lets the share of a rule rise.
func (a *api) startRamp(c *call) (reply, error) {
	var body struct {
		order
		Rule  string       `json:"rule"`
		Steps []flags.Step `json:"steps"`
	}
	if err := a.read(c.w, c.r, &body); err != nil {
		return reply{}, err
	}
	version, err := seen(c.r, false)
	if err != nil {
		return reply{}, err
	}
	name := c.r.PathValue("endpoint")
	return a.change(c, name, flags.StartRamp{Endpoint: name, Ramp: flags.Ramp{Rule: body.Rule, Steps: body.Steps}}, body.order, version)
}

func (a *api) pauseRamp(c *call) (reply, error) {
	name := c.r.PathValue("endpoint")
	return a.simple(c, name, flags.PauseRamp{Endpoint: name}, false)
}

func (a *api) resumeRamp(c *call) (reply, error) {
	name := c.r.PathValue("endpoint")
	return a.simple(c, name, flags.ResumeRamp{Endpoint: name}, false)
}

// startBrownout announces a window, or begins it now. Its end is told as a time, or as how long it lasts.
func (a *api) startBrownout(c *call) (reply, error) {
	var body struct {
		order
		Stage  flags.Stage  `json:"stage"`
		Cohort flags.Cohort `json:"cohort"`
		From   *time.Time   `json:"from"`
		Until  *time.Time   `json:"until"`
		For    flags.Hold   `json:"for"`
	}
	if err := a.read(c.w, c.r, &body); err != nil {
		return reply{}, err
	}
	version, err := seen(c.r, false)
	if err != nil {
		return reply{}, err
	}
	w := flags.Window{Stage: body.Stage, Cohort: body.Cohort}
	if w.Stage == "" {
		w.Stage = flags.FlowOnly // what a brownout is for: to find who still reads sessions
	}
	from := time.Now()
	if body.From != nil {
		from, w.From = *body.From, *body.From
	}
	switch {
	case body.Until != nil && body.For == 0:
		w.Until = *body.Until
	case body.Until == nil && body.For > 0:
		w.Until = from.Add(time.Duration(body.For))
	default:
		return reply{}, fail(problemBody, `want either "for", like "20m", or "until"`)
	}
	name := c.r.PathValue("endpoint")
	return a.change(c, name, flags.StartBrownout{Endpoint: name, Window: w}, body.order, version)
}

func (a *api) endBrownout(c *call) (reply, error) {
	name := c.r.PathValue("endpoint")
	return a.simple(c, name, flags.EndBrownout{Endpoint: name}, false)
}
