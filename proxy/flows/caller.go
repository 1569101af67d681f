package flows

import (
	"context"
	"errors"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// What the upstream is asked. The paths are the legacy build's.
const (
	pathContext  = "/api/v1/context/me"
	pathSwitch   = "/api/v1/context/session/switch"
	pathDefaults = "/api/v1/context/me/defaults"
	pathSessions = "/api/v1/sessions"
)

// place is who the caller is and what they work in, by the upstream's word.
type place struct {
	Caller
	client string
	flows  []flow // those of the context itself
}

// whoami asks the upstream.
func (c *call) whoami() (place, error) {
	res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodGet, Path: pathContext, Endpoint: endpointContext})
	if err != nil {
		return place{}, unreached(err)
	}
	if !succeeded(res.Status) {
		return place{}, relay(res)
	}
	root, ok := members(res.Flow)
	if !ok {
		return place{}, fault(http.StatusBadGateway, "The caller's context has no flow shape")
	}
	p, ok := placeOf(root)
	if !ok {
		return place{}, fault(http.StatusForbidden, "Flows are remembered for users with an engagement")
	}
	if list, ok := named(root, "active_flows"); ok {
		p.flows = flowsIn(list.value)
	}
	return p, nil
}

// placeOf reads the caller out of a context, in either shape. It is false where it names no user or no engagement, or
// not by UUIDs: then there is nothing to remember.
func placeOf(root []member) (p place, ok bool) {
	if p.User, ok = uuid(idOf(root, "user")); !ok {
		return p, false
	}
	p.client = idOf(root, "client")
	p.Engagement, ok = uuid(idOf(root, "engagement"))
	return p, ok
}

// idOf is the id of an object.
func idOf(root []member, name string) string {
	m, ok := named(root, name)
	if !ok {
		return ""
	}
	list, ok := membersOf(m.value.Raw)
	if !ok {
		return ""
	}
	return textOf(list, "id")
}

// object reads the call's body.
func (c *call) object() ([]member, error) {
	if !c.JSON || !gjson.ValidBytes(c.Body) {
		if len(c.Body) == 0 {
			return nil, invalid(proxy.FieldFault{Message: "Field required", Type: "missing"})
		}
		return nil, invalid(proxy.FieldFault{Message: "JSON decode error", Type: "json_invalid"})
	}
	if !gjson.ParseBytes(c.Body).IsObject() {
		return nil, invalid(proxy.FieldFault{Message: "Input should be a valid dictionary", Type: "dict_type"})
	}
	list, ok := members(c.Body)
	if !ok {
		return nil, invalid(proxy.FieldFault{Message: "A member is there twice", Type: "value_error"})
	}
	return list, nil
}

// all are the caller's flows: those of the context, and those of the sources. An error means that some are unknown;
// those that are known are given all the same.
func (c *call) all(ctx context.Context, p place) ([]flow, error) {
	var errs []error
	list := p.flows
	for _, s := range c.memory.o.Sources {
		more, err := c.ask(ctx, s, p)
		errs = append(errs, err)
		list = merge(list, more)
	}
	return list, errors.Join(errs...)
}

// merge adds flows to a list. Of one that is in both, the later one has the type and status that are known.
func merge(list, more []flow) []flow {
	out := append([]flow(nil), list...)
	for _, f := range more {
		i := find(out, f.id)
		if i < 0 {
			out = append(out, f)
			continue
		}
		var puts []put
		for _, name := range [...]string{"name", "flow_type", "status"} {
			if m, ok := named(f.list, name); ok {
				puts = append(puts, put{name, []byte(m.value.Raw)})
			}
		}
		if both, ok := flowOf(string(with(out[i].text, out[i].list, puts...))); ok {
			out[i] = both
		}
	}
	return out
}

func find(list []flow, id string) int {
	for i, f := range list {
		if f.id == id {
			return i
		}
	}
	return -1
}
