package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// answerPromises are about what upstreams send.
func answerPromises() []promise {
	return []promise{
		{"bad lengths, two lengths, HTTP 0.9, garbage", "502", malformedAnswers},
		{"both framings in an answer", "502, or whole by its chunks with one framing field", bothFramingsInAnAnswer},
		{"callers whose requests share memory one after the other, pipelined, some of whom leave", "each gets its own answer, and the upstream its own request", eachItsOwn},
		{"extra bytes behind an answer", "never another caller's answer", strayBytesAreNobodys},
		{"a 101 that nobody asked for, 3,000 early hints", "502; interim answers are bounded", uninvitedInterimAnswers},
		{"Server, Date, Content-Type, X-Accel-*", "nothing is added, nothing is obeyed", nothingIsAdded},
	}
}

func malformedAnswers(t *testing.T, mode string) {
	h := open(t, mode)
	body := "\r\nContent-Type: application/json\r\n\r\n" + context
	for name, answer := range map[string]string{
		"two lengths":             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6" + body,
		"a negative length":       "HTTP/1.1 200 OK\r\nContent-Length: -5" + body,
		"a length in words":       "HTTP/1.1 200 OK\r\nContent-Length: five" + body,
		"a list of lengths":       "HTTP/1.1 200 OK\r\nContent-Length: 5, 6" + body,
		"a huge length":           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999" + body,
		"a hexadecimal length":    "HTTP/1.1 200 OK\r\nContent-Length: 0x10" + body,
		"a signed length":         "HTTP/1.1 200 OK\r\nContent-Length: +5" + body,
		"HTTP/0.9":                context,
		"garbage":                 "\x00\x01\x02\x03\r\n\r\n",
		"SSH":                     "SSH-2.0-OpenSSH_9.2p1\r\n",
		"status 99":               "HTTP/1.1 99 Little\r\nContent-Length: 0\r\n\r\n",
		"status 1000":             "HTTP/1.1 1000 Much\r\nContent-Length: 0\r\n\r\n",
		"status 0":                "HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n",
		"no status":               "HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"a status in words":       "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n",
		"version 2":               "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"version 11":              "HTTP/11 200 OK\r\nContent-Length: 0\r\n\r\n",
		"a field without a colon": "HTTP/1.1 200 OK\r\nX\r\nContent-Length: 0\r\n\r\n",
		"NUL in a value":          "HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 0\r\n\r\n",
		"an unknown framing":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + context,
		"two framings":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + raw.Chunks("x"),
		"only half a head":        "HTTP/1.1 200 OK\r\nContent-Le",
		"nothing":                 "",
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, h.gets(answer), 502)
			refused(t, h.ask("GET", other), 502)
		})
	}
	whole(t, h.context(context), 200, shaped(mode)) // and it recovers
}

func bothFramingsInAnAnswer(t *testing.T, mode string) {
	answer := raw.Head("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 5", "Transfer-Encoding: chunked") + raw.Chunks(context)
	h := open(t, mode, answering(answer))
	for range 3 {
		if a := h.ask("GET", me); a.Status == 502 {
			refused(t, a, 502)
		} else {
			whole(t, a, 200, shaped(mode))
		}
	}
}

// strayBytesAreNobodys: every answer of the upstream has a second one behind it, which a later caller
// on the same connection would take for its own.
func strayBytesAreNobodys(t *testing.T, mode string) {
	poison := raw.JSON(`{"user":{"id":"POISON"},"session":null}`)
	h := open(t, mode, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		id := r.Fields.Get("X-Caller")
		if strings.HasPrefix(r.Target, other) {
			return raw.Text("HTTP/1.1 200 OK", id) + poison
		}
		return raw.JSON(strings.Replace(context, `"u1"`, `"`+id+`"`, 1)) + poison
	})))
	const callers, times = 16, 40
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			client := raw.Dial(t, h.Address)
			for n := range times {
				id := fmt.Sprintf("caller-%d-%d", c, n)
				target := []string{me, other}[n%2]
				client.Send(request("GET", target, "X-Caller: "+id))
				a := client.Answer("GET")
				switch {
				case a.Err != nil:
					t.Errorf("%s: %v", id, a.Err)
					return
				case a.Status == 502: // told of a broken connection, not handed another's answer
				case a.Status != 200 || !strings.Contains(string(a.Body), id) || strings.Contains(string(a.Body), "POISON"):
					t.Errorf("%s got %d %.200q", id, a.Status, a.Body)
				}
			}
		})
	}
	all.Wait()
	// HEAD with a body, 204 with a body, 304 with a body: the oldest ways to leave bytes behind.
	h = open(t, mode, raw.Loop(raw.Take(), raw.Reply(func(r raw.Request) string {
		switch {
		case r.Method == http.MethodHead:
			return raw.JSON(context)
		case strings.HasSuffix(r.Target, "204"):
			return raw.Head("HTTP/1.1 204 No Content") + poison
		}
		return raw.JSON(context)
	})))
	for range 20 {
		whole(t, h.ask("HEAD", me), 200, "")
		whole(t, h.ask("GET", me), 200, shaped(mode))
		whole(t, h.ask("GET", other+"/204"), 204, "")
		whole(t, h.ask("GET", me), 200, shaped(mode))
	}
}

func uninvitedInterimAnswers(t *testing.T, mode string) {
	h := open(t, mode, raw.Take(), raw.Send(raw.Head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")), raw.UntilGone())
	refused(t, h.ask("GET", me), 502)
	hint := raw.Head("HTTP/1.1 103 Early Hints", "Link: </x>; rel=preload")
	for _, n := range []int{3_000, 100_000_000} {
		h.upstream.Script(raw.Take(), raw.Flood(hint, n), raw.Send(raw.JSON(context)))
		a := h.ask("GET", me)
		refused(t, a, 502)
		if len(a.Interim) > 100 {
			t.Errorf("%d interim answers went on", len(a.Interim))
		}
	}
	if peak := h.PeakMemory(); peak > 100<<20 {
		t.Errorf("crossfade took %d MiB", peak>>20)
	}
}

func nothingIsAdded(t *testing.T, mode string) {
	h := open(t, mode, raw.Take(), raw.Send("HTTP/1.1 200 OK\r\nContent-Length: 15\r\nX-Accel-Redirect: /internal\r\nX-Accel-Buffering: no\r\nX-Sendfile: /etc/passwd\r\n\r\n<html>text</htm"))
	for _, target := range []string{me, other} {
		a := h.ask("GET", target)
		whole(t, a, 200, "<html>text</htm")
		for _, name := range []string{"Server", "Date", "Content-Type", "Via", "X-Powered-By", "Cache-Control", "X-Content-Type-Options"} {
			field(t, a, name, "")
		}
		field(t, a, "X-Accel-Redirect", "/internal")
		field(t, a, "X-Sendfile", "/etc/passwd")
	}
	kept := []string{"Server: own/1", "Date: Mon, 01 Jan 2001 00:00:00 GMT", "Content-Type: application/json; charset=latin1", "Via: 1.0 x", "Alt-Svc: h3=\":443\""}
	a := h.gets(raw.Text("HTTP/1.1 200 Fine", context, kept...))
	whole(t, a, 200, shaped(mode))
	for _, f := range kept {
		name, value, _ := strings.Cut(f, ": ")
		field(t, a, name, value)
	}
}
