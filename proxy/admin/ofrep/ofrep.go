// Package ofrep answers frontends that ask for the same decisions as requests get, in OpenFeature's Remote Evaluation
// Protocol: any OpenFeature SDK with an OFREP provider can ask.
//
// A flag is an endpoint of the contract. Its value is the mode that the caller would get, as a text (passthrough, dual or
// flow_only), its variant the stage that operators set. Two paths, both POST:
//
//	/ofrep/v1/evaluate/flags/{endpoint}   one decision
//	/ofrep/v1/evaluate/flags              all of them, with an ETag and 304 while nothing has changed for this context
//
// The evaluation context becomes the request that is decided about (context.go says how). The handler checks no token and
// sets no CORS headers: whoever mounts it does.
package ofrep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// Options is what the handler is made of. Its functions are called for each request, concurrently, and must not block.
type Options struct {
	// Decide says the stage of a request, as flags.Live does. Required.
	Decide func(r flags.Request, endpoint string) flags.Decision
	// Endpoints are the names of those that there are. Required.
	Endpoints func() []string
	// Own has decisions look at the headers of the call itself as well, under what the context says: for a listener that
	// frontends call with the tokens and headers that they send to the API too. Nil looks at the context alone. It gives
	// the address of the client.
	Own func(*http.Request) netip.Addr
}

// New returns the handler.
func New(o Options) (http.Handler, error) {
	if o.Decide == nil || o.Endpoints == nil {
		return nil, errors.New("want somebody who decides, and the endpoints that there are")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags/{key}", o.one)
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags", o.all)
	return mux, nil
}

// evaluation is a decision in OpenFeature's words.
type evaluation struct {
	Key      string     `json:"key"`
	Value    proxy.Mode `json:"value"`
	Variant  string     `json:"variant"`
	Reason   reason     `json:"reason"`
	Metadata metadata   `json:"metadata"`
}

// metadata is why, in ours.
type metadata struct {
	Reason    flags.Reason `json:"reason"`
	Source    string       `json:"source"`
	Rule      string       `json:"rule,omitempty"`
	Bucket    *uint32      `json:"bucket,omitempty"`    // out of 2^31
	Threshold *uint32      `json:"threshold,omitempty"` // buckets below it are in
	Version   int64        `json:"version"`
}

// reason is one of OpenFeature's.
type reason string

const (
	static    reason = "STATIC"
	byDefault reason = "DEFAULT"
	targeting reason = "TARGETING_MATCH"
	split     reason = "SPLIT"
	disabled  reason = "DISABLED"
	unknown   reason = "UNKNOWN"
)

// refusal is an answer that is no evaluation.
type refusal struct {
	Key     string    `json:"key,omitempty"` // of one flag
	Code    errorCode `json:"errorCode"`
	Details string    `json:"errorDetails"`
}

// errorCode is one of OpenFeature's.
type errorCode string

const (
	parseError     errorCode = "PARSE_ERROR"
	invalidContext errorCode = "INVALID_CONTEXT"
	flagNotFound   errorCode = "FLAG_NOT_FOUND"
)

func (o Options) one(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	request, wrong := o.request(w, r)
	switch {
	case wrong != nil:
		wrong.Key = key
		send(w, http.StatusBadRequest, wrong)
	case !slices.Contains(o.Endpoints(), key):
		send(w, http.StatusNotFound, refusal{key, flagNotFound, fmt.Sprintf("no endpoint is called %q", key)})
	default:
		send(w, http.StatusOK, evaluate(key, o.Decide(request, key)))
	}
}

func (o Options) all(w http.ResponseWriter, r *http.Request) {
	request, wrong := o.request(w, r)
	if wrong != nil {
		send(w, http.StatusBadRequest, wrong)
		return
	}
	answer := struct {
		Flags []evaluation `json:"flags"`
	}{[]evaluation{}}
	for _, endpoint := range o.Endpoints() {
		answer.Flags = append(answer.Flags, evaluate(endpoint, o.Decide(request, endpoint)))
	}
	tag := entityTag(answer.Flags)
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, http.StatusOK, answer)
}

// evaluate says a decision in OpenFeature's words.
func evaluate(endpoint string, d flags.Decision) evaluation {
	e := evaluation{endpoint, proxy.Mode(d.Stage.Served()), string(d.Stage), reasonOf(d), metadata{d.Reason, d.Source, d.Rule, nil, nil, d.Version}}
	if d.HasBucket {
		e.Metadata.Bucket, e.Metadata.Threshold = &d.Bucket, &d.Threshold
	}
	return e
}

func reasonOf(d flags.Decision) reason {
	switch d.Reason {
	case flags.ReasonKill:
		return disabled
	case flags.ReasonDefault:
		return byDefault
	case flags.ReasonUnknown:
		return unknown
	case flags.ReasonOverride, flags.ReasonWindow, flags.ReasonRule, flags.ReasonFlag, flags.ReasonCommand, flags.ReasonFile, flags.ReasonEnvironment:
	}
	switch {
	case d.HasBucket:
		return split // in or out: the caller's slot said so
	case d.Rule != "", d.Reason == flags.ReasonOverride, d.Reason == flags.ReasonWindow:
		return targeting
	}
	return static
}

// entityTag is the same as long as the decisions are, also when the flags were changed for others.
func entityTag(all []evaluation) string {
	all = slices.Clone(all)
	for i := range all {
		all[i].Metadata.Version = 0
	}
	text, err := json.Marshal(all)
	if err != nil { // texts and numbers alone: they always have JSON
		panic(fmt.Errorf("an evaluation has no JSON: %w", err))
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // whoever asked may be gone
}
