package soak

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

const (
	me       = "/api/v1/context/me"
	activate = "/api/v1/context/flow/activate"
	other    = "/api/v1/other"
)

// kind is a kind of request, and what may come of it.
type kind struct {
	name string
	ask  func(id string) string             // the request's bytes
	told func(id string) []raw.Step         // what the upstream does when it has the request
	good func(a raw.Answer, id string) bool // whether an answer is right; nil: it may not come whole
	// impatient: the client leaves without an answer.
	impatient bool
}

// kinds are all of them. A caller takes each in turn, from a place of its own.
func kinds() []kind {
	get := func(target string) func(string) string {
		return func(id string) string { return raw.Head("GET "+target+" HTTP/1.1", "Host: h", "X-Caller: "+id) }
	}
	post := func(target, member string) func(string) string {
		return func(id string) string {
			return raw.Text("POST "+target+" HTTP/1.1", fmt.Sprintf(`{"%s":"%s"}`, member, id), "Host: h", "X-Caller: "+id, "Content-Type: application/json")
		}
	}
	sends := func(text func(id string) string, more ...raw.Step) func(string) []raw.Step {
		return func(id string) []raw.Step { return append([]raw.Step{raw.Send(text(id))}, more...) }
	}
	whole := func(id string) string { return raw.JSON(context(id)) }
	head := raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
	begun := func(id string) string { return head + raw.Begun(context(id)[:30]) }
	refused := func(a raw.Answer, _ string) bool { return a.Status == 502 }
	return []kind{
		{name: "context", ask: get(me), told: sends(whole), good: shaped},
		{name: "elsewhere", ask: get(other), told: sends(whole), good: same},
		{name: "chunks", ask: get(me), told: sends(func(id string) string { return head + raw.Chunks(context(id)[:40], context(id)[40:]) }), good: shaped},
		{name: "gzip", ask: get(me), told: sends(func(id string) string { return raw.JSON(zip(context(id)), "Content-Encoding: gzip") }), good: zipped},
		{name: "slow", ask: get(me), told: func(id string) []raw.Step { return []raw.Step{raw.Dribble(whole(id), 60, time.Millisecond)} }, good: shaped},
		{name: "activate", ask: post(activate, "flow_id"), told: sends(func(id string) string {
			return raw.JSON(fmt.Sprintf(`{"status":"success","message":"Session switched successfully","engagement_id":"%s"}`, id))
		}), good: activated},
		{name: "contradiction", ask: func(id string) string {
			return raw.Text("POST "+activate+" HTTP/1.1", fmt.Sprintf(`{"flow_id":"%s","engagement_id":"another"}`, id), "Host: h", "X-Caller: "+id, "Content-Type: application/json")
		}, told: sends(whole), good: func(a raw.Answer, id string) bool { return a.Status == 422 || same(a, id) }},
		{name: "echo", ask: func(id string) string {
			return raw.Head("POST "+other+" HTTP/1.1", "Host: h", "X-Caller: "+id, "Transfer-Encoding: chunked") + raw.Chunks(id, strings.Repeat(id, 2000))
		}, told: sends(whole), good: same},
		{name: "not found", ask: get(me), told: sends(func(id string) string {
			return raw.Text("HTTP/1.1 404 Not Found", fmt.Sprintf(`{"detail":"%s"}`, id), "Content-Type: application/json")
		}), good: func(a raw.Answer, id string) bool { return a.Status == 404 && own(a, id) }},
		{name: "unmappable", ask: get(me), told: sends(func(id string) string { return raw.JSON(fmt.Sprintf(`{"session":"%s"}`, id)) }), good: func(a raw.Answer, id string) bool {
			return a.Status == 502 && mode(a) == "flow_only" || a.Status == 200 && mode(a) != "flow_only" && own(a, id)
		}},
		{name: "events", ask: get(me), told: sends(func(id string) string {
			event := fmt.Sprintf("data: {\"session_id\":\"%s\"}\n\n", id)
			return raw.Head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked") + raw.Chunks(event, event, event)
		}), good: func(a raw.Answer, id string) bool {
			return a.Status == 200 && own(a, id) && strings.Count(string(a.Body), "data:") == 3
		}},
		{name: "HEAD", ask: func(id string) string { return strings.Replace(get(me)(id), "GET", "HEAD", 1) }, told: sends(func(string) string {
			return raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 9999")
		}), good: func(a raw.Answer, _ string) bool { return a.Status == 200 && len(a.Body) == 0 }},
		{name: "stray bytes", ask: get(me), told: sends(func(id string) string { return whole(id) + raw.JSON(context("POISON")) }), good: shaped},
		{name: "garbage", ask: get(me), told: sends(func(string) string { return "\x00\x01\r\n\r\n" }, raw.Close()), good: refused},
		{name: "silence", ask: get(me), told: func(string) []raw.Step { return []raw.Step{raw.Close()} }, good: refused},
		{name: "cut", ask: get(me), told: sends(begun, raw.Close())},
		{name: "cut elsewhere", ask: get(other), told: sends(begun, raw.Close())},
		{name: "reset", ask: get(me), told: sends(begun, raw.Pause(time.Millisecond), raw.Reset())},
		{name: "left alone", ask: get(me), told: func(string) []raw.Step { return []raw.Step{raw.Pause(20 * time.Millisecond), raw.Close()} }, impatient: true},
		{name: "left in the middle", ask: func(id string) string { return post(other, "x")(id)[:90] }, told: sends(whole), impatient: true},
	}
}

// script is the upstream: what the kind of a request, told by its caller's id, says.
func script() raw.Step {
	all := kinds()
	return raw.Loop(raw.TakeHead(), raw.Drain(), raw.Pick(func(r raw.Request) []raw.Step {
		id := r.Fields.Get("X-Caller")
		for _, k := range all {
			if strings.HasPrefix(id, "id-"+strings.ReplaceAll(k.name, " ", "-")+"-") {
				return k.told(id)
			}
		}
		return []raw.Step{raw.Send(raw.Text("HTTP/1.1 500 Internal Server Error", "the upstream got "+r.Line))}
	}))
}

// call is one caller: requests of all kinds until the end, on one connection while it lasts.
func (s *soak) call(caller int) {
	all := kinds()
	var client *raw.Client
	defer func() {
		if client != nil {
			client.Do(raw.Close())
		}
	}()
	for n := 0; !s.stopped(); n++ {
		if client == nil {
			client = raw.Dial(s.t, s.p.Address)
		}
		k := all[rand.IntN(len(all))]
		if n < len(all) {
			k = all[(caller+n)%len(all)] // each at least once
		}
		id := fmt.Sprintf("id-%s-%d-%d.", strings.ReplaceAll(k.name, " ", "-"), caller, n)
		s.count(k.name)
		request := k.ask(id)
		client.Send(request)
		if k.impatient {
			client.Do(raw.Pause(time.Duration(n%5)*time.Millisecond), []raw.Step{raw.Close(), raw.Reset()}[n%2])
			client = nil
			continue
		}
		method, _, _ := strings.Cut(request, " ")
		a := client.Answer(method)
		s.judgeAnswer(k, id, request, a)
		if a.Err != nil || a.Fields.Get("Connection") == "close" {
			client.Do(raw.Close())
			client = nil
		}
	}
}

// judgeAnswer fails the test unless an answer is its caller's own, and what its kind may be.
func (s *soak) judgeAnswer(k kind, id, request string, a raw.Answer) {
	switch {
	case !hasOnly(string(a.Body), id):
		s.t.Errorf("%s got another's answer: %.500q", id, a.Raw)
	case k.good == nil && a.Err == nil && a.Status != 502:
		s.t.Errorf("%s got a part as a whole: %.500q", id, a.Raw)
	case a.Status == 502 && a.Err == nil && strings.HasPrefix(request, "POST"):
		// A POST that was given a connection which stray bytes then ended is not sent again.
		s.count("POSTs on a dead connection")
	case k.good != nil && (a.Err != nil || !k.good(a, id)):
		s.t.Errorf("%s got %v %.800q", id, a.Err, a.Raw)
	}
	if m := mode(a); m != "" {
		s.count("answers in " + m)
	}
}

// context is the upstream's body for a caller.
func context(id string) string {
	return fmt.Sprintf(`{"user":{"id":"%s"},"session":{"id":"%s","name":"Demo Session"},"available_sessions":[]}`, id, id)
}

// hasOnly says that no other caller's id is in a text. At its end, it may be cut.
func hasOnly(text, id string) bool {
	for {
		i := strings.Index(text, "id-")
		if i < 0 {
			return !strings.Contains(text, "POISON")
		}
		if text = text[i:]; !strings.HasPrefix(text, id) && !strings.HasPrefix(id, text) {
			return false
		}
		text = text[len("id-"):]
	}
}

func mode(a raw.Answer) string { return a.Fields.Get("Crossfade-Mode") }

// own says that an answer has the caller's id in it.
func own(a raw.Answer, id string) bool { return strings.Contains(string(a.Body), id) }

// same says that an answer is the upstream's, as it was.
func same(a raw.Answer, id string) bool { return a.Status == 200 && string(a.Body) == context(id) }

// shaped says that an answer has the shape of the mode that it names.
func shaped(a raw.Answer, id string) bool {
	return a.Status == 200 && string(a.Body) == inMode(mode(a), id)
}

func inMode(mode, id string) string {
	flow := fmt.Sprintf(`{"id":"%s","name":"Demo Flow","flow_type":"discovery","status":"active","created_by":"%s"}`, id, id)
	flows := fmt.Sprintf(`"active_flows":[%s],"current_flow":%s}`, flow, flow)
	switch mode {
	case "dual":
		return strings.TrimSuffix(context(id), "}") + "," + flows
	case "flow_only":
		return fmt.Sprintf(`{"user":{"id":"%s"},`, id) + flows
	}
	return context(id)
}

// zipped is shaped for a client that said nothing of codings: what was mapped is in none, what passes
// is as it came.
func zipped(a raw.Answer, id string) bool {
	if mode(a) == "passthrough" {
		return a.Status == 200 && string(a.Body) == zip(context(id))
	}
	return shaped(a, id)
}

func zip(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		panic(err) // memory takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// activated says that an answer is about the caller's flow, in the words of its mode.
func activated(a raw.Answer, id string) bool {
	body := string(a.Body)
	return a.Status == 200 && own(a, id) && strings.Contains(body, `"flow_id"`) == (mode(a) != "passthrough")
}
