package admin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// question is a request that somebody describes, or the id of one that was seen lately.
type question struct {
	RequestID string               `json:"request_id"`
	Method    string               `json:"method"` // "" is GET
	Path      string               `json:"path"`
	Endpoint  string               `json:"endpoint"` // instead of a method and a path
	Headers   map[string]fieldText `json:"headers"`
	Client    netip.Addr           `json:"client"` // the client's address
	User      string               `json:"user"`   // the user key, where the headers do not tell it
}

// fieldText is the value of a header field: a text, or a list of them.
type fieldText []string

// UnmarshalJSON reads either.
func (f *fieldText) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*f = fieldText{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(f))
}

// explanation tells how the decision about one endpoint comes about.
type explanation struct {
	Endpoint  string       `json:"endpoint"`
	Route     string       `json:"route,omitempty"` // where a path was asked about
	Side      string       `json:"side,omitempty"`
	Ambiguous bool         `json:"ambiguous,omitempty"`
	Mode      proxy.Mode   `json:"mode"`
	Stage     flags.Stage  `json:"stage"`
	Reason    flags.Reason `json:"reason"`
	Source    string       `json:"source"`
	Rule      string       `json:"rule,omitempty"`
	Bucket    *uint32      `json:"bucket,omitempty"` // out of 2^31, in if it is below the threshold
	Threshold *uint32      `json:"threshold,omitempty"`
	Key       string       `json:"key,omitempty"` // what the caller is known by
	KeyFrom   string       `json:"key_from,omitempty"`
	Consulted []string     `json:"consulted"`
	Private   bool         `json:"private"`
	Tried     []trial      `json:"tried"`
}

// trial is one source or rule that was asked, in order; the last one decided.
type trial struct {
	Source string      `json:"source"`
	Rule   string      `json:"rule,omitempty"`
	Stage  flags.Stage `json:"stage,omitempty"`
	Says   bool        `json:"says"`
	Why    string      `json:"why"`
}

// explained is the answer.
type explained struct {
	Version int64 `json:"version"`
	// Note says why there is no explanation, where there is none.
	Note         string        `json:"note,omitempty"`
	Explanations []explanation `json:"explanations"`
	Requests     []seenRequest `json:"requests,omitempty"`
}

// explain tells what a request would get, or one that was seen lately got, and why. Without an endpoint, path or id
// it tells it for every endpoint. It writes nothing down.
func (a *api) explain(c *call) (reply, error) {
	var q question
	if err := a.read(c.w, c.r, &q); err != nil {
		return reply{}, err
	}
	answer := explained{Version: a.Flags.State().Version, Explanations: []explanation{}}
	if q.RequestID != "" {
		if a.Recent != nil {
			answer.Requests = a.Recent.find(q.RequestID)
		}
		if len(answer.Requests) == 0 {
			return reply{}, fail(problemNotFound, "no request %q is remembered: too many came after it, another replica served it, or it was for no endpoint", q.RequestID)
		}
		answer.Note = "what was decided; the headers that it was decided by are not kept"
		return reply{body: answer}, nil
	}
	request, err := q.request()
	if err != nil {
		return reply{}, err
	}
	switch known := a.Endpoints(); {
	case q.Path != "" && q.Endpoint != "":
		return reply{}, fail(problemBody, `want either "path" or "endpoint"`)
	case q.Path != "":
		method := q.Method
		if method == "" {
			method = http.MethodGet
		}
		place, ok, err := a.Lookup(method, q.Path)
		if err != nil {
			return reply{}, fail(problemBody, "%v", err)
		}
		if !ok {
			answer.Note = "no endpoint has this route: it passes untouched"
			break
		}
		e := a.explanation(request, place.Endpoint)
		e.Route, e.Side, e.Ambiguous = place.Route, place.Side, place.Ambiguous
		answer.Explanations = append(answer.Explanations, e)
	case q.Endpoint != "":
		if !slices.ContainsFunc(known, func(e Endpoint) bool { return e.Name == q.Endpoint }) {
			return reply{}, fail(problemNotFound, "no endpoint is called %q (GET %s/endpoints lists them)", q.Endpoint, base)
		}
		answer.Explanations = append(answer.Explanations, a.explanation(request, q.Endpoint))
	default:
		for _, e := range known {
			answer.Explanations = append(answer.Explanations, a.explanation(request, e.Name))
		}
	}
	return reply{body: answer}, nil
}

func (q *question) request() (flags.Request, error) {
	r := flags.Request{Header: map[string][]string{}, Client: q.Client, User: q.User}
	for name, values := range q.Headers {
		canonical := http.CanonicalHeaderKey(name)
		if _, twice := r.Header[canonical]; twice {
			return r, fail(problemBody, "header %s is there twice (want a list of values)", canonical)
		}
		r.Header[canonical] = values
	}
	return r, nil
}

func (a *api) explanation(r flags.Request, endpoint string) explanation {
	found := a.Flags.Explain(r, endpoint)
	d := found.Decision
	e := explanation{
		Endpoint: endpoint, Mode: proxy.Mode(d.Stage.Served()), Stage: d.Stage, Reason: d.Reason, Source: d.Source, Rule: d.Rule,
		Key: found.Key, KeyFrom: found.KeyFrom, Consulted: append([]string{}, d.Consulted...), Private: d.Private, Tried: []trial{},
	}
	if d.HasBucket {
		e.Bucket, e.Threshold = &d.Bucket, &d.Threshold
	}
	for _, t := range found.Tried {
		e.Tried = append(e.Tried, trial(t))
	}
	return e
}
