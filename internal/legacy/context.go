package legacy

import (
	"net/http"
	"strings"
	"time"
)

// me tells who the caller is and what they work in: the heart of the session shape.
func (b *backend) me(c *call) (any, error) {
	now := b.now()
	if cl, e := b.store.place(c.user); e != nil {
		kind := "Default"
		if c.user.platformAdmin() {
			kind = "Admin"
		}
		return userContext(c.user,
			cl.base(now),
			e.base(now),
			sessionBase(e.id, kind+" Session - "+e.name, strings.ToLower(kind)+" session for "+e.name, e.id, c.user, now),
		), nil
	}
	if c.user.platformAdmin() {
		return userContext(c.user, nil, nil, nil), nil
	}
	// The demo is made up on the spot: all its times are the request's.
	return userContext(c.user,
		object{
			{"id", demoClient},
			{"name", "Democorp"},
			{"description", "Demonstration Client"},
			{"created_at", naive(now)},
			{"updated_at", naive(now)},
		},
		object{
			{"id", DemoEngagement},
			{"name", "Cloud Migration 2024"},
			{"description", "Demonstration Engagement"},
			{"client_id", demoClient},
			{"created_at", naive(now)},
			{"updated_at", naive(now)},
		},
		sessionBase(demoSession, "Demo Session", "Demonstration Session", DemoEngagement, c.user, now),
	), nil
}

// userContext has all its keys always; without a session the other parts are null, too.
func userContext(u *user, client, engagement, session object) object {
	role := u.role
	switch {
	case u.platformAdmin():
		role = "admin"
	case role == "":
		role = "analyst"
	}
	context := object{
		{"user", object{{"id", u.id}, {"email", u.email}, {"role", role}}},
		{"client", nil},
		{"engagement", nil},
		{"session", nil},
		{"available_sessions", []any{}},
	}
	if session == nil {
		return context
	}
	context.set("client", client)
	context.set("engagement", engagement)
	context.set("session", session)
	context.set("available_sessions", []any{session})
	return context
}

func (cl *client) base(now time.Time) object {
	description := cl.description
	if description == "" {
		description = "Client: " + cl.name
	}
	return object{
		{"id", cl.id},
		{"name", cl.name},
		{"description", description},
		{"created_at", zoned(cl.created)},
		{"updated_at", zonedOr(cl.updated, now)},
	}
}

func (e *engagement) base(now time.Time) object {
	description := e.description
	if description == nil || description == "" {
		description = "Engagement: " + e.name
	}
	return object{
		{"id", e.id},
		{"name", e.name},
		{"description", description},
		{"client_id", e.client},
		{"created_at", zoned(e.created)},
		{"updated_at", zonedOr(e.updated, now)},
	}
}

// zonedOr is a stored time, or the time of the request if there is none: with a zone or without.
func zonedOr(stored, now time.Time) string {
	if stored.IsZero() {
		return naive(now)
	}
	return zoned(stored)
}

// sessionBase is a session, made up for the request: nothing of it is stored.
func sessionBase(id, name, description, engagement string, u *user, now time.Time) object {
	return object{
		{"id", id},
		{"name", name},
		{"description", description},
		{"engagement_id", engagement},
		{"is_default", true},
		{"created_by", u.id},
		{"created_at", naive(now)},
		{"updated_at", naive(now)},
		{"metadata", nil},
	}
}

func defaultsSchema() check {
	return schema(optional("client_id", orNull(anyText)), optional("engagement_id", orNull(anyText)))
}

// setDefaults chooses what the caller works in: what a session switch is meant to do, and this works.
func (b *backend) setDefaults(c *call) (any, error) {
	clientID, engagementID := c.input().text("client_id"), c.input().text("engagement_id")
	if clientID != "" && b.store.client(clientID) == nil {
		return nil, fail(http.StatusNotFound, "Client not found")
	}
	if engagementID != "" && b.store.engagement(engagementID) == nil {
		return nil, fail(http.StatusNotFound, "Engagement not found")
	}
	updated := []any{}
	if clientID != "" {
		c.user.defaultClient = clientID
		updated = append(updated, "client_id")
	}
	if engagementID != "" {
		c.user.defaultEngagement = engagementID
		updated = append(updated, "engagement_id")
	}
	message := "No defaults to update"
	if len(updated) > 0 {
		message = "User defaults updated successfully"
	}
	return object{{"message", message}, {"updated_fields", updated}}, nil
}

// requestContext echoes the tenant headers.
func (b *backend) requestContext(c *call) (any, error) {
	return object{
		{"client_account_id", c.tenant.client},
		{"engagement_id", c.tenant.engagement},
		{"user_id", orNil(c.tenant.user)},
		{"flow_id", orNil(c.tenant.flow)},
	}, nil
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// switchSession always fails: the service behind it is made with an argument missing. Nobody ever got past it.
func (b *backend) switchSession(c *call) (any, error) {
	if falsy(c.input().get("engagement_id")) {
		return nil, fail(http.StatusBadRequest, "engagement_id is required")
	}
	return nil, fail(http.StatusInternalServerError, "Error switching session: "+
		"DiscoveryFlowService.__init__() missing 1 required positional argument: 'context'")
}

// falsy tells what Python takes for false.
func falsy(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case number:
		return v == "0" || v == "0.0" || v == "-0.0"
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	default:
		return false
	}
}
