package conformance

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// resourcePromises are about clients that take much and give little, and about many at once.
func resourcePromises() []promise {
	return []promise{
		{"slow headers, half a request line, silence", "closed after read_header_timeout; others are served meanwhile", slowHeadsAreClosed},
		{"slow bodies", "cut when too little comes in body_idle_timeout; others are served meanwhile", slowBodiesAreCut},
		{"header bombs in requests", "431, in bounded memory", largeHeadsAreRefused},
		{"header bombs in answers", "502, in bounded memory", largeAnswerHeadsAreRefused},
		{"more requests at once than may run", "503 with Retry-After; those that run go on", requestsAreShed},
		{"more bodies at once than memory", "503 with Retry-After, or the outcome for what cannot be mapped; memory is bounded", memoryIsShed},
		{"rapid resets and endless CONTINUATION in HTTP 2", "at most 100 streams at once; memory and others' time are bounded", http2IsBounded},
		{"many callers, cut answers, clients that leave", "never another's body; descriptors and memory come back", nobodyGetsAnothersBody},
	}
}

func slowHeadsAreClosed(t *testing.T, mode string) {
	h := before(t, mode, raw.Serve(t, answering(raw.JSON(context))), "CROSSFADE_SERVER_READ_HEADER_TIMEOUT=1s")
	var slow sync.WaitGroup
	for i := range 90 {
		c := raw.Dial(t, h.Address)
		text := []string{"", "GET " + me, request("GET", me)[:40]}[i%3]
		slow.Go(func() {
			c.Do(raw.Send(text), raw.Dribble(strings.Repeat("X-Slow: 1\r\n", 20), 5, 200*time.Millisecond))
			c.Rest() // fails the test if nobody closes
		})
	}
	for range 50 {
		whole(t, h.ask("GET", me), 200, shaped(mode))
	}
	slow.Wait()
	whole(t, h.ask("GET", me), 200, shaped(mode))
}

func slowBodiesAreCut(t *testing.T, mode string) {
	h := before(t, mode, raw.Serve(t, echo()), "CROSSFADE_SERVER_BODY_IDLE_TIMEOUT=1s")
	var slow sync.WaitGroup
	for i := range 40 {
		target := []string{other, route(mode, switchTo)}[i%2]
		c := raw.Dial(t, h.Address)
		slow.Go(func() {
			c.Send(raw.Head("POST "+target+" HTTP/1.1", "Host: h", "Content-Type: application/json", "Content-Length: 1000") + `{"flow_id":`)
			if i%4 > 1 {
				c.Do(raw.Dribble(strings.Repeat(" ", 20), 1, 100*time.Millisecond)) // byte by byte is no progress
			}
			if a := c.Answer("POST"); a.Err == nil && a.Status < 400 {
				t.Errorf("%s: got %d for half a body", target, a.Status)
			}
			c.Rest()
		})
	}
	for range 50 {
		whole(t, h.post(other, "{}"), 200, "{}")
	}
	slow.Wait()
	// One that is slow but makes progress is served, in whatever time it takes.
	body := strings.Repeat("0123456789abcdef", 512)
	c := raw.Dial(t, h.Address)
	c.Send(raw.Head("POST "+other+" HTTP/1.1", "Host: h", fmt.Sprintf("Content-Length: %d", len(body))))
	c.Do(raw.Dribble(body, 1<<10, 300*time.Millisecond))
	whole(t, c.Answer("POST"), 200, body)
}

func largeHeadsAreRefused(t *testing.T, mode string) {
	h := open(t, mode, answering(raw.JSON(context)))
	start := strings.TrimSuffix(request("GET", me), "\r\n")
	for name, steps := range map[string][]raw.Step{
		"one field of 2 MiB":    {raw.Send(start, "X: "), raw.Flood("x", 2<<20)},
		"200,000 fields":        {raw.Send(start), raw.Flood("X-Flood: 1\r\n", 200_000)},
		"a target of 2 MiB":     {raw.Send("GET /"), raw.Flood("x", 2<<20)},
		"a field without a end": {raw.Send(start), raw.Flood("x", 64<<20)},
	} {
		c := raw.Dial(t, h.Address)
		c.Do(steps...)
		c.Do(raw.Send(" HTTP/1.1\r\nHost: h\r\n\r\n"))
		if a := c.Answer("GET"); a.Status != 431 && (a.Err == nil || a.Status != 0) { // the answer may be lost to the reset
			t.Errorf("%s: got %d %.100q (%v), want 431", name, a.Status, a.Body, a.Err)
		}
	}
	if n := len(h.upstream.Requests()); n > 0 {
		t.Errorf("%d of them reached the upstream", n)
	}
	whole(t, h.ask("GET", me, "X-Long: "+strings.Repeat("x", 30_000)), 200, shaped(mode))
	if peak := h.PeakMemory(); peak > 100<<20 {
		t.Errorf("crossfade took %d MiB", peak>>20)
	}
}

func largeAnswerHeadsAreRefused(t *testing.T, mode string) {
	h := open(t, mode)
	for name, flood := range map[string]raw.Step{
		"one field of 64 MiB": raw.Flood("x", 64<<20),
		"5,000,000 fields":    raw.Flood("X-Flood: 1\r\n", 5_000_000),
	} {
		h.upstream.Script(raw.Take(), raw.Send("HTTP/1.1 200 OK\r\nX: "), flood, raw.Send("\r\n\r\n"))
		began := time.Now()
		for _, target := range []string{me, other} {
			refused(t, h.ask("GET", target), 502)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
	if peak := h.PeakMemory(); peak > 100<<20 {
		t.Errorf("crossfade took %d MiB", peak>>20)
	}
	h.upstream.Script(answering(raw.JSON(context)))
	whole(t, h.ask("GET", me), 200, shaped(mode))
}

// nobodyGetsAnothersBody: 24 callers with 50 requests each, whose answers and endings differ.
func nobodyGetsAnothersBody(t *testing.T, mode string) {
	h := open(t, mode, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		id := r.Fields.Get("X-Caller")
		body := strings.Replace(context, `"u1"`, `"`+id+`"`, 1)
		head := raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
		switch {
		case strings.Contains(r.Target, "cut"):
			return []raw.Step{raw.Send(head, raw.Begun(body[:20])), raw.Close()}
		case strings.Contains(r.Target, "reset"):
			return []raw.Step{raw.Send(head, raw.Begun(body[:20])), raw.Reset()}
		case strings.Contains(r.Target, "slow"):
			return []raw.Step{raw.Send(head), raw.Dribble(raw.Begun(body), 50, time.Millisecond), raw.Send("0\r\n\r\n")}
		}
		return []raw.Step{raw.Send(raw.JSON(body))}
	})))
	whole(t, h.ask("GET", me, "X-Caller: u1"), 200, shaped(mode))
	descriptors := h.Descriptors()
	var callers sync.WaitGroup
	for caller := range 24 {
		callers.Go(func() { h.call(caller, 50) })
	}
	callers.Wait()
	whole(t, h.ask("GET", me, "X-Caller: u1"), 200, shaped(mode))
	deadline := time.Now().Add(20 * time.Second)
	for h.Descriptors() > descriptors+40 {
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors are open, %d at the start", h.Descriptors(), descriptors)
		}
		whole(t, h.ask("GET", me, "X-Caller: u1"), 200, shaped(mode))
	}
	if memory := h.Memory(); memory > 100<<20 {
		t.Errorf("crossfade has %d MiB", memory>>20)
	}
}

// call sends requests as one caller, some of which it does not wait for.
func (h *house) call(caller, times int) {
	var client *raw.Client
	for n := range times {
		if client == nil {
			client = raw.Dial(h.t, h.Address)
		}
		id := fmt.Sprintf("caller-%d-%d", caller, n)
		ending := []string{"", "", "?slow", "", "?cut", "", "?slow", "?reset", "", ""}[(caller+n)%10]
		client.Send(request("GET", []string{me, other}[n%2]+ending, "X-Caller: "+id))
		if (caller*7+n)%11 == 0 {
			client.Do(raw.Reset())
			client = nil
			continue
		}
		a := client.Answer("GET")
		got := string(a.Body)
		switch {
		case ending == "?cut" || ending == "?reset":
			if a.Err == nil && a.Status == 200 {
				h.t.Errorf("%s: a part as a whole: %q", id, got)
			}
		case a.Err != nil || a.Status != 200 || !strings.Contains(got, `"`+id+`"`) || strings.Count(got, "caller-") != strings.Count(got, id+`"`):
			h.t.Errorf("%s got %d %.300q (%v)", id, a.Status, got, a.Err)
		}
		if a.Err != nil || a.Fields.Get("Connection") == "close" {
			client.Do(raw.Close())
			client = nil
		}
	}
}
