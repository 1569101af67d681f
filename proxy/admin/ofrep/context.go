package ofrep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/netip"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// maxBody is the largest body that is taken: a context is some hundred bytes.
const maxBody = 64 << 10

// callerContext is what is taken of an evaluation context. Applications put all kinds of things there, so other members are
// passed over; those that have these names have to be of their types.
type callerContext struct {
	// TargetingKey is the user key, as in cohorts and buckets.
	TargetingKey string `json:"targetingKey"`
	// Tenant, Engagement, UserAgent and Origin are the headers that requests have for them.
	Tenant     string `json:"tenant"`
	Engagement string `json:"engagement"`
	UserAgent  string `json:"userAgent"`
	Origin     string `json:"origin"`
	// Client is the client's address.
	Client netip.Addr `json:"client"`
	// Headers are any others, each a text.
	Headers map[string]string `json:"headers"`
}

// request reads the context of a call and makes of it what is decided about.
func (o Options) request(w http.ResponseWriter, r *http.Request) (flags.Request, *refusal) {
	// A form of another site's page could not have this type without asking first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return flags.Request{}, &refusal{Code: parseError, Details: fmt.Sprintf("Content-Type is %q (want application/json)", r.Header.Get("Content-Type"))}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return flags.Request{}, &refusal{Code: parseError, Details: fmt.Sprintf("the body broke off or has more than %d bytes", maxBody)}
	}
	var body struct {
		Context json.RawMessage `json:"context"`
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &body); err != nil {
			return flags.Request{}, &refusal{Code: parseError, Details: "the body: " + wrongType(err)}
		}
	}
	var c callerContext
	if len(body.Context) > 0 {
		if err := json.Unmarshal(body.Context, &c); err != nil {
			return flags.Request{}, &refusal{Code: invalidContext, Details: "context: " + wrongType(err)}
		}
	}
	return o.described(r, &c), nil
}

// wrongType says what is wrong with JSON, without Go's words.
func wrongType(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	what, wanted := "it", "a text"
	if wrong.Field != "" {
		what = "member " + wrong.Field
	}
	if wrong.Field == "" || wrong.Field == "headers" {
		wanted = "an object"
	}
	return fmt.Sprintf("%s is a JSON %s (want %s)", what, wrong.Value, wanted)
}

// described is the request that a context tells of.
func (o Options) described(r *http.Request, c *callerContext) flags.Request {
	request := flags.Request{Header: map[string][]string{}, User: c.TargetingKey, Client: c.Client}
	if o.Own != nil {
		maps.Copy(request.Header, r.Header)
		if !request.Client.IsValid() {
			request.Client = o.Own(r)
		}
	}
	for name, value := range c.Headers {
		request.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	for name, value := range map[string]string{
		"X-Client-Account-Id": c.Tenant, "X-Engagement-Id": c.Engagement, "User-Agent": c.UserAgent, "Origin": c.Origin,
	} {
		if value != "" {
			request.Header[name] = []string{value}
		}
	}
	return request
}
