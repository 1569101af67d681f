package legacy

// built is the table of what the legacy build serves.
func (b *backend) built() []route {
	paging := []parameter{{name: "page", value: 1, least: 1}, {name: "page_size", value: 20, least: 1, atMost: 100}}
	return []route{
		{method: "GET", path: "/openapi.json", handle: b.openAPI},
		{method: "HEAD", path: "/openapi.json", handle: b.openAPI},
		{method: "GET", path: "/health", handle: b.health},
		{method: "GET", path: "/api/v1/health", handle: b.health},
		{method: "GET", path: "/debug/context", handle: b.debug("context_extraction_failed")},
		{method: "GET", path: "/debug/context-middleware", handle: b.debug("middleware_test_failed")},
		{method: "GET", path: "/debug/test-dependency", handle: b.debug("dependency_test_failed")},
		{method: "GET", path: "/debug/failure", handle: b.failure},
		{method: "POST", path: "/api/v1/performance/clear-cache", handle: b.clearCache},

		{method: "POST", path: "/api/v1/auth/login", handle: b.login, body: loginSchema()},

		{method: "GET", path: "/api/v1/me", handle: b.me, signedIn: true},
		{method: "GET", path: "/api/v1/context/me", handle: b.me, signedIn: true},
		{method: "PUT", path: "/api/v1/context/me/defaults", handle: b.setDefaults, signedIn: true,
			body: defaultsSchema()},
		{method: "GET", path: "/api/v1/context/context", handle: b.requestContext},
		{method: "POST", path: "/api/v1/context/session/switch", handle: b.switchSession, signedIn: true,
			body: anyObject},

		{method: "GET", path: "/api/v1/admin/engagements/", handle: b.listEngagements, query: paging},
		{method: "POST", path: "/api/v1/admin/engagements/", handle: b.createEngagement,
			body: engagementCreateSchema()},
		{method: "GET", path: "/api/v1/admin/engagements/dashboard/stats", handle: b.engagementStats},
		{method: "GET", path: "/api/v1/admin/engagements/{id}", handle: b.getEngagement},
		{method: "PUT", path: "/api/v1/admin/engagements/{id}", handle: b.updateEngagement,
			body: engagementUpdateSchema()},
		{method: "GET", path: "/api/v1/admin/engagements/{id}/sessions", handle: b.engagementSessions},

		{method: "POST", path: "/api/v1/data-import/store-import", handle: b.storeImport, body: importSchema()},
		{method: "POST", path: "/api/v1/data-import/clean/import", handle: b.cleanImport, body: importSchema()},
		{method: "GET", path: "/api/v1/data-import/latest-import", handle: b.latestImport},
		{method: "GET", path: "/api/v1/data-import/import/{id}", handle: b.getImport},
		{method: "GET", path: "/api/v1/data-import/flow/{id}/import-data", handle: b.importOfFlow},

		{method: "GET", path: "/api/v1/master-flows/active", handle: b.masterFlows},
		{method: "GET", path: "/api/v1/discovery/flows/active", handle: b.discoveryFlows},
		{method: "GET", path: "/api/v1/unified-discovery/flow/{id}/status", handle: b.discoveryStatus},
		{method: "GET", path: "/api/v1/monitoring/crewai-flows", handle: b.crewFlows},
		{method: "GET", path: "/api/v1/flows/", handle: b.listFlows, signedIn: true, query: paging},
		{method: "POST", path: "/api/v1/flows/", handle: b.createFlow, signedIn: true, body: flowSchema()},
		{method: "GET", path: "/api/v1/flows/{id}", handle: b.getFlow, signedIn: true},
		{method: "GET", path: "/api/v1/assessment-flow/{id}/events", handle: b.events, signedIn: true},
	}
}

// onPaper is the table of what the legacy build has the code or the plan for, but never served.
func (b *backend) onPaper() []route {
	const comparison = "/api/v1/admin/session-comparison"
	return []route{
		{method: "POST", path: "/api/v1/data-import/validate-upload", handle: b.validateUpload, body: uploadSchema()},
		{method: "GET", path: "/api/v1/data-import/validation-session/{id}", handle: b.validationSession},

		{method: "GET", path: comparison + "/health", handle: b.comparisonHealth},
		{method: "GET", path: comparison + "/engagement/{id}/sessions", handle: b.comparableSessions},
		{method: "POST", path: comparison + "/compare", handle: b.compare, body: anyObject},
		{method: "GET", path: comparison + "/history", handle: b.comparisonHistory, query: []parameter{
			{name: "page", value: 1, least: 1}, {name: "page_size", value: 10, least: 1, atMost: 50},
		}},
		{method: "GET", path: comparison + "/comparisons/{id}/details", handle: b.comparisonDetails},
		{method: "GET", path: "/api/v1/admin/sessions/comparison", handle: b.planComparison},

		{method: "GET", path: "/api/v1/sessions", handle: b.listSessions, signedIn: true, query: []parameter{
			{name: "page", value: 1, least: 1}, {name: "limit", value: 20, least: 1, atMost: 100},
		}},
		{method: "POST", path: "/api/v1/sessions", handle: b.createSession, signedIn: true,
			body: sessionCreateSchema()},
		{method: "GET", path: "/api/v1/sessions/{id}", handle: b.getSession, signedIn: true},
		{method: "PUT", path: "/api/v1/sessions/{id}", handle: b.updateSession, signedIn: true,
			body: sessionUpdateSchema()},
		{method: "DELETE", path: "/api/v1/sessions/{id}", handle: b.deleteSession, signedIn: true},
	}
}
