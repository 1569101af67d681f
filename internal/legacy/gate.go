package legacy

import (
	"net/http"
	"strings"
)

// tenant is who the caller says to be working for. Nothing compares it with the token.
type tenant struct {
	client, engagement, user, flow string
}

func tenantOf(h http.Header) tenant {
	return tenant{
		client:     firstOf(h, "X-Client-Account-ID", "X-Context-Client-ID", "Client-Account-ID", "X-Client-ID"),
		engagement: firstOf(h, "X-Engagement-ID", "X-Context-Engagement-ID", "Engagement-ID"),
		user:       firstOf(h, "X-User-ID", "X-Context-User-ID", "User-ID"),
		flow:       firstOf(h, "X-Flow-ID"),
	}
}

// firstOf returns the first header that is set; of a comma list, the first item.
func firstOf(h http.Header, names ...string) string {
	for _, name := range names {
		value := h.Get(name)
		if value == "" {
			continue
		}
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				return item
			}
		}
		return value
	}
	return ""
}

func adminPrefixes() []string {
	return []string{
		"/api/v1/admin/",
		"/api/v1/auth/admin/",
		"/api/v1/auth/user-profile/",
		"/api/v1/auth/pending-approvals",
		"/api/v1/auth/active-users",
	}
}

// exemptPrefixes begin the paths that need no tenant.
func exemptPrefixes() []string {
	return []string{
		"/health",
		"/docs",
		"/redoc",
		"/openapi.json",
		"/static",
		"/status",
		"/debug/routes",
		"/api/v1/health",
		"/api/v1/me",
		"/api/v1/context/me",
		"/api/v1/context/clients",
		"/api/v1/context/engagements",
		"/api/v1/context-establishment/",
		"/api/v1/clients",
		"/api/v1/auth/login",
		"/api/v1/auth/register",
		"/api/v1/auth/registration-status",
		"/api/v1/auth/demo/",
		"/api/v1/auth/system/info",
		"/api/v1/data-import/latest-import",
	}
}

func startsWith(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// gate lets platform admins alone to admin routes, and those alone who name a client and an engagement to all but
// the exempt ones. Its refusals have flat bodies and no trace id.
func (b *backend) gate(c *call) (*answer, error) {
	path := c.URL.Path
	switch {
	case c.Method == http.MethodOptions:
		return b.trace(c)
	case startsWith(path, adminPrefixes()):
		if a := b.refuseNonAdmin(c); a != nil {
			return a, nil
		}
		return b.trace(c)
	case path == "/" || startsWith(path, exemptPrefixes()):
		return b.trace(c)
	}

	c.tenant = tenantOf(c.Header)
	if c.tenant.client == "" {
		return noTenant(path, "Client account", "X-Client-Account-ID"), nil
	}
	if c.tenant.engagement == "" {
		return noTenant(path, "Engagement", "X-Engagement-ID"), nil
	}
	a, err := b.trace(c)
	if err != nil {
		return nil, err
	}
	a.header.Set("X-Context-Client", c.tenant.client)
	a.header.Set("X-Context-Engagement", c.tenant.engagement)
	demo := "False"
	if c.tenant.client == demoClient {
		demo = "True"
	}
	a.header.Set("X-Context-Demo", demo)
	return a, nil
}

// noTenant is shape C: a 400 whose text says 403.
func noTenant(path, what, header string) *answer {
	return jsonAnswer(http.StatusBadRequest, object{
		{"error", "Context extraction failed"},
		{"detail", "403: " + what + " context is required. Please send the " + header + " header."},
		{"path", path},
	})
}

// refuseNonAdmin returns shape D, or nil for platform admins. X-User-ID is believed before the token.
func (b *backend) refuseNonAdmin(c *call) *answer {
	id := c.Header.Get("X-User-ID")
	if id == "" {
		if token, ok := bearer(c.Header); ok {
			id = userIDOf(token)
		}
	}
	if id == "" {
		return jsonAnswer(http.StatusUnauthorized, object{
			{"error", "Authentication required"},
			{"detail", "Admin routes need a signed-in user"},
			{"path", c.URL.Path},
		})
	}
	// Roles never change, so that no lock is needed to read them.
	if u := b.store.users[id]; u == nil || !u.platformAdmin() {
		return jsonAnswer(http.StatusForbidden, object{
			{"error", "Access denied"},
			{"detail", "Admin routes need the platform admin role"},
			{"path", c.URL.Path},
		})
	}
	return nil
}
