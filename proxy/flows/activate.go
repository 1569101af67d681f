package flows

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// activate answers POST /api/v1/context/flow/activate {flow_id}: the flow becomes the caller's current one.
func (c *call) activate() proxy.MemoryReply {
	id, err := c.flowID()
	if err != nil {
		return answer(err)
	}
	p, err := c.whoami()
	if err != nil {
		return answer(err)
	}
	chosen, err := c.own(p, id)
	if err != nil {
		return answer(err)
	}
	in := p.Caller
	if engagement, ok := uuid(chosen.member("engagement_id")); ok {
		in.Engagement = engagement
	}
	// What the store cannot take is better known before the upstream is told.
	store := c.memory.o.Store
	if err := store.Ready(c.ctx); err != nil {
		return answer(away(err, "Error activating flow: what is remembered of flows is not available just now. Nothing was changed"))
	}
	remembered, err := store.Details(c.ctx, []string{id})
	if err != nil {
		return answer(away(err, "Error activating flow: what is remembered of flows is not available just now. Nothing was changed"))
	}
	if err := c.tell(in.Engagement); err != nil {
		return answer(err)
	}
	if err := store.Activate(c.ctx, in, id); err != nil {
		return answer(c.notRecorded(in, err))
	}
	d, ok := remembered[id]
	return activated(chosen.shown(d, ok), in)
}

// flowID reads the call's flow_id.
func (c *call) flowID() (string, error) {
	body, err := c.object()
	if err != nil {
		return "", err
	}
	m, ok := named(body, "flow_id")
	switch {
	case !ok, !truthy(m.value):
		return "", fault(http.StatusBadRequest, "flow_id is required")
	case m.value.Type != gjson.String:
		return "", invalid(proxy.FieldFault{Field: "flow_id", Message: "Input should be a valid string", Type: "string_type"})
	}
	id, ok := uuid(m.value.Str)
	if !ok {
		return "", invalid(proxy.FieldFault{Field: "flow_id", Message: "Input should be a valid UUID", Type: "uuid_parsing"})
	}
	return id, nil
}

// truthy is what the backend's language takes for true.
func truthy(v gjson.Result) bool {
	switch v.Type {
	case gjson.String:
		return v.Str != ""
	case gjson.Number:
		return v.Num != 0
	case gjson.True:
		return true
	case gjson.JSON:
		return len(v.Map())+len(v.Array()) > 0
	case gjson.Null, gjson.False:
	}
	return false
}

// own finds a flow among the caller's own.
func (c *call) own(p place, id string) (flow, error) {
	if i := find(p.flows, id); i >= 0 && len(c.memory.o.Sources) == 0 {
		return p.flows[i], nil
	}
	list, err := c.all(c.ctx, p)
	if i := find(list, id); i >= 0 {
		return list[i], nil
	}
	if err != nil {
		// It may be in the list that is missing.
		return flow{}, away(err, "Error activating flow: the backend could not tell which flows there are. Nothing was changed")
	}
	return flow{}, notFound(id)
}

// tell tells the upstream, which knows engagements alone.
func (c *call) tell(engagement string) error {
	body := with([]byte(`{}`), nil, put{"engagement_id", quoted(engagement)})
	policy := c.memory.o.Policy
	if policy != PolicyDefaults {
		res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodPost, Path: pathSwitch, Body: body})
		switch {
		case err == nil && succeeded(res.Status):
			return nil
		case policy == PolicySwitch && err != nil:
			return unreached(err)
		case policy == PolicySwitch, err == nil && !missing(res.Status):
			return c.refused(res)
		}
	}
	res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodPut, Path: pathDefaults, Body: body})
	if err != nil {
		return unreached(err)
	}
	if !succeeded(res.Status) {
		return c.refused(res)
	}
	return nil
}

// missing says that a route is not there or does not work, as opposed to turning the caller down.
func missing(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status >= 500
}

// refused is an answer of the upstream's to a switch, as one to the activation of a flow: the same status, and what it says.
func (c *call) refused(res proxy.Response) error {
	text := "The backend answered " + http.StatusText(res.Status)
	if said := gjson.GetBytes(res.Body, "error.details.original_message"); said.Type == gjson.String {
		text = said.Str
	} else if said := gjson.GetBytes(res.Body, "detail"); said.Type == gjson.String {
		text = said.Str
	}
	return &failure{proxy.MemoryReply{
		Fault: &proxy.Fault{Status: max(res.Status, http.StatusBadRequest), Text: "Error activating flow: " + text},
		Err:   fmt.Errorf("the upstream answered %d to the switch", res.Status),
	}}
}

// notRecorded says what holds after the upstream has agreed.
func (c *call) notRecorded(in Caller, err error) error {
	held := "was not recorded"
	if errors.Is(err, database.ErrUnknown) {
		held = "may not have been recorded"
	}
	return away(err, "Error activating flow: the backend works in engagement "+in.Engagement+" now, but the flow "+held+
		" as the current one. It is safe to ask again")
}

// activated is the plan's answer, and the flow's name and status beside it.
func activated(f flow, in Caller) proxy.MemoryReply {
	name := []byte("null")
	if m, ok := named(f.list, "name"); ok {
		name = []byte(m.value.Raw)
	}
	return ok(http.StatusOK, with([]byte(`{}`), nil,
		put{"status", quoted("success")},
		put{"message", quoted("Flow activated successfully")},
		put{"flow_id", quoted(f.id)},
		put{"flow_name", name},
		put{"flow_type", quoted(f.member("flow_type"))},
		put{"flow_status", quoted(f.member("status"))},
		put{"engagement_id", quoted(in.Engagement)},
	))
}

// deactivate answers POST /api/v1/flows/{id}/deactivate: the flow is the caller's current one no more, and what the
// backend has as its session is again.
func (c *call) deactivate() proxy.MemoryReply {
	id, ok1 := uuid(c.Vars["id"])
	if !ok1 {
		return answer(notFound(c.Vars["id"]))
	}
	p, err := c.whoami()
	if err != nil {
		return answer(err)
	}
	was, err := c.memory.o.Store.Deactivate(c.ctx, p.Caller, id)
	switch {
	case err != nil:
		return answer(err)
	case !was:
		return answer(notFound(id))
	}
	return ok(http.StatusOK, with([]byte(`{}`), nil,
		put{"status", quoted("success")},
		put{"message", quoted("Flow deactivated successfully")},
		put{"flow_id", quoted(id)},
	))
}
