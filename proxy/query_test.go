package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// TestQueries: what the upstream is asked for when a flow client asks: names and words of the
// session shape, everything else byte for byte.
func TestQueries(t *testing.T) {
	for _, tc := range []struct{ name, query, want string }{
		{"another name", "flow_id=a%20b+c", "session_id=a%20b+c"},
		{"an escaped name", "flow%5fid=1", "session_id=1"},
		{"a name without a value", "flow_id", "session_id"},
		{"repeated", "flow_id=1&x&flow_id=2", "session_id=1&x&session_id=2"},
		{"both names that agree", "session_id=1&flow_id=1", "session_id=1"},
		{"both names, repeated, that agree", "flow_id=1&session_id=1&flow_id=2&session_id=2", "session_id=1&session_id=2"},
		{"the session's own name and words", "session_id=1&session_state=begun", "session_id=1&session_state=begun"},
		{"a word", "state=running", "session_state=begun"},
		{"a word with escapes", "state=runn%69ng", "session_state=begun"},
		{"a word that both share", "state=f%61iled", "session_state=f%61iled"},
		{"a word for several", "state=done", "session_state=done,complete,archived"},
		{"several words in one", "state=failed,running,done", "session_state=failed,begun,done,complete,archived"},
		{"several words in one, escaped", "state=failed%2Crunning", "session_state=failed,begun"},
		{"both names and words that agree", "state=running&session_state=begun", "session_state=begun"},
		{"a word for several, repeated", "any=done&any=running", "any=done&any=complete&any=archived&any=begun"},
		{"words that are names, in a table that keeps others", "sort=-flow_name", "sort=-session_name"},
		{"a word that a table keeps", "sort=created%5Fat", "sort=created%5Fat"},
		{"what crossfade applies itself", "owner=me&x=1&owner=you", "x=1"},
		{"raw", "a=%zz&&b;c=d&=&flow_id=%zz&+", "a=%zz&&b;c=d&=&session_id=%zz&+"},
	} {
		for _, mode := range []Mode{Dual, FlowOnly} {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				r := newRig(t, mode, echo(t), requestsContract(t))
				want := "GET /api/sessions?" + tc.want + " "
				r.raw("GET /api/flows?"+tc.query+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").want(t, http.StatusOK, want)
			})
		}
		t.Run(tc.name+"/passthrough", func(t *testing.T) {
			r := newRig(t, Passthrough, echo(t), requestsContract(t))
			r.raw("GET /api/flows?"+tc.query+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").want(t, http.StatusOK, "GET /api/flows?"+tc.query+" ")
		})
	}
}

// TestQueriesThatCannotBeAsked: a filter that the backend does not have is a 422, and never a
// wrong list.
func TestQueriesThatCannotBeAsked(t *testing.T) {
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream was asked: %s", r.RequestURI) })
	const several = "and cannot be asked for all of them"
	for _, tc := range []struct{ name, query, field, message string }{
		{"a word that any word with a beginning becomes", "state=paused", "query.state", "the backend has several words for 'paused' " + several},
		{"a word that every other becomes", "state=odd", "query.state", "the backend has several words for 'odd' " + several},
		{"one of several", "state=running,paused", "query.state", "the backend has several words for 'paused' " + several},
		{"a word for several where one is taken", "one=done", "query.one", "the backend has several words for 'done' " + several},
		{"a word of the session shape", "state=archived", "query.state", "Input should be 'running', 'done', 'failed', 'paused' or 'odd'"},
		{"a word that is none", "one=", "query.one", "Input should be 'running', 'done', 'failed', 'paused' or 'odd'"},
		{"a word of the session shape where others are kept", "sort=session_name", "query.sort", "Input should be 'flow_name' or '-flow_name'"},
		{"both names that differ", "flow_id=1&session_id=2", "query.flow_id", `both shapes are there and differ: \"session_id\" and \"flow_id\"`},
		{"both names, one of them twice", "flow_id=1&session_id=1&session_id=1", "query.flow_id", `both shapes are there and differ: \"session_id\" and \"flow_id\"`},
		{"both names whose words differ", "state=running&session_state=running", "query.state", `both shapes are there and differ: \"session_state\" and \"state\"`},
	} {
		for _, mode := range []Mode{Dual, FlowOnly} {
			t.Run(tc.name+"/"+string(mode), func(t *testing.T) {
				got := newRig(t, mode, upstream, requestsContract(t)).do("GET", "/api/flows?"+tc.query, "")
				if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `[{"field":"`+tc.field+`","message":"`+tc.message+`",`) {
					t.Errorf("got %d %s", got.StatusCode, got.body)
				}
			})
		}
	}
}

// TestQueriesOfTheSessionShape: on the session route and on a shared one a word is the session's, until
// there is no session shape any more; a flow name is a flow name everywhere.
func TestQueriesOfTheSessionShape(t *testing.T) {
	for _, tc := range []struct {
		mode         Mode
		target, want string
	}{
		{Dual, "/api/sessions?one=done&sort=session_name&owner=me", "/api/sessions?one=done&sort=session_name&owner=me"},
		{Dual, "/api/sessions?state=running", "/api/sessions?session_state=begun"},
		{Dual, "/api/shared?state=done", "/api/shared?state=done"},
		{FlowOnly, "/api/shared?state=done", "/api/shared?state=done,complete,archived"},
		{Passthrough, "/api/shared?state=done", "/api/shared?state=done"},
	} {
		newRig(t, tc.mode, echo(t), requestsContract(t)).do("GET", tc.target, "").want(t, http.StatusOK, "GET "+tc.want+" ")
	}
}
