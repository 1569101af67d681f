package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// order is what every body of a change has.
type order struct {
	Reason string `json:"reason"`
	Force  bool   `json:"force"`
}

// changed is the answer to a change.
type changed struct {
	// Version is that of the State which this instance serves now; of a dry run, that which it would.
	Version int64 `json:"version"`
	DryRun  bool  `json:"dry_run"`
	// Changed is false when everything was as it was asked to be already; then there is no Entry.
	Changed bool           `json:"changed"`
	Flag    *flags.Flag    `json:"flag,omitempty"`
	Entry   *written       `json:"entry,omitempty"`
	Kill    *flags.Kill    `json:"kill,omitempty"`
	Freezes []flags.Freeze `json:"freezes,omitempty"`
}

// written is the entry of the journal that a change has made, without its place in the chain, which the store gives it.
type written struct {
	Version  int64           `json:"version"`
	At       time.Time       `json:"at"`
	By       string          `json:"by"`
	Action   string          `json:"action"`
	Endpoint string          `json:"endpoint,omitempty"`
	From     json.RawMessage `json:"from,omitempty"`
	To       json.RawMessage `json:"to,omitempty"`
	Reason   string          `json:"reason"`
	Until    *time.Time      `json:"until,omitempty"`
	Forced   bool            `json:"forced,omitempty"`
}

// change makes a change for whoever called, and answers when this instance serves it. endpoint is that of the flag that is
// changed; "" where the change is about none.
func (a *api) change(c *call, endpoint string, what flags.Change, o order, seen *int64) (reply, error) {
	dryRun, err := isDryRun(c.r)
	if err != nil {
		return reply{}, err
	}
	state, entry, err := a.Flags.Change(c.r.Context(), what, flags.Author{By: c.token.name, Reason: o.Reason, Force: o.Force}, seen, dryRun)
	answer := changed{DryRun: dryRun, Changed: true, Entry: &written{entry.Version, entry.At, entry.By, entry.Action, entry.Endpoint,
		entry.From, entry.To, entry.Reason, entry.Until, entry.Forced}}
	switch {
	case errors.Is(err, flags.ErrNothing):
		// Saying the same twice is what retries and scripts do.
		state, answer.Changed, answer.Entry = a.Flags.State(), false, nil
	case err != nil:
		return reply{}, err
	case !dryRun:
		a.Logger.Info("flags changed", zap.String("by", entry.By), zap.String("action", entry.Action), zap.String("endpoint", entry.Endpoint),
			zap.Int64("version", entry.Version), zap.Bool("forced", entry.Forced), zap.String("reason", entry.Reason))
	}
	if endpoint == "" {
		endpoint = entry.Endpoint // of an undo
	}
	answer.Version, answer.Kill, answer.Freezes = state.Version, state.Kill, state.Freezes
	version := state.Version
	if endpoint != "" {
		answer.Flag = flagOf(state, endpoint)
		version = versionOf(answer.Flag)
	}
	if dryRun {
		return reply{body: answer}, nil // nobody can have seen that version
	}
	return reply{tag: entityTag(version), body: answer}, nil
}

func isDryRun(r *http.Request) (bool, error) {
	switch value := r.URL.Query().Get(queryDryRun); value {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	default:
		return false, fail(problemParameter, "%s is %q (want true or false)", queryDryRun, value)
	}
}

// flagOf finds the flag of an endpoint, nil if it has none.
func flagOf(s flags.State, endpoint string) *flags.Flag {
	for i := range s.Flags {
		if s.Flags[i].Endpoint == endpoint {
			return &s.Flags[i]
		}
	}
	return nil
}

// versionOf is what a writer has to have seen of a flag: 0 where there is none.
func versionOf(f *flags.Flag) int64 {
	if f == nil {
		return 0
	}
	return f.Changed
}

// seen reads the version that a writer says to have seen; nil where any will do. required refuses requests that do
// not say.
func seen(r *http.Request, required bool) (*int64, error) {
	match, none := strings.Join(r.Header["If-Match"], ", "), strings.Join(r.Header["If-None-Match"], ", ")
	switch {
	case match != "" && none != "":
		return nil, fail(problemParameter, "If-Match and If-None-Match at once (want one of them)")
	case match == "*":
		return nil, nil
	case none == "*":
		return new(int64), nil
	case none != "":
		return nil, fail(problemParameter, "If-None-Match is %s (a change takes * alone: there must be none yet)", none)
	case match == "" && required:
		return nil, fail(problemVersion, `neither If-Match nor If-None-Match is there (want If-Match: "17", the ETag that was read; If-None-Match: * for a first flag; If-Match: * for whatever there is)`)
	case match == "":
		return nil, nil
	}
	text, quoted := strings.CutPrefix(match, `"`)
	text, ended := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !quoted || !ended || version < 0 {
		return nil, fail(problemParameter, `If-Match is %s (want one ETag of this API, like "17", or *)`, match)
	}
	return &version, nil
}
