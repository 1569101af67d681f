package legacy

import (
	"net/http"
	"slices"
	"time"
)

// On paper only: sessions as things that can be made, changed and deleted.

type session struct {
	id, name, kind, status string
	description, metadata  any
	engagement, owner      string
	created, updated       time.Time
}

func (s *session) shown() object {
	return object{
		{"id", s.id},
		{"name", s.name},
		{"description", s.description},
		{"session_type", s.kind},
		{"status", s.status},
		{"engagement_id", s.engagement},
		{"is_default", false},
		{"created_by", s.owner},
		{"metadata", s.metadata},
		{"created_at", zoned(s.created)},
		{"updated_at", zoned(s.updated)},
	}
}

func (b *backend) listSessions(c *call) (any, error) {
	number, limit := c.query["page"], c.query["limit"]
	rows := []any{}
	for _, s := range page(b.store.sessions, number, limit) {
		rows = append(rows, s.shown())
	}
	return object{{"items", rows}, {"total", len(b.store.sessions)}, {"page", number}, {"limit", limit}}, nil
}

func sessionCreateSchema() check {
	return schema(
		required("name", anyText),
		optional("description", orNull(anyText)),
		optional("session_type", oneOf("data_import", "validation_run", "incremental_update", "comparison_analysis",
			"cleanup_operation")),
		required("engagement_id", anyText),
		optional("metadata", orNull(anyObject)),
	)
}

func (b *backend) createSession(c *call) (any, error) {
	in := c.input()
	if b.store.engagement(in.text("engagement_id")) == nil {
		return nil, fail(http.StatusNotFound, "Engagement not found")
	}
	now := b.now()
	s := &session{
		id: b.newID(), name: in.text("name"), kind: in.text("session_type"), status: "active",
		description: in.get("description"), metadata: in.get("metadata"),
		engagement: in.text("engagement_id"), owner: c.user.id, created: now, updated: now,
	}
	if s.kind == "" {
		s.kind = "data_import"
	}
	b.store.sessions = append(b.store.sessions, s)
	return jsonAnswer(http.StatusCreated, s.shown()), nil
}

// askedSession returns where the session that the path names stands in the store.
func (b *backend) askedSession(c *call) (int, error) {
	i := slices.IndexFunc(b.store.sessions, func(s *session) bool { return s.id == c.vars["id"] })
	if i < 0 {
		return 0, fail(http.StatusNotFound, "Session not found")
	}
	return i, nil
}

func (b *backend) getSession(c *call) (any, error) {
	i, err := b.askedSession(c)
	if err != nil {
		return nil, err
	}
	return b.store.sessions[i].shown(), nil
}

func sessionUpdateSchema() check {
	return schema(
		optional("name", orNull(anyText)),
		optional("description", orNull(anyText)),
		optional("status", orNull(oneOf("active", "processing", "completed", "failed", "archived"))),
		optional("metadata", orNull(anyObject)),
	)
}

func (b *backend) updateSession(c *call) (any, error) {
	i, err := b.askedSession(c)
	if err != nil {
		return nil, err
	}
	s, in := b.store.sessions[i], c.input()
	if name, ok := in.get("name").(string); ok {
		s.name = name
	}
	if description := in.get("description"); description != nil {
		s.description = description
	}
	if status, ok := in.get("status").(string); ok {
		s.status = status
	}
	if metadata := in.get("metadata"); metadata != nil {
		s.metadata = metadata
	}
	s.updated = b.now()
	return s.shown(), nil
}

func (b *backend) deleteSession(c *call) (any, error) {
	i, err := b.askedSession(c)
	if err != nil {
		return nil, err
	}
	b.store.sessions = slices.Delete(b.store.sessions, i, i+1)
	// The framework names a type for the body that is not there.
	return &answer{
		status: http.StatusNoContent,
		header: http.Header{"Content-Type": {"application/json"}},
	}, nil
}
