package legacy

import (
	"maps"
	"slices"
	"strings"
)

// headers of the calls below; each call may name more.

func signedIn(user string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + Token(user)}
}

func inTenant() map[string]string {
	return map[string]string{"X-Client-Account-ID": firstClient, "X-Engagement-ID": AzureEngagement}
}

func asAdmin() map[string]string { return signedIn(PlatformAdmin) }

func with(sets ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

// nested is an object so many levels deep.
func nested(levels int) string {
	return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels)
}

func header(name, value string) map[string]string { return map[string]string{name: value} }

const page3000 = "http://localhost:3000"

// builtCalls is what both backends are asked with the paper routes off, in this order.
func builtCalls() []exchange {
	return slices.Concat(contextCalls(), transportCalls(), adminCalls(), importCalls(), flowCalls(), systemCalls())
}

func contextCalls() []exchange {
	const me, change, defaults = "/api/v1/context/me", "/api/v1/context/session/switch", "/api/v1/context/me/defaults"
	call := with(signedIn(TwoClients), inTenant())
	return []exchange{
		{name: "platform admin", path: me, headers: asAdmin()},
		{name: "the other path", path: "/api/v1/me", headers: asAdmin()},
		{name: "two clients, one session", path: me, headers: signedIn(TwoClients)},
		{name: "no access: the demo", path: me, headers: signedIn(NoAccess)},
		{name: "admin without a client: nulls", path: me, headers: signedIn(LoneAdmin)},
		{name: "an engagement that speaks of sessions", path: me, headers: signedIn(FalseFriend)},
		{name: "demo user", path: me, headers: signedIn(DemoUser)},
		{name: "unknown user", path: me, headers: signedIn("99999999-9999-4999-8999-999999999999")},
		{name: "garbage token", path: me, headers: header("Authorization", "Bearer garbage")},
		{name: "empty token", path: me, headers: header("Authorization", "bearer")},
		{name: "short token", path: me, headers: header("Authorization", "Bearer db-token-aaaaaaaa-0000")},
		{name: "no token", path: me},
		{name: "another scheme", path: me, headers: header("Authorization", "Basic YTpi")},
		{name: "own trace id", path: me, headers: with(asAdmin(), header("X-Trace-ID", "mine-1"))},
		{name: "own trace id on an error", path: me, headers: header("X-Trace-ID", "mine-2")},

		{name: "switch", method: "POST", path: change, headers: call, body: `{"engagement_id":"` + SecondEngagement + `"}`},
		{name: "switch without engagement", method: "POST", path: change, headers: call, body: `{"flow_id":"x"}`},
		{name: "switch to null", method: "POST", path: change, headers: call, body: `{"engagement_id":null}`},
		{name: "switch to zero", method: "POST", path: change, headers: call, body: `{"engagement_id":-0.0}`},
		{name: "switch to nothing", method: "POST", path: change, headers: call, body: `{"engagement_id":[]}`},
		{name: "switch with a list", method: "POST", path: change, headers: call, body: `[]`},
		{name: "switch with null", method: "POST", path: change, headers: call, body: `null`},
		{name: "switch without a body", method: "POST", path: change, headers: call},
		{name: "switch, not JSON", method: "POST", path: change, headers: call, body: `nonsense`},
		{name: "switch, half a word", method: "POST", path: change, headers: call, body: `{"a": tru}`},
		{name: "switch, a wrong letter in a word", method: "POST", path: change, headers: call, body: `[falsy]`},
		{name: "switch, cut off", method: "POST", path: change, headers: call, body: `{"engagement_id":`},
		{name: "switch, more behind it", method: "POST", path: change, headers: call, body: `{"a":1} x`},
		{name: "switch, not UTF-8", method: "POST", path: change, headers: call, body: "{\"a\":\"\xff\"}"},
		{name: "switch, too deep", method: "POST", path: change, headers: call, body: nested(200_000)},
		{name: "switch, text", method: "POST", path: change, body: `{"engagement_id":"x"}`,
			headers: with(call, header("Content-Type", "text/plain"))},
		{name: "switch, JSON of another kind", method: "POST", path: change, body: `{}`,
			headers: with(call, header("Content-Type", "application/merge-patch+json; charset=utf-8"))},
		{name: "switch, no content type", method: "POST", path: change, body: `{}`,
			headers: with(call, header("Content-Type", ""))},
		{name: "switch without a token", method: "POST", path: change, headers: inTenant(), body: `{}`},
		{name: "switch, no token and a list: the token counts", method: "POST", path: change, headers: inTenant(),
			body: `[]`},
		{name: "switch, no token and not JSON: the body counts", method: "POST", path: change, headers: inTenant(),
			body: `{`},
		{name: "switch without a tenant", method: "POST", path: change, headers: signedIn(TwoClients), body: `{}`},

		{name: "defaults", method: "PUT", path: defaults, headers: signedIn(TwoClients),
			body: `{"engagement_id":"` + SecondEngagement + `"}`},
		{name: "context after the defaults", path: me, headers: signedIn(TwoClients)},
		{name: "defaults, client", method: "PUT", path: defaults, headers: signedIn(TwoClients),
			body: `{"client_id":"` + secondClient + `","engagement_id":null}`},
		{name: "defaults, both", method: "PUT", path: defaults, headers: signedIn(PlatformAdmin),
			body: `{"engagement_id":"` + DemoEngagement + `","client_id":"` + demoClient + `"}`},
		{name: "admin's context after the defaults", path: me, headers: asAdmin()},
		{name: "defaults out of reach", method: "PUT", path: defaults, headers: signedIn(NoAccess),
			body: `{"engagement_id":"` + AzureEngagement + `"}`},
		{name: "context after defaults out of reach", path: me, headers: signedIn(NoAccess)},
		{name: "defaults, none", method: "PUT", path: defaults, headers: asAdmin(), body: `{}`},
		{name: "defaults, unknown engagement", method: "PUT", path: defaults, headers: asAdmin(),
			body: `{"engagement_id":"nope"}`},
		{name: "defaults, unknown client", method: "PUT", path: defaults, headers: asAdmin(), body: `{"client_id":"nope"}`},
		{name: "defaults, wrong types", method: "PUT", path: defaults, headers: asAdmin(),
			body: `{"engagement_id":1,"client_id":{}}`},
		{name: "defaults, a list", method: "PUT", path: defaults, headers: asAdmin(), body: `[1]`},

		{name: "request context", path: "/api/v1/context/context",
			headers: with(inTenant(), header("X-Flow-ID", "f-1, f-2"), header("User-ID", "u"))},
		{name: "request context by other headers", path: "/api/v1/context/context",
			headers: with(header("X-Client-ID", " , "+demoClient), header("Engagement-ID", "e"))},
		{name: "flow route that is not there", path: "/api/v1/context/flow/activate", headers: inTenant()},

		{name: "login", method: "POST", path: "/api/v1/auth/login",
			body: `{"email":"two@example.test","password":"legacy-demo"}`},
		{name: "login, admin", method: "POST", path: "/api/v1/auth/login",
			body: `{"email":"padmin@example.test","password":"legacy-demo"}`},
		{name: "login, wrong password", method: "POST", path: "/api/v1/auth/login",
			body: `{"email":"two@example.test","password":"x"}`},
		{name: "login, missing", method: "POST", path: "/api/v1/auth/login", body: `{"email":null}`},
	}
}

func transportCalls() []exchange {
	const me = "/api/v1/context/me"
	preflight := func(origin, method string) map[string]string {
		return map[string]string{"Origin": origin, "Access-Control-Request-Method": method}
	}
	return []exchange{
		{name: "slash too much", path: me + "/?x=%7B1%7D&y='a'!\"", headers: asAdmin()},
		{name: "slashes too many", path: "/api/v1/me///"},
		{name: "slash too little", path: "/api/v1/admin/engagements?page=2", headers: asAdmin()},
		{name: "slash too much, wrong method", method: "DELETE", path: me + "/"},
		{name: "slash too much for a page", path: me + "/", headers: header("Origin", page3000)},
		{name: "escaped slash", path: "/api/v1/context%2Fme", headers: asAdmin()},
		{name: "double slash", path: "//api/v1/context/me", headers: with(asAdmin(), inTenant())},
		{name: "escaped path in an error", path: "/api/v1/d%C3%A9j%C3%A0 vu", headers: inTenant()},
		{name: "HEAD of a GET route", method: "HEAD", path: me, headers: asAdmin()},
		{name: "HEAD of the description", method: "HEAD", path: "/docs"},
		{name: "wrong method", method: "DELETE", path: me},
		{name: "not found", path: "/api/v1/nope", headers: inTenant()},
		{name: "not found without a tenant", path: "/api/v1/nope"},
		{name: "no engagement", path: "/api/v1/nope", headers: header("X-Client-Account-ID", demoClient)},
		{name: "demo tenant", path: "/api/v1/nope",
			headers: with(header("X-Client-Account-ID", demoClient), header("X-Engagement-ID", "e"))},
		{name: "root", path: "/"},
		{name: "upgrade", path: "/ws", headers: with(header("Connection", "Upgrade"), header("Upgrade", "websocket"))},

		{name: "preflight", method: "OPTIONS", path: me,
			headers: with(preflight(page3000, "GET"), header("Access-Control-Request-Headers", "X-Flow-ID, authorization"))},
		{name: "preflight without headers", method: "OPTIONS", path: "/nowhere", headers: preflight(page3000, "PUT")},
		{name: "preflight of an unknown page", method: "OPTIONS", path: me, headers: preflight("http://evil.test", "GET")},
		{name: "preflight of an unknown method", method: "OPTIONS", path: me, headers: preflight("http://evil.test", "BREW")},
		{name: "OPTIONS that is no preflight", method: "OPTIONS", path: me, headers: header("Origin", page3000)},
		{name: "OPTIONS without origin", method: "OPTIONS", path: "/api/v1/context/context"},
		{name: "page", path: me, headers: with(asAdmin(), header("Origin", page3000))},
		{name: "unknown page", path: me, headers: with(asAdmin(), header("Origin", "http://evil.test"))},
		{name: "page without a token", path: me, headers: header("Origin", page3000)},
		{name: "page without a tenant", path: "/debug/context", headers: header("Origin", page3000)},
		{name: "page at the admin gate", path: "/api/v1/admin/engagements/", headers: header("Origin", page3000)},
		{name: "uncaught", path: "/debug/failure", headers: with(inTenant(), header("Origin", page3000))},
	}
}

func adminCalls() []exchange {
	const all = "/api/v1/admin/engagements/"
	return []exchange{
		{name: "engagements", path: all, headers: asAdmin()},
		{name: "engagements, second page", path: all + "?page=2&page_size=3", headers: asAdmin()},
		{name: "engagements, beyond the last page", path: all + "?page=9", headers: asAdmin()},
		{name: "engagements, a parameter twice", path: all + "?page=x&page=1&page_size=1", headers: asAdmin()},
		{name: "engagements, bad parameters", path: all + "?page=0&page_size=101", headers: asAdmin()},
		{name: "engagements, no numbers", path: all + "?page=x&page_size=", headers: asAdmin()},
		{name: "engagements by X-User-ID alone", path: all + AzureEngagement, headers: header("X-User-ID", PlatformAdmin)},
		{name: "X-User-ID before the token", path: all, headers: with(asAdmin(), header("X-User-ID", TwoClients))},
		{name: "X-User-ID that is none", path: all, headers: header("X-User-ID", "x")},
		{name: "admin gate, nobody", path: all},
		{name: "admin gate, garbage", path: all, headers: header("Authorization", "Bearer garbage")},
		{name: "admin gate, another scheme", path: all, headers: header("Authorization", "Basic "+Token(PlatformAdmin))},
		{name: "admin gate, not an admin", path: all, headers: signedIn(TwoClients)},
		{name: "admin gate, nothing behind it", path: "/api/v1/admin/nope", headers: asAdmin()},
		{name: "one engagement", path: all + FalseFriendEngagement, headers: asAdmin()},
		{name: "unknown engagement", path: all + "nope", headers: asAdmin()},
		{name: "dashboard", path: all + "dashboard/stats", headers: asAdmin()},
		{name: "its sessions", path: all + AzureEngagement + "/sessions", headers: asAdmin()},
		{name: "sessions of anything", path: all + "not-a-uuid/sessions", headers: asAdmin()},
		{name: "create", method: "POST", path: all, headers: asAdmin(), keep: map[string]string{"made": "data.id"},
			body: `{"engagement_name":"Größe \u2028 \u00fc \ud83d\ude00 </script>","client_account_id":"` + firstClient +
				`","estimated_budget":"1200.50"}`},
		{name: "create, everything", method: "POST", path: all, headers: asAdmin(),
			body: `{"engagement_name":"x","client_account_id":"` + firstClient + `","engagement_description":"d",` +
				`"migration_scope":"s","target_cloud_provider":"azure","estimated_budget":7,"total_sessions":9}`},
		{name: "create, wrong", method: "POST", path: all, headers: asAdmin(),
			body: `{"engagement_name":7,"migration_scope":null,"estimated_budget":"much"}`},
		{name: "create, budget of another type", method: "POST", path: all, headers: asAdmin(),
			body: `{"engagement_name":"x","client_account_id":"x","estimated_budget":[]}`},
		{name: "create, unknown client", method: "POST", path: all, headers: asAdmin(),
			body: `{"engagement_name":"x","client_account_id":"x"}`},
		{name: "get what was made", path: all + "{made}", headers: asAdmin()},
		{name: "update", method: "PUT", path: all + "{made}", headers: asAdmin(),
			body: `{"engagement_name":"Session","engagement_description":"d","current_phase":"planning","estimated_budget":1e21}`},
		{name: "update nothing", method: "PUT", path: all + "{made}", headers: asAdmin(),
			body: `{"engagement_name":null,"estimated_budget":null}`},
		{name: "update, unknown", method: "PUT", path: all + "nope", headers: asAdmin(), body: `{}`},
		{name: "dashboard after the changes", path: all + "dashboard/stats", headers: asAdmin()},
	}
}

func importCalls() []exchange {
	const store, clean = "/api/v1/data-import/store-import", "/api/v1/data-import/clean/import"
	caller := with(inTenant(), header("X-User-ID", TwoClients))
	const rows = `[{"hostname":"web01","session_id":"user-col-1","flow_id":"col-f","sess\u0069on":"Admin Session - left open",` +
		`"n":[1,-0,1.0,1e3,12345678901234567890,0.1,1e-5,1e16,123456.789]},{"session":null,"a":1,"a":2},{}]`
	body := func(rows, upload string) string {
		return `{"file_data":` + rows + `,"metadata":{"filename":"session_export.csv","size":"2048","type":"text/csv"},` +
			`"upload_context":{"intended_type":"cmdb",` + upload + `"upload_timestamp":"2025-07-09T00:00:00Z"},` +
			`"client_id":null}`
	}
	session := `"validation_session_id":"5b3f1c1e-1111-4111-8111-111111111111",`
	return []exchange{
		{name: "no import yet", path: "/api/v1/data-import/latest-import"},
		{name: "store", method: "POST", path: store, headers: caller, body: body(rows, session),
			keep: map[string]string{"import": "data_import_id", "flow": "flow_id"}},
		{name: "store by upload id", method: "POST", path: store, headers: caller,
			body: body(`[]`, `"validation_upload_id":"u",`)},
		{name: "latest", path: "/api/v1/data-import/latest-import"},
		{name: "the import", path: "/api/v1/data-import/import/{import}", headers: caller},
		{name: "the import of the flow", path: "/api/v1/data-import/flow/{flow}/import-data", headers: caller},
		{name: "the rows in the status", path: "/api/v1/unified-discovery/flow/{flow}/status", headers: caller},
		{name: "unknown import", path: "/api/v1/data-import/import/nope", headers: caller},
		{name: "unknown flow's import", path: "/api/v1/data-import/flow/nope/import-data", headers: caller},
		{name: "unknown flow's status", path: "/api/v1/unified-discovery/flow/nope/status", headers: caller},
		{name: "master flows after the import", path: "/api/v1/master-flows/active", headers: caller},
		{name: "discovery flows after the import", path: "/api/v1/discovery/flows/active", headers: caller},
		{name: "flows of another client", path: "/api/v1/master-flows/active",
			headers: with(header("X-Client-ID", demoClient), header("Engagement-ID", "e"))},

		{name: "flow-shaped: the id becomes empty", method: "POST", path: store, headers: caller,
			body: body(rows, `"validation_flow_id":"x",`)},
		{name: "empty id", method: "POST", path: store, headers: caller, body: body(rows, `"validation_session_id":"",`)},
		{name: "no user", method: "POST", path: store, headers: inTenant(), body: body(rows, session)},
		{name: "the field that is named back", method: "POST", path: store, headers: caller,
			body: `{"file_data":[],"metadata":{"filename":"f","size":1,"type":"t"},` +
				`"upload_context":{"intended_type":"cmdb","validation_session_id":5}}`},
		{name: "everything missing", method: "POST", path: store, headers: caller, body: `{}`},
		{name: "everything wrong", method: "POST", path: store, headers: caller,
			body: `{"file_data":[1,{},[]],"metadata":[],"upload_context":{"intended_type":[],"upload_timestamp":1},"client_id":2}`},
		{name: "file_data is no list", method: "POST", path: store, headers: caller,
			body: `{"file_data":{},"metadata":{"filename":"f","size":1.5,"type":"t"},"upload_context":null}`},
		{name: "size of other kinds", method: "POST", path: store, headers: caller,
			body: `{"file_data":[],"metadata":{"filename":"f","size":"big","type":"t"},"upload_context":""}`},
		{name: "size null", method: "POST", path: store, headers: caller,
			body: `{"file_data":[],"metadata":{"filename":"f","size":null,"type":"t"},"upload_context":"x"}`},
		{name: "not JSON in the middle", method: "POST", path: store, headers: caller, body: `{"file_data":[x]}`},
		{name: "clean", method: "POST", path: clean, headers: inTenant(), body: body(rows, session)},
		{name: "clean without a validation", method: "POST", path: clean, headers: inTenant(), body: body(`[]`, ``)},
		{name: "clean, wrong", method: "POST", path: clean, headers: inTenant(), body: body(rows, `"validation_session_id":5,`)},
	}
}

func flowCalls() []exchange {
	const all = "/api/v1/flows/"
	caller := with(signedIn(TwoClients), inTenant())
	return []exchange{
		{name: "create a session flow", method: "POST", path: all, headers: caller, body: `{"flow_type":"session"}`},
		{name: "create a flow", method: "POST", path: all, headers: caller, keep: map[string]string{"made": "flow_id"},
			body: `{"flow_type":"assessment","configuration":{"session":{"b":1,"a":[]}}}`},
		{name: "create a named flow", method: "POST", path: all, headers: caller,
			body: `{"flow_type":"discovery","flow_name":"Session"}`},
		{name: "create, wrong", method: "POST", path: all, headers: caller, body: `{"flow_name":1,"configuration":null}`},
		{name: "flows", path: all + "?page=2&page_size=2", headers: caller},
		{name: "flows without a token", path: all, headers: inTenant()},
		{name: "one flow", path: all + "{made}", headers: caller},
		{name: "an engagement is no flow", path: all + AzureEngagement, headers: caller},
		{name: "master flows", path: "/api/v1/master-flows/active", headers: caller},
		{name: "discovery flows", path: "/api/v1/discovery/flows/active", headers: caller},
		{name: "active_flows is a number", path: "/api/v1/monitoring/crewai-flows", headers: caller},
		{name: "events", path: "/api/v1/assessment-flow/{made}/events", headers: caller, events: 3},
		{name: "events for a page", path: "/api/v1/assessment-flow/x/events", events: 1,
			headers: with(caller, header("Origin", page3000))},
		{name: "events without a token", path: "/api/v1/assessment-flow/x/events", headers: inTenant()},
	}
}

func systemCalls() []exchange {
	return []exchange{
		{name: "health", path: "/health"},
		{name: "health, versioned", path: "/api/v1/health"},
		{name: "debug context", path: "/debug/context", headers: inTenant()},
		{name: "debug middleware", path: "/debug/context-middleware", headers: inTenant()},
		{name: "debug dependency", path: "/debug/test-dependency", headers: inTenant()},
		{name: "clear cache", method: "POST", path: "/api/v1/performance/clear-cache", headers: inTenant()},
		{name: "paper route, upload", method: "POST", path: "/api/v1/data-import/validate-upload", headers: inTenant(), body: `{}`},
		{name: "paper route, comparison", path: "/api/v1/admin/session-comparison/health", headers: asAdmin()},
		{name: "paper route, sessions", path: "/api/v1/sessions", headers: inTenant()},
	}
}

// paperCalls is what both backends are asked with the paper routes on, in this order.
func paperCalls() []exchange {
	const upload, comparison, sessions = "/api/v1/data-import", "/api/v1/admin/session-comparison", "/api/v1/sessions"
	caller := with(signedIn(TwoClients), inTenant())
	return []exchange{
		{name: "validate", method: "POST", path: upload + "/validate-upload", headers: caller, body: `{"filename":"f"}`,
			keep: map[string]string{"validation": "validation_session_id"}},
		{name: "validate, wrong", method: "POST", path: upload + "/validate-upload", headers: caller, body: `{"category":null}`},
		{name: "validation", path: upload + "/validation-session/{validation}", headers: caller},
		{name: "unknown validation", path: upload + "/validation-session/nope", headers: caller},

		{name: "comparison health", path: comparison + "/health", headers: asAdmin()},
		{name: "comparison gate", path: comparison + "/health"},
		{name: "comparable sessions", path: comparison + "/engagement/e/sessions", headers: asAdmin()},
		{name: "compare", method: "POST", path: comparison + "/compare", headers: asAdmin(),
			body: `{"source_flow_id":"1","target_flow_id":"2"}`},
		{name: "compare in a way", method: "POST", path: comparison + "/compare", headers: asAdmin(),
			body: `{"source_flow_id":"a","target_flow_id":"b","comparison_type":"session"}`},
		{name: "compare nothing", method: "POST", path: comparison + "/compare", headers: asAdmin(), body: `{"source_flow_id":"1"}`},
		{name: "compare a list", method: "POST", path: comparison + "/compare", headers: asAdmin(), body: `[]`},
		{name: "history", path: comparison + "/history?page=2&page_size=50", headers: asAdmin()},
		{name: "history, wrong", path: comparison + "/history?page_size=51", headers: asAdmin()},
		{name: "details", path: comparison + "/comparisons/comp_1_2/details", headers: asAdmin()},
		{name: "comparison by the plan", path: "/api/v1/admin/sessions/comparison", headers: asAdmin()},
		{name: "comparison by the plan, one engagement", headers: asAdmin(),
			path: "/api/v1/admin/sessions/comparison?engagement_id=" + FalseFriendEngagement},
		{name: "comparison by the plan, none", path: "/api/v1/admin/sessions/comparison?engagement_id=x", headers: asAdmin()},

		{name: "no sessions", path: sessions, headers: caller},
		{name: "create", method: "POST", path: sessions, headers: caller, keep: map[string]string{"made": "id"},
			body: `{"name":"Default Session - x","engagement_id":"` + AzureEngagement + `","metadata":{"session":1.50}}`},
		{name: "create, a type", method: "POST", path: sessions, headers: caller,
			body: `{"name":"n","description":"d","session_type":"validation_run","engagement_id":"` + AzureEngagement + `"}`},
		{name: "create, unknown type", method: "POST", path: sessions, headers: caller, body: `{"name":"n","session_type":"discovery"}`},
		{name: "create, unknown engagement", method: "POST", path: sessions, headers: caller, body: `{"name":"n","engagement_id":"x"}`},
		{name: "create without a token", method: "POST", path: sessions, headers: inTenant(), body: `{}`},
		{name: "sessions", path: sessions + "?page=2&limit=1", headers: caller},
		{name: "session", path: sessions + "/{made}", headers: caller},
		{name: "update", method: "PUT", path: sessions + "/{made}", headers: caller,
			body: `{"name":"new","description":"d","status":"archived","metadata":{}}`},
		{name: "update nothing", method: "PUT", path: sessions + "/{made}", headers: caller, body: `{"status":null}`},
		{name: "update, unknown status", method: "PUT", path: sessions + "/{made}", headers: caller, body: `{"status":"initialized"}`},
		{name: "update, unknown", method: "PUT", path: sessions + "/nope", headers: caller, body: `{}`},
		{name: "delete", method: "DELETE", path: sessions + "/{made}", headers: caller},
		{name: "delete again", method: "DELETE", path: sessions + "/{made}", headers: caller},
		{name: "session that is gone", path: sessions + "/{made}", headers: caller},
	}
}
