package conformance

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// faultPromises are about upstreams and clients that fail.
func faultPromises() []promise {
	return []promise{
		{"an upstream that dies in the middle of a body", "before the head is out 502, after it the connection is cut: never a part as a whole", deathsAreSeen},
		{"a body without a length, cut", "on mapped routes the JSON decides; elsewhere it passes on", theJSONDecides},
		{"an upstream that is away, then back", "502 in less than 6 s, nothing of the inside in it, and it recovers alone", itRecovers},
		{"an upstream that hangs", "504 after the timeout; nobody else waits", hangsAreBounded},
		{"a connection that dies under a POST", "never sent twice", nothingIsReplayed},
		{"a client that leaves", "the upstream's request is cancelled in less than 5 s", leavingCancels},
	}
}

func deathsAreSeen(t *testing.T, mode string) {
	h := open(t, mode)
	half := context[:len(context)/2]
	head := func(framing string) string {
		return raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", framing)
	}
	length, chunks := head("Content-Length: 1000"), head("Transfer-Encoding: chunked")
	for name, script := range map[string][]raw.Step{
		"an announced length":     {raw.Send(length, half), raw.Close()},
		"a whole document, short": {raw.Send(length, context), raw.Close()},
		"a length, reset":         {raw.Send(length, half), raw.Pause(10 * time.Millisecond), raw.Reset()},
		"between chunks":          {raw.Send(chunks, raw.Begun(context)), raw.Close()},
		"in a chunk":              {raw.Send(chunks, "1000\r\n", half), raw.Close()},
		"in the size of a chunk":  {raw.Send(chunks, raw.Begun(context), "10"), raw.Close()},
		"in the last chunk":       {raw.Send(chunks, raw.Begun(context), "0\r\n"), raw.Close()},
		"chunks, reset":           {raw.Send(chunks, raw.Begun(half)), raw.Pause(10 * time.Millisecond), raw.Reset()},
		"a bad chunk":             {raw.Send(chunks, raw.Begun(half), "xyz\r\n", half), raw.Close()},
		"a chunk too long":        {raw.Send(chunks, "2\r\n", half, "\r\n0\r\n\r\n"), raw.Close()},
		"no byte of the body":     {raw.Send(length), raw.Close()},
		"a dribble":               {raw.Dribble(length+half, 40, time.Millisecond), raw.Close()},
	} {
		t.Run(name, func(t *testing.T) {
			h.upstream.Script(append([]raw.Step{raw.Take()}, script...)...)
			for _, target := range []string{me, other} {
				a := h.ask("GET", target)
				switch {
				case a.Status == 502:
					refused(t, a, 502)
				case mode != passthrough && target == me:
					t.Errorf("got %d %.300q (%v), want 502: nothing had been sent yet", a.Status, a.Body, a.Err)
				case a.Err == nil:
					t.Errorf("a part as a whole: %d %.300q", a.Status, a.Body)
				}
			}
		})
	}
}

func theJSONDecides(t *testing.T, mode string) {
	h := open(t, mode)
	half := context[:len(context)/2]
	until := raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Connection: close")
	unmapped(t, mode, h.gets(until+half), 200, half)
	whole(t, h.gets(until+context), 200, shaped(mode))
	h.upstream.Script(raw.Take(), raw.Send(until, half))
	whole(t, h.ask("GET", other), 200, half)
}

func itRecovers(t *testing.T, mode string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	h := before(t, mode, raw.ServeOn(t, listener, raw.Take(), raw.Send(raw.JSON(context)), raw.Close()))
	whole(t, h.ask("GET", me), 200, shaped(mode))
	listener.Close()
	for range 3 {
		began := time.Now()
		a := h.ask("GET", me)
		refused(t, a, 502)
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		if strings.Contains(string(a.Body), address) || strings.Contains(string(a.Body), "refused") {
			t.Errorf("the inside is told: %s", a.Body)
		}
	}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	raw.ServeOn(t, listener, answering(raw.JSON(context)))
	deadline := time.Now().Add(10 * time.Second)
	for {
		a := h.ask("GET", me)
		if a.Status == 200 {
			whole(t, a, 200, shaped(mode))
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not recover: %d %s", a.Status, a.Body)
		}
	}
}

func hangsAreBounded(t *testing.T, mode string) {
	hung := make(chan raw.Request, 8)
	h := before(t, mode, raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if strings.Contains(r.Target, "hang") {
			return []raw.Step{raw.Tell(hung), raw.UntilGone(), raw.Close()}
		}
		return []raw.Step{raw.Send(raw.JSON(context))}
	}))), "CROSSFADE_UPSTREAM_RESPONSE_HEADER_TIMEOUT=2s")
	var waiting []*raw.Client
	for _, target := range []string{me + "?hang", other + "?hang"} {
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", target))
		waiting = append(waiting, c)
		<-hung
	}
	for range 20 {
		whole(t, h.ask("GET", me), 200, shaped(mode))
	}
	for _, c := range waiting {
		refused(t, c.Answer("GET"), 504)
	}
}

func nothingIsReplayed(t *testing.T, mode string) {
	target := route(mode, switchTo)
	body := `{"engagement_id":"e1"}`
	for name, script := range map[string][]raw.Step{
		"closed behind the request":           {raw.Take(), raw.Close()},
		"closed in the middle of the request": {raw.TakeHead(), raw.Close()},
		"reset behind the request":            {raw.Take(), raw.Reset()},
		"half a head":                         {raw.Take(), raw.Send("HTTP/1.1 200 "), raw.Close()},
		"on a used connection":                {raw.Take(), raw.Send(raw.JSON("{}")), raw.Take(), raw.Close()},
		"on a used connection, reset":         {raw.Take(), raw.Send(raw.JSON("{}")), raw.Take(), raw.Reset()},
	} {
		t.Run(name, func(t *testing.T) {
			for _, target := range []string{target, other} {
				h := before(t, mode, raw.Serve(t, script...), withoutMemory)
				allowed := 1
				if strings.Contains(name, "used") { // by the same request: others may have other connections
					if a := h.post(target, body); a.Err != nil {
						t.Fatalf("got %d %q (%v)", a.Status, a.Body, a.Err)
					}
					allowed++
				}
				refused(t, h.post(target, body), 502)
				sent := 0
				for _, r := range h.upstream.Requests() {
					if r.Method == http.MethodPost {
						sent++
					}
				}
				if sent > allowed {
					t.Errorf("%s was sent %d times", target, sent-allowed+1)
				}
			}
		})
	}
}

func leavingCancels(t *testing.T, mode string) {
	h := open(t, mode)
	gone := 0
	arrived := make(chan raw.Request, 1)
	start := raw.Head("HTTP/1.1 200 OK", "Content-Type: text/event-stream") + "data: 1\n\n"
	for name, tc := range map[string]struct {
		script  []raw.Step
		request string
	}{
		"before the head":    {[]raw.Step{raw.Take(), raw.Tell(arrived), raw.UntilGone()}, request("GET", other)},
		"on a mapped route":  {[]raw.Step{raw.Take(), raw.Tell(arrived), raw.UntilGone()}, request("GET", me)},
		"in a stream":        {[]raw.Step{raw.Take(), raw.Send(start), raw.Tell(arrived), raw.UntilGone()}, request("GET", me)},
		"in a mapped body":   {[]raw.Step{raw.Take(), raw.Send(raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 100"), "{"), raw.Tell(arrived), raw.UntilGone()}, request("GET", me)},
		"in its own request": {[]raw.Step{raw.TakeHead(), raw.Tell(arrived), raw.UntilGone()}, request("POST", other, "Content-Length: 100") + "begun"},
		"by a reset":         {[]raw.Step{raw.Take(), raw.Tell(arrived), raw.UntilGone()}, request("GET", other)},
	} {
		h.upstream.Script(tc.script...)
		c := raw.Dial(t, h.Address)
		c.Send(tc.request)
		<-arrived
		began := time.Now()
		if name == "by a reset" {
			c.Do(raw.Reset())
		} else {
			c.Do(raw.Close())
		}
		h.upstream.AwaitIdle()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: the upstream was let go after %v", name, took)
		}
		// 499 is for the log; nobody is there to see it.
		gone++
		if line := h.Access(gone); line.Text("outcome") != "client_gone" && line.Text("outcome") != "cut" {
			t.Errorf("%s: the access line says %s", name, fmt.Sprint(line))
		}
	}
}
