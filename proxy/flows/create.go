package flows

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// maxKey bounds an Idempotency-Key, in bytes: more than any UUID or hash takes.
const maxKey = 255

// create answers POST /api/v1/flows: a session upstream, marked with an intent that was written before, and
// what the session cannot hold in the store. The same Idempotency-Key gives the same flow and the same answer.
func (c *call) create() proxy.MemoryReply {
	w, err := c.want(true)
	if err != nil {
		return answer(err)
	}
	key, err := c.key()
	if err != nil {
		return answer(err)
	}
	p, err := c.here()
	if err != nil {
		return answer(err)
	}
	i := Intent{
		ID: c.memory.o.NewID(), User: p.User, Key: key, Digest: digest(c.Body), Name: w.name, Lease: c.memory.o.Lease,
		Details: Details{Type: w.kind, Status: "pending", Engagement: w.engagement, CreatedBy: p.User, Metadata: w.metadata},
	}
	held, fresh, err := c.memory.o.Store.Begin(c.ctx, i)
	switch {
	case err != nil:
		return answer(err)
	case fresh:
		text, err := c.make(i)
		if err != nil {
			return answer(err)
		}
		return ok(http.StatusCreated, text)
	case held.Digest != i.Digest:
		return answer(invalid(proxy.FieldFault{
			Field: "header.Idempotency-Key", Message: "The key was used before with another body", Type: "value_error",
		}))
	case held.Finished:
		reply := ok(http.StatusCreated, held.Answer)
		reply.Header = http.Header{"Idempotency-Replayed": {"true"}}
		return reply
	}
	// Somebody works on it, or has until a moment ago.
	return proxy.MemoryReply{Fault: &proxy.Fault{
		Status: http.StatusConflict, Text: "A request with this Idempotency-Key is being worked on", RetryAfter: max(held.Waiting, time.Second),
	}}
}

// key is the call's Idempotency-Key, "" if there is none.
func (c *call) key() (string, error) {
	values := c.Header["Idempotency-Key"]
	if len(values) == 0 {
		return "", nil
	}
	if key := values[0]; len(values) == 1 && key != "" && len(key) <= maxKey && strings.IndexFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return key, nil
	}
	return "", invalid(proxy.FieldFault{
		Field: "header.Idempotency-Key", Message: "Want one key of at most 255 printable ASCII characters", Type: "value_error",
	})
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// make makes the session of an intent, and finishes it.
func (c *call) make(i Intent) ([]byte, error) {
	metadata := []byte(`{}`)
	list := []member(nil)
	if i.Details.Metadata != nil {
		metadata = i.Details.Metadata
		list, _ = members(metadata)
	}
	metadata = with(metadata, list, put{marker, quoted(i.ID)})
	body := with([]byte(`{}`), nil,
		put{"name", quoted(i.Name)},
		put{"flow_type", quoted("discovery")}, // the one type that sessions have; the flow's own is remembered
		put{"engagement_id", quoted(i.Details.Engagement)},
		put{"metadata", metadata})
	res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodPost, Path: pathSessions, Body: body, Endpoint: endpointCreate})
	switch {
	case err != nil:
		return nil, unreached(err) // there may be a session: the intent stays, and the marker tells
	case res.Status >= 500:
		return nil, relay(res) // likewise
	case !succeeded(res.Status):
		if err := c.memory.o.Store.Drop(c.ctx, i.ID); err != nil {
			return nil, err
		}
		return nil, relay(res)
	}
	f, err := c.single(res.Body)
	if err != nil {
		return nil, err
	}
	return c.finish(i, f)
}

// finish writes what the session cannot hold.
func (c *call) finish(i Intent, f flow) ([]byte, error) {
	id, isID := uuid(f.id)
	if !isID {
		return nil, fault(http.StatusBadGateway, "The backend's session cannot be remembered: its id is no UUID")
	}
	text := f.shown(i.Details, true).text
	if err := c.memory.o.Store.Finish(c.ctx, i, id, text); err != nil {
		return nil, away(err, "The backend has made flow "+id+", but its type and metadata are not kept yet; that is made up for. It is safe to ask again with the same Idempotency-Key")
	}
	return text, nil
}

// resume completes what a crash, or an answer that never came, has left of the caller's creates: a session that carries
// the intent's marker is finished; where there is none, there was none to finish, and the intent is dropped. The lease
// has run out then, so nobody is still making it, unless the upstream sits on the request for longer than that.
func (c *call) resume(p place) error {
	store := c.memory.o.Store
	left, err := store.Unfinished(c.ctx, p.User)
	if err != nil {
		return err
	}
	for _, i := range left {
		mine, err := store.Take(c.ctx, i.ID, c.memory.o.Lease)
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		in := p
		in.Engagement = i.Details.Engagement
		list, err := c.sessions(c.ctx, in)
		if err != nil {
			return err
		}
		if f, found := marked(list, i.ID); found {
			_, err = c.finish(i, f)
		} else {
			err = store.Drop(c.ctx, i.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// marked finds the flow that was made of an intent.
func marked(list []flow, intent string) (flow, bool) {
	for _, f := range list {
		if m, ok := named(f.list, "metadata"); ok && m.value.IsObject() {
			inside, _ := membersOf(m.value.Raw)
			if id, ok := named(inside, marker); ok && id.value.Type == gjson.String && id.value.Str == intent {
				return f, true
			}
		}
	}
	return flow{}, false
}
