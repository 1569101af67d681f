package proxy

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// FieldFault is one fault of a request, as the backend's validation names it: Field is dotted,
// from the body's root or "query.".
type FieldFault struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Type    string `json:"type"`
}

// Fault is an answer that turns a request down in the backend's own shape, which is what frontends read.
type Fault struct {
	// Status is 4xx or 5xx. With 422 Fields are told, else Text is.
	Status int
	Text   string
	Fields []FieldFault
	// RetryAfter says when it is worth asking again, at least a second; 0 says nothing.
	RetryAfter time.Duration
}

// faultBody is the backend's answer to a request that it turns down (members in its order).
type faultBody struct {
	Error struct {
		Code        string       `json:"error_code"`
		Message     string       `json:"message"`
		Details     faultDetails `json:"details"`
		Suggestions []string     `json:"recovery_suggestions"`
	} `json:"error"`
	Status  string `json:"status"`
	Path    string `json:"path"`
	Method  string `json:"method"`
	TraceID string `json:"trace_id"`
}

type faultDetails struct {
	Text   string       `json:"original_message,omitempty"`
	Fields []FieldFault `json:"validation_errors,omitempty"`
}

const headerTraceID = "X-Trace-Id"

// invalid answers 422 in the backend's shape.
func (x *exchange) invalid(cause error, faults []FieldFault) {
	x.tell(problemInvalid, cause, &Fault{Status: http.StatusUnprocessableEntity, Fields: faults})
}

// fault answers with what Memory has against a call.
func (x *exchange) fault(cause error, f *Fault) {
	p := problemFlow
	if f.Status == http.StatusUnprocessableEntity {
		p = problemInvalid
	}
	x.tell(p, cause, f)
}

func (x *exchange) tell(p problem, cause error, f *Fault) {
	var body faultBody
	body.Error.Code, body.Error.Message, body.Error.Suggestions = advice(f.Status)
	body.Error.Details = faultDetails{f.Text, f.Fields}
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
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	x.say(p, f.Status, cause, body)
}

// advice is what the backend tells for a status, whatever happened.
func advice(status int) (code, message string, suggestions []string) {
	code = "HTTP_" + strconv.Itoa(status)
	switch status {
	case http.StatusUnprocessableEntity:
		return "VAL_002", "Request validation failed", []string{
			"Check the request format and required fields",
			"Ensure all values match the expected types",
		}
	case http.StatusBadRequest:
		return code, "Invalid request format", []string{
			"Check your request format",
			"Ensure all required fields are provided",
		}
	case http.StatusNotFound:
		return code, "The requested resource was not found", []string{"Check the address and the id"}
	case http.StatusForbidden:
		return code, "Access to this resource is denied", []string{"Ask an administrator for access"}
	case http.StatusInternalServerError:
		return code, "An internal server error occurred", []string{
			"Please try again later",
			"If the problem persists, contact support",
		}
	}
	return code, "The request could not be completed", []string{"Please try again later"}
}
