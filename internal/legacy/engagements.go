package legacy

import (
	"net/http"
	"time"
)

// shown is an engagement as admins see it. Sessions are never counted, nor is anything else.
func (e *engagement) shown() object {
	return object{
		{"id", e.id},
		{"engagement_name", e.name},
		{"client_account_id", e.client},
		{"engagement_description", e.description},
		{"migration_scope", e.scope},
		{"target_cloud_provider", e.cloud},
		{"planned_start_date", nil},
		{"planned_end_date", nil},
		{"estimated_budget", e.budget},
		{"estimated_asset_count", nil},
		{"actual_start_date", nil},
		{"actual_end_date", nil},
		{"actual_budget", nil},
		{"engagement_manager", "Not Assigned"},
		{"technical_lead", "Not Assigned"},
		{"team_preferences", object{
			{"stakeholders", []any{}},
			{"decision_makers", []any{}},
			{"technical_leads", []any{}},
			{"communication_style", "formal"},
			{"reporting_frequency", "weekly"},
			{"preferred_meeting_times", []any{}},
			{"escalation_contacts", []any{}},
			{"project_methodology", "agile"},
		}},
		{"agent_configuration", object{}},
		{"discovery_preferences", object{}},
		{"assessment_criteria", object{}},
		{"current_phase", e.phase},
		{"completion_percentage", 0.0},
		{"current_flow_id", nil},
		{"created_at", zoned(e.created)},
		{"updated_at", zonedOrNil(e.updated)},
		{"is_active", true},
		{"total_sessions", 0},
		{"total_assets", 0},
	}
}

func zonedOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return zoned(t)
}

func showAll(engagements []*engagement) []any {
	shown := make([]any, len(engagements))
	for i, e := range engagements {
		shown[i] = e.shown()
	}
	return shown
}

func (b *backend) listEngagements(c *call) (any, error) {
	number, size := c.query["page"], c.query["page_size"]
	total := len(b.store.engagements)
	pages := (total + size - 1) / size
	return object{
		{"items", showAll(page(b.store.engagements, number, size))},
		{"total_items", total},
		{"total_pages", pages},
		{"current_page", number},
		{"page_size", size},
		{"has_next", number < pages},
		{"has_previous", number > 1},
	}, nil
}

func (b *backend) engagementStats(*call) (any, error) {
	active := 0
	for _, e := range b.store.engagements {
		if e.phase == "active" {
			active++
		}
	}
	return object{
		{"total_engagements", len(b.store.engagements)},
		{"active_engagements", active},
		{"recent_engagements", showAll(page(b.store.engagements, 1, 5))},
	}, nil
}

// asked returns the engagement that the path names.
func (b *backend) asked(c *call) (*engagement, error) {
	if e := b.store.engagement(c.vars["id"]); e != nil {
		return e, nil
	}
	return nil, fail(http.StatusNotFound, "Engagement not found")
}

func (b *backend) getEngagement(c *call) (any, error) {
	e, err := b.asked(c)
	if err != nil {
		return nil, err
	}
	return e.shown(), nil
}

func engagementCreateSchema() check {
	return schema(
		required("engagement_name", anyText),
		required("client_account_id", anyText),
		optional("engagement_description", orNull(anyText)),
		optional("migration_scope", anyText),
		optional("target_cloud_provider", anyText),
		optional("estimated_budget", float),
	)
}

func (b *backend) createEngagement(c *call) (any, error) {
	in := c.input()
	e := &engagement{
		name:        in.text("engagement_name"),
		client:      in.text("client_account_id"),
		description: in.get("engagement_description"),
		phase:       "active",
		scope:       "Full Migration",
		cloud:       "migration",
		budget:      toFloat(in.get("estimated_budget")),
		created:     b.now(),
	}
	if b.store.client(e.client) == nil {
		return nil, fail(http.StatusNotFound, "Client account not found")
	}
	if v, ok := in.lookup("migration_scope"); ok {
		e.scope, _ = v.(string)
	}
	if v, ok := in.lookup("target_cloud_provider"); ok {
		e.cloud, _ = v.(string)
	}
	e.id = b.newID()
	b.store.engagements = append(b.store.engagements, e)
	return object{{"message", "Engagement created successfully"}, {"data", e.shown()}}, nil
}

func engagementUpdateSchema() check {
	return schema(
		optional("engagement_name", orNull(anyText)),
		optional("engagement_description", orNull(anyText)),
		optional("current_phase", orNull(anyText)),
		optional("estimated_budget", orNull(float)),
	)
}

func (b *backend) updateEngagement(c *call) (any, error) {
	e, err := b.asked(c)
	if err != nil {
		return nil, err
	}
	in := c.input()
	if name, ok := in.get("engagement_name").(string); ok {
		e.name = name
	}
	if description := in.get("engagement_description"); description != nil {
		e.description = description
	}
	if phase, ok := in.get("current_phase").(string); ok {
		e.phase = phase
	}
	if budget := in.get("estimated_budget"); budget != nil {
		e.budget = toFloat(budget)
	}
	e.updated = b.now()
	return object{{"message", "Engagement updated successfully"}, {"data", e.shown()}}, nil
}

// engagementSessions is a bare list, made up on every call and for any id: the table behind it is gone.
func (b *backend) engagementSessions(*call) (any, error) {
	var rows []any
	for _, name := range []string{"Q1 Assessment", "Q2 Migration"} {
		rows = append(rows, object{
			{"id", b.newID()},
			{"name", name},
			{"start_date", naive(b.now())},
			{"end_date", nil},
			{"status", "active"},
		})
	}
	return rows, nil
}
