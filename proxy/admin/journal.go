package admin

import (
	"net/http"
	"strconv"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// Entries of the journal in one answer.
const (
	historyLimit    = 100
	historyLimitMax = 1000
)

// history tells what was changed, newest first. before of the next page is next_before of this one.
func (a *api) history(c *call) (reply, error) {
	limit, err := number(c.r, queryLimit, 1, historyLimitMax)
	if err != nil {
		return reply{}, err
	}
	if limit == 0 {
		limit = historyLimit
	}
	before, err := number(c.r, queryBefore, 1, 1<<62)
	if err != nil {
		return reply{}, err
	}
	// One more than is asked for, to know whether there is a next page.
	entries, err := a.Flags.History(c.r.Context(), flags.Query{Endpoint: c.r.URL.Query().Get(queryEndpoint), Before: before, Limit: int(limit) + 1})
	if err != nil {
		return reply{}, err
	}
	answer := struct {
		Entries []flags.Entry `json:"entries"`
		Next    int64         `json:"next_before,omitempty"`
	}{Entries: []flags.Entry{}}
	if len(entries) > int(limit) {
		entries = entries[:limit]
		answer.Next = entries[limit-1].Version
	}
	answer.Entries = append(answer.Entries, entries...)
	return reply{body: answer}, nil
}

// number reads a parameter; 0 where it is not there.
func number(r *http.Request, name string, least, most int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if !r.URL.Query().Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fail(problemParameter, "%s is %q (want a number from %d to %d)", name, text, least, most)
	}
	return n, nil
}

// undo gives a flag back what it was before an entry.
func (a *api) undo(c *call) (reply, error) {
	var body struct {
		order
		Version int64 `json:"version"`
	}
	if err := a.read(c.w, c.r, &body); err != nil {
		return reply{}, err
	}
	version, err := seen(c.r, false)
	if err != nil {
		return reply{}, err
	}
	return a.change(c, "", flags.Undo{Version: body.Version}, body.order, version)
}
