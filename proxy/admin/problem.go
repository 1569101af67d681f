package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// problem is a kind of failure of the API (RFC 9457), by the last word of its type.
type problem string

const (
	problemUnauthorized problem = "token-required"
	problemForbidden    problem = "role-too-low"
	problemCrossSite    problem = "cross-site"
	problemWrongHost    problem = "wrong-host"
	problemNotFound     problem = "no-such-resource"
	problemMethod       problem = "method-not-here"
	problemMediaType    problem = "media-type"
	problemTooLarge     problem = "body-too-large"
	problemBody         problem = "body-unreadable"
	problemParameter    problem = "parameter-invalid"
	problemInvalid      problem = "change-invalid"
	problemOrder        problem = "out-of-order"
	problemStale        problem = "changed-meanwhile"
	problemVersion      problem = "version-required"
	problemFrozen       problem = "frozen"
	problemElsewhere    problem = "kept-elsewhere"
	problemStore        problem = "store-unavailable"
	problemBehind       problem = "store-behind"
	problemOutcome      problem = "outcome-unknown"
	problemInternal     problem = "admin-failed"
)

// problemTypePrefix stands before the word. Types are names to compare, not addresses to visit.
const problemTypePrefix = "urn:crossfade:problem:"

// description is what all problems of a kind have in common; the detail is told by each.
type description struct {
	problem problem
	status  int
	title   string
	way     string // out of it, for docs/errors.md
}

// descriptions is the one table of problems; docs/errors.md has the same.
func descriptions() []description {
	return []description{
		{problemUnauthorized, http.StatusUnauthorized, "A token is needed", "`Authorization: Bearer …` with `admin.token`, one of `admin.tokens_file`, or that of the token file."},
		{problemForbidden, http.StatusForbidden, "The token may not do that", "A token of a higher role: read, operate, admin."},
		{problemCrossSite, http.StatusForbidden, "Pages of other sites may not ask", "Call the API from a program, or from a page that this listener served."},
		{problemWrongHost, http.StatusMisdirectedRequest, "This listener is not called so", "`admin.hosts` lists the names it goes by, beside localhost and plain addresses."},
		{problemNotFound, http.StatusNotFound, "There is nothing here", "The detail says what is missing: the path, the flag, the entry, the request."},
		{problemMethod, http.StatusMethodNotAllowed, "The method is not one of this resource", "`Allow` lists them."},
		{problemMediaType, http.StatusUnsupportedMediaType, "The body has to be JSON", "`Content-Type: application/json`, no `Content-Encoding`."},
		{problemTooLarge, http.StatusRequestEntityTooLarge, "The body is too large", "At most 1 MiB."},
		{problemBody, http.StatusBadRequest, "The body cannot be read", "The detail names the member, or the byte."},
		{problemParameter, http.StatusBadRequest, "A parameter is wrong", "The detail names the parameter or the header."},
		{problemInvalid, http.StatusUnprocessableEntity, "The change is not valid", "`errors` names each place and what to write there instead."},
		{problemOrder, http.StatusConflict, "The change is out of order", "One stage at a time; or `\"force\": true`, which the journal shows."},
		{problemStale, http.StatusPreconditionFailed, "It was changed meanwhile", "Read it again, look at what changed, and send the new version."},
		{problemVersion, http.StatusPreconditionRequired, "The version that was seen is needed", "`If-Match` with the ETag of the flag, `If-None-Match: *` where there is none, or `If-Match: *` to write over whatever there is."},
		{problemFrozen, http.StatusLocked, "Flags are frozen", "The detail says by which freeze and until when. The kill switch works."},
		{problemElsewhere, http.StatusConflict, "The flags are kept by another system", "Change them there. The kill file works."},
		{problemStore, http.StatusServiceUnavailable, "The store is not available", "Nothing was changed. Traffic goes on with the last known flags; the kill file works."},
		{problemBehind, http.StatusServiceUnavailable, "The store is older than what is served", "Was it restored, or is it another one? Nothing was changed."},
		{problemOutcome, http.StatusGatewayTimeout, "It is not known whether it was changed", "The store went away while it wrote. Read the journal before trying again."},
		{problemInternal, http.StatusInternalServerError, "crossfade failed", "The log has the cause."},
	}
}

func (p problem) describe() description {
	for _, d := range descriptions() {
		if d.problem == p {
			return d
		}
	}
	return problemInternal.describe()
}

// failure is an error that knows its problem.
type failure struct {
	problem problem
	detail  string
	faults  []fault
	allow   string // of problemMethod
}

func (f *failure) Error() string { return f.detail }

// fault is one thing that is wrong with a change.
type fault struct {
	Path   string `json:"path"`
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason"`
}

func fail(p problem, format string, values ...any) error {
	return &failure{problem: p, detail: fmt.Sprintf(format, values...)}
}

// classify finds the problem behind an error.
func classify(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	for _, c := range []struct {
		err     error
		problem problem
	}{
		{flags.ErrUnknown, problemOutcome}, // before ErrUnavailable: what is not known is the worse news
		{flags.ErrUnavailable, problemStore},
		{context.DeadlineExceeded, problemOutcome}, // a store knows better whether anything was written
		{flags.ErrBehind, problemBehind},
		{flags.ErrElsewhere, problemElsewhere},
		{flags.ErrFrozen, problemFrozen},
		{flags.ErrStale, problemStale},
		{flags.ErrNoEntry, problemNotFound},
		{flags.ErrOrder, problemOrder},
	} {
		if errors.Is(err, c.err) {
			return &failure{problem: c.problem, detail: err.Error()}
		}
	}
	if faults := invalid(err); len(faults) > 0 {
		return &failure{problem: problemInvalid, detail: err.Error(), faults: faults}
	}
	return &failure{problem: problemInternal, detail: "the log has the cause"}
}

// invalid collects what an error joins of *flags.Invalid.
func invalid(err error) []fault {
	var all []fault
	if one, ok := err.(*flags.Invalid); ok { //nolint:errorlint // errors.As would find the first of several; each is wanted
		return []fault{{one.Path, one.Line, one.Reason}}
	}
	switch wrapped := err.(type) { //nolint:errorlint // the tree of errors is walked here
	case interface{ Unwrap() []error }:
		for _, inner := range wrapped.Unwrap() {
			all = append(all, invalid(inner)...)
		}
	case interface{ Unwrap() error }:
		all = invalid(wrapped.Unwrap())
	}
	return all
}

// document is a problem as the client gets it.
type document struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail"`
	Instance string  `json:"instance"`
	Errors   []fault `json:"errors,omitempty"`
}

// refuse answers with a problem. token is whose it was, where that is known.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, token Token, err error) {
	f := classify(err)
	d := f.problem.describe()
	fields := []zap.Field{zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.String("by", token.name), zap.String("problem", string(f.problem)), zap.Error(err)}
	switch {
	case d.status >= http.StatusInternalServerError:
		a.Logger.Error("an admin request failed", fields...)
	case d.status == http.StatusUnauthorized, d.status == http.StatusForbidden, d.status == http.StatusMisdirectedRequest:
		a.Logger.Warn("an admin request was refused", fields...)
	default:
		a.Logger.Debug("an admin request was refused", fields...)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if f.problem == problemUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="crossfade"`)
	}
	if f.allow != "" {
		h.Set("Allow", f.allow)
	}
	send(w, d.status, document{problemTypePrefix + string(f.problem), d.title, d.status, f.detail, r.URL.EscapedPath(), f.faults})
}

// send writes an answer as JSON. Nothing of the API may be stored, or taken for something else than it is.
func send(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // whoever asked may be gone
}
