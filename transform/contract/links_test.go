package contract

import (
	"testing"

	"github.com/crossfade-proxy/crossfade/transform"
)

const linked = `version: 1
endpoints:
  - {name: list, summary: s, method: GET, session: /sessions, flow: /flows}
  - {name: any, summary: s, method: GET, session: "/sessions/{id}", flow: "/flows/{id}"}
  - {name: latest, summary: s, method: GET, session: /sessions/latest, flow: /flows/newest}
  - {name: shared, summary: s, method: GET, session: /shared}
  - {name: gone, summary: s, method: GET, session: /old, flow: /new, enabled: false}
  - name: page
    summary: s
    method: GET
    session: /page
    response: [{url: {at: next, optional: true}}]
    examples:
      - {name: leads to a route, session: {next: "https://h/sessions/7?x"}, flow: {next: "https://h/flows/7?x"}}
`

// TestLinks: URLs lead from the one route of an endpoint to the other, with all that is beside the path.
func TestLinks(t *testing.T) {
	c := parse(t, linked)
	if found := c.Check(); len(found) > 0 {
		t.Error(found)
	}
	flow, session := c.Links(transform.ToFlow), c.Links(transform.ToSession)
	for from, to := range map[string]string{
		"/sessions":                       "/flows",
		"/sessions?a=/sessions#/sessions": "/flows?a=/sessions#/sessions",
		"/sessions/a%2Fb":                 "/flows/a%2Fb",
		"/sessions/latest":                "/flows/newest",
		"https://h:1/sessions/7#x":        "https://h:1/flows/7#x",
	} {
		if got, ok := flow(from); got != to || !ok {
			t.Errorf("%s: got %s, %t, want %s", from, got, ok, to)
		}
		if got, ok := session(to); got != from || !ok {
			t.Errorf("%s: got %s, %t, want %s", to, got, ok, from)
		}
	}
	for _, url := range []string{"", "sessions", "/sessions/", "/sessions//", "/shared", "/old", "https://h", "https://sessions/7/8", "/a://h/sessions", "?/sessions", "/flows"} {
		if got, ok := flow(url); got != url || ok {
			t.Errorf("%s: got %s, %t", url, got, ok)
		}
	}
}
