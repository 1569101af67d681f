package flows

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// maxPageSize is the most flows that a page may have.
const maxPageSize = 100

// list answers GET /api/v1/flows: the plan's FlowList of one engagement, the caller's own where none is named.
func (c *call) list() proxy.MemoryReply {
	page, size, err := c.paging()
	if err != nil {
		return answer(err)
	}
	for name, words := range map[string][]string{"flow_type": flowTypes(), "status": flowStatuses()} {
		if word, ok := c.Query[name]; ok {
			if faults := checkWord("query."+name, word, words); faults != nil {
				return answer(invalid(faults...))
			}
		}
	}
	p, err := c.here()
	if err != nil {
		return answer(err)
	}
	if engagement, ok := uuid(c.Query["engagement_id"]); ok {
		p.Engagement = engagement
	}
	found, err := c.sessions(c.ctx, p)
	if err != nil {
		return answer(err)
	}
	known, err := c.memory.o.Store.Details(c.ctx, ids(found))
	if err != nil {
		return answer(err)
	}
	var texts [][]byte
	for _, f := range found {
		d, ok := known[f.id]
		f = f.shown(d, ok)
		if c.asks("flow_type", f) && c.asks("status", f) {
			texts = append(texts, f.text)
		}
	}
	total := len(texts)
	puts := []put{{"flows", nil}, {"total", []byte(strconv.Itoa(total))}, {"engagement_id", quoted(p.Engagement)}}
	if size > 0 {
		from := min((page-1)*size, total)
		texts = texts[from:min(from+size, total)]
		puts = append(puts, put{"page", []byte(strconv.Itoa(page))}, put{"page_size", []byte(strconv.Itoa(size))})
	}
	puts[0].text = array(texts)
	return ok(http.StatusOK, with([]byte(`{}`), nil, puts...))
}

// asks says whether the call wants flows like this one.
func (c *call) asks(name string, f flow) bool {
	want, asked := c.Query[name]
	return !asked || f.member(name) == want
}

// paging reads page and page_size; size 0 is everything.
func (c *call) paging() (page, size int, err error) {
	page = 1
	for _, q := range []struct {
		name string
		to   *int
		most int
	}{{"page", &page, 1 << 20}, {"page_size", &size, maxPageSize}} {
		text, ok := c.Query[q.name]
		if !ok {
			continue
		}
		n, err := strconv.Atoi(text)
		f := proxy.FieldFault{Field: "query." + q.name}
		switch {
		case err != nil:
			f.Message, f.Type = "Input should be a valid integer, unable to parse string as an integer", "int_parsing"
		case n < 1:
			f.Message, f.Type = "Input should be greater than or equal to 1", "greater_than_equal"
		case n > q.most:
			f.Message, f.Type = "Input should be less than or equal to "+strconv.Itoa(q.most), "less_than_equal"
		default:
			*q.to = n
			continue
		}
		return 0, 0, invalid(f)
	}
	if _, ok := c.Query["page"]; ok && size == 0 {
		size = maxPageSize
	}
	return page, size, nil
}

// here is whoami, when what a crash has left of the caller's creates has been completed.
func (c *call) here() (place, error) {
	p, err := c.whoami()
	if err == nil {
		err = c.resume(p)
	}
	return p, err
}

// get answers GET /api/v1/flows/{id}.
func (c *call) get() proxy.MemoryReply {
	f, err := c.one()
	if err != nil {
		return answer(err)
	}
	known, err := c.memory.o.Store.Details(c.ctx, ids([]flow{f}))
	if err != nil {
		return answer(err)
	}
	d, remembered := known[f.id]
	return ok(http.StatusOK, f.shown(d, remembered).text)
}

// path is the upstream's route of the call's flow.
func (c *call) path() string { return pathSessions + "/" + url.PathEscape(c.Vars["id"]) }

// one asks the upstream for the call's flow.
func (c *call) one() (flow, error) {
	res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodGet, Path: c.path(), Endpoint: endpointGet})
	if err != nil {
		return flow{}, unreached(err)
	}
	if !succeeded(res.Status) {
		return flow{}, relay(res)
	}
	return c.single(res.Body)
}

// single is a session as a flow.
func (c *call) single(session []byte) (flow, error) {
	list, err := c.mapped([][]byte{session})
	if err != nil || len(list) != 1 {
		return flow{}, &failure{proxy.MemoryReply{
			Fault: &proxy.Fault{Status: http.StatusBadGateway, Text: "The backend's session has no flow shape"}, Err: err,
		}}
	}
	return list[0], nil
}

// remove answers DELETE /api/v1/flows/{id}. A crash after the upstream has deleted leaves rows of a flow that is not
// listed any more, which the sweep finds.
func (c *call) remove() proxy.MemoryReply {
	if err := c.memory.o.Store.Ready(c.ctx); err != nil {
		return answer(err)
	}
	f, err := c.one()
	if err != nil {
		return answer(err)
	}
	res, err := c.Upstream.Ask(c.ctx, proxy.Question{Method: http.MethodDelete, Path: c.path(), Endpoint: endpointDelete})
	if err != nil {
		return answer(unreached(err))
	}
	if !succeeded(res.Status) {
		return relayed(res)
	}
	id, ok := uuid(f.id)
	engagement, there := uuid(f.member("engagement_id"))
	if ok && there {
		if err := c.memory.o.Store.Remove(c.ctx, id, engagement); err != nil {
			return answer(away(err, "The backend has deleted the flow; what is remembered of it is forgotten later"))
		}
	}
	return proxy.MemoryReply{Status: http.StatusNoContent}
}
