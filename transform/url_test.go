package transform

import "testing"

// TestURLs: a URL becomes what Job.Links makes of it, in place, in a shape and below a list; anything else
// than a text, and a URL that leads to no route, keeps its bytes.
func TestURLs(t *testing.T) {
	lens, err := Compile("e", Response, []Op{
		URL{At: Path{"next"}, Optional: true},
		Rename{At: Path{"session_url"}, To: "flow_url", Optional: true},
		URL{At: Path{"session_url"}, Optional: true},
		URL{At: Path{"links", Each}, Optional: true},
		Project{At: Path{"session"}, To: "flow", Shape: &Shape{Name: "s", Members: []Member{{Name: "href", From: "url", URL: true}}}, Optional: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	links := func(dir Direction) Links {
		from, to := "/sessions/é", `/flows/"é"`
		if dir == ToSession {
			from, to = to, from
		}
		return func(url string) (string, bool) { return to, url == from }
	}
	const session = `{"next":"\/sessions/\u00e9","links":["/sessions/é",1,null,"\/sessions"],"session":{"url":"/sessions/é"},"session_url":"/sessions/é","other":"/sessions/é"}`
	for _, tc := range []struct {
		name, body, want string
		job              Job
	}{
		{"to the flow shape", session,
			`{"next":"/flows/\"é\"","links":["/flows/\"é\"",1,null,"\/sessions"],"flow_url":"/flows/\"é\"","other":"/sessions/é","flow":{"href":"/flows/\"é\""}}`,
			Job{Form: Replace, Links: links(ToFlow)}},
		{"both", session,
			session[:len(session)-1-len(`,"other":"/sessions/é"`)] + `,"flow_url":"/flows/\"é\"","other":"/sessions/é","flow":{"href":"/flows/\"é\""}}`,
			Job{Form: Union, Links: links(ToFlow)}},
		{"back", `{"next":"/flows/\"é\"","flow":{"href":"/flows/\"é\""},"flow_url":"/flows/\"é\""}`,
			`{"next":"/sessions/é","session_url":"/sessions/é","session":{"url":"/sessions/é"}}`, Job{Direction: ToSession, Form: Replace, Links: links(ToSession)}},
		{"without links", `{"next":"/sessions/é","session":{"url":"/sessions/é"}}`, `{"next":"/sessions/é","flow":{"href":"/sessions/é"}}`, Job{Form: Replace}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := lens.Map(nil, []byte(tc.body), tc.job)
			if err != nil || string(got.Body) != tc.want {
				t.Errorf("got  %s (%v)\nwant %s", got.Body, err, tc.want)
			}
		})
	}
	for _, ops := range [][]Op{
		{URL{}},
		{URL{At: Path{"a"}}, Text{At: Path{"a"}, Session: "x", Flow: "y"}},
		{Project{At: Path{"a"}, To: "b", Shape: &Shape{Name: "s", Members: []Member{{Name: "a", From: "a", URL: true, Prefixes: &PrefixTable{Name: "p", Entries: []PrefixEntry{{Session: "a"}}, Loss: "l"}}}}}},
		{Project{At: Path{"a"}, To: "b", Shape: &Shape{Name: "s", Members: []Member{{Name: "a", URL: true, Else: []Source{{Value: "1"}}}}}}},
	} {
		if _, err := Compile("e", Response, ops); err == nil {
			t.Errorf("%v compiles", ops)
		}
	}
}
