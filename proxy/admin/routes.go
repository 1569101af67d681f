package admin

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// Flags is what the API needs of flags.Live.
type Flags interface {
	State() flags.State
	Health() flags.Health
	Explain(r flags.Request, endpoint string) flags.Explanation
	Change(ctx context.Context, c flags.Change, a flags.Author, ifMatch *int64, dryRun bool) (flags.State, flags.Entry, error)
	History(ctx context.Context, q flags.Query) ([]flags.Entry, error)
}

var _ Flags = (*flags.Live)(nil)

// api serves what is behind tokens.
type api struct{ Options }

// base is in front of all paths of the API.
const base = "/api/v1"

// headerVersion has the version of the State that this instance serves, on every answer of the API.
const headerVersion = "Crossfade-Flags-Version"

// storeTimeout bounds how long the store may take: an operator who hears nothing tries again.
const storeTimeout = 10 * time.Second

// resource is one row of the API: what is done for a method and a path, and who may ask for it.
type resource struct {
	method  string
	path    string // behind base, as http.ServeMux has patterns
	role    Role
	queries []string // the parameters that it takes
	does    func(*api, *call) (reply, error)
}

// resources is the one table of the API; openapi.yaml has the same.
func resources() []resource {
	dryRun := []string{queryDryRun}
	return []resource{
		{http.MethodGet, "/status", Read, nil, (*api).status},
		{http.MethodGet, "/endpoints", Read, nil, (*api).endpoints},
		{http.MethodGet, "/flags", Read, nil, (*api).state},
		{http.MethodGet, "/flags/{endpoint}", Read, nil, (*api).flag},
		{http.MethodPut, "/flags/{endpoint}", Operate, dryRun, (*api).setFlag},
		{http.MethodDelete, "/flags/{endpoint}", Operate, dryRun, (*api).removeFlag},
		{http.MethodPut, "/flags/{endpoint}/ramp", Operate, dryRun, (*api).startRamp},
		{http.MethodPost, "/flags/{endpoint}/ramp/pause", Operate, dryRun, (*api).pauseRamp},
		{http.MethodPost, "/flags/{endpoint}/ramp/resume", Operate, dryRun, (*api).resumeRamp},
		{http.MethodPut, "/flags/{endpoint}/brownout", Operate, dryRun, (*api).startBrownout},
		{http.MethodDelete, "/flags/{endpoint}/brownout", Operate, dryRun, (*api).endBrownout},
		{http.MethodGet, "/kill", Read, nil, (*api).killed},
		{http.MethodPut, "/kill", Operate, dryRun, (*api).kill},
		{http.MethodDelete, "/kill", Operate, dryRun, (*api).unkill},
		{http.MethodGet, "/freezes", Read, nil, (*api).freezes},
		{http.MethodPost, "/freezes", Admin, dryRun, (*api).freeze},
		{http.MethodDelete, "/freezes/{name}", Admin, dryRun, (*api).unfreeze},
		{http.MethodGet, "/history", Read, []string{queryEndpoint, queryBefore, queryLimit}, (*api).history},
		{http.MethodPost, "/undo", Operate, dryRun, (*api).undo},
		{http.MethodPost, "/explain", Read, nil, (*api).explain},
		{http.MethodGet, "/config", Admin, nil, (*api).config},
		{http.MethodGet, "/openapi.yaml", Read, nil, (*api).description},
	}
}

// The query parameters.
const (
	queryDryRun   = "dry_run"
	queryEndpoint = "endpoint"
	queryBefore   = "before"
	queryLimit    = "limit"
)

// call is one request of the API.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	token Token
}

// reply is what it is answered with, when nothing went wrong.
type reply struct {
	tag  string // the ETag; "" for none
	body any    // as JSON
	text string // instead of body, of the media type kind
	kind string
}

// register puts the table on a mux. What is not in it is a 404, or a 405 where other methods are.
func (a *api) register(mux *http.ServeMux) {
	allowed := map[string][]string{}
	for _, res := range resources() {
		mux.Handle(res.method+" "+base+res.path, a.guarded(a.serve(res)))
		allowed[res.path] = append(allowed[res.path], res.method)
		if res.method == http.MethodGet {
			allowed[res.path] = append(allowed[res.path], http.MethodHead)
		}
	}
	refuse := func(err error) http.Handler {
		return a.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, Token{}, err) }))
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		mux.Handle(base+path, refuse(&failure{problem: problemMethod, detail: "want " + strings.Join(methods, ", "), allow: strings.Join(methods, ", ")}))
	}
	mux.Handle("/api/", refuse(fail(problemNotFound, "no such path (GET %s/openapi.yaml lists them)", base)))
}

func (a *api) serve(res resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := a.authorize(r, res.role)
		if err != nil {
			a.refuse(w, r, token, err)
			return
		}
		answer, err := a.answer(w, r, token, res)
		w.Header().Set(headerVersion, strconv.FormatInt(a.Flags.Health().Version, 10))
		if err != nil {
			a.refuse(w, r, token, err)
			return
		}
		answer.send(w, r)
	})
}

// answer asks a resource. A change that was asked for is made also when whoever asked has left: half a minute later
// nobody could tell whether it was.
func (a *api) answer(w http.ResponseWriter, r *http.Request, token Token, res resource) (reply, error) {
	if err := checkQuery(r, res.queries); err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTimeout)
	defer cancel()
	return res.does(a, &call{w, r.WithContext(ctx), token})
}

// checkQuery refuses parameters that mean nothing: a dry run that is not spelled so would be none.
func checkQuery(r *http.Request, known []string) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fail(problemParameter, "the query cannot be read: %v", err)
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			return fail(problemParameter, "unknown parameter %q (want %s)", name, cmp.Or(strings.Join(known, ", "), "none"))
		}
		if len(given) != 1 {
			return fail(problemParameter, "parameter %s is there %d times", name, len(given))
		}
	}
	return nil
}

func (p reply) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if p.tag != "" {
		h.Set("ETag", p.tag)
		if r.Header.Get("If-None-Match") == p.tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if p.kind != "" {
		h.Set("Content-Type", p.kind)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(p.text))
		return
	}
	h.Set("Content-Type", "application/json")
	send(w, http.StatusOK, p.body)
}

func entityTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
