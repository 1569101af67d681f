package flows

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// Source is a list of flows or sessions that the upstream has beside the caller's context.
type Source string

// The sources.
const (
	// SourceMaster is GET /api/v1/master-flows/active.
	SourceMaster Source = "master_flows"
	// SourceDiscovery is GET /api/v1/discovery/flows/active.
	SourceDiscovery Source = "discovery_flows"
	// SourceSessions is GET /api/v1/sessions.
	SourceSessions Source = "sessions"
)

func (s Source) check() error {
	switch s {
	case SourceMaster, SourceDiscovery, SourceSessions:
		return nil
	}
	return fmt.Errorf("flows: unknown source %q (want %s, %s or %s)", string(s), SourceMaster, SourceDiscovery, SourceSessions)
}

// sources are those that are asked: managed flows are sessions.
func sources(given []Source, manage bool) []Source {
	list := slices.Clone(given)
	if manage && !slices.Contains(list, SourceSessions) {
		list = append(list, SourceSessions)
	}
	return list
}

const (
	// pageSize is how many sessions are asked for at once: the most that the backend gives.
	pageSize = 100
	// maxPages bounds how many pages are asked for. Who has more than ten thousand sessions needs a backend for them.
	maxPages = 100
)

// ask gives the flows of a source, in the place that the upstream says the caller is in: the tenant headers are ours,
// since the upstream does not hold those of a caller against the token. A route that the upstream does not have has
// no flows.
func (c *call) ask(ctx context.Context, s Source, p place) ([]flow, error) {
	switch s {
	case SourceMaster:
		res, err := c.rows(ctx, p, "/api/v1/master-flows/active", "")
		if err != nil || res.Status == http.StatusNotFound {
			return nil, err
		}
		return c.real(p, gjson.ParseBytes(res.Body), "master_flow_id")
	case SourceDiscovery:
		res, err := c.rows(ctx, p, "/api/v1/discovery/flows/active", "")
		if err != nil || res.Status == http.StatusNotFound {
			return nil, err
		}
		root, _ := members(res.Body)
		list, _ := named(root, "flows")
		return c.real(p, list.value, "flow_id")
	case SourceSessions:
	}
	list, err := c.sessions(ctx, p)
	var missing *failure
	if errors.As(err, &missing) && missing.reply.Status == http.StatusNotFound {
		return nil, nil
	}
	return list, err
}

// rows asks for a list. An answer that is neither good nor a 404 is an error.
func (c *call) rows(ctx context.Context, p place, path, query string) (proxy.Response, error) {
	h := http.Header{"X-Engagement-Id": {p.Engagement}}
	if p.client != "" {
		h["X-Client-Account-Id"] = []string{p.client}
	}
	res, err := c.Upstream.Ask(ctx, proxy.Question{Method: http.MethodGet, Path: path, Query: query, Header: h})
	switch {
	case err != nil:
		return res, unreached(err)
	case res.Status == http.StatusNotFound:
		return res, nil
	case !succeeded(res.Status):
		return res, relay(res)
	case !gjson.ValidBytes(res.Body):
		return res, fault(http.StatusBadGateway, "The list of flows is no JSON")
	}
	return res, nil
}

// real makes flows of rows that the upstream has of its own. They take the way through the shape of a session, so that the
// contract's tables alone say what their words mean.
func (c *call) real(p place, rows gjson.Result, id string) ([]flow, error) {
	var items [][]byte
	rows.ForEach(func(_, row gjson.Result) bool {
		list, ok := membersOf(row.Raw)
		if !ok || textOf(list, id) == "" || textOf(list, "status") == "deleted" {
			return true
		}
		item := []byte(`{}`)
		puts := []put{{"id", quoted(textOf(list, id))}}
		for _, m := range [...]struct{ from, to string }{
			{"flow_name", "name"}, {"flow_type", "session_type"}, {"status", "status"}, {"configuration", "metadata"},
		} {
			if v, ok := named(list, m.from); ok {
				puts = append(puts, put{m.to, []byte(v.value.Raw)})
			}
		}
		puts = append(puts, put{"engagement_id", quoted(p.Engagement)}, put{"created_by", quoted(p.User)})
		items = append(items, with(item, nil, puts...))
		return true
	})
	return c.mapped(items)
}

// mapped gives sessions in the flow shape.
func (c *call) mapped(items [][]byte) ([]flow, error) {
	if len(items) == 0 {
		return nil, nil
	}
	body, err := c.Upstream.ToFlow(endpointList, with([]byte(`{}`), nil, put{"items", array(items)}))
	if err != nil {
		return nil, fmt.Errorf("flows of the upstream: %w", err)
	}
	root, _ := members(body)
	list, ok := named(root, "flows")
	if !ok {
		return nil, errors.New("flows of the upstream: no list")
	}
	return flowsIn(list.value), nil
}

// sessions asks for all sessions of an engagement.
func (c *call) sessions(ctx context.Context, p place) ([]flow, error) {
	var items [][]byte
	for page := 1; page <= maxPages; page++ {
		query := url.Values{"engagement_id": {p.Engagement}, "page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(pageSize)}}.Encode()
		res, err := c.rows(ctx, p, pathSessions, query)
		if err != nil {
			return nil, err
		}
		if res.Status == http.StatusNotFound {
			return nil, relay(res)
		}
		root, _ := members(res.Body)
		list, _ := named(root, "items")
		n := 0
		list.value.ForEach(func(_, row gjson.Result) bool {
			n++
			// A backend that does not know the parameter lists those of all engagements.
			if of, _ := membersOf(row.Raw); textOf(of, "engagement_id") == p.Engagement {
				items = append(items, []byte(row.Raw))
			}
			return true
		})
		if n < pageSize {
			return c.mapped(items)
		}
	}
	return nil, fmt.Errorf("sessions of engagement %s: more than %d", p.Engagement, pageSize*maxPages)
}
