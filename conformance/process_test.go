package conformance

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// processPromises are about the process: what it says, and how it begins and ends.
func processPromises() []promise {
	return []promise{
		{"a flip while a request runs", "one decision for each request: body, head and log are of one mode", aRequestHasOneMode},
		{"a broken configuration, and a reload", "the last good one stays, and the log says why", theLastGoodConfigurationStays},
		{"secrets", "no credentials, query or body in the log, no address in an answer", secretsAreNotTold},
		{"TERM under load", "what has begun is finished, nothing is cut; exit code 0", stoppingCutsNothing},
		{"WebSockets and events at TERM", "WebSockets are closed with 1001, streams at the end of an event; bounded, exit code 0", streamsEndWithTheProcess},
		{"a second TERM", "the process ends at once, exit code 2", aSecondSignalEndsItAtOnce},
		{"CORS with a cors section", "exactly one set of fields, crossfade's own, on every answer, its errors included", corsIsOurs},
		{"CORS without a cors section", "nothing is invented or reflected; preflights pass", corsIsTheBackends},
	}
}

func aRequestHasOneMode(t *testing.T, mode string) {
	arrived, release := make(chan raw.Request, 1), make(chan struct{})
	h := open(t, mode, raw.Take(), raw.Tell(arrived), raw.Await(release), raw.Send(raw.JSON(context)))
	c := raw.Dial(t, h.Address)
	c.Send(request("GET", me))
	<-arrived
	next := map[string]string{passthrough: flowOnly, dual: passthrough, flowOnly: dual}[mode]
	h.Reload(config(next, h.upstream.URL()))
	close(release)
	a := c.Answer("GET")
	whole(t, a, 200, shaped(mode))
	field(t, a, "Crossfade-Mode", mode)
	if line := h.Access(1); line.Text("mode") != mode {
		t.Errorf("the access line is %v", line)
	}
	whole(t, h.ask("GET", me), 200, shaped(next))
}

func theLastGoodConfigurationStays(t *testing.T, mode string) {
	h := open(t, mode, answering(raw.JSON(context)))
	h.Write("mode: nonsense\nupstream: {url: '" + h.upstream.URL() + "'}\n")
	h.Signal(syscall.SIGHUP)
	line := h.Await("not reloaded; the last good configuration stays", 1)
	if !strings.Contains(line.Text("error"), `unknown mode "nonsense"`) {
		t.Errorf("the log says %v", line)
	}
	whole(t, h.ask("GET", me), 200, shaped(mode))
}

func secretsAreNotTold(t *testing.T, mode string) {
	secret := "s3cr3t-of-a-caller"
	h := before(t, mode, raw.Serve(t, raw.Loop(raw.Take(), raw.Send(raw.JSON(strings.Replace(context, "admin", secret, 1), "Set-Cookie: sid="+secret)))), "CROSSFADE_LOG_LEVEL=debug")
	fields := []string{"Authorization: Bearer " + secret, "Cookie: sid=" + secret, "X-Api-Key: " + secret, "Referer: http://x/?" + secret, "User-Agent: " + secret}
	h.ask("GET", me+"?token="+secret, fields...)
	h.ask("GET", "/"+secret, fields...)
	h.post(activate, `{"flow_id":"`+secret+`"}`, fields...)
	h.post(activate, `{"flow_id":"`+secret+`","engagement_id":"another"}`, fields...)
	h.Access(4)
	secretIsNotIn(t, h.Log(), secret)
	h = before(t, mode, raw.Serve(t, raw.Take(), raw.Send("HTTP/1.1 200 "+secret+"\r\nContent-Length: x\r\n\r\n")), "CROSSFADE_LOG_LEVEL=debug")
	for _, target := range []string{me, other} {
		a := h.ask("GET", target+"?token="+secret, fields...)
		refused(t, a, 502)
		secretIsNotIn(t, string(a.Raw), secret)
	}
	// Bytes behind an answer may be of anybody's.
	h = before(t, mode, raw.Serve(t, raw.Loop(raw.Take(), raw.Send(raw.JSON(context)+raw.JSON(secret)))), "CROSSFADE_LOG_LEVEL=debug")
	for range 2 {
		h.ask("GET", me)
	}
	h.Access(2)
	secretIsNotIn(t, h.Log(), secret)
}

func secretIsNotIn(t *testing.T, text, secret string) {
	t.Helper()
	if i := strings.Index(text, secret); i >= 0 {
		t.Errorf("it tells: %s", text[max(0, i-300):i+len(secret)])
	}
}

func stoppingCutsNothing(t *testing.T, mode string) {
	arrived, release := make(chan raw.Request, 16), make(chan struct{})
	h := open(t, mode, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if strings.Contains(r.Target, "wait") {
			// Long after everything else is done.
			return []raw.Step{raw.Tell(arrived), raw.Await(release), raw.Pause(time.Second), raw.Send(raw.JSON(context))}
		}
		return []raw.Step{raw.Send(raw.JSON(context))}
	})))
	var begun []*raw.Client
	for range 8 {
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", me+"?wait"))
		begun = append(begun, c)
		<-arrived
	}
	var load sync.WaitGroup
	stopped := make(chan struct{})
	for range 4 {
		load.Go(func() {
			for {
				c, err := net.Dial("tcp", h.Address)
				if err != nil {
					return // it accepts no more
				}
				client := raw.NewClient(t, c)
				client.Send(request("GET", me))
				a := client.Answer("GET")
				c.Close()
				switch {
				case a.Err == nil:
					whole(t, a, 200, shaped(mode))
				case a.Status != 0 || len(a.Body) > 0:
					t.Errorf("cut in the middle of an answer: %q (%v)", a.Raw, a.Err)
				}
				select {
				case <-stopped:
					return
				default:
				}
			}
		})
	}
	h.Signal(syscall.SIGTERM)
	h.Await("stopping", 1)
	close(release)
	for _, c := range begun {
		whole(t, c.Answer("GET"), 200, shaped(mode))
	}
	began := time.Now()
	if code := h.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	close(stopped)
	load.Wait()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to stop with nothing to do", took)
	}
}

func aSecondSignalEndsItAtOnce(t *testing.T, mode string) {
	arrived := make(chan raw.Request, 1)
	h := before(t, mode, raw.Serve(t, raw.Take(), raw.Tell(arrived), raw.UntilGone()), "CROSSFADE_SERVER_SHUTDOWN_TIMEOUT=1h")
	c := raw.Dial(t, h.Address)
	c.Send(request("GET", me))
	<-arrived
	h.Signal(syscall.SIGTERM)
	h.Await("stopping", 1) // and would go on doing so for an hour
	h.Signal(syscall.SIGTERM)
	h.Ended(2)
	if a := c.Answer("GET"); a.Err == nil {
		t.Errorf("got %d %q", a.Status, a.Body)
	}
}

func corsIsTheBackends(t *testing.T, mode string) {
	h := open(t, mode, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		if r.Method == http.MethodOptions {
			return raw.Head("HTTP/1.1 204 No Content", "Access-Control-Allow-Origin: https://front.example", "Access-Control-Allow-Methods: POST", "Vary: Origin")
		}
		return raw.JSON(context)
	})))
	origin := "Origin: https://front.example"
	for i, target := range []string{me, activate, other} {
		a := h.ask("OPTIONS", target, origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-flow-id")
		whole(t, a, 204, "")
		field(t, a, "Access-Control-Allow-Origin", "https://front.example")
		field(t, a, "Access-Control-Allow-Methods", "POST")
		if r := h.upstream.Request(i + 1); r.Method != http.MethodOptions || r.Fields.Get("Origin") != "https://front.example" {
			t.Errorf("the upstream got %q", r.Raw)
		}
	}
	for _, target := range []string{me, other} {
		a := h.ask("GET", target, origin)
		for _, f := range a.Fields {
			if strings.HasPrefix(strings.ToLower(f.Name), "access-control-") {
				t.Errorf("%s: %s was invented", f.Name, f.Value)
			}
		}
	}
}

func corsIsOurs(t *testing.T, mode string) {
	const origin = "https://front.example"
	h := before(t, mode, raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if strings.Contains(r.Target, "broken") {
			return []raw.Step{raw.Close()}
		}
		return []raw.Step{raw.Send(raw.JSON(context, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Origin: "+origin, "Access-Control-Allow-Credentials: true", "Vary: Origin"))}
	}))), "CROSSFADE_CORS_ALLOWED_ORIGINS="+origin)
	a := h.ask("OPTIONS", activate, "Origin: "+origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,x-flow-id")
	field(t, a, "Access-Control-Allow-Origin", origin)
	if a.Err != nil || a.Status > 299 || len(h.upstream.Requests()) > 0 {
		t.Errorf("the preflight got %d (%v), and the upstream %d requests", a.Status, a.Err, len(h.upstream.Requests()))
	}
	for _, target := range []string{me, other, me + "?broken", other + "?broken", switchTo} {
		a := h.ask("GET", target, "Origin: "+origin)
		field(t, a, "Access-Control-Allow-Origin", origin)
		field(t, a, "Access-Control-Allow-Credentials", "true")
		a = h.ask("GET", target, "Origin: https://evil.example")
		field(t, a, "Access-Control-Allow-Origin", "")
	}
}

func streamsEndWithTheProcess(t *testing.T, mode string) {
	tunnel := raw.Head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Accept: x")
	event := "data: {}\n\n"
	h := before(t, mode, raw.Serve(t, raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if r.Fields.Has("Upgrade") {
			return []raw.Step{raw.Send(tunnel, "\x81\x02hi"), raw.UntilGone()}
		}
		return []raw.Step{raw.Send(raw.Head("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked"), raw.Begun(event)), raw.UntilGone()}
	})), "CROSSFADE_SERVER_SHUTDOWN_TIMEOUT=2s")
	sockets, events := raw.Dial(t, h.Address), raw.Dial(t, h.Address)
	sockets.Send(request("GET", other, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"))
	events.Send(request("GET", other, "Accept: text/event-stream"))
	first := make([]byte, 4)
	if a := sockets.AnswerHead(); a.Status != 101 {
		t.Fatalf("got %d (%v)", a.Status, a.Err)
	}
	if _, err := io.ReadFull(sockets, first); err != nil || string(first) != "\x81\x02hi" {
		t.Fatalf("got %q, %v", first, err)
	}
	if a := events.AnswerHead(); a.Status != 200 {
		t.Fatalf("got %d (%v)", a.Status, a.Err)
	}
	began := time.Now()
	h.Signal(syscall.SIGTERM)
	if rest := string(sockets.Rest()); !strings.HasPrefix(rest, "\x88") || !strings.Contains(rest, "\x03\xe9") {
		t.Errorf("the WebSocket ended with %q, want a close frame with 1001", rest)
	}
	if rest := unchunked(events.Rest()); !strings.HasPrefix(rest, event) {
		t.Errorf("the events ended with %q", rest)
	}
	if code := h.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}
