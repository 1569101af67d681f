package conformance

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// eachItsOwn: many callers on kept connections, some of whom send several requests at once and some leave before their
// answers, get answers of many sizes and framings. What one request's memory held must never show in another's answer, nor reach the
// upstream with another's request.
func eachItsOwn(t *testing.T, mode string) {
	h := open(t, mode, raw.Loop(raw.Take(), raw.Reply(ownAnswer)))
	const callers, times = 24, 30
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(c)))
			client := raw.Dial(t, h.Address)
			for n := range times {
				together := 1 + random.IntN(3)
				var text strings.Builder
				sent := make([]ownRequest, together)
				for i := range sent {
					sent[i] = newOwnRequest(random, fmt.Sprintf("own-%d-%d-%d.", c, n, i))
					text.WriteString(sent[i].text())
				}
				client.Send(text.String())
				if random.IntN(10) == 0 { // it leaves
					client = raw.Dial(t, h.Address)
					continue
				}
				for _, q := range sent {
					if a := client.Answer(q.method); !q.owns(a) {
						t.Errorf("%s %.40s of %.20s: got %d, a head of %.20s, who had %.20s, and %.100q (%v)",
							q.method, q.target, q.id, a.Status, a.Fields.Get("X-Caller"), a.Fields.Get("X-Saw"), a.Body, a.Err)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

// ownRequest is a request with a name that every part of its answer has.
type ownRequest struct{ method, target, id string }

func newOwnRequest(random *rand.Rand, id string) ownRequest {
	q := ownRequest{"GET", me, id + strings.Repeat("i", random.IntN(200))}
	switch random.IntN(5) {
	case 0:
		q.method = "HEAD"
	case 1:
		q.target = other
	case 2:
		q.target = other + "/" + strings.Repeat("p", random.IntN(3000))
	}
	return q
}

func (q ownRequest) text() string {
	return request(q.method, q.target, "X-Caller: "+q.id, "X-Request-Id: r-"+q.id, "Cookie: c="+q.id)
}

// owns says whether an answer is the request's, and nobody else's.
func (q ownRequest) owns(a raw.Answer) bool {
	if a.Err != nil || a.Status != 200 || a.Fields.Get("X-Caller") != q.id || a.Fields.Get("X-Saw") != "c="+q.id+" r-"+q.id {
		return false
	}
	if q.method == "HEAD" {
		return len(a.Body) == 0
	}
	text := string(a.Body)
	return strings.Contains(text, `"`+q.id+`"`) && strings.Count(text, `"own-`) == strings.Count(text, `"`+q.id+`"`)
}

// ownAnswer answers a request with what it said, in chunks or with a length, in one piece of a size that its name gives.
func ownAnswer(r raw.Request) string {
	id := r.Fields.Get("X-Caller")
	body := strings.Replace(context, `"u1"`, `"`+id+`"`, 1)
	body = strings.TrimSuffix(body, "}") + `,"pad":"` + strings.Repeat("x", len(id)*len(id)) + `"}`
	fields := []string{"Content-Type: application/json", "X-Caller: " + id, "X-Saw: " + r.Fields.Get("Cookie") + " " + r.Fields.Get("X-Request-Id")}
	if r.Method == http.MethodHead {
		return raw.Head("HTTP/1.1 200 OK", append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...)
	}
	if len(id)%3 == 0 {
		return raw.Head("HTTP/1.1 200 OK", append(fields, "Transfer-Encoding: chunked")...) + raw.Chunks(body)
	}
	return raw.Head("HTTP/1.1 200 OK", append(fields, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}
