package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestDescribedIsServed: the document and the table have the same routes, roles and parameters.
func TestDescribedIsServed(t *testing.T) {
	spec := describe(t)
	var described, served []string
	for path, item := range spec.Paths.Map() {
		for method, o := range item.Operations() {
			var queries []string
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				if p.Value.In == openapi3.ParameterInQuery {
					queries = append(queries, p.Value.Name)
				}
			}
			_, role, _ := strings.Cut(strings.TrimSuffix(o.Summary, ")"), "(role ")
			described = append(described, fmt.Sprintf("%s %s %s %v body=%t", method, path, role, queries, o.RequestBody != nil))
		}
	}
	for _, res := range resources() {
		// What changes something, and a question, has a body; what looks has none.
		served = append(served, fmt.Sprintf("%s %s %s %v body=%t", res.method, base+res.path, res.role, res.queries, res.method != http.MethodGet))
	}
	served = append(served,
		"GET /livez none [verbose] body=false", "GET /readyz none [verbose] body=false", "GET /metrics none [] body=false",
		"POST /ofrep/v1/evaluate/flags read [] body=true", "POST /ofrep/v1/evaluate/flags/{key} read [] body=true")
	slices.Sort(described)
	slices.Sort(served)
	if g, w := strings.Join(served, "\n"), strings.Join(described, "\n"); g != w {
		t.Errorf("served\n%s\ndescribed\n%s", g, w)
	}
}

// TestExamplesAreTaken: each example of a body is as the document says a body is, and is taken.
func TestExamplesAreTaken(t *testing.T) {
	f := calm()
	r := newRig(t, f, func(o *Options) { o.OFREP = frontends(t, f) })
	sent := 0
	for path, item := range r.spec.Paths.Map() {
		for method, o := range item.Operations() {
			if o.RequestBody == nil {
				continue
			}
			media := o.RequestBody.Value.Content["application/json"]
			if len(media.Examples) == 0 {
				t.Errorf("%s %s: no example", method, path)
			}
			for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
				value := media.Examples[name].Value.Value
				if err := media.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
					t.Errorf("%s %s: example %s: %v", method, path, name, err)
				}
				body, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(body), "request_id") {
					continue // nothing was seen yet
				}
				target := strings.NewReplacer("{endpoint}", "context-me", "{key}", "context-me", "{name}", "quarter").Replace(path)
				if got := r.do(method, target, string(body), "If-Match", "*"); got.Code != http.StatusOK {
					t.Errorf("%s %s: example %s: %d %s", method, path, name, got.Code, got.Body)
				}
				sent++
			}
		}
	}
	if sent < 16 || len(f.changes) != sent-4 { // two explanations, two evaluations
		t.Errorf("%d examples were sent, %d changes made", sent, len(f.changes))
	}
}

// TestDescription is served, to those who may read.
func TestDescription(t *testing.T) {
	got := newRig(t, calm()).do("GET", "/api/v1/openapi.yaml", "", "Authorization", "", "Authorization", "Bearer "+readSecret)
	if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/yaml" || got.Body.String() != openAPI || !strings.HasPrefix(openAPI, "openapi: 3.1.0\n") {
		t.Errorf("%d %s %d bytes", got.Code, got.Header().Get("Content-Type"), got.Body.Len())
	}
}
