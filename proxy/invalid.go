package proxy

import (
	"net/http"
)

// fieldError is one fault of a request, as the backend's validation names it: field is dotted,
// from the body's root or "query.".
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Type    string `json:"type"`
}

// validationBody is the backend's own answer to a request that its validation turns down
// (members in its order). Frontends read this shape, so crossfade's checks answer in it too.
type validationBody struct {
	Error struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
		Details struct {
			Errors []fieldError `json:"validation_errors"`
		} `json:"details"`
		Suggestions []string `json:"recovery_suggestions"`
	} `json:"error"`
	Status  string `json:"status"`
	Path    string `json:"path"`
	Method  string `json:"method"`
	TraceID string `json:"trace_id"`
}

const headerTraceID = "X-Trace-Id"

// invalid answers 422 in the backend's shape.
func (x *exchange) invalid(cause error, faults []fieldError) {
	var body validationBody
	body.Error.Code = "VAL_002"
	body.Error.Message = "Request validation failed"
	body.Error.Details.Errors = faults
	body.Error.Suggestions = []string{
		"Check the request format and required fields",
		"Ensure all values match the expected types",
	}
	body.Status = "error"
	body.Path = x.in.URL.Path
	body.Method = x.in.Method
	body.TraceID = x.record.RequestID
	// The backend gives a caller's trace id back; ours does so for ids that it would log.
	if id := x.in.Header[headerTraceID]; len(id) == 1 && fitID(id[0]) {
		body.TraceID = id[0]
	}
	h := x.client.Header()
	h.Set("Content-Type", "application/json")
	h.Set(headerTraceID, body.TraceID)
	x.say(problemInvalid, http.StatusUnprocessableEntity, cause, body)
}
