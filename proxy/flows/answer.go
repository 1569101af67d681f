package flows

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// storeRetry is when it is worth asking again while the store is away.
const storeRetry = 2 * time.Second

// failure is an error that knows what the client is told.
type failure struct {
	reply proxy.MemoryReply
}

func (f *failure) Error() string {
	switch {
	case f.reply.Err != nil:
		return f.reply.Err.Error()
	case f.reply.Fault != nil:
		return f.reply.Fault.Text
	}
	return http.StatusText(f.reply.Status)
}

func (f *failure) Unwrap() error { return f.reply.Err }

// fault turns a call down in the backend's shape.
func fault(status int, text string) error {
	return &failure{proxy.MemoryReply{Fault: &proxy.Fault{Status: status, Text: text}}}
}

// invalid names the fields of a call that are not as they have to be.
func invalid(fields ...proxy.FieldFault) error {
	return &failure{proxy.MemoryReply{Fault: &proxy.Fault{Status: http.StatusUnprocessableEntity, Fields: fields}}}
}

// away says that nothing could be kept; text says what holds then.
func away(cause error, text string) error {
	return &failure{proxy.MemoryReply{
		Fault: &proxy.Fault{Status: http.StatusServiceUnavailable, Text: text, RetryAfter: storeRetry}, Err: cause,
	}}
}

// unreached is an upstream that gave no answer.
func unreached(err error) error { return &failure{proxy.MemoryReply{Err: err}} }

// relayed is an answer of the upstream's that goes on to the client as it is, but for names and paths.
func relayed(res proxy.Response) proxy.MemoryReply {
	h := http.Header{}
	for _, name := range [...]string{"Content-Type", "Www-Authenticate", "Retry-After", "X-Trace-Id"} {
		if v, ok := res.Header[name]; ok {
			h[name] = v
		}
	}
	body := res.Body
	if res.Flow != nil {
		body = res.Flow
	}
	return proxy.MemoryReply{Status: res.Status, Header: h, Body: body}
}

// relay is relayed as an error.
func relay(res proxy.Response) error { return &failure{relayed(res)} }

// answer is what err means for the client.
func answer(err error) proxy.MemoryReply {
	var known *failure
	if errors.As(err, &known) {
		return known.reply
	}
	if errors.Is(err, database.ErrUnavailable) {
		return answer(away(err, "What is remembered of flows is not available just now. Nothing was changed"))
	}
	return proxy.MemoryReply{Fault: &proxy.Fault{Status: http.StatusInternalServerError, Text: "Flows could not be remembered"}, Err: err}
}

func ok(status int, body []byte) proxy.MemoryReply {
	return proxy.MemoryReply{Status: status, Body: body}
}

// succeeded says whether a status is 2xx.
func succeeded(status int) bool { return status >= 200 && status < 300 }

// notFound is the answer for what is not there, and for what is not the caller's: nobody can tell which.
func notFound(id string) error { return fault(http.StatusNotFound, "Flow "+id+" not found") }

// wants is what is told of a member that is no word of a list.
func wants(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = "'" + w + "'"
	}
	last := len(list) - 1
	return "Input should be " + strings.Join(list[:last], ", ") + " or " + list[last]
}

func checkWord(field, word string, words []string) []proxy.FieldFault {
	if slices.Contains(words, word) {
		return nil
	}
	return []proxy.FieldFault{{Field: field, Message: wants(words), Type: "enum"}}
}
