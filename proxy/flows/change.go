package flows

import (
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// wanted is what a call wants a flow to be. What is not named is "" or nil.
type wanted struct {
	name, kind, status, engagement string
	metadata                       []byte
}

// rule says how a member of a call is checked.
type rule struct {
	name     string
	to       *string
	required bool
	words    []string // nil: any text
	id       bool
}

// want reads a call's body by the plan's schema: FlowCreate has name, flow_type and engagement_id, FlowUpdate may have any of
// name and status; metadata is an object in both. null is as good as not named where a member may be left out.
func (c *call) want(create bool) (wanted, error) {
	body, err := c.object()
	if err != nil {
		return wanted{}, err
	}
	var w wanted
	rules := []rule{{name: "name", to: &w.name}, {name: "status", to: &w.status, words: flowStatuses()}}
	if create {
		rules = []rule{
			{name: "name", to: &w.name, required: true},
			{name: "flow_type", to: &w.kind, required: true, words: flowTypes()},
			{name: "engagement_id", to: &w.engagement, required: true, id: true},
		}
	}
	var faults []proxy.FieldFault
	for _, r := range rules {
		faults = append(faults, r.read(body)...)
	}
	if m, ok := named(body, "metadata"); ok && m.value.Type != gjson.Null {
		if w.metadata = []byte(m.value.Raw); !m.value.IsObject() {
			faults = append(faults, proxy.FieldFault{Field: "metadata", Message: "Input should be a valid dictionary", Type: "dict_type"})
		}
	}
	if len(faults) > 0 {
		return w, invalid(faults...)
	}
	return w, nil
}

func (r rule) read(body []member) []proxy.FieldFault {
	m, ok := named(body, r.name)
	switch {
	case !ok && r.required:
		return []proxy.FieldFault{{Field: r.name, Message: "Field required", Type: "missing"}}
	case !ok, m.value.Type == gjson.Null && !r.required:
		return nil
	case m.value.Type != gjson.String && r.words != nil:
		return []proxy.FieldFault{{Field: r.name, Message: wants(r.words), Type: "enum"}}
	case m.value.Type != gjson.String:
		return []proxy.FieldFault{{Field: r.name, Message: "Input should be a valid string", Type: "string_type"}}
	case r.words != nil:
		*r.to = m.value.Str
		return checkWord(r.name, m.value.Str, r.words)
	}
	*r.to = m.value.Str
	if r.id {
		if *r.to, ok = uuid(m.value.Str); !ok {
			return []proxy.FieldFault{{Field: r.name, Message: "Input should be a valid UUID", Type: "uuid_parsing"}}
		}
	}
	return nil
}

// update answers PATCH and PUT /api/v1/flows/{id}: what the call does not name stays as it is. The name is the session's,
// status and metadata are remembered here. The upstream is asked in any case: whether the caller may
// change the flow is for it to say.
func (c *call) update() proxy.MemoryReply {
	w, err := c.want(false)
	if err != nil {
		return answer(err)
	}
	if err := c.memory.o.Store.Ready(c.ctx); err != nil {
		return answer(err)
	}
	f, err := c.one()
	if err != nil {
		return answer(err)
	}
	known, err := c.memory.o.Store.Details(c.ctx, ids([]flow{f}))
	if err != nil {
		return answer(err)
	}
	body := []byte(`{}`)
	if w.name != "" {
		body = with(body, nil, put{"name", quoted(w.name)})
	}
	res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodPut, Path: c.path(), Body: body, Endpoint: endpointUpdate})
	if err != nil {
		return answer(unreached(err))
	}
	if !succeeded(res.Status) {
		return relayed(res)
	}
	if f, err = c.single(res.Body); err != nil {
		return answer(err)
	}
	d, remembered := known[f.id]
	change, err := detailsOf(f, d, remembered, w)
	if err != nil {
		return answer(err)
	}
	if err := c.memory.o.Store.Describe(c.ctx, f.id, change); err != nil {
		return answer(away(err, "The backend has changed the flow, but status and metadata were not kept. It is safe to ask again"))
	}
	if !remembered {
		d = change
	}
	if w.status != "" {
		d.Status = w.status
	}
	if w.metadata != nil {
		d.Metadata = w.metadata
	}
	return ok(http.StatusOK, f.shown(d, true).text)
}

// detailsOf is what to write of a flow: what is wanted, and all of it where nothing is remembered yet.
func detailsOf(f flow, d Details, remembered bool, w wanted) (Details, error) {
	change := Details{Status: w.status, Metadata: w.metadata, Engagement: d.Engagement}
	if remembered {
		return change, nil
	}
	change.Type = f.member("flow_type")
	if change.Status == "" {
		change.Status = f.member("status")
	}
	var known, by bool
	change.Engagement, known = uuid(f.member("engagement_id"))
	change.CreatedBy, by = uuid(f.member("created_by"))
	if _, ok := uuid(f.id); !ok || !known || !by {
		return change, fault(http.StatusBadGateway, "The backend's session cannot be remembered: it has no UUIDs")
	}
	return change, nil
}
