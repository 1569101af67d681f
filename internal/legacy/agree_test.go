package legacy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The Go backend and the FastAPI application get the same calls in the same order; after each, status, headers and
// body are the same text, once ids and times that each side makes for itself have been given names. An id becomes
// <id 1>, <id 2> ... in the order of appearance; a time becomes the form it is written in.

// exchange is one call of the table.
type exchange struct {
	name    string
	method  string // "": GET
	path    string // {name} stands for what an earlier call kept
	headers map[string]string
	body    string

	keep   map[string]string // name: dotted path into the answer's body
	events int               // read so many events of a stream instead of a whole body
}

func TestAgreesWithTheRealFramework(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		paper bool
		calls []exchange
	}{
		{"what the build serves", false, builtCalls()},
		{"what is on paper", true, paperCalls()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			theirs := startFastAPI(t, tt.paper)
			ours := httptest.NewServer(New(Options{Paper: tt.paper, Heartbeat: heartbeat}))
			defer ours.Close()

			a, b := newSide(theirs), newSide(ours.URL)
			for _, call := range tt.calls {
				want, got := a.do(t, call), b.do(t, call)
				if got != want {
					t.Errorf("%s: the backends differ\nFastAPI:\n%s\nGo:\n%s", call.name, want, got)
				}
			}
			if diff := cmp.Diff(a.description(t), b.description(t)); diff != "" {
				t.Errorf("openapi.json describes other routes or shapes (-FastAPI +Go):\n%s", diff)
			}
			if t.Failed() {
				t.Log("where the two differ, FastAPI is right, unless its application was changed")
			}
		})
	}
}

// heartbeat of both event streams: short, since the test waits for one.
const heartbeat = 20 * time.Millisecond

// side is one of the two backends, and what its answers have kept.
type side struct {
	url    string
	client *http.Client
	kept   map[string]string
}

func newSide(url string) *side {
	return &side{
		url: url,
		client: &http.Client{
			Timeout:       10 * time.Second,
			Transport:     &http.Transport{DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		kept: map[string]string{},
	}
}

// do makes the call and returns the answer as comparable text.
func (s *side) do(t *testing.T, e exchange) string {
	t.Helper()
	path := e.path
	for name, value := range s.kept {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	method := e.method
	if method == "" {
		method = http.MethodGet
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(e.body))
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	if e.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range e.headers {
		if value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Set(name, value)
	}
	req.Host = "legacy.example.test" // Locations are built from it
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	defer resp.Body.Close()

	var body []byte
	if e.events > 0 {
		body, err = readEvents(resp.Body, e.events)
	} else {
		body, err = io.ReadAll(resp.Body)
	}
	if err != nil {
		t.Fatalf("%s: reading the body: %v", e.name, err)
	}
	for name, at := range e.keep {
		s.kept[name] = memberAt(t, body, at)
	}
	return s.comparable(resp, body, time.Now())
}

func readEvents(r io.Reader, n int) ([]byte, error) {
	var events []byte
	var one [1]byte
	for bytes.Count(events, []byte("\n\n")) < n {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			return nil, err
		}
		events = append(events, one[0])
	}
	return events, nil
}

func memberAt(t *testing.T, body []byte, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("keep %s: %v in %s", path, err, body)
	}
	for name := range strings.SplitSeq(path, ".") {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	text, ok := v.(string)
	if !ok {
		t.Fatalf("keep %s: no text there in %s", path, body)
	}
	return text
}

// comparable is the answer as text: the status, the headers sorted, the body.
func (s *side) comparable(resp *http.Response, body []byte, now time.Time) string {
	var b strings.Builder
	fmt.Fprintln(&b, resp.Status)
	if len(resp.TransferEncoding) > 0 {
		fmt.Fprintln(&b, "Transfer-Encoding:", resp.TransferEncoding)
	}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			switch {
			case name == "Date":
				continue
			case name == "Content-Length" && resp.Request.Method != http.MethodHead:
				// Times and ids may differ in length; that the length is told, and is true, may not.
				if value == fmt.Sprint(len(body)) {
					value = "that of the body"
				}
			}
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	b.WriteByte('\n')
	b.Write(body)
	return named(b.String(), now)
}

var (
	tokens = regexp.MustCompile(`(db-token-[0-9a-f-]{36})-[0-9a-f]{8}\b`)
	ids    = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
	times  = regexp.MustCompile(`\b(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)(Z|\+00:00)?`)
)

// named gives names to ids that are not seeded and to times of the last minute.
func named(text string, now time.Time) string {
	text = tokens.ReplaceAllString(text, "$1-<8 hex>")
	known := map[string]string{}
	seeds := seededIDs()
	text = ids.ReplaceAllStringFunc(text, func(id string) string {
		if seeds[id] {
			return id
		}
		if known[id] == "" {
			known[id] = fmt.Sprintf("<id %d>", len(known)+1)
		}
		return known[id]
	})
	return times.ReplaceAllStringFunc(text, func(at string) string {
		parts := times.FindStringSubmatch(at)
		when, err := time.Parse("2006-01-02T15:04:05", parts[1]) // a fraction is accepted, too
		if err != nil || now.Sub(when).Abs() > time.Minute {
			return at
		}
		return "<time of the request" + parts[2] + ">"
	})
}

// description is what both documents must have in common: each method and path, and the members of the two schemas
// that the session shape is made of.
func (s *side) description(t *testing.T) []string {
	t.Helper()
	resp, err := s.client.Get(s.url + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var document struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&document); err != nil {
		t.Fatalf("openapi.json: %v", err)
	}
	var lines []string
	for path, methods := range document.Paths {
		// The names of variables are each side's own.
		path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "{}")
		for method := range methods {
			lines = append(lines, method+" "+path)
		}
	}
	for _, name := range []string{"SessionBase", "UserContext"} {
		for member := range document.Components.Schemas[name].Properties {
			lines = append(lines, name+"."+member)
		}
	}
	slices.Sort(lines)
	return lines
}

func seededIDs() map[string]bool {
	seeds := map[string]bool{}
	s := seeded()
	for _, c := range s.clients {
		seeds[c.id] = true
	}
	for _, e := range s.engagements {
		seeds[e.id] = true
	}
	for _, u := range s.signups {
		seeds[u.id] = true
		for _, a := range u.access {
			seeds[a.id] = true
		}
	}
	return seeds
}
