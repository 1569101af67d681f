package legacy

import (
	"net/http"
	"slices"
	"strings"
)

// The legacy build has flows already, under names and shapes of its own. None of them is crossfade's.

func flowTypes() []string {
	return []string{
		"discovery", "assessment", "planning", "execution", "modernize", "finops", "observability", "decommission",
	}
}

// listed is a flow of GET /api/v1/flows/. Its status is a mix-up of keys: no list ever knew one.
func (f *flow) listed() object {
	return object{
		{"flow_id", f.id},
		{"flow_type", f.kind},
		{"flow_name", f.name},
		{"status", "unknown"},
		{"created_by", f.owner},
		{"created_at", offset(f.created)},
	}
}

func (b *backend) masterFlows(c *call) (any, error) {
	rows := []any{}
	for _, f := range b.store.flowsOf(c.tenant.client) {
		rows = append(rows, object{
			{"master_flow_id", f.id},
			{"flow_name", f.name},
			{"flow_type", f.kind},
			{"status", "initialized"},
			{"configuration", f.configuration},
		})
	}
	return rows, nil
}

func (b *backend) discoveryFlows(c *call) (any, error) {
	rows := []any{}
	for _, f := range b.store.flowsOf(c.tenant.client) {
		if f.kind != "discovery" {
			continue
		}
		rows = append(rows, object{
			{"flow_id", f.id},
			{"flow_name", f.name},
			{"status", "active"},
			{"current_phase", "data_import"},
		})
	}
	return object{{"success", true}, {"flows", rows}, {"total", len(rows)}}, nil
}

func (b *backend) discoveryStatus(c *call) (any, error) {
	id := c.vars["id"]
	if b.store.flow(id) == nil {
		return nil, fail(http.StatusInternalServerError, "Failed to get flow status: Flow not found: %s", id)
	}
	rows := []any{}
	for _, i := range b.store.imports {
		if i.flow == id {
			rows = append(rows, i.rows...)
		}
	}
	return object{
		{"flow_id", id},
		{"status", "active"},
		{"state_data", object{{"raw_data", rows}}},
	}, nil
}

// crewFlows has a number under the key that is a list in the flow shape.
func (b *backend) crewFlows(*call) (any, error) {
	return object{{"success", true}, {"active_flows", len(b.store.flows)}}, nil
}

func (b *backend) listFlows(c *call) (any, error) {
	number, size := c.query["page"], c.query["page_size"]
	flows := b.store.flowsOf(c.tenant.client)
	rows := []any{}
	for _, f := range page(flows, number, size) {
		rows = append(rows, f.listed())
	}
	return object{{"flows", rows}, {"total", len(flows)}, {"page", number}, {"page_size", size}}, nil
}

func flowSchema() check {
	return schema(
		required("flow_type", anyText),
		optional("flow_name", orNull(anyText)),
		optional("configuration", anyObject),
	)
}

func (b *backend) createFlow(c *call) (any, error) {
	in := c.input()
	kind := in.text("flow_type")
	if !slices.Contains(flowTypes(), kind) {
		return nil, fail(http.StatusInternalServerError, "Failed to create %s flow: Unknown flow type: %s", kind, kind)
	}
	f := &flow{
		id: b.newID(), kind: kind, name: in.text("flow_name"), client: c.tenant.client, owner: c.user.id,
		configuration: in.at("configuration"), created: b.now(),
	}
	if f.name == "" {
		f.name = strings.ToUpper(kind[:1]) + kind[1:] + " Flow"
	}
	b.store.flows = append(b.store.flows, f)
	return f.listed(), nil
}

func (b *backend) getFlow(c *call) (any, error) {
	f := b.store.flow(c.vars["id"])
	if f == nil {
		return nil, fail(http.StatusInternalServerError, "Failed to get flow: Flow not found: %s", c.vars["id"])
	}
	return f.listed(), nil
}
