package admin

import (
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// status tells how the process stands.
func (a *api) status(*call) (reply, error) {
	type store struct {
		Reachable bool       `json:"reachable"`
		Since     *time.Time `json:"since,omitempty"`   // when that last changed
		Contact   *time.Time `json:"contact,omitempty"` // when it last answered
		Error     string     `json:"error,omitempty"`
	}
	h := a.Flags.Health()
	answer := struct {
		Status
		Ready    string      `json:"ready"` // "ok", or why not
		Version  int64       `json:"version"`
		Known    bool        `json:"known"` // false: nothing is known of the flags yet, everything is passthrough
		Kill     *flags.Kill `json:"kill,omitempty"`
		KillFile bool        `json:"kill_file"`
		Store    store       `json:"store"`
	}{Ready: word(a.Ready()), Version: h.Version, Known: h.Known, Kill: h.Kill, KillFile: h.KillFile,
		Store: store{h.Reachable, moment(h.Since), moment(h.Contact), h.Err}}
	if a.Status != nil {
		answer.Status = a.Options.Status()
	}
	return reply{body: answer}, nil
}

// moment is a time that may never have been.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// endpoints tells what is declared, and the stage of each for a caller of whom nothing is known.
func (a *api) endpoints(*call) (reply, error) {
	type endpoint struct {
		Endpoint
		Stage  flags.Stage  `json:"stage"`
		Reason flags.Reason `json:"reason"`
		Source string       `json:"source"`
		Flag   bool         `json:"flag"` // it has one of its own
	}
	state := a.Flags.State()
	answer := struct {
		Version   int64      `json:"version"`
		Endpoints []endpoint `json:"endpoints"`
	}{state.Version, []endpoint{}}
	for _, e := range a.Endpoints() {
		d := a.Flags.Explain(flags.Request{}, e.Name).Decision
		answer.Endpoints = append(answer.Endpoints, endpoint{e, d.Stage, d.Reason, d.Source, flagOf(state, e.Name) != nil})
	}
	return reply{body: answer}, nil
}

// hidden stands for the value of a secret.
const hidden = "(hidden)"

// config tells the settings, without secrets.
func (a *api) config(*call) (reply, error) {
	answer := struct {
		Settings []Setting `json:"settings"`
	}{[]Setting{}}
	if a.Settings != nil {
		for _, s := range a.Settings() {
			if s.Secret && s.Value != "" {
				s.Value = hidden
			}
			answer.Settings = append(answer.Settings, s)
		}
	}
	return reply{body: answer}, nil
}
