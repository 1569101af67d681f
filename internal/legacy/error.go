package legacy

import (
	"errors"
	"fmt"
	"net/http"
)

// httpError is a failure that a handler tells the client: shape A.
type httpError struct {
	status int
	detail string
}

func (e *httpError) Error() string { return fmt.Sprintf("%d: %s", e.status, e.detail) }

func fail(status int, format string, args ...any) error {
	return &httpError{status, fmt.Sprintf(format, args...)}
}

// invalid lists what is wrong with a request: shape B.
type invalid []problem

func (e invalid) Error() string { return fmt.Sprintf("%d validation errors", len(e)) }

// taskError is a background task that could not start: shape F, a 500 whatever the cause.
type taskError string

func (e taskError) Error() string { return "task " + string(e) + " failed" }

// trace runs the route and gives its errors their shape; each of its answers has the trace id. An error of no shape
// goes on outwards.
func (b *backend) trace(c *call) (*answer, error) {
	a, err := b.dispatch(c)
	if err != nil {
		var told *httpError
		var wrong invalid
		var task taskError
		switch {
		case errors.As(err, &told):
			a = told.answer(c)
		case errors.As(err, &wrong):
			a = wrong.answer(c)
		case errors.As(err, &task):
			a = task.answer(c)
		default:
			return nil, err
		}
	}
	a.header.Set("X-Trace-ID", c.traceID)
	return a, nil
}

func (e *httpError) answer(c *call) *answer {
	message, suggestions := advice(e.status)
	return errorAnswer(c, e.status, object{
		{"error_code", fmt.Sprintf("HTTP_%d", e.status)},
		{"message", message},
		{"details", object{{"original_message", e.detail}}},
		{"recovery_suggestions", suggestions},
	})
}

func (e invalid) answer(c *call) *answer {
	problems := make([]any, len(e))
	for i, p := range e {
		problems[i] = object{{"field", p.field}, {"message", p.message}, {"type", p.kind}}
	}
	return errorAnswer(c, http.StatusUnprocessableEntity, object{
		{"error_code", "VAL_002"},
		{"message", "Request validation failed"},
		{"details", object{{"validation_errors", problems}}},
		{"recovery_suggestions", []any{
			"Check the request format and required fields",
			"Ensure all values match the expected types",
		}},
	})
}

func (e taskError) answer(c *call) *answer {
	return errorAnswer(c, http.StatusInternalServerError, object{
		{"error_code", "TASK_001"},
		{"message", "A background task failed"},
		{"details", object{{"task_name", string(e)}}},
		{"recovery_suggestions", []any{"Please try again later", "Check the data and upload it again"}},
	})
}

func errorAnswer(c *call, status int, e object) *answer {
	return jsonAnswer(status, object{
		{"error", e},
		{"status", "error"},
		{"path", c.URL.Path},
		{"method", c.Method},
		{"trace_id", c.traceID},
	})
}

// uncaught is shape E. It is made outside of every layer: no trace id, no CORS headers.
func uncaught(c *call) *answer {
	_, suggestions := advice(http.StatusInternalServerError)
	return jsonAnswer(http.StatusInternalServerError, object{
		{"error", object{
			{"error_code", "SYS_001"},
			{"message", "An unexpected error occurred"},
			{"details", object{}},
			{"recovery_suggestions", suggestions},
			{"trace_id", nil},
		}},
		{"status", "error"},
		{"path", c.URL.Path},
		{"method", c.Method},
	})
}

// advice is what shape A tells for a status, whatever happened.
func advice(status int) (message string, suggestions []any) {
	switch status {
	case http.StatusBadRequest:
		return "Invalid request format",
			[]any{"Check your request format", "Ensure all required fields are provided"}
	case http.StatusUnauthorized:
		return "Authentication required. Please log in.",
			[]any{"Please log in and try again", "Your session may have expired"}
	case http.StatusForbidden:
		return "Access to this resource is denied", []any{"Ask an administrator for access"}
	case http.StatusNotFound:
		return "The requested resource was not found", []any{"Check the address and the id"}
	case http.StatusInternalServerError:
		return "An internal server error occurred",
			[]any{"Please try again later", "If the problem persists, contact support"}
	default:
		return "The request could not be completed", []any{"Please try again later"}
	}
}
